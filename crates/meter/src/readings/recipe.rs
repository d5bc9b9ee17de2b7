//! A Meter of metrics that was read.

use std::collections::BTreeMap;
use std::time::Duration;

use billing_api::{Aggregate, LabelledProject, MeterSpec, MeteredMetrics, Selector, Service};
use num_bigint::BigInt;
use serde_json::json;

use crate::expression::Object;
use crate::recipe::{Fault, FaultReason, Invalid, Naming, Reader};
use crate::samples;
use crate::sums::{Counting, Group, Grouping, Windows};

/// A share of all is in this many parts.
pub(super) const WHOLE: i64 = 10_000;

/// A Meter of metrics that can be followed. Times are in milliseconds.
#[derive(Debug)]
pub struct CountingRecipe {
    /// The name of the MetricsServer.
    pub server: String,
    /// Which series.
    pub selector: String,
    /// How they are counted.
    pub counting: Counting,
    /// By what they are told apart.
    pub grouping: Grouping,
    /// When windows end.
    pub windows: Windows,
    /// How long after its end a window is looked at.
    pub delay: i64,
    /// How long a value holds: two scrape intervals.
    pub held: i64,
    /// The share of a window in which there must be samples, in ten thousandths.
    pub coverage: i64,
    /// How long after its end a window is recorded as it is.
    pub max_wait: i64,
    /// So much of the metric is one.
    pub per: BigInt,
    /// Which projects, by the labels of their namespaces.
    pub namespaces: Option<Selector>,
    naming: Naming,
}

/// What a group is called on records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The project.
    pub project: String,
    /// The labels that the Meter names.
    pub labels: BTreeMap<String, String>,
    /// The service.
    pub service: Service,
    /// Tags of a record that begins now.
    pub tags: BTreeMap<String, String>,
}

impl CountingRecipe {
    /// Reads a Meter.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of its fields.
    pub fn read(spec: &MeterSpec) -> Result<Self, Vec<Invalid>> {
        let mut reader = Reader::default();
        let Some(metrics) = &spec.metrics else {
            reader.refuse("spec.metrics", "set it, or spec.resource".to_owned());
            return Err(reader.wrong);
        };
        let MeteredMetrics {
            server,
            selector,
            aggregate,
            project: LabelledProject { label },
            labels,
            window,
            delay,
            scrape_interval,
            coverage,
            max_wait,
            per,
        } = metrics;
        if let Err(error) = samples::check(selector) {
            reader.refuse("spec.metrics.selector", error.to_string());
        }
        let mut time = |field: &str, text: &str| reader.seconds(&format!("spec.metrics.{field}"), text) * 1000;
        let (delay, scrape) = (time("delay", delay), time("scrapeInterval", scrape_interval));
        let max_wait = time("maxWait", max_wait);
        let coverage = share(coverage).unwrap_or_else(|| {
            reader.refuse("spec.metrics.coverage", format!("{coverage:?} is not a share like 0.95"));
            0
        });
        let per = per.parse().unwrap_or_else(|_| {
            reader.refuse("spec.metrics.per", format!("{per:?} is not a whole number"));
            BigInt::from(1)
        });
        let windows = Windows::of(Duration::from_secs(u64::from(window.hours()) * 3600));
        if let Err(error) = windows {
            reader.refuse("spec.metrics.window", error.to_string());
        }
        let naming = Naming::read(&mut reader, &spec.service, &spec.tags);
        match (windows, naming) {
            (Ok(windows), Some(naming)) if reader.wrong.is_empty() => Ok(Self {
                server: server.to_string(),
                selector: selector.clone(),
                counting: match aggregate {
                    Aggregate::Increase => Counting::Increase,
                    Aggregate::Integral => Counting::Integral,
                },
                grouping: Grouping { project: label.clone(), labels: labels.clone() },
                windows,
                delay,
                held: 2 * scrape,
                coverage,
                max_wait,
                per,
                namespaces: spec.namespaces.clone(),
                naming,
            }),
            (_, _) => Err(reader.wrong),
        }
    }

