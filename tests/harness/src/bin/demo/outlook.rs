//! Waiting until every month that is over has its final invoices, and what Meters record is on an invoice.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Result, kubectl::Kubectl, place::Place};

/// How long the invoices may take.
const LIMIT: Duration = Duration::from_secs(180);
/// What is looked at.
const KINDS: &str = "namespaces,billinggroups,projectbindings,meters,usagerecords,invoices,billingperiods";
/// On records that a Meter made.
const METER_LABEL: &str = "meter.billing-operator.io/name";
const PAUSE: Duration = Duration::from_millis(500);

/// How far the operator is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outlook {
    projects: usize,
    bound: usize,
    groups: usize,
    /// Groups with an estimate of the month that runs.
    estimated: usize,
    /// Months that those groups owe a final for.
    due: u64,
    finals: u64,
    /// Finals that the periods know of: they are counted a moment later.
    counted: u64,
    /// The Meters, and those of them that recorded something.
    meters: BTreeSet<String>,
    recording: BTreeSet<String>,
    /// Records that a Meter made.
    metered: BTreeSet<String>,
    /// Records that are on an invoice. (What was counted before the month began is on that of the month before.)
    billed: BTreeSet<String>,
}

impl Outlook {
    fn of(items: &[Value]) -> Self {
        let mut outlook = Self::default();
        for item in items {
            outlook.count(item);
        }
        outlook
    }

    fn count(&mut self, item: &Value) {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let lines = item["status"]["document"]["lines"].as_array().into_iter().flatten();
        self.billed.extend(lines.filter_map(|line| text(&line["source"]["name"])));
        match item["kind"].as_str() {
            Some("Namespace") => self.projects += usize::from(is_project(item)),
            Some("ProjectBinding") => self.bound += usize::from(is_ready(item)),
            Some("BillingGroup") => self.groups += 1,
            Some("BillingPeriod") => self.counted += item["status"]["final"].as_u64().unwrap_or(0),
            Some("Invoice") if item["status"]["phase"] == "Final" => self.finals += 1,
            Some("UsageRecord") if item["metadata"]["labels"][METER_LABEL].is_string() => {
                self.metered.extend(text(&item["metadata"]["name"]));
                self.recording.extend(text(&item["metadata"]["labels"][METER_LABEL]));
            }
            Some("Meter") => self.meters.extend(text(&item["metadata"]["name"])),
            Some("Invoice") if is_open(item) => {
                self.estimated += 1;
                // Sequences begin with 1, and every month before this one has its own.
                self.due += item["spec"]["sequence"].as_u64().unwrap_or(1) - 1;
            }
            _ => {}
        }
    }

    fn is_complete(&self) -> bool {
        let paid_for = self.groups > 0 && self.bound >= self.projects;
        let measured = self.meters.is_subset(&self.recording) && self.metered.is_subset(&self.billed);
        let final_ = self.finals >= self.due && self.counted >= self.finals;
        paid_for && measured && final_ && self.estimated >= self.groups
    }
}

/// Waits until every project has a payer, every month that is over its final invoices and the one that runs an estimate, with what
/// is metered.
pub fn wait(kubectl: &Kubectl, place: &Place) -> Result {
    let begun = Instant::now();
    let mut said = String::new();
    loop {
        let outlook = look(kubectl)?;
        if outlook.is_complete() {
            println!();
            return Ok(());
        }
        if begun.elapsed() > LIMIT {
            kubectl.show(&["get", "projectbindings,invoices", "-A"])?;
            return Err(
                format!("not all invoices are there yet: see {}", place.log("billing-operator").display()).into()
            );
        }
        let Outlook { projects, bound, due, finals, meters, recording, .. } = outlook;
        let progress = format!(
            "{bound} of {projects} projects have a payer, {finals} of {due} months a final invoice, {} of {} Meters a record",
            recording.len(),
            meters.len()
        );
        if progress != said {
            println!("Waiting: {progress} ...");
            said = progress;
        }
        thread::sleep(PAUSE);
    }
}

fn look(kubectl: &Kubectl) -> Result<Outlook> {
    let text = kubectl.read(&["get", KINDS, "-A", "-o", "json"])?;
    let list: Value = serde_json::from_slice(&text)?;
    Ok(list["items"].as_array().map(|items| Outlook::of(items)).unwrap_or_default())
}

