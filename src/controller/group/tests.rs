//! What a group needs, as data in and a sentence out.

use std::sync::Arc;

use super::plan::{GroupPlan, InvoiceWrite, Steady, plan_group};
use crate::api::PriceList;
use crate::books::{Books, Observes};
use crate::controller::invoice::{estimate_status, make_invoice};
use crate::controller::runtime::conditions::find;
use crate::controller::scenario::{ACME, at, binding, books, ledger, rules, uid};
use crate::domain::{Billed, Name};

const NOW: &str = "2026-11-21T12:00:00Z";

/// Plans for the group `shop` of `acme`, and compares what the plan says.
#[track_caller]
fn check(manifests: &str, now: &str, expected: &str) {
    let books = books(manifests);
    let group = uid("BillingGroup", "acme", "shop");
    let billed = |_| Arc::new(Billed::default());
    let plan = plan_group(&books, &Name::from("acme"), group, &rules(), &billed, at(now)).unwrap();
    assert_eq!(told(plan), expected);
}

fn told(plan: GroupPlan) -> String {
    match plan {
        GroupPlan::Steady(steady) => told_steady(*steady),
        GroupPlan::ClaimSeries(candidates) => format!("claim {}", candidates[0]),
        other => format!("{other:?}"),
    }
}

fn told_steady(steady: Steady) -> String {
    let mut said = Vec::new();
    if let Some(status) = &steady.status {
        let ready = find(&status.conditions, "Ready").map(|ready| ready.reason.clone()).unwrap_or_default();
        let members: Vec<_> = status.members.iter().map(|member| member.project.to_string()).collect();
        let balance = status.estimated_balance.as_deref().unwrap_or("-");
        said.push(format!("status {ready} [{}] {balance}", members.join(" ")));
    }
    for write in &steady.writes {
        let total = write.write.rendered.as_ref().map_or("-", |rendered| rendered.document.total.as_str());
        let ready = find(&write.write.conditions, "Ready").map(|ready| ready.reason.clone()).unwrap_or_default();
        said.push(format!("{} {} {total} {ready}", write.facts.number, write.facts.month));
    }
    said.extend(steady.deletes.iter().map(|estimate| format!("delete {}", estimate.number)));
    if steady.release {
        said.push("release".to_owned());
    }
    if steady.closing {
        said.push("closing".to_owned());
    }
    if said.is_empty() { "nothing".to_owned() } else { said.join("; ") }
}

/// Usage of `acme-web`.
fn usage(name: &str, kind: &str, start: &str) -> String {
    format!(
        "\n---\nkind: UsageRecord\nmetadata: {{name: {name}, namespace: acme}}\n\
         spec: {{project: acme-web, service: {{name: {name}, type: {kind}}}, start: '{start}'}}\n"
    )
}

/// A month that is over.
fn period(month: &str, end: &str) -> String {
    format!(
        "\n---\nkind: BillingPeriod\nmetadata: {{name: '{month}'}}\n\
         spec: {{start: '{month}-01T00:00:00Z', end: '{end}', attribution: MonthEnd}}\n"
    )
}

fn bound() -> String {
    format!("{ACME}{}{}", binding("shop"), ledger(&["shop"]))
}

#[test]
fn a_new_group_is_protected_first() {
    check(&ACME.replace(", finalizers: [billing-operator.io/settle]", ""), NOW, "Protect");
}

#[test]
fn a_group_claims_the_series_that_the_provider_wishes_for() {
    let manifests =
        ACME.replace("spec: {}\nstatus: {invoiceSeries: bbbbb, ", "spec: {terms: {invoiceSeries: f3397}}\nstatus: {");
    check(&manifests, NOW, "claim f3397");
}

#[test]
fn a_group_without_a_wish_claims_digits_of_its_uid() {
    let digits = uid("BillingGroup", "acme", "shop").hex();
    check(&ACME.replace("invoiceSeries: bbbbb, ", ""), NOW, &format!("claim {}", &digits[..5]));
}

#[test]
fn an_estimate_follows_usage() {
    let manifests = format!("{}{}", bound(), usage("db", "PostgreSQL", "2026-11-21T00:00:00Z"));
    check(&manifests, NOW, "status Ready [acme-web] 0.31; bbbbb-1 2026-11 0.31 Open");
}