    /// What a group is called.
    ///
    /// # Errors
    /// The expressions say nothing of it.
    pub fn name(&self, group: &Group) -> Result<Counted, Fault> {
        let Group { project, labels } = group;
        let object = Object::new(&json!({ "project": project, "labels": labels })).map_err(|error| Fault {
            reason: FaultReason::EvaluationFailed,
            message: format!("the labels: {error}"),
        })?;
        let (service, tags) = self.naming.of(&object)?;
        Ok(Counted { project: project.clone(), labels: labels.clone(), service, tags })
    }
}

/// A decimal from 0 to 1, in ten thousandths.
fn share(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_short = fraction.len() <= 4 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = format!("{fraction:0<4}").parse::<i64>().ok().filter(|_| is_short)?;
    let share = whole.parse::<i64>().ok()?.checked_mul(WHOLE)? + fraction;
    (0..=WHOLE).contains(&share).then_some(share)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A Meter of requests with other fields in `spec.metrics` and of `spec`.
    pub(crate) fn recipe(metrics: Value, changes: Value) -> Result<CountingRecipe, Vec<Invalid>> {
        let mut spec = json!({
            "metrics": {"server": "main", "selector": "http_requests_total", "as": "Increase", "project": {"label": "namespace"}},
            "service": {"name": "'public ingress'", "type": "'Requests'"},
        });
        spec["metrics"].as_object_mut().unwrap().extend(metrics.as_object().unwrap().clone());
        spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        CountingRecipe::read(&serde_json::from_value(spec).unwrap())
    }

    #[test]
    fn a_meter_has_the_documented_defaults() {
        let recipe = recipe(json!({}), json!({})).unwrap();
        assert_eq!((recipe.delay, recipe.held, recipe.coverage), (900_000, 120_000, 9500));
        assert_eq!((recipe.max_wait, recipe.per), (43_200_000, BigInt::from(1)));
        assert_eq!(recipe.windows.from(0).end, 6 * 3_600_000);
        assert_eq!(recipe.counting, Counting::Increase);
    }

    #[test]
    fn expressions_are_about_the_project_and_its_labels() {
        let service = json!({"name": "object.labels.path", "type": "'Requests'", "plan": "object.project"});
        let by_path =
            recipe(json!({"labels": ["path"]}), json!({"service": service, "tags": {"p": "object.labels.path"}}));
        let by_path = by_path.unwrap();
        let group = |path: &str| Group {
            project: "shop".to_owned(),
            labels: BTreeMap::from([("path".to_owned(), path.to_owned())]),
        };
        let counted = by_path.name(&group("/pay")).unwrap();
        assert_eq!((counted.service.name.as_str(), counted.service.plan.as_deref()), ("/pay", Some("shop")));
        assert_eq!(counted.tags["p"], "/pay");
        let fault = by_path.name(&group("")).unwrap_err();
        assert_eq!(
            (fault.reason, fault.message.as_str()),
            (FaultReason::OutOfRange, "spec.service.name: an empty text")
        );
    }

    #[test]
    fn everything_that_is_wrong_with_a_meter_is_told_at_once() {
        let metrics = json!({"selector": "rate(up[5m])", "delay": "1d", "coverage": "1.5", "per": "x"});
        let wrong = recipe(metrics, json!({"service": {"name": "labels.path", "type": "'a'"}})).unwrap_err();
        let said: Vec<_> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(
            said[0],
            "spec.metrics.selector: column 5: a selector ends here: functions, ranges, offsets and operators are not for Meters"
        );
        let fields: Vec<_> = wrong.iter().map(|invalid| invalid.field.as_str()).collect();
        let metrics = ["selector", "delay", "coverage", "per"].map(|field| format!("spec.metrics.{field}"));
        assert_eq!(fields[..4], metrics.each_ref().map(String::as_str));
        assert_eq!(fields[4], "spec.service.name");
    }

    #[test]
    fn a_share_is_of_ten_thousand() {
        let shares = ["0", "1", "0.95", "0.0001", "0.5000"].map(share);
        assert_eq!(shares, [Some(0), Some(10_000), Some(9500), Some(1), Some(5000)]);
        assert_eq!(["1.0001", "2", "0.95000", "a", "0.x"].map(share), [None; 5]);
    }
}