/// An organization's own namespace names itself, a project names its organization.
fn is_project(namespace: &Value) -> bool {
    let organization = &namespace["metadata"]["labels"]["billing-operator.io/organization"];
    organization.is_string() && *organization != namespace["metadata"]["name"]
}

fn is_ready(object: &Value) -> bool {
    let conditions = object["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

/// Whether an estimate is that of a month that still runs. Times without fractions compare as text.
fn is_open(invoice: &Value) -> bool {
    let document = &invoice["status"]["document"];
    match (document["asOf"].as_str(), document["period"]["end"].as_str()) {
        (Some(as_of), Some(end)) => as_of < end,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn world() -> Vec<Value> {
        let namespace = |name: &str| json!({"kind": "Namespace", "metadata": {"name": name, "labels": {"billing-operator.io/organization": "acme"}}});
        let ready =
            json!({"conditions": [{"type": "Accepted", "status": "True"}, {"type": "Ready", "status": "True"}]});
        vec![
            namespace("acme"),
            namespace("shop"),
            json!({"kind": "Namespace", "metadata": {"name": "default"}}),
            json!({"kind": "ProjectBinding", "status": ready}),
            json!({"kind": "BillingGroup"}),
            json!({"kind": "Invoice", "spec": {"sequence": 1}, "status": {"phase": "Final"}}),
            estimate(2, "2026-11-22T10:00:00Z"),
            json!({"kind": "BillingPeriod", "status": {"final": 1}}),
            json!({"kind": "UsageRecord", "metadata": {"name": "volume-1", "labels": {METER_LABEL: "volumes"}}}),
            json!({"kind": "Meter", "metadata": {"name": "volumes"}}),
            json!({"kind": "UsageRecord", "metadata": {"name": "by-hand"}}),
        ]
    }

    /// An estimate of November.
    fn estimate(sequence: u64, as_of: &str) -> Value {
        let lines = json!([{"source": {"name": "volume-1"}}]);
        let document = json!({"asOf": as_of, "period": {"end": "2026-12-01T00:00:00Z"}, "lines": lines});
        json!({"kind": "Invoice", "spec": {"sequence": sequence}, "status": {"phase": "Estimate", "document": document}})
    }

    #[test]
    fn a_world_is_complete_with_its_finals_its_estimate_and_its_payers() {
        let outlook = Outlook::of(&world());
        let records = || BTreeSet::from(["volume-1".to_owned()]);
        let meters = || BTreeSet::from(["volumes".to_owned()]);
        let all = Outlook {
            projects: 1,
            bound: 1,
            groups: 1,
            estimated: 1,
            due: 1,
            finals: 1,
            counted: 1,
            meters: meters(),
            recording: meters(),
            metered: records(),
            billed: records(),
        };
        assert_eq!(outlook, all);
        assert!(outlook.is_complete());
        // The binding, the group, the final, the estimate, the period, what is metered.
        for missing in 3..=8 {
            let mut world = world();
            world.remove(missing);
            assert!(!Outlook::of(&world).is_complete(), "without {missing}");
        }
    }

    #[test]
    fn an_estimate_of_a_month_that_is_over_is_not_the_open_one() {
        let mut world = world();
        world.push(estimate(3, "2026-12-01T00:00:00Z"));
        assert_eq!(Outlook::of(&world).estimated, 1);
        world.push(estimate(4, "2026-11-30T23:59:59Z"));
        assert!(!Outlook::of(&world).is_complete(), "three finals are due");
    }

    #[test]
    fn what_was_counted_before_the_month_began_is_on_the_final_of_then() {
        let mut world = world();
        world.push(
            json!({"kind": "UsageRecord", "metadata": {"name": "requests-1", "labels": {METER_LABEL: "requests"}}}),
        );
        assert!(!Outlook::of(&world).is_complete(), "it is on no invoice");
        world[5]["status"]["document"] = json!({"lines": [{"source": {"name": "requests-1"}}]});
        assert!(Outlook::of(&world).is_complete());
    }

    #[test]
    fn nothing_at_all_is_not_complete() {
        assert!(!Outlook::of(&[]).is_complete());
    }
}
