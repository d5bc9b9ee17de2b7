//! `kubectl billing meter test`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use billing_api::{Meter, MeterStatus, MeteredResource, Time, UsageRecord, time};
use billing_domain::{Month, Timestamp};
use billing_meter::life::Step;
use billing_meter::recipe::Recipe;
use billing_meter::records::{FINALIZER, Writer};
use billing_meter::selector::Labels;
use billing_meter::world::{Key, KindState, Seen, World};
use chrono::{SubsecRound, TimeDelta};
use clap::Args;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::cost::{self, Costs};
use super::metrics::{self, Since};
use super::objects::Objects;
use crate::cluster::{ClusterArguments, wait};
use crate::error::CommandError;
use crate::manifest::{self, Object};
use crate::print::{Column, PrintArguments, Section, TableShape, print_sections};
use crate::read::text;
use crate::{ExitStatus, Io};

const EXAMPLES: &str = "\
Examples:
  # What would this Meter record of the objects in the cluster?
  kubectl billing meter test -f meter.yaml

  # And what would it cost in a month?
  kubectl billing meter test -f meter.yaml -f prices.yaml

  # What would a Meter of metrics have recorded since yesterday? (With a port forwarded to the server)
  kubectl billing meter test -f requests.yaml -f prices.yaml --since 24h --server-url http://localhost:9090

  # The same of objects in files, without a cluster
  kubectl billing meter test -f meter.yaml -f prices.yaml -f namespaces.yaml -f claims.yaml

Exit status: 0 when everything can be recorded, 1 when a Meter or an object is not right, 2 when the command cannot be run.";

/// What a record costs, on the records that are printed: of one that runs, in a month.
const COST_ANNOTATION: &str = "meter.billing-operator.io/cost";

const METER: Column = Column::text("METER", r".metadata.labels.meter\.billing-operator\.io/name");
const PROJECT: Column = Column::text("PROJECT", ".spec.project");
const SERVICE: Column = Column::text("SERVICE", ".spec.service.name");
const TYPE: Column = Column::text("TYPE", ".spec.service.type");
const PLAN: Column = Column::text("PLAN", ".spec.service.plan");
const COST: &str = r".metadata.annotations.meter\.billing-operator\.io/cost";

/// What runs.
const RUNNING: TableShape = TableShape::of(&[
    METER,
    PROJECT,
    SERVICE,
    TYPE,
    PLAN,
    Column::number("QUANTITY", ".spec.quantity"),
    Column::number("A MONTH", COST),
]);

/// What was counted.
const COUNTED: TableShape = TableShape::of(&[
    METER,
    PROJECT,
    SERVICE,
    TYPE,
    PLAN.wide(),
    Column::text("START", ".spec.start"),
    Column::text("READ AT", ".spec.readings[-1:].at"),
    Column::number("COUNTED", ".spec.readings[-1:].quantity"),
    Column::number("COST", COST),
]);

/// Show what Meters would record, and what that costs, without writing anything
///
/// Reads Meters, and price lists if there are any. The objects are those of the same manifests; of a kind of which these have none,
/// those that are in the cluster now, and they cost what they cost in a month. Of metrics, the server is asked for the windows that are
/// over since a while, and what was counted in them costs what it adds to the invoices of its months, where nothing else was used in
/// them. What cannot be recorded, and what has no price, goes to standard error with the place.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct MeterTestArguments {
    /// A file, a folder with its subfolders, or "-" for standard input; can be given several times
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    filenames: Vec<PathBuf>,

    /// The month whose length and prices count for what runs [default: this one]. What was counted has the prices of when it was
    #[arg(long, value_name = "YYYY-MM")]
    period: Option<Month>,

    /// Since when windows of metrics are counted
    #[arg(long, value_name = "DURATION", value_parser = billing_planning::billing_settings::duration, default_value = "24h")]
    since: Duration,

    /// Where the servers of metrics are, instead of what MetricsServers say: for a port that is forwarded
    #[arg(long, value_name = "URL")]
    server_url: Option<String>,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    print: PrintArguments,
}

