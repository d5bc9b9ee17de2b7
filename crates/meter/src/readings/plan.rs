//! Which reading comes next on a record.

use billing_api::{Reading, Time, UsageRecord};
use serde_json::{Value as Json, json};

use super::Counted;
use super::monthly::{COUNTING_LABEL, SERIES_LABEL, reading};
use crate::life::Timestamp;
use crate::records::Writer;
use crate::sums::Exact;

/// How much a reading can say: so many digits before the point.
const MAX_DIGITS: usize = 15;

/// What is known of a record: how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The namespace.
    pub organization: String,
    /// The name.
    pub name: String,
    /// Which series it counts.
    pub series: String,
    /// As what it was last seen.
    pub version: String,
    /// Its beginning.
    pub start: Timestamp,
    /// Whether it is ended.
    pub ended: bool,
    /// How many readings it has, and the last of them.
    pub readings: usize,
    /// The last.
    pub last: Option<(Timestamp, String)>,
}

/// Why a record is none that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has no readings, or not the label of its series: it is not a meter's")]
pub struct KnownError;

impl TryFrom<&UsageRecord> for Known {
    type Error = KnownError;

    fn try_from(record: &UsageRecord) -> Result<Self, KnownError> {
        let metadata = record.metadata.clone();
        let readings = record.spec.readings.as_ref().ok_or(KnownError)?;
        Ok(Self {
            organization: metadata.namespace.unwrap_or_default(),
            name: metadata.name.unwrap_or_default(),
            series: metadata.labels.unwrap_or_default().remove(SERIES_LABEL).ok_or(KnownError)?,
            version: metadata.resource_version.unwrap_or_default(),
            start: record.spec.start.0,
            ended: record.spec.end.is_some(),
            readings: readings.len(),
            last: readings.last().map(|last| (last.at.0, last.quantity.to_string())),
        })
    }
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A record begins.
    Create(Box<UsageRecord>),
    /// A patch in JSON (RFC 6902), refused if the record is another by now.
    Patch(Json),
}

/// Why a reading cannot be added, whoever tries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else ended the record.
    #[error("its record {0} was ended, and so were those that followed it")]
    Ended(String),
    /// There is no such quantity.
    #[error(
        "the quantity {0} is below zero or has more than {MAX_DIGITS} digits before the point: set spec.metrics.per"
    )]
    OutOfRange(String),
}

/// What is to be written when in `window`, of which `closes` says whether a month ends with it, `amount` was counted: as a record has
/// it. `None`: nothing, because it is written, or because there is nothing to begin a record for.
///
/// # Errors
/// It cannot be written.
pub fn plan(
    writer: &Writer<'_>,
    (organization, counted): (&str, &Counted),
    known: Option<&Known>,
    (start, end, closes): (Timestamp, Timestamp, bool),
    (amount, coverage): (&str, Option<i64>),
) -> Result<Option<Step>, Refusal> {
    let Some(known) = known else {
        if amount == "0" {
            return Ok(None);
        }
        let mut record = writer.monthly(organization, counted, start, reading(end, &fits(amount)?, coverage));
        if closes {
            record.spec.end = Some(Time(end));
            record.metadata.labels.get_or_insert_default().remove(COUNTING_LABEL);
        }
        return Ok(Some(Step::Create(Box::new(record))));
    };
    known.next(end, closes, (amount, coverage))
}

impl Known {
    /// What adds a reading at `at` with so much more, and ends the record with it where `closes`.
    ///
    /// # Errors
    /// It cannot be added.
    pub fn next(
        &self,
        at: Timestamp,
        closes: bool,
        (amount, coverage): (&str, Option<i64>),
    ) -> Result<Option<Step>, Refusal> {
        let is_read = self.last.as_ref().is_some_and(|(last, _)| *last >= at);
        match (is_read, self.ended) {
            (true, true) => return Ok(None),
            (true, false) if !closes => return Ok(None),
            (true, false) => return Ok(Some(Step::Patch(self.patch(None, Some(at))))),
            (false, true) if amount == "0" => return Ok(None),
            (false, true) => return Err(Refusal::Ended(self.name.clone())),
            (false, false) => {}
        }
        let stood = self.last.as_ref().map_or("0", |(_, quantity)| quantity);
        let quantity = sum(stood, amount).ok_or_else(|| Refusal::OutOfRange(amount.to_owned()))?;
        let next = reading(at, &fits(&quantity)?, coverage);
        Ok(Some(Step::Patch(self.patch(Some(next), closes.then_some(at)))))
    }

