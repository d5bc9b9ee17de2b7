//! What periods say, as data in and a sentence out.

use super::{census, plan_periods};
use crate::scenario::{ACME, at, settings, state, uid};
use billing_state::{Key, ObservedState};

const NOW: &str = "2026-11-21T12:00:00Z";

/// October is over.
const OCTOBER: &str = "
---
kind: BillingPeriod
metadata: {name: '2026-10'}
spec: {start: '2026-10-01T00:00:00Z', end: '2026-11-01T00:00:00Z', attribution: MonthEnd}
";

/// An organization that joined later, with a record of October that nobody pays for.
const JOINED_LATER: &str = "
---
kind: Namespace
metadata: {name: umbra, labels: {billing-operator.io/organization: umbra}}
---
kind: Namespace
metadata: {name: umbra-web, labels: {billing-operator.io/organization: umbra}}
---
kind: UsageRecord
metadata: {name: before, namespace: umbra}
spec: {project: umbra-web, service: {name: db, type: PostgreSQL}, start: '2026-10-20T00:00:00Z'}
";

#[track_caller]
fn check(manifests: &str, expected: &str) {
    let plan = plan_periods(&state(manifests), &settings(), at(NOW));
    let statuses = plan.statuses.iter().filter_map(|period| period.status.as_ref());
    let said: Vec<_> = statuses
        .map(|status| {
            let projects: Vec<_> = status.unbilled_projects.iter().map(ToString::to_string).collect();
            let (finals, held, waiting) = (status.finals, status.held, status.waiting);
            format!("{finals}+{held}+{waiting}, {} in [{}]", status.unbilled_records, projects.join(" "))
        })
        .collect();
    assert_eq!(said.join("; "), expected);
}

/// An invoice of `shop` for October, with this reason of its condition.
fn invoice(reason: &str) -> String {
    let group = uid("BillingGroup", "acme", "shop");
    format!(
        "\n---\nkind: Invoice\nmetadata: {{name: bbbbb-1, namespace: acme}}\n\
         spec: {{billingGroup: shop, billingGroupUID: '{group}', period: '2026-10', series: bbbbb, sequence: 1}}\n\
         status: {{phase: Estimate, conditions: [{{type: Ready, status: 'False', reason: {reason}, message: '', \
         lastTransitionTime: '2026-11-01T00:00:00Z'}}]}}\n"
    )
}

/// A record of October that nobody pays for, in `acme`.
const UNBILLED: &str = "
---
kind: UsageRecord
metadata: {name: db, namespace: acme}
spec: {project: acme-web, service: {name: db, type: PostgreSQL}, start: '2026-10-20T00:00:00Z'}
";

#[test]
fn a_month_counts_the_open_invoices_and_what_is_not_billed_of_their_organizations() {
    let held = format!("{ACME}{OCTOBER}{}{UNBILLED}", invoice("Unpriced"));
    check(&held, "0+1+0, 1 in [acme-web]");
    check(&format!("{ACME}{OCTOBER}{}{UNBILLED}", invoice("SettlingIn")), "0+0+1, 1 in [acme-web]");
}

#[test]
fn an_organization_without_an_invoice_of_the_month_is_not_looked_at() {
    check(&format!("{ACME}{OCTOBER}{}{UNBILLED}{JOINED_LATER}", invoice("Unpriced")), "0+1+0, 1 in [acme-web]");
    check(&format!("{ACME}{OCTOBER}{UNBILLED}{JOINED_LATER}"), "0+0+0, 0 in []");
}

/// A group that is billed for October, too.
const FROM_OCTOBER: &str = "
---
kind: BillingGroup
metadata: {name: late, namespace: acme, finalizers: [billing-operator.io/settle]}
spec: {terms: {firstPeriod: '2026-10'}}
status: {invoiceSeries: ccccc}
";

fn held(state: &ObservedState) -> Vec<(&'static str, usize)> {
    census(state, at(NOW)).held.into_iter().collect()
}

#[test]
fn an_invoice_that_waits_for_a_reading_is_waiting_and_counted_by_that_reason() {
    let counted = |reason: &str| {
        check(&format!("{ACME}{OCTOBER}{}", invoice(reason)), "0+0+1, 0 in []");
        held(&state(&format!("{ACME}{OCTOBER}{}", invoice(reason))))
    };
    assert_eq!(counted("AwaitingReading"), [("AwaitingReading", 1)]);
    assert_eq!(counted("SettlingIn"), []);
}

#[test]
fn an_invoice_that_could_not_be_written_is_waited_for_and_counted() {
    let manifests = format!("{ACME}{OCTOBER}{FROM_OCTOBER}");
    check(&manifests, "0+0+1, 0 in []");
    let mut state = state(&manifests);
    assert_eq!(held(&state), [("NotWritten", 1)]);
    let key = Key::Group { organization: "acme".into(), group: uid("BillingGroup", "acme", "late") };
    state.refuse_write(&key, "group", ("Invoice acme/ccccc-1", "exceeded quota"), settings().defaults.delay, at(NOW));
    assert_eq!(held(&state), [("WriteRefused", 1)]);
}

#[test]
fn an_invoice_that_exists_or_that_nobody_is_billed_by_is_not_missed() {
    let written = invoice("SettlingIn").replace("bbbbb-1", "ccccc-1").replace("bbbbb", "ccccc");
    check(&format!("{ACME}{OCTOBER}{FROM_OCTOBER}{written}"), "0+0+1, 0 in []");
    assert_eq!(held(&state(&format!("{ACME}{OCTOBER}{written}"))), []);
    let too_early = FROM_OCTOBER.replace("2026-10", "2020-10");
    assert_eq!(held(&state(&format!("{ACME}{OCTOBER}{too_early}"))), []);
    let last = "status: {invoiceSeries: ccccc, firstPeriod: '2026-10', lastFinal: {number: ccccc-1, sequence: 1, digest: 'x'}}";
    let is_final = FROM_OCTOBER.replace("status: {invoiceSeries: ccccc}", last);
    assert_eq!(held(&state(&format!("{ACME}{OCTOBER}{is_final}"))), []);
}
