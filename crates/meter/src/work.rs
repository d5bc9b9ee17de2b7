//! The work on a key: what is planned is written, and what was written is entered.

use std::time::{Duration, Instant};

use billing_api::{Meter, UsageRecord};
use chrono::TimeDelta;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use operator_kit::events::Severity;
use operator_kit::queue::{Outcome, note_progress};
use serde_json::json;

use crate::context::Shared;
use crate::life::{Step, Target, Timestamp};
use crate::records::{self, Writer};
use crate::world::{Gap, Key};

/// The name under which the meter's fields are managed.
pub const FIELD_MANAGER: &str = "billing-meter";

/// How soon a write that lost a race is planned again.
const CONFLICT_RETRY: Duration = Duration::from_millis(200);

/// How soon a Meter that waits for its last records is looked at again.
const GOING_RETRY: Duration = Duration::from_secs(1);

/// Works on a key.
pub async fn handle(shared: &Shared, key: &Key) -> Outcome {
    let started = Instant::now();
    let done = match key {
        Key::Meter(name) => meter(shared, name).await,
        Key::Object { meter, uid } => object(shared, meter, uid).await,
    };
    let outcome = done.unwrap_or_else(|error| failed(shared, key, &error));
    shared.metrics.work.reconciled(controller(key), outcome, started.elapsed());
    outcome
}

/// Who works on a key, as metrics name it.
pub fn controller(key: &Key) -> &'static str {
    match key {
        Key::Meter(_) => "meter",
        Key::Object { .. } => "object",
    }
}

fn failed(shared: &Shared, key: &Key, error: &kube::Error) -> Outcome {
    match error {
        // Somebody was faster: the watch tells what there is now.
        kube::Error::Api(status) if status.code == 409 => Outcome::After(CONFLICT_RETRY),
        _ => {
            shared.metrics.work.failed(controller(key), "failed");
            let what = match key {
                Key::Meter(name) => format!("a write for Meter {name} failed"),
                Key::Object { meter, uid } => format!("a write for Meter {meter} and the object {uid} failed"),
            };
            shared.troubles.tell(what, error);
            Outcome::Failed
        }
    }
}

/// Writes the records of an object, one after the other, as the plan of the moment has them.
async fn object(shared: &Shared, meter: &str, uid: &str) -> Result<Outcome, kube::Error> {
    loop {
        let now = shared.now();
        let plan = shared.world().plan(meter, uid, now);
        let Some(step) = plan.steps.into_iter().next() else { return Ok(again(plan.wake, now)) };
        let written = match step {
            Step::Open { target, start } => open(shared, meter, uid, &target, start).await,
            Step::End { organization, name, at } => end(shared, meter, uid, (&organization, &name), at).await,
        };
        match written {
            Ok(()) => shared.world().answered(meter, uid, None),
            Err(error) => {
                if let Some(message) = refusal(&error) {
                    shared.world().answered(meter, uid, Some(message));
                }
                return Err(error);
            }
        }
    }
}

/// What the API server said when it refused, so that trying again is of no use before somebody changes something.
fn refusal(error: &kube::Error) -> Option<String> {
    match error {
        kube::Error::Api(status) if matches!(status.code, 400 | 403 | 404 | 422) => Some(status.message.clone()),
        _ => None,
    }
}

/// When an object is looked at again.
fn again(wake: Option<Timestamp>, now: Timestamp) -> Outcome {
    let Some(wake) = wake else { return Outcome::Done };
    let wait = (wake - now).max(TimeDelta::zero()).to_std().unwrap_or_default();
    Outcome::After(wait + Duration::from_millis(50))
}

