//! What is past due, and what is said of it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_core::ResourceExt;

use crate::conditions::{self, DesiredCondition};
use billing_api::{PaymentState, Receivable, ReceivableStatus, Time};
use billing_domain::{AgingBucket, Currency, Name, Timestamp, Uid};
use billing_state::{ObservedState, OpenInvoice, OrganizationState};

/// What the receivables need.
#[derive(Debug, PartialEq, Eq)]
pub struct ReceivablesPlan {
    /// Invoices that are past due and do not say so: organization and number.
    pub overdue: Vec<(Name, Name)>,
    /// When the next one is past due.
    pub wake: Option<Timestamp>,
}

/// Plans the receivables.
pub fn plan_receivables(state: &ObservedState, now: Timestamp) -> ReceivablesPlan {
    let mut plan = ReceivablesPlan { overdue: Vec::new(), wake: None };
    for (organization, known) in state.organizations() {
        for (number, OpenInvoice { receivable, marked_past_due }) in known.receivables.all() {
            if !receivable.is_past_due(now) {
                plan.wake = Some(plan.wake.map_or(receivable.due_at, |wake| wake.min(receivable.due_at)));
            } else if !marked_past_due {
                plan.overdue.push((organization.clone(), number.clone()));
            }
        }
    }
    plan
}

/// What an invoice says about being past due.
#[derive(Debug, PartialEq)]
pub struct PastDueMark {
    /// All its conditions.
    pub conditions: Vec<Condition>,
    /// Since when it is past due.
    pub overdue_since: Option<Time>,
}

/// What an invoice is to say by now; `None` when it says it.
pub fn past_due_mark(invoice: &Receivable, now: Timestamp) -> Option<PastDueMark> {
    let ReceivableStatus { document, payment, credited: _, overdue_since, conditions } = &invoice.status;
    let open = payment.as_ref().filter(|payment| payment.state.is_open()).and(document.as_ref());
    let overdue = open.and_then(|document| Some((document, document.due_at.filter(|due| due.0 <= now)?)));
    let past_due = overdue.map(|(document, since)| {
        let number = invoice.name_any();
        let message = format!(
            "invoice {number} for {} {} has been past due since {since}; collect it, or record the payment in status.payment",
            &*document.total, &*document.currency
        );
        DesiredCondition::yes("PastDue", "NotPaidInTime", message)
    });
    let desired = conditions::replace(conditions, "PastDue", past_due, Some(1), now);
    let mark = PastDueMark { conditions: desired, overdue_since: overdue.map(|(_, since)| since) };
    (mark != PastDueMark { conditions: conditions.clone(), overdue_since: *overdue_since }).then_some(mark)
}

/// What a group says of its invoices that are past due.
pub fn group_past_due(state: &OrganizationState, group: Uid, now: Timestamp) -> Option<DesiredCondition> {
    let open = state.receivables.of_group(group).map(|(number, open)| (number, open.receivable));
    let mut overdue: Vec<_> = open.filter(|(_, receivable)| receivable.is_past_due(now)).collect();
    overdue.sort_by_key(|(number, receivable)| (receivable.due_at, *number));
    let (number, oldest) = overdue.first()?;
    let others = conditions::and_more(overdue.len() - 1);
    let since = Time::from(oldest.due_at);
    let currency = oldest.open.currency();
    let message = format!("invoice {number} for {} {currency} has been past due since {since}{others}", oldest.open);
    Some(DesiredCondition::yes("PastDue", "NotPaidInTime", message))
}

/// Open invoices of one currency and age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenSum {
    /// How many they are.
    pub invoices: usize,
    /// What is to be paid of them, in minor units; at most what fits.
    pub minor: i128,
}

/// How much is to be paid, by currency and age.
pub fn open_sums(state: &ObservedState, now: Timestamp) -> BTreeMap<(Currency, AgingBucket), OpenSum> {
    let mut sums = BTreeMap::new();
    let open = state.organizations().flat_map(|(_, known)| known.receivables.all());
    for (_, OpenInvoice { receivable, .. }) in open {
        let currency = receivable.open.currency();
        let key = (currency, receivable.aging_bucket(now));
        let sum = sums.entry(key).or_insert(OpenSum { invoices: 0, minor: 0 });
        sum.invoices += 1;
        sum.minor = sum.minor.saturating_add(receivable.open.minor());
    }
    sums
}

/// The final invoices whose money is still expected, as a field selector.
pub fn open() -> String {
    use PaymentState::{
        Credited, NoPaymentExpected, NothingDue, Paid, PartnerMetering, Refunded, Uncollectible, Waived,
    };
    let closed = [Paid, Refunded, Uncollectible, Waived, Credited, NothingDue, NoPaymentExpected, PartnerMetering];
    let unless: Vec<_> = closed.iter().map(|state| format!("status.payment.state!={state:?}")).collect();
    format!("status.phase=Final,{}", unless.join(","))
}

/// The invoices that say they are past due, and are not open any more, as a field selector.
pub fn settled() -> String {
    use PaymentState::{Due, Failed};
    let unless = [Due, Failed].map(|state| format!("status.payment.state!={state:?}"));
    format!("status.overdueSince!=,{}", unless.join(","))
}

#[cfg(test)]
mod tests;
