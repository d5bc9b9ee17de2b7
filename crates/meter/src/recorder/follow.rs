//! One Meter of metrics: its windows, one after the other.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use billing_api::{Meter, MetricsServer};
use billing_planning::conditions::Readiness;
use futures::{StreamExt, stream};
use k8s_openapi::api::core::v1::Secret;
use kube::api::Patch;
use kube::{Api, ResourceExt};
use operator_kit::events::Severity;
use operator_kit::queue::note_progress;
use operator_kit::trouble::chain;
use serde_json::json;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::apply::{self, Written};
use super::report::Report;
use crate::context::Shared;
use crate::readings::monthly::{second, series};
use crate::readings::pending::{Due, Pending, Records, What, month_end, times};
use crate::readings::{Came, CountingRecipe, evaluate, percent};
use crate::recipe::{FaultReason, Invalid};
use crate::records;
use crate::samples::{AnswerError, Headers, ReadError, Reader};
use crate::sums::Window;
use crate::work::{hold, patching};

/// The longest that nothing is looked at: what is due is known by the server's clock, which may be another than ours.
const LONGEST: Duration = Duration::from_secs(60);

/// A server that has not answered, or not enough, is asked again after so many times the pause of what fails.
const PAUSES: u32 = 4;

/// What is known of a Meter at work.
#[derive(Default)]
struct State {
    /// The records that are not ended; `None` until they are read.
    records: Option<Records>,
    /// The window that is being written.
    pending: Option<Pending>,
    /// When what failed is tried again, and of which Meter and server that is so.
    retry: Option<(Instant, Versions)>,
}

/// Of a Meter and its server: as what they were seen.
type Versions = (Option<i64>, Option<String>);

/// Why a window is not recorded yet.
enum Stop {
    /// What the Meter says of it.
    Said(Report),
    /// The API server did not do something.
    Failed(kube::Error),
}

impl From<kube::Error> for Stop {
    fn from(error: kube::Error) -> Self {
        Self::Failed(error)
    }
}

/// Follows a Meter until `stop`.
pub(super) async fn run(shared: Arc<Shared>, name: String, stop: CancellationToken) {
    let mut state = State::default();
    let mut changed = shared.counting.subscribe();
    loop {
        changed.mark_unchanged();
        let Some(wait) = stop.run_until_cancelled(step(&shared, &name, &mut state)).await else { break };
        tokio::select! {
            () = stop.cancelled() => break,
            _ = changed.changed() => {}
            () = sleep(wait.min(shared.settings.report_interval).min(LONGEST)) => {}
        }
    }
    shared.metrics.forget(&name);
}

/// Does what there is to do now; how long there is nothing else.
async fn step(shared: &Shared, name: &str, state: &mut State) -> Duration {
    let Some(meter) = shared.counted().meter(name) else { return LONGEST };
    match advance(shared, &meter, state).await {
        Ok(wait) => {
            shared.troubles.over(|| trouble(name));
            wait
        }
        Err(Stop::Said(report)) => match say(shared, &meter, report).await {
            Ok(()) => shared.settings.retry_interval,
            Err(error) => failed(shared, name, state, &error),
        },
        Err(Stop::Failed(error)) => failed(shared, name, state, &error),
    }
}

fn trouble(name: &str) -> String {
    format!("a write for Meter {name} failed")
}

fn failed(shared: &Shared, name: &str, state: &mut State, error: &kube::Error) -> Duration {
    shared.metrics.work.failed("counting", "failed");
    shared.troubles.tell(trouble(name), error);
    // What is known may be wrong: it is read again.
    state.records = None;
    shared.settings.retry_interval
}

async fn advance(shared: &Shared, meter: &Meter, state: &mut State) -> Result<Duration, Stop> {
    let api: Api<Meter> = Api::all(shared.client.clone());
    if meter.metadata.deletion_timestamp.is_some() {
        if records::is_held(meter) {
            end_all(shared, &meter.name_any()).await?;
            hold(&api, meter, false).await?;
        }
        return Ok(LONGEST);
    }
    if !records::is_held(meter) {
        let held = hold(&api, meter, true).await?;
        shared.change_counted(|counted| counted.observe_meter(held));
        return Ok(Duration::ZERO);
    }
    let recipe = CountingRecipe::read(&meter.spec).map_err(|wrong| Stop::Said(Report::of(invalid(&wrong))))?;
    if state.pending.is_none() {
        let window = recipe.windows.from(begun(meter));
        let now = shared.now().timestamp_millis();
        shared.metrics.due(&meter.name_any(), second(window.end + 2 * recipe.delay));
        if now < window.end + recipe.delay {
            let is_known =
                meter.status.as_ref().is_some_and(|status| status.observed_generation == meter.metadata.generation);
            if !is_known {
                let until = billing_api::Time(second(window.end));
                let message = format!("the window that is over at {until} is recorded after its delay");
                say(shared, meter, Report::of(Readiness::ready("Measuring", message))).await?;
            }
            return Ok(millis(window.end + recipe.delay - now));
        }
        look(shared, meter, &recipe, window, state).await?;
    }
    write(shared, meter, state).await
}

