//! What Meters of metrics would record: the windows that are over, as the meter itself counts them.

use std::collections::BTreeMap;
use std::time::Duration;

use billing_api::{Meter, MetricsServer, UsageRecord};
use billing_domain::Timestamp;
use billing_meter::readings::monthly::{reading, series};
use billing_meter::readings::pending::{Pending, Records, What, times};
use billing_meter::readings::{CountingRecipe, evaluate, sum};
use billing_meter::records::Writer;
use billing_meter::samples::{Headers, Reader};
use billing_meter::sums::Window;
use billing_meter::world::World;
use kube::{Api, ResourceExt};
use serde_json::Value;

use super::test::{labels, namespace_name};
use crate::cluster::{ClusterArguments, wait};
use crate::error::{CommandError, Request};
use crate::read::name;

/// Which windows, and where the servers are.
pub(super) struct Since<'a> {
    /// For how long.
    pub since: Duration,
    /// Where servers are, whatever they say.
    pub server_url: Option<&'a str>,
    /// The end.
    pub now: Timestamp,
}

/// What would be recorded, and what is in the way.
#[derive(Default)]
pub(super) struct Came {
    pub records: Vec<UsageRecord>,
    pub wrong: Vec<String>,
}

/// Counts what Meters select.
pub(super) fn of(
    meters: &[Meter],
    (manifests, namespaces): (&[Value], &[Value]),
    since: &Since<'_>,
    cluster: &ClusterArguments,
) -> Result<Came, CommandError> {
    let mut came = Came::default();
    let mut world = World::default();
    for namespace in namespaces {
        world.observe_namespace(&namespace_name(namespace), labels(namespace), since.now);
    }
    for meter in meters {
        let recipe = match CountingRecipe::read(&meter.spec) {
            Ok(recipe) => recipe,
            Err(wrong) => {
                came.wrong.extend(wrong.into_iter().map(|wrong| format!("Meter {}: {wrong}", meter.name_any())));
                continue;
            }
        };
        let mut server = server(&recipe.server, manifests, cluster)?;
        if let Some(url) = since.server_url {
            server.spec.url = url.to_owned();
        }
        let counted = async {
            let reader = Reader::new(&server.spec, &headers(&server, manifests))
                .map_err(|error| CommandError::Unusable(format!("MetricsServer {}: {error}", server.name_any())))?;
            count(meter, &recipe, &reader, &world, since, &mut came).await
        };
        wait(counted)??;
    }
    Ok(came)
}

/// A server among the manifests, or in the cluster.
fn server(wanted: &str, manifests: &[Value], cluster: &ClusterArguments) -> Result<MetricsServer, CommandError> {
    let found = manifests.iter().find(|object| object["kind"] == "MetricsServer" && name(object) == wanted);
    if let Some(found) = found {
        return serde_json::from_value(found.clone())
            .map_err(|error| CommandError::Unusable(format!("MetricsServer {wanted}: {error}")));
    }
    wait(async {
        let cluster = cluster.connect().await?;
        let api: Api<MetricsServer> = Api::all(cluster.client().clone());
        let request = Request {
            verb: "get",
            plural: "metricsservers".to_owned(),
            namespace: None,
            name: Some(wanted.to_owned()),
        };
        api.get(wanted).await.map_err(|error| CommandError::of(request, error))
    })?
}

/// The headers of a server, from a Secret among the manifests. Those of the cluster are not for who tries a Meter.
fn headers(server: &MetricsServer, manifests: &[Value]) -> Headers {
    let Some(from) = &server.spec.headers_from else { return Headers::new() };
    let secret = manifests.iter().find(|object| object["kind"] == "Secret" && name(object) == &*from.secret);
    let data = secret.and_then(|secret| secret["stringData"].as_object()).into_iter().flatten();
    data.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.as_bytes().to_vec()))).collect()
}

/// Counts each window that is over since then, one after the other.
async fn count(
    meter: &Meter,
    recipe: &CountingRecipe,
    reader: &Reader,
    world: &World,
    since: &Since<'_>,
    came: &mut Came,
) -> Result<(), CommandError> {
    let meter_name = meter.name_any();
    let writer = Writer { meter: &meter_name, cluster: None };
    let now = since.now.timestamp_millis();
    let from = now - i64::try_from(since.since.as_millis()).unwrap_or(i64::MAX / 2);
    let mut records: BTreeMap<String, UsageRecord> = BTreeMap::new();
    let mut faults: BTreeMap<String, String> = BTreeMap::new();
    let mut gaps = Vec::new();
    // From the boundary that is the next: windows are whole.
    let mut window = recipe.windows.from(recipe.windows.from(from - 1).end);
    while window.end + recipe.delay <= now {
        let counted = evaluate(recipe, reader, window)
            .await
            .map_err(|error| CommandError::Unusable(format!("MetricsServer {}: {error}", recipe.server)))?;
        if counted.has_gap(recipe) {
            gaps.push(counted.too_few(recipe, window));
        }
        let pending = Pending::of(recipe, window, counted, world, &Records::new());
        faults.extend(pending.faults.iter().map(|(reason, what, message)| {
            (what.clone(), format!("Meter {meter_name}: {}: {what}: {message}", reason.as_str()))
        }));
        for due in pending.writes {
            add(&writer, window, due.what, &mut records);
        }
        window = recipe.windows.from(window.end);
    }
    let mut records: Vec<_> = records.into_values().collect();
    records.sort_by_cached_key(|record| {
        (record.spec.project.to_string(), record.spec.service.name.clone(), record.spec.start)
    });
    came.records.extend(records);
    if let Some((first, others)) = gaps.split_first() {
        let others = match others.len() {
            0 => String::new(),
            many => format!(" (and {many} windows more)"),
        };
        came.wrong.push(format!("Meter {meter_name}: Gap: {first}{others}"));
    }
    came.wrong.extend(faults.into_values());
    Ok(())
}

fn add(writer: &Writer<'_>, window: Window, what: What, records: &mut BTreeMap<String, UsageRecord>) {
    let What::More { organization, counted, amount, coverage } = what else { return };
    let (start, end, _) = times(window);
    let name = writer.monthly_name(&series(&counted), start);
    match records.get_mut(&name) {
        Some(record) => {
            let readings = record.spec.readings.get_or_insert_default();
            let stood = readings.last().map_or("0".to_owned(), |last| last.quantity.to_string());
            let quantity = sum(&stood, &amount).unwrap_or(stood);
            readings.push(reading(end, &quantity, coverage));
        }
        None if amount == "0" => {}
        None => {
            let record = writer.monthly(&organization, &counted, start, reading(end, &amount, coverage));
            records.insert(name, record);
        }
    }
}
