//! What credits need, on a state written as manifests.

use super::{CreditPlan, plan_credit};
use crate::scenario::{ACME, at, state};
use billing_api::{CreditCode, CreditStatus};
use billing_domain::Name;
use billing_state::{ObservedState, Observes};

const NOW: &str = "2026-11-20T00:00:00Z";

/// ACME with a credit called `welcome`, and more.
fn with_credit(spec: &str, more: &str) -> ObservedState {
    let credit = format!("kind: Credit\nmetadata: {{name: welcome, namespace: acme}}\nspec: {spec}\n");
    state(&format!("{ACME}\n---\n{credit}\n---\n{more}"))
}

fn plan(state: &ObservedState, now: &str) -> Option<CreditPlan> {
    plan_credit(state, &Name::from("acme"), "welcome", at(now))
}

/// The status that a credit gets; it is written only once.
#[track_caller]
fn status(state: &mut ObservedState, now: &str) -> CreditStatus {
    let Some(CreditPlan::Steady { status: Some(status), .. }) = plan(state, now) else { panic!("no status") };
    let object = state.organization("acme").unwrap().credits.get("welcome").unwrap().object.clone();
    let mut written = billing_api::Credit::clone(&object);
    written.status = Some(CreditStatus::clone(&status));
    state.observe(written);
    assert!(matches!(plan(state, now), Some(CreditPlan::Steady { status: None, .. })), "what is written holds");
    *status
}

/// `reason amount remaining expired` of the status that a credit gets.
#[track_caller]
fn check(spec: &str, more: &str, now: &str, expected: &str) {
    let status = status(&mut with_credit(spec, more), now);
    let shown = |amount: Option<billing_api::Balance>| amount.map_or("-".to_owned(), |amount| amount.to_string());
    let reason = &status.conditions[0].reason;
    let said = format!("{reason} {} {} {}", shown(status.amount), shown(status.remaining), shown(status.expired));
    assert_eq!(said, expected);
}

const SPEC: &str = "{billingGroup: main, type: Promotion, amount: {amount: '400', currency: USD}";

#[test]
fn a_credit_says_how_it_stands() {
    check(&format!("{SPEC}}}"), "", NOW, "Usable 400.00 400.00 0.00");
    check(&format!("{SPEC}, startsAt: 2026-11-30T23:59:59Z}}"), "", NOW, "Usable 400.00 400.00 0.00");
    check(&format!("{SPEC}, startsAt: 2026-12-01T00:00:00Z}}"), "", NOW, "NotYet 400.00 400.00 0.00");
    check(&format!("{SPEC}, expiresAt: 2026-11-05T00:00:00Z}}"), "", NOW, "Usable 400.00 400.00 0.00");
    check(&format!("{SPEC}, expiresAt: 2026-11-01T00:00:00Z}}"), "", NOW, "Expired 400.00 0.00 400.00");
}

#[test]
fn a_credit_that_cannot_be_used_says_why() {
    let nobody = "{billingGroup: nobody, type: Promotion, amount: {amount: '400', currency: USD}}";
    check(nobody, "", NOW, "BillingGroupNotFound 400.00 400.00 0.00");
    let euros = "{billingGroup: main, type: Promotion, amount: {amount: '400', currency: EUR}}";
    check(euros, "", NOW, "CurrencyMismatch 400.00 400.00 0.00");
    let digits = "{billingGroup: main, type: Promotion, amount: {amount: '0.005', currency: USD}}";
    check(digits, "", NOW, "Invalid - - -");
}

#[test]
fn a_credit_that_has_not_started_is_looked_at_when_its_first_month_begins() {
    let mut state = with_credit(&format!("{SPEC}, startsAt: 2026-12-24T00:00:00Z}}"), "");
    status(&mut state, NOW);
    let Some(CreditPlan::Steady { wake, .. }) = plan(&state, NOW) else { panic!("no plan") };
    assert_eq!(wake, Some(at("2026-12-01T00:00:00Z")));
}

#[test]
fn a_credit_belongs_to_the_group_that_it_was_bound_to() {
    let mut state = with_credit(&format!("{SPEC}}}"), "");
    let uid = status(&mut state, NOW).billing_group_uid;
    assert_eq!(uid.as_deref(), Some(crate::scenario::uid("BillingGroup", "acme", "main").to_string().as_str()));
    Observes::<billing_api::BillingGroup>::forget(&mut state, &billing_state::ObjectKey::namespaced("acme", "main"));
    let gone = status(&mut state, NOW);
    assert_eq!((gone.conditions[0].reason.as_str(), gone.billing_group_uid), ("BillingGroupGone", uid));
}