/// Until when a Meter is recorded, in milliseconds.
fn begun(meter: &Meter) -> i64 {
    let through = meter.status.as_ref().and_then(|status| status.observed_through);
    let created =
        || meter.metadata.creation_timestamp.as_ref().and_then(|created| billing_api::time::instant(created.0));
    through.map(|time| time.0).or_else(created).unwrap_or_default().timestamp() * 1000
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn invalid(wrong: &[Invalid]) -> Readiness {
    let said: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    Readiness::stalled("Invalid", said.join("; "))
}

/// Reads a window that is over.
async fn look(
    shared: &Shared,
    meter: &Meter,
    recipe: &CountingRecipe,
    window: Window,
    state: &mut State,
) -> Result<(), Stop> {
    let name = meter.name_any();
    let server = shared.counted().server(&recipe.server).ok_or_else(|| {
        let message =
            format!("there is no MetricsServer {}: make it, or name another in spec.metrics.server", recipe.server);
        Stop::Said(Report::of(Readiness::waiting("ServerMissing", message)))
    })?;
    let versions = (meter.metadata.generation, server.resource_version());
    if let Some((at, of)) = &state.retry
        && *of == versions
        && Instant::now() < *at
    {
        // What is said stays so.
        return Err(Stop::Said(Report::same()));
    }
    state.retry = Some((Instant::now() + PAUSES * shared.settings.retry_interval, versions));
    if state.records.is_none() {
        state.records = Some(apply::records(shared, &name).await?);
    }
    let came = read(shared, &server, recipe, window).await.inspect_err(|_| shared.metrics.unanswered(&name))?;
    let now = shared.now().timestamp_millis();
    if came.has_gap(recipe) && now < window.end + recipe.max_wait {
        return Err(Stop::Said(Report::gap(came.too_few(recipe, window))));
    }
    state.retry = None;
    let records = state.records.get_or_insert_default();
    state.pending = Some(Pending::of(recipe, window, came, &shared.world(), records));
    Ok(())
}

/// Asks the server for a window.
async fn read(shared: &Shared, server: &MetricsServer, recipe: &CountingRecipe, window: Window) -> Result<Came, Stop> {
    let said = |reason: &'static str, message: String| {
        let message = format!("MetricsServer {}: {message}", server.name_any());
        Stop::Said(Report::of(Readiness::waiting(reason, message)))
    };
    let headers = headers(shared, server).await.map_err(|message| said("SecretUnreadable", message))?;
    let answered = async { evaluate(recipe, &Reader::new(&server.spec, &headers)?, window).await };
    let came = answered.await.map_err(|error| {
        let reason = match &error {
            ReadError::Unusable { .. } => "ServerUnusable",
            ReadError::Answer(AnswerError::TooManySeries { .. }) => "TooManySeries",
            _ => "Unanswered",
        };
        tracing::warn!(server = server.name_any(), %error, "a server of metrics has not answered");
        said(reason, error.to_string())
    });
    note_progress();
    came
}

/// The headers of a server; why not.
async fn headers(shared: &Shared, server: &MetricsServer) -> Result<Headers, String> {
    let Some(from) = &server.spec.headers_from else { return Ok(Headers::new()) };
    let namespace = shared.namespace();
    let secrets: Api<Secret> = Api::namespaced(shared.client.clone(), namespace);
    let secret = secrets.get(&from.secret).await.map_err(|error| match error {
        kube::Error::Api(status) if status.code == 403 => format!(
            "the meter may not read the Secret {} in {namespace}: add its name to meter.headerSecrets of the chart",
            from.secret
        ),
        kube::Error::Api(status) if status.code == 404 => format!("there is no Secret {} in {namespace}", from.secret),
        error => chain(&error),
    })?;
    Ok(secret.data.unwrap_or_default().into_iter().map(|(name, value)| (name, value.0)).collect())
}