#[test]
fn a_member_whose_binding_is_gone_is_dropped_and_still_paid_for() {
    let manifests = format!("{ACME}{}{}", ledger(&["shop"]), usage("db", "PostgreSQL", "2026-11-21T00:00:00Z"));
    check(&manifests, NOW, "status Ready [] 0.31; bbbbb-1 2026-11 0.31 Open");
}

#[test]
fn a_project_of_another_organization_is_no_member() {
    let other = "
---
kind: Namespace
metadata: {name: globex, labels: {billing-operator.io/organization: globex}}
---
kind: Namespace
metadata: {name: acme-web, labels: {billing-operator.io/organization: globex}}
";
    check(&format!("{}{other}", bound()), NOW, "status Ready [] 0.00; bbbbb-1 2026-11 0.00 Open");
}

#[test]
fn an_unpriced_record_holds_the_invoice_and_the_rest_is_estimated() {
    let manifests = format!(
        "{}{}{}",
        bound(),
        usage("db", "PostgreSQL", "2026-11-21T00:00:00Z"),
        usage("cache", "Redis", "2026-11-21T00:00:00Z")
    );
    check(&manifests, NOW, "status Ready [acme-web] 0.31; bbbbb-1 2026-11 0.31 Unpriced");
}

#[test]
fn without_a_price_list_the_group_says_so() {
    let manifests =
        bound().replace("kind: PriceList\nmetadata: {name: default}", "kind: PriceList\nmetadata: {name: other}");
    let expected = "status PriceListNotFound [acme-web] 0.00; bbbbb-1 2026-11 0.00 PriceListNotFound";
    check(&manifests, NOW, expected);
}

#[test]
fn a_first_period_in_the_past_settles_in_and_then_closes() {
    let terms = "spec: {terms: {firstPeriod: '2026-10'}}\nstatus: {invoiceSeries: bbbbb";
    let manifests = bound().replace("spec: {}\nstatus: {invoiceSeries: bbbbb", terms);
    let manifests = format!("{manifests}{}", period("2026-10", "2026-11-01T00:00:00Z"));
    let opened = "bbbbb-2 2026-11 0.00 Open";
    let settling = format!("status Ready [acme-web] 0.00; bbbbb-1 2026-10 0.00 SettlingIn; {opened}");
    check(&manifests, "2026-11-10T00:59:59Z", &settling);
    let closing = format!("status Ready [acme-web] 0.00; bbbbb-1 2026-10 0.00 Closing; {opened}; closing");
    check(&manifests, "2026-11-10T01:00:00Z", &closing);
}

#[test]
fn a_month_waits_for_a_binding_that_is_on_its_way() {
    let terms = "spec: {terms: {firstPeriod: '2026-10'}}\nstatus: {invoiceSeries: bbbbb";
    let manifests = format!("{ACME}{}", binding("shop")).replace("spec: {}\nstatus: {invoiceSeries: bbbbb", terms);
    let manifests = format!("{manifests}{}", period("2026-10", "2026-11-01T00:00:00Z"));
    let expected = "status Ready [acme-web] 0.00; bbbbb-1 2026-10 0.00 AwaitingBindings; bbbbb-2 2026-11 0.00 Open";
    check(&manifests, NOW, expected);
}

#[test]
fn a_first_period_too_far_back_is_not_billed() {
    let terms = "spec: {terms: {firstPeriod: '2024-10'}}\nstatus: {invoiceSeries: bbbbb";
    let manifests = bound().replace("spec: {}\nstatus: {invoiceSeries: bbbbb", terms);
    check(&manifests, NOW, "status FirstPeriodTooEarly [acme-web] -");
}

#[test]
fn a_deleted_group_that_owes_nothing_goes_at_once() {
    let manifests = ACME.replace(
        "name: shop, namespace: acme,",
        "name: shop, namespace: acme, deletionTimestamp: '2026-11-21T10:00:00Z',",
    );
    let manifests = manifests.replace(", members: [{project: acme-web}]", "");
    check(&manifests, NOW, "status Closing [] 0.00; release");
}

