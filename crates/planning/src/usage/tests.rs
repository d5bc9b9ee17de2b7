//! What is written on records, as data in and a sentence out.

use super::{ReportPlan, plan_reports};
use crate::billing_settings::BillingSettings;
use crate::scenario::{ACME, at, binding, ledger, settings, state};
use billing_domain::Name;
use billing_domain::tenancy::default_binding::{DefaultPolicy, DefaultSettings};

const NOW: &str = "2026-11-21T12:00:00Z";

#[track_caller]
fn check(manifests: &str, settings: &BillingSettings, expected: &str) {
    let plan = plan_reports(&state(manifests), &Name::from("acme"), settings, at(NOW));
    assert_eq!(summary(&plan), expected);
}

fn summary(plan: &ReportPlan) -> String {
    let reason = |conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]| {
        conditions.first().map_or("billable".to_owned(), |condition| condition.reason.clone())
    };
    let mut said: Vec<_> =
        plan.reports.iter().map(|report| format!("{} {}", report.usage.name, reason(&report.conditions))).collect();
    said.extend(plan.waits.then(|| "waits".to_owned()));
    if said.is_empty() { "nothing".to_owned() } else { said.join("; ") }
}

fn usage(status: &str) -> String {
    format!(
        "\n---\nkind: UsageRecord\nmetadata: {{name: db, namespace: acme}}\n\
         spec: {{project: acme-web, service: {{name: db, type: PostgreSQL}}, start: '2026-11-20T00:00:00Z'}}\n{status}"
    )
}

/// An operator that binds nothing by default.
fn without_defaults() -> BillingSettings {
    let DefaultSettings { policy: _, delay } = settings().defaults;
    BillingSettings { defaults: DefaultSettings { policy: DefaultPolicy::Off, delay }, ..settings() }
}

const UNKNOWN: &str = "status: {conditions: [{type: Billable, status: 'False', reason: ProjectUnknown, message: '', \
                       lastTransitionTime: '2026-11-20T00:00:00Z'}]}\n";

#[test]
fn a_record_of_a_project_that_nobody_pays_for_is_reported() {
    check(&format!("{ACME}{}", usage("")), &without_defaults(), "db ProjectUnbound");
}

#[test]
fn nothing_is_said_while_a_binding_is_on_its_way_into_the_ledger() {
    check(&format!("{ACME}{}{}", binding("shop"), usage("")), &without_defaults(), "waits");
}

#[test]
fn nor_is_anything_taken_back() {
    check(&format!("{ACME}{}{}", binding("shop"), usage(UNKNOWN)), &without_defaults(), "waits");
    let bound = format!("{ACME}{}{}{}", binding("shop"), ledger(&["shop"]), usage(UNKNOWN));
    check(&bound, &without_defaults(), "db billable");
}

#[test]
fn nothing_is_said_while_a_default_is_to_come() {
    check(&format!("{ACME}{}", usage("")), &settings(), "waits");
}

/// What is written on a record that nobody pays for, which says it of a generation.
fn reported(generation: Option<i64>) -> ReportPlan {
    let observed = generation.map(|generation| format!("observedGeneration: {generation}, ")).unwrap_or_default();
    let known = UNKNOWN
        .replace("ProjectUnknown", "ProjectUnbound")
        .replace("message: '', ", &format!("message: '', {observed}"));
    let ended = usage(&known).replace("metadata: {name: db,", "metadata: {generation: 2, name: db,");
    plan_reports(&state(&format!("{ACME}{ended}")), &Name::from("acme"), &without_defaults(), at(NOW))
}

#[test]
fn a_condition_is_about_the_record_as_it_is_and_keeps_its_time() {
    assert_eq!(summary(&reported(Some(2))), "nothing");
    for before in [Some(1), None] {
        let plan = reported(before);
        assert_eq!(summary(&plan), "db ProjectUnbound");
        let condition = &plan.reports[0].conditions[0];
        let since = condition.last_transition_time.0.to_string();
        assert_eq!((condition.observed_generation, since.as_str()), (Some(2), "2026-11-20T00:00:00Z"));
    }
}