/// Writes what is due of a window, and says so when it is all of it.
async fn write(shared: &Shared, meter: &Meter, state: &mut State) -> Result<Duration, Stop> {
    let name = meter.name_any();
    if state.records.is_none() {
        state.records = Some(apply::records(shared, &name).await?);
    }
    let (Some(pending), Some(records)) = (&mut state.pending, &mut state.records) else { return Ok(Duration::ZERO) };
    let now = shared.now().timestamp_millis();
    let due = pending.writes.partition_point(|due| due.at > now);
    let (window, writes) = (pending.window, pending.writes.split_off(due));
    let month = month_end(times(window).0);
    let open: HashMap<_, _> = records
        .values()
        .filter(|known| month_end(known.start) == month)
        .map(|known| ((known.organization.as_str(), known.series.as_str()), known))
        .collect();
    let results: Vec<_> = stream::iter(writes.into_iter().map(|due| {
        let known = match &due.what {
            What::More { organization, counted, .. } => {
                open.get(&(organization.as_str(), series(counted).as_str())).copied().cloned()
            }
            What::Close { place, .. } => records.get(place).cloned(),
        };
        let name = &name;
        async move {
            let written = apply::write(shared, name, window, &due.what, known).await;
            (due, written)
        }
    }))
    .buffer_unordered(shared.settings.concurrency.into())
    .collect()
    .await;
    let mut failed = None;
    for (due, written) in results {
        match written {
            Ok(Written::Done(None)) => {}
            Ok(Written::Done(Some(known))) => {
                records.insert(apply::place(&known), *known);
            }
            Ok(Written::Refused(message)) => {
                pending.faults.push((FaultReason::WriteRefused, what(&due), message));
            }
            Err(kube::Error::Api(status)) if status.code == 403 && now > pending.patience => {
                pending.faults.push((FaultReason::WriteRefused, what(&due), status.message));
            }
            Err(error) => {
                pending.writes.push(due);
                failed = Some(error);
            }
        }
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    if let Some(next) = pending.writes.last() {
        return Ok(millis(next.at - now));
    }
    finish(shared, meter, state).await?;
    Ok(Duration::ZERO)
}

fn what(due: &Due) -> String {
    match &due.what {
        What::More { counted, .. } => {
            let group = crate::sums::Group { project: counted.project.clone(), labels: counted.labels.clone() };
            crate::readings::pending::label(&group)
        }
        What::Close { place: (organization, name), .. } => format!("{organization}/{name}"),
    }
}

/// Says that a window is recorded.
async fn finish(shared: &Shared, meter: &Meter, state: &mut State) -> Result<(), Stop> {
    let (Some(pending), Some(records)) = (&state.pending, &mut state.records) else { return Ok(()) };
    records.retain(|_, known| !known.ended);
    let name = meter.name_any();
    let through = second(pending.window.end);
    shared.metrics.window_recorded(&name, through, records.len(), pending.skipped());
    say(shared, meter, Report::done(pending, through, records.len())).await?;
    if pending.has_gap {
        let [from, to] = [pending.window.start, pending.window.end].map(|at| billing_api::Time(second(at)));
        let note = format!(
            "from {from} to {to} there are samples for {} of the time: what is known is recorded, with this coverage",
            percent(pending.coverage)
        );
        shared.tell(meter, Severity::Warning, "Gap", "Measure", note);
    }
    state.pending = None;
    Ok(())
}

/// Ends all records of a Meter that goes, where they were read last.
async fn end_all(shared: &Shared, meter: &str) -> Result<(), kube::Error> {
    for known in apply::records(shared, meter).await?.values() {
        let Some(end) = known.end() else { continue };
        match apply::patch(shared, &known.organization, &known.name, &end).await {
            Ok(_) => shared.metrics.ended(meter),
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes what a Meter says of itself, when it is another than it says.
async fn say(shared: &Shared, meter: &Meter, report: Report) -> Result<(), kube::Error> {
    let Some(status) = report.status(meter, shared.now()) else { return Ok(()) };
    let api: Api<Meter> = Api::all(shared.client.clone());
    // It counts: what an older look found must not come after a newer one.
    let patch =
        json!({ "metadata": { "resourceVersion": meter.resource_version() }, "status": records::status(&status) });
    let written = match api.patch_status(&meter.name_any(), &patching(), &Patch::Merge(patch)).await {
        Ok(written) => written,
        // Somebody was faster: what there is now decides what is said.
        Err(kube::Error::Api(status)) if status.code == 409 => api.get(&meter.name_any()).await?,
        Err(error) => return Err(error),
    };
    note_progress();
    shared.change_counted(|counted| counted.observe_meter(written));
    Ok(())
}