/// Begins a record. That its name is taken means that it was begun before, or that another object has the same eight digits.
async fn open(shared: &Shared, meter: &str, uid: &str, target: &Target, start: Timestamp) -> Result<(), kube::Error> {
    let record = Writer { meter, cluster: shared.cluster() }.record(uid, target, start);
    let api: Api<UsageRecord> = Api::namespaced(shared.billing.clone(), &target.cost.organization);
    let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
    match api.create(&params, &record).await {
        Ok(created) => {
            note_progress();
            shared.metrics.opened(meter);
            shared.change(|world, _| world.observe_record(&created));
            Ok(())
        }
        Err(kube::Error::Api(status)) if status.code == 409 && status.reason == "AlreadyExists" => {
            let known = api.get(&record.name_any()).await?;
            note_progress();
            let says_the_same = records::read(&known) == records::read(&record);
            match known.spec.end {
                None if says_the_same => shared.change(|world, _| world.observe_record(&known)),
                end => {
                    let until = end.map_or(start + TimeDelta::seconds(1), |end| end.0);
                    shared.world().taken(meter, uid, until);
                }
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// Ends a record. One that is gone, or that somebody else ended, does not run any more either.
async fn end(
    shared: &Shared,
    meter: &str,
    uid: &str,
    (organization, name): (&str, &str),
    at: Timestamp,
) -> Result<(), kube::Error> {
    let api: Api<UsageRecord> = Api::namespaced(shared.billing.clone(), organization);
    match api.patch(name, &patching(), &Patch::Merge(records::end(at))).await {
        Ok(_) => shared.metrics.ended(meter),
        Err(kube::Error::Api(status)) if status.code == 404 => {}
        Err(kube::Error::Api(status)) if status.code == 422 => {
            let is_over = api.get_opt(name).await?.is_none_or(|known| known.spec.end.is_some());
            if !is_over {
                return Err(kube::Error::Api(status));
            }
        }
        Err(error) => return Err(error),
    }
    note_progress();
    shared.change(|world, _| world.ended(meter, uid, organization, name));
    Ok(())
}

pub(crate) fn patching() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() }
}

/// Holds a Meter until its records are ended, and says how far it is.
async fn meter(shared: &Shared, name: &str) -> Result<Outcome, kube::Error> {
    let Some(meter) = shared.world().meter(name) else { return Ok(Outcome::Done) };
    let api: Api<Meter> = Api::all(shared.client.clone());
    if meter.metadata.deletion_timestamp.is_some() {
        if !records::is_held(&meter) {
            return Ok(Outcome::Done);
        }
        if !shared.world().is_idle(name) {
            return Ok(Outcome::After(GOING_RETRY));
        }
        hold(&api, &meter, false).await?;
        return Ok(Outcome::Done);
    }
    if !records::is_held(&meter) {
        let held = hold(&api, &meter, true).await?;
        shared.change(|world, now| world.observe_meter(held, now));
        return Ok(Outcome::After(Duration::ZERO));
    }
    if let Some(gap) = shared.world().take_gap(name) {
        tell_of(shared, &meter, gap);
    }
    let now = shared.now();
    let Some(status) = shared.world().status(name, now) else { return Ok(Outcome::Done) };
    // Nobody else writes it, and it counts: what an older look found must not come after a newer one.
    let patch =
        json!({ "metadata": { "resourceVersion": meter.resource_version() }, "status": records::status(&status) });
    let written = api.patch_status(name, &patching(), &Patch::Merge(patch)).await?;
    note_progress();
    shared.change(|world, now| world.observe_meter(written, now));
    Ok(Outcome::Done)
}

/// Puts our finalizer on a Meter, or takes it off.
pub(crate) async fn hold(api: &Api<Meter>, meter: &Meter, held: bool) -> Result<Meter, kube::Error> {
    let finalizers = records::finalizers(meter, held);
    let patch = json!({ "metadata": { "resourceVersion": meter.resource_version(), "finalizers": finalizers } });
    let written = api.patch(&meter.name_any(), &patching(), &Patch::Merge(patch)).await?;
    note_progress();
    Ok(written)
}

/// Tells what became of the time in which nobody looked.
fn tell_of(shared: &Shared, meter: &Meter, gap: Gap) {
    let Gap { from, to, ended, came } = gap;
    let (from_text, to_text) = (billing_api::Time(from), billing_api::Time(to));
    tracing::warn!(meter = meter.name_any(), from = %from_text, to = %to_text, ended, came, "nobody looked for a while");
    if ended == 0 && came == 0 {
        return;
    }
    let note = format!(
        "nobody looked from {from_text} to {to_text}: {ended} records end at {from_text}, and {came} objects that came in between are recorded from their creation"
    );
    shared.tell(meter, Severity::Warning, "Gap", "Measure", note);
}
