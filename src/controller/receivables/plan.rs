//! What is past due, and what is said of it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::{Receivable, ReceivableStatus, Time};
use crate::books::{Books, OpenInvoice, OrganizationBooks};
use crate::controller::runtime::conditions::{self, DesiredCondition};
use crate::controller::runtime::metrics::Metrics;
use crate::domain::{Age, Name, Timestamp, Uid};

/// What the receivables need.
#[derive(Debug, PartialEq, Eq)]
pub struct ReceivablesPlan {
    /// Invoices that are past due and do not say so: organization and number.
    pub overdue: Vec<(Name, Name)>,
    /// When the next one is past due.
    pub wake: Option<Timestamp>,
}

/// Plans the receivables.
pub fn plan_receivables(books: &Books, now: Timestamp) -> ReceivablesPlan {
    let mut plan = ReceivablesPlan { overdue: Vec::new(), wake: None };
    for (organization, known) in books.organizations() {
        for (number, OpenInvoice { receivable, marked }) in known.receivables.all() {
            if !receivable.is_past_due(now) {
                plan.wake = Some(plan.wake.map_or(receivable.due_at, |wake| wake.min(receivable.due_at)));
            } else if !marked {
                plan.overdue.push((organization.clone(), number.clone()));
            }
        }
    }
    plan
}

/// What an invoice says about being past due.
#[derive(Debug, PartialEq)]
pub struct Mark {
    /// All its conditions.
    pub conditions: Vec<Condition>,
    /// Since when it is past due.
    pub overdue_since: Option<Time>,
}

/// What an invoice is to say by now; `None` when it says it.
pub fn mark(invoice: &Receivable, now: Timestamp) -> Option<Mark> {
    let ReceivableStatus { document, payment, credited: _, overdue_since, conditions } = &invoice.status;
    let open = payment.as_ref().filter(|payment| payment.state.is_open()).and(document.as_ref());
    let overdue = open.and_then(|document| Some((document, document.due_at.filter(|due| due.0 <= now)?)));
    let mut desired: Vec<_> = conditions.iter().filter(|known| known.type_ != "PastDue").cloned().collect();
    if let Some((document, since)) = overdue {
        let number = invoice.metadata.name.as_deref().unwrap_or_default();
        let message = format!(
            "{number} over {} {} is past due since {since}; collect it, or record the payment in status.payment",
            &*document.total, &*document.currency
        );
        let past_due = DesiredCondition::yes("PastDue", "NotPaidInTime", message);
        let known: Vec<_> = conditions::find(conditions, "PastDue").into_iter().cloned().collect();
        desired.extend(conditions::merge(&known, &[past_due], Some(1), now));
    }
    let mark = Mark { conditions: desired, overdue_since: overdue.map(|(_, since)| since) };
    (mark != Mark { conditions: conditions.clone(), overdue_since: *overdue_since }).then_some(mark)
}

/// What a group says of its invoices that are past due.
pub fn group_past_due(books: &OrganizationBooks, group: Uid, now: Timestamp) -> Option<DesiredCondition> {
    let open = books.receivables.of_group(group).map(|(number, open)| (number, open.receivable));
    let mut overdue: Vec<_> = open.filter(|(_, receivable)| receivable.is_past_due(now)).collect();
    overdue.sort_by_key(|(number, receivable)| (receivable.due_at, *number));
    let (number, oldest) = overdue.first()?;
    let others = match overdue.len() - 1 {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let since = Time::from(oldest.due_at);
    let currency = oldest.open.currency();
    let message = format!("invoice {number} over {} {currency} is past due since {since}{others}", oldest.open);
    Some(DesiredCondition::yes("PastDue", "NotPaidInTime", message))
}

/// Shows how much is to be paid, by currency and age.
pub fn show_gauges(books: &Books, metrics: &Metrics, now: Timestamp) {
    let mut sums: BTreeMap<(&'static str, Age), (usize, f64)> = BTreeMap::new();
    let open = books.organizations().flat_map(|(_, known)| known.receivables.all());
    for (_, OpenInvoice { receivable, .. }) in open {
        let currency = receivable.open.currency();
        let sum = sums.entry((currency.code(), receivable.age(now))).or_default();
        sum.0 += 1;
        // A gauge is a float; this one only shows how large a sum is.
        sum.1 += receivable.open.minor() as f64 / 10_f64.powi(currency.digits().cast_signed());
    }
    metrics.receivables(
        sums.into_iter().map(|((currency, age), (count, amount))| (currency, age.as_str(), count, amount)),
    );
}