    /// What ends the record where it was read last; one that was never read ends a second after its beginning.
    pub fn end(&self) -> Option<Json> {
        let last = self.last.as_ref().map_or(self.start + chrono::TimeDelta::seconds(1), |(at, _)| *at);
        (!self.ended).then(|| self.patch(None, Some(last)))
    }

    fn patch(&self, next: Option<Reading>, end: Option<Timestamp>) -> Json {
        let mut steps = vec![json!({"op": "replace", "path": "/metadata/resourceVersion", "value": self.version})];
        steps.extend(next.map(|next| json!({"op": "add", "path": "/spec/readings/-", "value": next})));
        if let Some(end) = end {
            steps.push(json!({"op": "add", "path": "/spec/end", "value": Time(end)}));
            let label = COUNTING_LABEL.replace('/', "~1");
            // Added first, so that taking it off does not fail where somebody did so before.
            steps.push(json!({"op": "add", "path": format!("/metadata/labels/{label}"), "value": "true"}));
            steps.push(json!({"op": "remove", "path": format!("/metadata/labels/{label}")}));
        }
        Json::Array(steps)
    }
}

/// The sum of two decimals, as a record has it. `None` when one of them is none.
pub fn sum(a: &str, b: &str) -> Option<String> {
    (Exact::parse(a)? + &Exact::parse(b)?).recorded()
}