#[test]
fn a_deleted_group_stays_for_the_month_that_it_pays_for() {
    let deleted = ACME.replace(
        "name: shop, namespace: acme,",
        "name: shop, namespace: acme, deletionTimestamp: '2026-11-21T10:00:00Z',",
    );
    let deleted = deleted.replace(", members: [{project: acme-web}]", "");
    let manifests = format!("{deleted}{}{}", ledger(&["shop"]), usage("db", "PostgreSQL", "2026-11-21T00:00:00Z"));
    check(&manifests, NOW, "status Closing [] 0.31; bbbbb-1 2026-11 0.31 Open");
}

#[test]
fn in_an_organization_that_is_deleted_nothing_is_made() {
    let manifests =
        ACME.replacen("metadata: {name: acme,", "metadata: {name: acme, deletionTimestamp: '2026-11-21T10:00:00Z',", 1);
    check(&manifests, NOW, "Release");
}

#[test]
fn a_group_made_for_a_project_goes_when_nobody_needs_it() {
    let dedicated = "name: shop, namespace: acme, annotations: {billing-operator.io/dedicated: acme-web},";
    let manifests =
        ACME.replace("name: shop, namespace: acme,", dedicated).replace(", members: [{project: acme-web}]", "");
    // The project has no binding yet: it is about to get one.
    check(&manifests, NOW, "status Ready [] 0.00; bbbbb-1 2026-11 0.00 Open");
    check(&format!("{manifests}{}", binding("main")), NOW, "Remove");
    let edited = manifests.replace("annotations:", "generation: 2, annotations:");
    check(&format!("{edited}{}", binding("main")), NOW, "status Ready [] 0.00; bbbbb-1 2026-11 0.00 Open");
}

#[test]
fn a_group_whose_mark_was_taken_off_is_somebodys_own() {
    let group = |annotations: &str| {
        format!(
            "\n---\nkind: BillingGroup\nmetadata: {{name: shop, namespace: acme, annotations: {{{annotations}}},\
             finalizers: [billing-operator.io/settle]}}\nspec: {{}}\nstatus: {{invoiceSeries: bbbbb}}\n"
        )
    };
    let made = group("billing-operator.io/dedicated: acme-web");
    let unused = format!("{}{}", ACME, binding("main"));
    check(&format!("{unused}{made}"), NOW, "Remove");
    let kept = "status Ready [] 0.00; bbbbb-1 2026-11 0.00 Open";
    check(&format!("{unused}{made}{}", group("")), NOW, kept);
}

/// Writes the estimate of `shop` at noon, changes its price list, and says whether it is written again at `later`.
fn is_written_again(manifests: &str, later: &str) -> bool {
    let mut books = books(manifests);
    let plan = |books: &Books, now: &str| {
        let (group, billed) = (uid("BillingGroup", "acme", "shop"), |_| Arc::new(Billed::default()));
        match plan_group(books, &Name::from("acme"), group, &rules(), &billed, at(now)).unwrap() {
            GroupPlan::Steady(steady) => steady.writes,
            other => panic!("{other:?}"),
        }
    };
    for InvoiceWrite { facts, write, .. } in plan(&books, NOW) {
        let mut invoice = make_invoice(&facts);
        let document = write.rendered.map(|rendered| rendered.document);
        invoice.status = Some(estimate_status(document, None, write.conditions));
        books.observe(invoice);
    }
    let prices = ACME.split("\n---\n").find(|document| document.contains("kind: PriceList")).unwrap();
    let uid = uid("PriceList", "", "default");
    let changed = prices.replace("name: default", &format!("name: default, resourceVersion: '2', uid: {uid}"));
    books.observe(serde_saphyr::from_str::<PriceList>(&changed).unwrap());
    !plan(&books, later).is_empty()
}

#[test]
fn while_projects_are_being_bound_an_estimate_is_written_every_few_seconds() {
    let coming = format!("{ACME}{}", binding("shop"));
    assert!(!is_written_again(&coming, "2026-11-21T12:00:04Z"));
    assert!(is_written_again(&coming, "2026-11-21T12:00:05Z"));
    assert!(is_written_again(&bound(), "2026-11-21T12:00:04Z"), "nobody is on the way");
}