/// What came of trying a Meter.
#[derive(Default)]
struct Tried {
    records: Vec<UsageRecord>,
    /// What is wrong, in words.
    wrong: Vec<String>,
}

pub(super) fn run(arguments: &MeterTestArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let mut input = Vec::new();
    if arguments.filenames.iter().any(|path| path.as_os_str() == "-") {
        io.stdin.read_to_end(&mut input)?;
    }
    let manifests = manifest::read(&arguments.filenames, &mut input.as_slice())?;
    let all = manifest::read_objects(&arguments.filenames, &mut input.as_slice())?;
    let mut tried = Tried { wrong: manifests.refusals.iter().map(ToString::to_string).collect(), ..Tried::default() };
    let meters: Vec<Meter> = manifests
        .objects
        .into_iter()
        .filter_map(|manifest| match manifest.object {
            Object::Meter(meter) => Some(*meter),
            _ => None,
        })
        .collect();
    if meters.is_empty() && tried.wrong.is_empty() {
        return Err(CommandError::Unusable("the manifests have no Meter: name its file with -f".to_owned()));
    }
    let now = io.now.trunc_subsecs(0);
    let (counted, meters): (Vec<_>, Vec<_>) = meters.into_iter().partition(|meter| meter.spec.metrics.is_some());
    let kinds = measurable(&meters, &mut tried);
    let mut objects = Objects::among(&all, &kinds);
    wait(objects.complete(&arguments.cluster, !counted.is_empty()))??;
    tried.measure(&meters, &objects, now);
    let window = Since { since: arguments.since, server_url: arguments.server_url.as_deref(), now };
    let came = metrics::of(&counted, (&all, &objects.namespaces), &window, &arguments.cluster)?;
    tried.records.extend(came.records);
    tried.wrong.extend(came.wrong);
    let month = arguments.period.unwrap_or(Month::of(now));
    let Costs { by_record, problems } = cost::of(&tried.records, &objects.namespaces, &all, month)?;
    tried.wrong.extend(problems);
    print_sections(sections(&tried.records, &by_record)?, &arguments.print, io.stdout, io.stderr)?;
    for wrong in &tried.wrong {
        writeln!(io.stderr, "{wrong}")?;
    }
    Ok(if tried.wrong.is_empty() { ExitStatus::Ok } else { ExitStatus::Refused })
}

/// The kinds of Meters that can be followed; what is wrong with the others is noted.
fn measurable(meters: &[Meter], tried: &mut Tried) -> Vec<MeteredResource> {
    let mut kinds = Vec::new();
    for meter in meters {
        match Recipe::read(&meter.spec) {
            Ok(recipe) => kinds.push(recipe.resource),
            Err(wrong) => {
                let named = wrong.into_iter().map(|wrong| format!("Meter {}: {wrong}", meter.name_any()));
                tried.wrong.extend(named);
            }
        }
    }
    kinds.sort();
    kinds.dedup();
    kinds
}

impl Tried {
    /// Lets Meters look at objects, as the meter itself does.
    fn measure(&mut self, meters: &[Meter], objects: &Objects, now: Timestamp) {
        let mut world = World::default();
        for namespace in &objects.namespaces {
            world.observe_namespace(&namespace_name(namespace), labels(namespace), now);
        }
        for meter in meters {
            world.observe_meter(begun(meter, now), now);
        }
        for (resource, found) in &objects.by_kind {
            for object in found {
                self.enter(&mut world, resource, object, now);
            }
            let namespaced = found.iter().any(|object| !object["metadata"]["namespace"].is_null());
            world.kind_is(resource, KindState::Watched { namespaced });
            world.list_complete(resource, std::iter::empty().collect(), now);
        }
        for meter in meters {
            self.collect(&mut world, &meter.name_any(), now);
        }
    }