fn fits(quantity: &str) -> Result<String, Refusal> {
    let whole = quantity.split('.').next().unwrap_or_default();
    if whole.len() > MAX_DIGITS { Err(Refusal::OutOfRange(quantity.to_owned())) } else { Ok(quantity.to_owned()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use billing_api::Service;
    use chrono::{DateTime, TimeDelta};

    use super::*;

    const WRITER: Writer<'static> = Writer { meter: "requests", cluster: None };

    fn at(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(&format!("2026-11-{text}:00Z")).unwrap().to_utc()
    }

    fn counted(name: &str) -> Counted {
        let service = Service { name: name.to_owned(), kind: "Requests".to_owned(), plan: None, cloud: None };
        Counted { project: "shop".to_owned(), labels: BTreeMap::new(), service, tags: BTreeMap::new() }
    }

    fn window(known: Option<&Known>, start: &str, closes: bool, amount: &str) -> Result<Option<Step>, Refusal> {
        let (start, end) = (at(start), at(start) + TimeDelta::hours(6));
        plan(&WRITER, ("acme", &counted("ingress")), known, (start, end, closes), (amount, None))
    }

    /// The record as the API server has it after a step.
    fn written(known: Option<&UsageRecord>, step: Step) -> UsageRecord {
        match (known, step) {
            (None, Step::Create(record)) => {
                let mut record = *record;
                record.metadata.resource_version = Some("1".to_owned());
                record
            }
            (Some(record), Step::Patch(patch)) => {
                let mut record = record.clone();
                assert_eq!(patch[0]["value"], json!(record.metadata.resource_version));
                for step in patch.as_array().unwrap() {
                    match step["path"].as_str().unwrap() {
                        "/spec/readings/-" => {
                            record
                                .spec
                                .readings
                                .as_mut()
                                .unwrap()
                                .push(serde_json::from_value(step["value"].clone()).unwrap());
                        }
                        "/spec/end" => record.spec.end = serde_json::from_value(step["value"].clone()).unwrap(),
                        _ => {}
                    }
                }
                record.metadata.resource_version.as_mut().unwrap().push('1');
                record
            }
            (known, step) => panic!("{step:?} after {known:?}"),
        }
    }

    fn quantities(record: &UsageRecord) -> Vec<String> {
        record.spec.readings.iter().flatten().map(|reading| reading.quantity.to_string()).collect()
    }

    #[test]
    fn a_record_begins_when_there_is_something_and_its_readings_are_sums() {
        assert_eq!(window(None, "29T00:00", false, "0"), Ok(None));
        let record = written(None, window(None, "30T00:00", false, "1.5").unwrap().unwrap());
        assert_eq!(record.metadata.name, Some(format!("requests-{}-2026-11", series())));
        assert_eq!((record.spec.start, record.spec.end), (Time(at("30T00:00")), None));
        let known = Known::try_from(&record).unwrap();
        assert_eq!(window(Some(&known), "30T00:00", false, "1.5"), Ok(None), "the same again changes nothing");
        let record = written(Some(&record), window(Some(&known), "30T06:00", false, "0.25").unwrap().unwrap());
        let known = Known::try_from(&record).unwrap();
        let record = written(Some(&record), window(Some(&known), "30T12:00", false, "0").unwrap().unwrap());
        let known = Known::try_from(&record).unwrap();
        let record = written(Some(&record), window(Some(&known), "30T18:00", true, "2").unwrap().unwrap());
        assert_eq!(quantities(&record), ["1.5", "1.75", "1.75", "3.75"]);
        assert_eq!(
            record.spec.end,
            Some(Time(at("30T18:00") + TimeDelta::hours(6))),
            "a month ends with its last window"
        );
        let known = Known::try_from(&record).unwrap();
        assert_eq!(window(Some(&known), "30T18:00", true, "2"), Ok(None));
    }

    fn series() -> String {
        super::super::monthly::series(&counted("ingress"))
    }

    #[test]
    fn a_record_that_begins_with_the_last_window_ends_with_it() {
        let Step::Create(record) = window(None, "30T18:00", true, "7").unwrap().unwrap() else { panic!("created") };
        assert_eq!(record.spec.end, Some(Time(at("30T18:00") + TimeDelta::hours(6))));
        assert!(!record.metadata.labels.unwrap().contains_key(COUNTING_LABEL));
    }

    #[test]
    fn what_was_read_and_not_ended_is_ended_without_another_reading() {
        let mut record = written(None, window(None, "30T18:00", false, "7").unwrap().unwrap());
        let known = Known::try_from(&record).unwrap();
        record = written(Some(&record), window(Some(&known), "30T18:00", true, "7").unwrap().unwrap());
        assert_eq!((quantities(&record), record.spec.end.is_some()), (vec!["7".to_owned()], true));
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let mut known =
            Known::try_from(&written(None, window(None, "30T00:00", false, "7").unwrap().unwrap())).unwrap();
        assert_eq!(
            window(Some(&known), "30T06:00", false, "999999999999999"),
            Err(Refusal::OutOfRange("1000000000000006".to_owned()))
        );
        assert_eq!(
            window(None, "30T06:00", false, "1000000000000000"),
            Err(Refusal::OutOfRange("1000000000000000".to_owned()))
        );
        known.ended = true;
        assert_eq!(window(Some(&known), "30T06:00", false, "1"), Err(Refusal::Ended(known.name.clone())));
        assert_eq!(window(Some(&known), "30T06:00", false, "0"), Ok(None));
        assert_eq!(known.end(), None);
    }

    #[test]
    fn what_is_told_apart_is_everything_that_a_record_says_for_ever() {
        let other = counted("other");
        let tagged = Counted { tags: BTreeMap::from([("a".to_owned(), "b".to_owned())]), ..counted("ingress") };
        let labelled = Counted { labels: BTreeMap::from([("a".to_owned(), "b".to_owned())]), ..counted("ingress") };
        let series = |counted: &Counted| super::super::monthly::series(counted);
        assert_eq!(series(&tagged), series(&counted("ingress")));
        assert!(series(&other) != series(&labelled) && series(&labelled) != series(&tagged));
        let elsewhere = Writer { cluster: Some("west"), ..WRITER };
        assert_eq!(elsewhere.monthly_name("0", at("30T00:00")), "requests-west-0-2026-11");
    }

    #[test]
    fn coverage_is_said_where_it_is_not_all() {
        let said = |share| reading(at("01T00:00"), "1", share).coverage.map(|coverage| coverage.to_string());
        let all = [None, Some(0), Some(1), Some(9500), Some(10_000)].map(said);
        assert_eq!(
            all,
            [None, Some("0".to_owned()), Some("0.0001".to_owned()), Some("0.95".to_owned()), Some("1".to_owned())]
        );
    }
}
