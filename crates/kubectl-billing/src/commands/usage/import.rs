//! `kubectl billing usage import`: CloudEvents become usage records.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use futures::{StreamExt, stream};
use kube::api::PostParams;
use kube::core::DynamicObject;
use serde_json::{Value, json};

use super::cloud_event::{events, record_name};
use super::meter::Meter;
use crate::change::{DryRun, manifest};
use crate::cluster::{Cluster, ClusterArguments, wait};
use crate::error::CommandError;
use crate::manifest::{Kinds, ReadError};
use crate::output::print_yaml;
use crate::progress::Progress;
use crate::{ExitStatus, Io, read};
use billing_api::UsageRecord;

/// How many records are sent at once.
const AT_ONCE: usize = 8;
/// HTTP's code for what exists already.
const CONFLICT: u16 = 409;

/// Make usage records of CloudEvents
///
/// A record is named by the event's source and id, so that an import can be repeated: what exists already stays as it is, and
/// one that exists with another content is an error. All events are read and checked before the first record is made.
#[derive(Args, Debug)]
#[command(after_help = "\
Example:
  kubectl billing usage import -n acme -f events.ndjson --map meter.yaml

where meter.yaml says where the fields of a record are in an event; what does not begin with $ is meant as it stands:

  types: [com.example.calls]
  record:
    project: $.subject
    service: {name: $.data.service, type: Calls}
    quantity: $.data.count
    start: $.time
    end: $.data.end")]
pub struct UsageImportArguments {
    /// The events: JSON objects, one to a line, or arrays of them; \"-\" is standard input
    #[arg(short, long = "filename", value_name = "FILE", required = true)]
    filenames: Vec<PathBuf>,

    /// What of an event is what of a record
    #[arg(long, value_name = "FILE")]
    map: PathBuf,

    /// Make nothing: \"server\" asks the API server whether it would, \"client\" only prints the records
    #[arg(long, value_name = "WHO", value_enum, default_value_t = DryRun::None, hide_default_value = true)]
    dry_run: DryRun,

    #[command(flatten)]
    cluster: ClusterArguments,
}

/// What became of a record.
enum Imported {
    Made,
    Existed,
}

pub(super) fn run(arguments: &UsageImportArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let meter = meter(&arguments.map)?;
    let mut found = Vec::new();
    for file in &arguments.filenames {
        let read = events(&bytes(file, io.stdin)?);
        found.extend(read.map_err(|reason| CommandError::Unusable(format!("{}: {reason}", file.display())))?);
    }
    let all = found.len();
    found.retain(|(_, event)| meter.wants(event));
    let passed_over = all - found.len();
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let records = records(&meter, &found, &cluster.namespace)?;
        if arguments.dry_run == DryRun::Client {
            for record in &records {
                writeln!(io.stdout, "---")?;
                print_yaml(record, io.stdout)?;
            }
            return Ok(ExitStatus::Ok);
        }
        let tried = arguments.dry_run == DryRun::Server;
        let Done { made, existed, failed } = import(&cluster, &records, tried).await;
        let tried = if tried { " (server dry run)" } else { "" };
        writeln!(io.stdout, "{made} records made, {existed} existed, {passed_over} events of other types{tried}")?;
        failed.map_or(Ok(ExitStatus::Ok), Err)
    })?
}

fn bytes(file: &Path, stdin: &mut dyn Read) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    let read = match file == Path::new("-") {
        true => stdin.read_to_end(&mut bytes).map(|_| bytes),
        false => std::fs::read(file),
    };
    read.map_err(|source| ReadError::Input { path: file.to_owned(), source })
}

fn meter(file: &Path) -> Result<Meter, CommandError> {
    let text = std::fs::read_to_string(file).map_err(|source| ReadError::Input { path: file.to_owned(), source })?;
    serde_saphyr::from_str(&text).map_err(|error| CommandError::Unusable(format!("{}: {error}", file.display())))
}

/// The records of events, as the API server accepts them.
fn records(meter: &Meter, events: &[(String, Value)], namespace: &str) -> Result<Vec<Value>, CommandError> {
    let kinds = Kinds::new()?;
    let mut records = Vec::new();
    for (place, event) in events {
        let refused = |reason: String| CommandError::Refused(format!("{place}: {reason}"));
        let record = json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "UsageRecord",
            "metadata": { "name": record_name(event), "namespace": namespace },
            "spec": meter.spec(event).map_err(refused)?,
        });
        let kind = kinds.of(&record).map_err(refused)?;
        let record = kind.map_or(Ok(record.clone()), |kind| kind.create(record.clone()));
        records.push(manifest(&record.map_err(|reasons| refused(reasons.join("; ")))?));
    }
    Ok(records)
}

/// What came of an import.
#[derive(Default)]
struct Done {
    made: usize,
    existed: usize,
    /// Why it ended before all were made.
    failed: Option<CommandError>,
}

/// Makes records, some at once, and ends with the first that cannot be made.
async fn import(cluster: &Cluster, records: &[Value], tried: bool) -> Done {
    let sent = records.iter().map(|record| make(cluster, record, tried)).collect::<Vec<_>>();
    let mut sent = stream::iter(sent).buffer_unordered(AT_ONCE);
    let mut done = Done::default();
    let mut progress = Progress::of("making usage records");
    while let Some(record) = sent.next().await {
        match record {
            Ok(Imported::Made) => done.made += 1,
            Ok(Imported::Existed) => done.existed += 1,
            Err(error) => {
                done.failed = Some(error);
                break;
            }
        }
        progress.note(done.made + done.existed);
    }
    done
}

async fn make(cluster: &Cluster, record: &Value, tried: bool) -> Result<Imported, CommandError> {
    let place = cluster.organization();
    let name = read::name(record);
    let failed = |error| CommandError::of(read::request::<UsageRecord>("create", &place, Some(name)), error);
    let object: DynamicObject =
        serde_json::from_value(record.clone()).map_err(|error| failed(kube::Error::SerdeError(error)))?;
    let params = PostParams { dry_run: tried, field_manager: Some("kubectl-billing".to_owned()) };
    match cluster.objects::<UsageRecord>(&place).create(&params, &object).await {
        Ok(_) => Ok(Imported::Made),
        Err(kube::Error::Api(status)) if status.code == CONFLICT => {
            let existing = read::get::<UsageRecord>(cluster, &place, name).await?;
            match same(&existing["spec"], &record["spec"]) {
                true => Ok(Imported::Existed),
                false => Err(CommandError::Refused(format!(
                    "UsageRecord {}/{name} exists with another content: an event has the source and id of another one; to correct \
                     a record, make one that replaces it",
                    cluster.namespace
                ))),
            }
        }
        Err(error) => Err(failed(error)),
    }
}

/// Whether a record says the same; it may have ended since.
fn same(existing: &Value, imported: &Value) -> bool {
    let fields = ["project", "service", "quantity", "start", "tags"];
    let ended = imported["end"].is_null() || existing["end"] == imported["end"];
    ended && fields.iter().all(|field| existing[field] == imported[field])
}
