//! The writes of Meters of metrics: readings, and the ends of records.

use billing_api::UsageRecord;
use http::header::CONTENT_TYPE;
use kube::api::{ListParams, PostParams};
use kube::core::Status;
use kube::{Api, Resource};
use operator_kit::paging::Pages;
use operator_kit::queue::note_progress;
use serde_json::Value as Json;

use crate::context::Shared;
use crate::readings::monthly::{COUNTING_LABEL, series};
use crate::readings::pending::{Place, Records, What, closing, times};
use crate::readings::{Known, Refusal, Step, plan};
use crate::records::{METER_LABEL, Writer, of_cluster};
use crate::sums::Window;
use crate::work::FIELD_MANAGER;

/// How often a write is planned anew that lost a race, or found a record that was there.
const ATTEMPTS: usize = 40;

/// How many records of a series and month may have been ended before.
const MAX_ENDED: usize = 30;

/// Records are read in pages of so many: each may have hundreds of readings.
const PAGE: u32 = 100;

/// What came of a write.
#[derive(Debug)]
pub(super) enum Written {
    /// It is as it is to be. What is known of the record then, if there is one.
    Done(Option<Box<Known>>),
    /// It never will be: why.
    Refused(String),
}

/// The records of a Meter that count and are not ended.
pub(super) async fn records(shared: &Shared, meter: &str) -> Result<Records, kube::Error> {
    let api: Api<UsageRecord> = Api::all(shared.billing.clone());
    let selector = format!("{METER_LABEL}={meter},{COUNTING_LABEL}=true,{}", of_cluster(shared.cluster()));
    let mut pages = Pages::new(api, ListParams::default().labels(&selector), PAGE);
    let mut records = Records::new();
    while let Some(page) = pages.next().await? {
        note_progress();
        let known = page.iter().filter_map(|record| Known::try_from(record).ok());
        records.extend(known.map(|known| (place(&known), known)));
    }
    Ok(records)
}

pub(super) fn place(known: &Known) -> Place {
    (known.organization.clone(), known.name.clone())
}

/// Writes what of `window` belongs to one record. Whoever was faster has done it, or it is planned anew. A record that somebody ended
/// in the middle of a month is followed by another.
pub(super) async fn write(
    shared: &Shared,
    meter: &str,
    window: Window,
    what: &What,
    mut known: Option<Known>,
) -> Result<Written, kube::Error> {
    let writer = Writer { meter, cluster: shared.cluster() };
    let (start, end, closes) = times(window);
    let organization = match what {
        What::More { organization, .. } => organization,
        What::Close { place: (organization, _), .. } => organization,
    };
    let api: Api<UsageRecord> = Api::namespaced(shared.billing.clone(), organization);
    let (mut ended, mut lost) = (0, 0);
    loop {
        let planned = match (what, &known) {
            (What::More { organization, counted, amount, coverage }, known) => {
                let place = (organization.as_str(), counted);
                plan(&writer, place, known.as_ref(), (start, end, closes), (amount, *coverage))
            }
            (What::Close { coverage, .. }, Some(known)) => known.next(closing(known, end), true, ("0", *coverage)),
            (What::Close { .. }, None) => Ok(None),
        };
        let name = match what {
            What::More { counted, .. } => writer.monthly_name_after(&series(counted), start, ended),
            What::Close { place: (_, name), .. } => name.clone(),
        };
        let written = match planned {
            Ok(None) => return Ok(Written::Done(known.map(Box::new))),
            Err(Refusal::Ended(_)) if ended < MAX_ENDED => {
                known = None;
                ended += 1;
                continue;
            }
            Err(refusal) => return Ok(Written::Refused(refusal.to_string())),
            Ok(Some(Step::Create(mut record))) => {
                record.metadata.name = Some(name.clone());
                let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
                api.create(&params, &record).await
            }
            Ok(Some(Step::Patch(steps))) => {
                let name = known.as_ref().map_or("", |known| known.name.as_str());
                patch(shared, organization, name, &steps).await
            }
        };
        note_progress();
        match written {
            Ok(record) => {
                shared.metrics.reading_written(meter);
                return Ok(Written::Done(Known::try_from(&record).ok().map(Box::new)));
            }
            Err(kube::Error::Api(status)) if status.code == 409 && lost < ATTEMPTS => {
                lost += 1;
                let name = known.map_or(name, |known| known.name);
                let Some(found) = api.get_opt(&name).await? else { return Err(kube::Error::Api(status)) };
                match known_as(what, &found) {
                    Ok(found) => known = Some(found),
                    Err(why) => return Ok(Written::Refused(format!("the record {name} is another: {why}"))),
                }
            }
            Err(kube::Error::Api(status)) if is_final(&status) => return Ok(Written::Refused(status.message)),
            Err(error) => return Err(error),
        }
    }
}

/// What is known of a record that is there, if it says what ours does.
fn known_as(what: &What, found: &UsageRecord) -> Result<Known, String> {
    if let What::More { counted, .. } = what {
        let says_the_same = *found.spec.project == *counted.project && found.spec.service == counted.service;
        if !says_the_same {
            return Err("it is of another project or service".to_owned());
        }
    }
    Known::try_from(found).map_err(|error| error.to_string())
}

/// Whether trying again is of no use before somebody changes something in that namespace: it is gone, going, or the record cannot be.
fn is_final(status: &Status) -> bool {
    matches!(status.code, 400 | 404 | 422) || (status.code == 403 && status.message.contains("being terminated"))
}

/// A patch in JSON. It names the version that it is made for, so one that is another by now is refused with 409.
pub(super) async fn patch(
    shared: &Shared,
    organization: &str,
    name: &str,
    steps: &Json,
) -> Result<UsageRecord, kube::Error> {
    let url = UsageRecord::url_path(&(), Some(organization));
    let request = http::Request::patch(format!("{url}/{name}?fieldManager={FIELD_MANAGER}"))
        .header(CONTENT_TYPE, "application/json-patch+json")
        .body(steps.to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    shared.billing.request(request).await
}
