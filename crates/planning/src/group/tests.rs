//! What a group needs, as data in and a sentence out.

use k8s_openapi::api::core::v1::Namespace;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::plan::{GroupPlan, InvoiceWrite, Steady, plan_group};
use super::write_coalescing::CoalescingState;
use crate::conditions::find;
use crate::invoice::{estimate_status, make_invoice};
use crate::scenario::{ACME, add, at, binding, ledger, settings, state, stored, uid};
use billing_api::{BillingGroup, ProjectBinding, ProjectLedger};
use billing_domain::Name;
use billing_state::{Key, ObjectKey, ObservedState, Observes};

const NOW: &str = "2026-11-21T12:00:00Z";

/// Plans for the group `shop` of `acme`, and compares what the plan says.
#[track_caller]
fn check(manifests: &str, now: &str, expected: &str) {
    let state = state(manifests);
    let group = uid("BillingGroup", "acme", "shop");
    let plan = plan_group(&state, &Name::from("acme"), group, &settings(), None, at(now)).unwrap();
    assert_eq!(summary(plan), expected);
}

/// The words of the condition `Ready` of the group `shop`.
fn ready_message(manifests: &str) -> String {
    let group = uid("BillingGroup", "acme", "shop");
    let plan = plan_group(&state(manifests), &Name::from("acme"), group, &settings(), None, at(NOW)).unwrap();
    let GroupPlan::Steady(steady) = plan else { panic!("{plan:?}") };
    find(&steady.status.unwrap().conditions, "Ready").map(|ready| ready.message.clone()).unwrap_or_default()
}

fn summary(plan: GroupPlan) -> String {
    match plan {
        GroupPlan::Steady(steady) => told_steady(&steady),
        GroupPlan::ClaimSeries(candidates) => format!("claim {}", candidates[0]),
        other => format!("{other:?}"),
    }
}