    fn enter(&mut self, world: &mut World, resource: &MeteredResource, object: &Value, now: Timestamp) {
        let name = match text(object, "/metadata/namespace") {
            "" => text(object, "/metadata/name").to_owned(),
            namespace => format!("{namespace}/{}", text(object, "/metadata/name")),
        };
        let labels = labels(object);
        let seen = Seen {
            uid: text(object, "/metadata/uid"),
            label: name,
            created: created(object, now),
            labels: &labels,
            json: object,
        };
        world.observe_object(resource, &seen, now);
    }

    /// The records that begin, and what is wrong.
    fn collect(&mut self, world: &mut World, meter: &str, now: Timestamp) {
        // However long an object has to be there before.
        let later = now + TimeDelta::hours(2);
        let mut records = Vec::new();
        for key in world.object_keys(meter) {
            let Key::Object { uid, .. } = key else { continue };
            for step in world.plan(meter, &uid, later).steps {
                if let Step::Open { target, start } = step {
                    records.push(Writer { meter, cluster: None }.record(&uid, &target, start));
                }
            }
        }
        let order = |record: &UsageRecord| {
            (record.spec.project.to_string(), record.spec.service.name.clone(), record.name_any())
        };
        records.sort_by_key(order);
        self.records.extend(records);
        let status = world.status(meter, later).unwrap_or_default();
        self.wrong.extend(said(meter, &status));
    }
}

/// What a status says is wrong.
fn said(meter: &str, status: &MeterStatus) -> Vec<String> {
    let stalled =
        status.conditions.iter().filter(|condition| condition.type_ == "Stalled" && condition.reason != "Invalid");
    let stalled = stalled.map(|condition| format!("Meter {meter}: {}: {}", condition.reason, condition.message));
    let skipped = status.skipped.iter().map(|skipped| {
        let others = match skipped.count {
            ..=1 => String::new(),
            many => format!(" (and {} more)", many - 1),
        };
        format!("Meter {meter}: {}: {}{others}: {}", skipped.reason, skipped.example, skipped.message)
    });
    stalled.chain(skipped).collect()
}

/// A Meter that has looked before: it is tried as one that is at work.
fn begun(meter: &Meter, now: Timestamp) -> Meter {
    let mut meter = meter.clone();
    meter.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
    meter.metadata.deletion_timestamp = None;
    meter.status = Some(MeterStatus { observed_through: Some(Time(now)), ..MeterStatus::default() });
    meter
}

/// What runs and what was counted, each in a table where there is any.
fn sections(records: &[UsageRecord], costs: &BTreeMap<String, String>) -> Result<Vec<Section>, CommandError> {
    let (counted, running): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.spec.readings.is_some());
    let section = |shape, records: Vec<&UsageRecord>| {
        let priced = records.into_iter().map(|record| printed(record, costs)).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, CommandError>(Section::new(shape, priced, "nothing would be recorded"))
    };
    Ok(match (running.is_empty(), counted.is_empty()) {
        (_, true) => vec![section(RUNNING, running)?],
        (true, false) => vec![section(COUNTED, counted)?],
        (false, false) => vec![
            section(RUNNING, running)?.headed("What runs, for a month:"),
            section(COUNTED, counted)?.headed("What was counted:"),
        ],
    })
}

/// A record as it is printed: as it would be written, with what it costs.
fn printed(record: &UsageRecord, costs: &BTreeMap<String, String>) -> Result<Value, CommandError> {
    let mut value = serde_json::to_value(record).map_err(crate::output::OutputError::Json)?;
    if let Some(cost) = costs.get(&record.name_any()) {
        value["metadata"]["annotations"] = json!({ COST_ANNOTATION: cost });
    }
    Ok(value)
}

pub(super) fn namespace_name(namespace: &Value) -> String {
    text(namespace, "/metadata/name").to_owned()
}

pub(super) fn labels(object: &Value) -> Labels {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

/// When an object was made: a manifest does not say, and is as good as new.
fn created(object: &Value, now: Timestamp) -> Timestamp {
    let created = serde_json::from_value::<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>(
        object["metadata"]["creationTimestamp"].clone(),
    );
    created.ok().and_then(|created| time::instant(created.0)).unwrap_or(now)
}