const CLAIM: &str = "{billingGroup: main, code: WELCOME-2026-ABCDEFGH}";

fn redeemed(state: &ObservedState) -> Option<CreditCode> {
    match plan(state, NOW) {
        Some(CreditPlan::Redeem(code)) => Some(*code),
        _ => None,
    }
}

/// The code of `CLAIM`, with the right name.
fn code(spec: &str) -> String {
    let name = billing_state::code_name("WELCOME-2026-ABCDEFGH");
    format!(
        "kind: CreditCode\nmetadata: {{name: '{name}'}}\nspec: {{type: Trial, amount: {{amount: '20', currency: USD}}{spec}}}\n"
    )
}

#[test]
fn a_code_is_redeemed_and_then_worth_something() {
    let mut state = with_credit(CLAIM, &code(", expiresAt: 2027-01-01T00:00:00Z"));
    let redeemed = redeemed(&state).expect("it is free");
    state.observe(redeemed);
    let status = status(&mut state, NOW);
    assert_eq!(status.amount.as_deref(), Some("20.00"));
    assert_eq!(status.expires_at.map(|at| at.to_string()).as_deref(), Some("2027-01-01T00:00:00Z"));
}

#[test]
fn a_code_that_is_not_valid_is_not_redeemed() {
    let spent = code("").trim_end().to_owned()
        + "\nstatus: {redeemedBy: {organization: acme, name: welcome, uid: 33333333-3333-4333-8333-333333333333, at: 2026-11-01T00:00:00Z}}\n";
    let theirs = code(", organization: globex");
    let late = code(", redeemUntil: 2026-11-09T23:59:59Z");
    for invalid in ["", &spent, &theirs, &late] {
        check(CLAIM, invalid, NOW, "CodeInvalid - - -");
    }
    assert!(redeemed(&with_credit(CLAIM, &code(", organization: acme, redeemUntil: 2026-11-10T00:00:01Z"))).is_some());
    check(&CLAIM.replace("main", "nobody"), &code(""), NOW, "BillingGroupNotFound - - -");
    let euros = code("").replace("USD", "EUR");
    check(CLAIM, &euros, NOW, "CurrencyMismatch - - -");
}

/// A state in which the credit `welcome` is being deleted, with this status.
fn deleted(spec: &str, status: &str, more: &str) -> ObservedState {
    let metadata = "{name: welcome, namespace: acme, deletionTimestamp: '2026-11-19T00:00:00Z'}";
    let credit = format!("kind: Credit\nmetadata: {metadata}\nspec: {spec}\nstatus: {status}\n");
    state(&format!("{ACME}\n---\n{credit}\n---\n{more}"))
}

#[test]
fn a_credit_that_is_being_deleted_becomes_nobodys() {
    let status = status(&mut deleted(&format!("{SPEC}}}"), "{}", ""), NOW);
    assert_eq!((status.conditions[0].reason.as_str(), status.billing_group_uid), ("Deleted", None));
}

#[test]
fn a_credit_that_is_being_deleted_redeems_nothing() {
    let mut state = deleted(CLAIM, "{}", &code(""));
    assert!(redeemed(&state).is_none());
    assert_eq!(status(&mut state, NOW).conditions[0].reason.as_str(), "Deleted");
}

#[test]
fn what_is_left_of_a_credit_that_is_being_deleted_is_nobodys() {
    let uid = crate::scenario::uid("BillingGroup", "acme", "main");
    let reserved = "reservations: [{invoice: f3397-1, amount: '100.00', state: Consumed}]";
    let known =
        format!("type: Promotion, amount: '400.00', currency: USD, remaining: '300.00', expired: '0.00', {reserved}");
    let mut state = deleted(&format!("{SPEC}}}"), &format!("{{billingGroupUID: {uid}, {known}}}"), "");
    let status = status(&mut state, NOW);
    let amounts = (status.remaining.as_deref(), status.expired.as_deref());
    assert_eq!((status.conditions[0].reason.as_str(), amounts), ("Deleted", (Some("0.00"), Some("300.00"))));
}
