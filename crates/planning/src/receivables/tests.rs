use serde_json::{Value, json};

use super::{group_past_due, open, open_sums, past_due_mark, plan_receivables, settled};
use crate::scenario::{ACME, at, state, uid};
use billing_api::{Invoice, PaymentState, Receivable};
use billing_state::{Key, ObjectKey, ObservedState, Observes};
use kube_core::CustomResourceExt;

/// An invoice of `acme/main` over 12.50 US dollars that is due at an instant.
fn invoice(number: &str, due: &str, mut status: Value) -> Receivable {
    status["document"] = json!({ "currency": "USD", "total": "12.50", "dueAt": due });
    let group = uid("BillingGroup", "acme", "main").to_string();
    let object = json!({
        "metadata": { "name": number, "namespace": "acme" }, "spec": { "billingGroupUID": group }, "status": status,
    });
    serde_json::from_value(object).unwrap()
}

fn due(number: &str, due: &str) -> Receivable {
    invoice(number, due, json!({ "payment": { "state": "Due" } }))
}

/// State in which one invoice is past due on the 15th of November, and one is not.
fn two() -> ObservedState {
    let mut state = state(ACME);
    for (number, day) in [("aaaaa-1", "2026-11-10T00:00:00Z"), ("aaaaa-2", "2026-12-10T00:00:00Z")] {
        let keys = state.observe(due(number, day));
        assert_eq!(keys[0], Key::Receivables);
        assert_eq!(state.observe(due(number, day)), [], "nothing new");
    }
    state
}

#[test]
fn what_is_past_due_is_marked_and_the_next_one_is_waited_for() {
    let mut state = two();
    let plan = plan_receivables(&state, at("2026-11-15T00:00:00Z"));
    assert_eq!(plan.overdue, [("acme".into(), "aaaaa-1".into())]);
    assert_eq!(plan.wake, Some(at("2026-12-10T00:00:00Z")));
    let marked = json!({ "payment": { "state": "Failed" }, "overdueSince": "2026-11-10T00:00:00Z" });
    state.observe(invoice("aaaaa-1", "2026-11-10T00:00:00Z", marked));
    assert_eq!(plan_receivables(&state, at("2026-11-15T00:00:00Z")).overdue, []);
    assert_eq!(forget(&mut state, "aaaaa-2"), 1, "only its group");
    assert_eq!(forget(&mut state, "aaaaa-1"), 2, "its mark is taken off, too");
    assert_eq!(plan_receivables(&state, at("2027-11-15T00:00:00Z")).overdue, []);
}

/// Forgets a receivable, and says how much is to be looked at for it.
fn forget(state: &mut ObservedState, number: &str) -> usize {
    Observes::<Receivable>::forget(state, &ObjectKey::namespaced("acme", number)).len()
}

#[test]
fn an_invoice_says_that_it_is_past_due_until_it_is_settled() {
    let ready = json!({
        "type": "Ready", "status": "True", "reason": "Final", "message": "", "lastTransitionTime": "2026-11-01T00:00:00Z",
    });
    let mut status = json!({ "payment": { "state": "Due" }, "conditions": [ready] });
    let day = "2026-11-10T00:00:00Z";
    assert_eq!(past_due_mark(&invoice("aaaaa-1", day, status.clone()), at("2026-11-09T23:59:59Z")), None, "in time");

    let marked = past_due_mark(&invoice("aaaaa-1", day, status.clone()), at(day)).unwrap();
    assert_eq!(marked.overdue_since.unwrap().to_string(), day);
    let past_due = &marked.conditions[1];
    assert_eq!((past_due.type_.as_str(), past_due.reason.as_str()), ("PastDue", "NotPaidInTime"));
    let message = "invoice aaaaa-1 for 12.50 USD has been past due since 2026-11-10T00:00:00Z; collect it, or record the payment in \
                   status.payment";
    assert_eq!(past_due.message, message);

    status["conditions"] = json!(marked.conditions);
    status["overdueSince"] = json!(marked.overdue_since);
    assert_eq!(past_due_mark(&invoice("aaaaa-1", day, status.clone()), at("2026-12-24T00:00:00Z")), None, "said once");
    status["payment"]["state"] = "Paid".into();
    let settled = past_due_mark(&invoice("aaaaa-1", day, status), at("2026-12-24T00:00:00Z")).unwrap();
    assert_eq!((settled.conditions.as_slice(), settled.overdue_since), (&marked.conditions[..1], None));
}

#[test]
fn a_group_names_its_oldest_debt() {
    let state = two();
    let group = uid("BillingGroup", "acme", "main");
    let said = |now| {
        let past_due = group_past_due(state.organization("acme").unwrap(), group, at(now));
        past_due.map(|condition| condition.message)
    };
    assert_eq!(said("2026-11-09T00:00:00Z"), None);
    let first = "invoice aaaaa-1 for 12.50 USD has been past due since 2026-11-10T00:00:00Z";
    assert_eq!(said("2026-11-10T00:00:00Z").unwrap(), first);
    assert_eq!(said("2026-12-10T00:00:00Z").unwrap(), format!("{first}, and 1 more"));
}

#[test]
fn receivables_are_counted_by_currency_and_age() {
    let sums = open_sums(&two(), at("2026-12-15T00:00:00Z"));
    let said: Vec<_> =
        sums.iter().map(|((currency, age), sum)| (currency.code(), age.as_str(), sum.invoices, sum.minor)).collect();
    assert_eq!(said, [("USD", "1-30", 1, 1250), ("USD", "31-60", 1, 1250)]);
}

/// What the selectors leave out is what [`PaymentState::is_open`] says.
#[test]
fn every_state_of_a_payment_is_either_open_or_settled() {
    let definition = serde_json::to_value(Invoice::crd()).unwrap();
    let state = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/payment/properties/state";
    let states = definition.pointer(state).unwrap()["enum"].as_array().unwrap().clone();
    assert!(states.len() > 5);
    for state in states {
        let is_open = serde_json::from_value::<PaymentState>(state.clone()).unwrap().is_open();
        let excluded = |selector: String| {
            let clause = format!("status.payment.state!={}", state.as_str().unwrap());
            selector.split(',').any(|found| found == clause)
        };
        assert_eq!((excluded(open()), excluded(settled())), (!is_open, is_open), "{state}");
    }
}