fn told_steady(steady: &Steady) -> String {
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
fn one_price_list_of_several_that_is_missing_holds_all_and_is_named() {
    let manifests = bound().replace(
        "spec: {}\nstatus: {invoiceSeries: bbbbb",
        "spec: {terms: {priceLists: [default, deal]}}\nstatus: {invoiceSeries: bbbbb",
    );
    let manifests = format!("{manifests}{}", usage("db", "PostgreSQL", "2026-11-21T00:00:00Z"));
    let missing = "status PriceListNotFound [acme-web] 0.00; bbbbb-1 2026-11 0.00 PriceListNotFound";
    check(&manifests, NOW, missing);
    let said = ready_message(&manifests);
    assert_eq!(said, "there is no PriceList deal; create it, or name another in spec.terms.priceLists");
    let deal = |currency: &str| {
        let entry = "{name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.01', validFrom: '2020-01-01T00:00:00Z'}";
        format!(
            "{manifests}---\nkind: PriceList\nmetadata: {{name: deal}}\nspec: {{currency: {currency}, entries: [{entry}]}}\n"
        )
    };
    check(&deal("USD"), NOW, "status Ready [acme-web] 0.31; bbbbb-1 2026-11 0.31 Open");
    let first = deal("USD").replace("[default, deal]", "[deal, default]");
    check(&first, NOW, "status Ready [acme-web] 0.12; bbbbb-1 2026-11 0.12 Open");
    check(&deal("EUR"), NOW, "status TermsInvalid [acme-web] 0.00; bbbbb-1 2026-11 0.00 TermsInvalid");
    let words =
        "spec.terms.priceLists: the PriceList default is in USD, and deal in EUR; name price lists of one currency";
    assert_eq!(ready_message(&deal("EUR")), words);
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

/// A group that goes, and whose last final carried 476.66 forward; and this Credit.
fn owed(credit: &str) -> String {
    let deleted = "name: shop, namespace: acme, deletionTimestamp: '2026-11-21T10:00:00Z',";
    let carried = "{amount: '476.66', currency: USD, invoiceUID: 11111111-1111-4111-8111-111111111111}";
    let last = format!("lastFinal: {{number: bbbbb-1, sequence: 1, digest: 'sha256:0', carriedForward: {carried}}}");
    let manifests = ACME.replace("name: shop, namespace: acme,", deleted);
    let manifests = manifests.replace("members: [{project: acme-web}]", &format!("firstPeriod: '2026-10', {last}"));
    format!("{manifests}\n---\n{credit}")
}

/// `reason credit` of what is done for a group that is owed something.
#[track_caller]
fn check_owed(manifests: &str, expected: &str) {
    let state = state(manifests);
    let group = uid("BillingGroup", "acme", "shop");
    let plan = plan_group(&state, &Name::from("acme"), group, &settings(), None, at(NOW)).unwrap();
    let GroupPlan::Steady(steady) = plan else { panic!("{plan:?}") };
    let ready = steady.status.as_ref().and_then(|status| find(&status.conditions, "Ready")).expect("a condition");
    let credit = steady.transfer.and_then(|credit| credit.metadata.name).unwrap_or("-".to_owned());
    assert_eq!(format!("{} {credit} {}", ready.reason, steady.release), expected);
}

#[test]
fn what_a_deleted_group_is_owed_becomes_a_credit_before_it_goes() {
    check_owed(&owed(""), "BalanceOwed carried-bbbbb-1 false");
    let granted = "kind: Credit
metadata: {name: carried-bbbbb-1, namespace: acme}
spec: {billingGroup: main, type: Other, amount: {amount: '476.66', currency: USD}, origin: {invoice: bbbbb-1}}";
    check_owed(&owed(granted), "Closing - true");
}

#[test]
fn what_a_deleted_group_is_owed_is_not_paid_out_by_another_legal_entity() {
    let billed_abroad = owed("").replace("spec: {primary: true}", "spec: {primary: true, terms: {issuer: abroad}}");
    check_owed(&billed_abroad, "BalanceOwed - false");
}

#[test]
fn a_credit_of_that_name_that_says_nothing_of_it_is_told_and_not_believed() {
    let squatter = "kind: Credit
metadata: {name: carried-bbbbb-1, namespace: acme}
spec: {billingGroup: main, code: AAAABBBBCCCCDDDD}";
    check_owed(&owed(squatter), "NameTaken - false");
    let of_another = "type: Other, amount: {amount: '1', currency: USD}, origin: {invoice: ccccc-1}";
    check_owed(&owed(&squatter.replace("code: AAAABBBBCCCCDDDD", of_another)), "NameTaken - false");
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

/// A group at work: what is planned for `shop` goes into the state.
struct GroupSimulator {
    state: ObservedState,
    coalescing: Option<CoalescingState>,
}

impl GroupSimulator {
    fn new(manifests: &str) -> Self {
        Self { state: state(manifests), coalescing: None }
    }

    /// Plans at this second after noon, writes what is planned, and says what that was.
    fn write(&mut self, second: u32) -> String {
        let now = at(&format!("2026-11-21T12:00:{second:02}Z"));
        let group = uid("BillingGroup", "acme", "shop");
        let plan = plan_group(&self.state, &Name::from("acme"), group, &settings(), self.coalescing, now).unwrap();
        let GroupPlan::Steady(steady) = plan else { panic!("{plan:?}") };
        let said = told_steady(&steady);
        self.coalescing = steady.coalescing;
        let mut object = BillingGroup::clone(self.state.organization("acme").unwrap().group(group).unwrap());
        object.status = steady.status.or(object.status);
        self.state.observe(object);
        for InvoiceWrite { facts, write, .. } in steady.writes {
            let mut invoice = make_invoice(&facts);
            let document = write.rendered.map(|rendered| rendered.document);
            invoice.status = Some(estimate_status(document, write.conditions));
            self.state.observe(stored(invoice));
        }
        said
    }

    /// A project is bound to `shop`.
    fn bind(&mut self, project: &str) {
        let namespace = json!({ "name": project, "labels": { "billing-operator.io/organization": "acme" } });
        let billing = json!({ "name": "billing", "namespace": project });
        self.state.observe(made::<Namespace>(namespace, json!({})));
        self.state.observe(made::<ProjectBinding>(billing, json!({ "billingGroup": "shop" })));
    }

    /// The project's ledger says so.
    fn record(&mut self, project: &str) {
        let metadata = json!({ "name": project, "namespace": "acme" });
        let group = uid("BillingGroup", "acme", "shop").to_string();
        let segment = json!({
            "from": NOW, "billingGroup": "shop", "billingGroupUID": group, "projectUID": group, "default": false
        });
        self.state.observe(made::<ProjectLedger>(metadata, json!({ "segments": [segment] })));
    }
}

fn made<K: DeserializeOwned>(mut metadata: Value, spec: Value) -> K {
    metadata["uid"] = uid("", "", metadata["namespace"].as_str().unwrap_or_default()).to_string().into();
    metadata["resourceVersion"] = "1".into();
    metadata["creationTimestamp"] = NOW.into();
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
}

#[test]
fn a_project_that_comes_alone_waits_for_nothing() {
    let mut work = GroupSimulator::new(&bound());
    assert_eq!(work.write(0), "status Ready [acme-web] 0.00; bbbbb-1 2026-11 0.00 Open");
    work.bind("acme-api");
    assert_eq!(work.write(1), "status Ready [acme-api acme-web] 0.00");
    work.record("acme-api");
    assert_eq!(work.write(2), "bbbbb-1 2026-11 0.00 Open");
    assert_eq!(work.write(3), "nothing");
    work.bind("acme-app");
    assert_eq!(work.write(4), "status Ready [acme-api acme-app acme-web] 0.00");
}

#[test]
fn of_many_projects_that_come_those_that_follow_are_written_together() {
    let mut work = GroupSimulator::new(&bound());
    work.write(0);
    let mut said = Vec::new();
    for second in 1..=12 {
        work.bind(&format!("acme-{second:02}"));
        if second > 2 {
            work.record(&format!("acme-{:02}", second - 2));
        }
        match work.write(second).as_str() {
            "nothing" => {}
            written => said.push(format!("{second}: {}", written.replace("acme-", ""))),
        }
    }
    let expected = [
        "1: status Ready [01 web] 0.00",
        "3: status Ready [01 02 03 web] 0.00",
        "6: status Ready [01 02 03 04 05 06 web] 0.00",
        "10: status Ready [01 02 03 04 05 06 07 08 09 10 web] 0.00",
        "11: bbbbb-1 2026-11 0.00 Open",
    ];
    assert_eq!(said, expected);
}

/// A project `acme-new` that is to get its binding by default, and was first seen long ago.
const UNBOUND: &str =
    "\n---\nkind: Namespace\nmetadata: {name: acme-new, labels: {billing-operator.io/organization: acme}}\n";

fn shop() -> billing_domain::Uid {
    uid("BillingGroup", "acme", "shop")
}

fn planned(state: &ObservedState, now: &str) -> String {
    summary(plan_group(state, &Name::from("acme"), shop(), &settings(), None, at(now)).unwrap())
}

#[test]
fn a_project_whose_writes_are_refused_holds_the_others_no_longer_than_the_delay() {
    let now = "2026-12-02T12:00:00Z";
    let mut state = state(&format!("{}{}{UNBOUND}", bound(), period("2026-11", "2026-12-01T00:00:00Z")));
    let waits = "status Ready [acme-web] 0.00; bbbbb-1 2026-11 0.00 AwaitingBindings; bbbbb-2 2026-12 0.00 Open";
    assert_eq!(planned(&state, now), waits);
    let refuse = |state: &mut ObservedState, at_time: &str| {
        let key = Key::Project("acme-new".into());
        let refusal = ("ProjectBinding acme-new/billing", "exceeded quota: stop");
        state.refuse_write(&key, "project", refusal, settings().defaults.delay, at(at_time))
    };
    assert_eq!(refuse(&mut state, "2026-12-02T11:59:30Z"), [Key::Project("acme-new".into())]);
    assert_eq!(planned(&state, now), waits, "it may pass yet");
    // Told again, and then the groups that waited are looked at.
    assert_eq!(refuse(&mut state, "2026-12-02T11:59:59Z"), []);
    let freed = refuse(&mut state, "2026-12-02T12:00:30Z");
    assert!(freed.contains(&Key::Group { organization: "acme".into(), group: shop() }), "{freed:?}");
    assert_eq!(refuse(&mut state, "2026-12-02T12:00:31Z"), []);
    let goes_on = "status Ready [acme-web] 0.00; bbbbb-1 2026-11 0.00 Closing; bbbbb-2 2026-12 0.00 Open; closing";
    assert_eq!(planned(&state, "2026-12-02T12:00:30Z"), goes_on);
    // Once it is written, nothing is left of it.
    let done = state.accept_write(&Key::Project("acme-new".into()), "project");
    assert!(done.contains(&Key::Project("acme-new".into())) && done.len() > 1, "{done:?}");
    assert_eq!(state.accept_write(&Key::Project("acme-new".into()), "project"), []);
    assert!(state.refused_write_counts().is_empty());
}

#[test]
fn a_group_says_which_write_is_refused_until_it_is_not() {
    let mut state = state(&bound());
    let key = Key::Group { organization: "acme".into(), group: shop() };
    let refusal = ("Invoice acme/bbbbb-1", "exceeded quota: stop");
    state.refuse_write(&key, "closing", refusal, settings().defaults.delay, at(NOW));
    assert_eq!(planned(&state, NOW), "status WriteRefused [acme-web] 0.00; bbbbb-1 2026-11 0.00 Open");
    assert_eq!(state.refused_write_counts().into_iter().collect::<Vec<_>>(), [("closing", 1)]);
    // Another worker got its writes through; that one did not.
    assert_eq!(state.accept_write(&key, "group"), []);
    assert_eq!(state.accept_write(&key, "closing"), [key]);
    assert_eq!(planned(&state, NOW), "status Ready [acme-web] 0.00; bbbbb-1 2026-11 0.00 Open");
}

#[test]
fn a_group_that_cannot_be_billed_is_not_ready_before_it_uses_anything() {
    let ready = |manifests: &str| planned(&state(manifests), NOW).split(' ').nth(1).unwrap().to_owned();
    assert_eq!(ready(&bound()), "Ready");
    assert_eq!(ready(&bound().replace("spec: {}\n", "spec: {currency: ZZZ}\n")), "CurrencyUnknown");
    assert_eq!(ready(&bound().replace("spec: {}\n", "spec: {currency: EUR}\n")), "RateMissing");
    let finland = "spec: {legalName: Example, taxRules: [{name: fi, countries: [FI], category: S, rate: '25.5'}]}";
    let taxed = bound().replace("spec: {legalName: Example}", finland);
    assert_eq!(ready(&taxed), "NoTaxRule");
    let finnish = taxed.replace("spec: {}\n", "spec: {billingAddress: {countryCode: FI}}\n");
    assert_eq!(ready(&finnish), "Ready");
}

/// What a group's status says that is planned.
#[track_caller]
fn told(state: &ObservedState) -> billing_api::BillingGroupStatus {
    match plan_group(state, &Name::from("acme"), shop(), &settings(), None, at(NOW)).unwrap() {
        GroupPlan::Tell(status) => *status,
        GroupPlan::Steady(steady) => steady.status.expect("a status"),
        other => panic!("{other:?}"),
    }
}

fn forget_namespace(state: &mut ObservedState, name: &str) {
    Observes::<Namespace>::forget(state, &ObjectKey::cluster(name));
}

#[test]
fn an_estimate_of_usage_whose_project_is_gone_says_so() {
    let mut state = state(&format!("{}{}", bound(), usage("db", "PostgreSQL", "2026-11-21T00:00:00Z")));
    assert_eq!(find(&told(&state).conditions, "ProjectsGone"), None);
    forget_namespace(&mut state, "acme-web");
    let status = told(&state);
    let gone = find(&status.conditions, "ProjectsGone").expect("a condition");
    assert!(gone.message.starts_with("the estimate has usage of acme-web, which is no project"), "{}", gone.message);
    assert_eq!(
        (status.projects, status.estimated_balance.as_deref()),
        (Some(0), Some("0.31")),
        "it ran, and is billed"
    );
}

#[test]
fn a_group_without_an_organization_says_that_nothing_is_billed() {
    let mut state = state(&format!("{}{}", bound(), usage("db", "PostgreSQL", "2026-11-21T00:00:00Z")));
    forget_namespace(&mut state, "acme");
    // Nobody else deletes it with its namespace.
    assert_eq!(planned(&state, NOW), "Release");
    let unprotected = bound().replace(", finalizers: [billing-operator.io/settle]", "");
    let mut state = self::state(&unprotected);
    forget_namespace(&mut state, "acme");
    let status = told(&state);
    let ready = find(&status.conditions, "Ready").expect("a condition");
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "OrganizationMissing"));
    assert_eq!((status.projects, status.estimated_balance, status.members.len()), (Some(0), None, 0));
    // It may be another's project by now.
    add(&mut state, "kind: Namespace\nmetadata: {name: acme, labels: {billing-operator.io/organization: other}}");
    assert_eq!(
        find(&told(&state).conditions, "Ready").map(|ready| ready.reason.clone()),
        Some("OrganizationMissing".to_owned())
    );
}

#[test]
fn a_group_that_cannot_even_begin_says_which_write_is_refused() {
    for (text, with, then) in [
        (", finalizers: [billing-operator.io/settle]", "", "Protect"),
        ("status: {invoiceSeries: bbbbb, members: [{project: acme-web}]}", "status: {}", "claim"),
    ] {
        let manifests = bound().replace(text, with);
        let mut state = state(&manifests);
        assert!(planned(&state, NOW).starts_with(then));
        let key = Key::Group { organization: "acme".into(), group: shop() };
        let refusal = ("InvoiceSeries bbbbb", "not today");
        state.refuse_write(&key, "group", refusal, settings().defaults.delay, at(NOW));
        let status = told(&state);
        let ready = find(&status.conditions, "Ready").expect("a condition");
        assert_eq!(ready.reason, "WriteRefused");
        assert!(ready.message.starts_with("InvoiceSeries bbbbb was refused: not today"), "{}", ready.message);
        // Once that is said, it is tried again.
        let mut object: BillingGroup = state.organization("acme").unwrap().group(shop()).unwrap().as_ref().clone();
        object.status = Some(status);
        state.observe(object);
        assert!(planned(&state, NOW).starts_with(then));
    }
}
