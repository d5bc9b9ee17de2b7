//! What periods say, as data in and a sentence out.

use super::plan_periods;
use crate::scenario::{ACME, at, settings, state, uid};

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
