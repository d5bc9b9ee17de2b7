//! What is written into an invoice.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::api::{BillingGroup, Document, InvoicePhase, InvoiceStatus, Payment, PaymentMethodType, PaymentState};
use crate::controller::runtime::conditions::{self, DesiredCondition};
use crate::domain::Timestamp;

/// The status of an estimate; without a document while there can be none.
pub fn estimate_status(
    document: Option<Document>,
    payment: Option<Payment>,
    conditions: Vec<Condition>,
) -> InvoiceStatus {
    InvoiceStatus { phase: Some(InvoicePhase::Estimate), document, payment, conditions }
}

/// The status of a final invoice. Its payment is under way unless nothing is owed, or no payment is expected.
pub fn final_status(
    existing: &[Condition],
    payment: Option<Payment>,
    document: Document,
    group: &BillingGroup,
    now: Timestamp,
) -> InvoiceStatus {
    let ready = DesiredCondition::yes("Ready", "Final", "the invoice is final");
    let owes = document.total.chars().any(|digit| ('1'..='9').contains(&digit));
    let expected = group.spec.payment_method.kind != PaymentMethodType::NoPaymentExpected;
    let pending = || Payment { state: PaymentState::Pending, at: None, reference: None };
    InvoiceStatus {
        phase: Some(InvoicePhase::Final),
        conditions: conditions::merge(existing, &[ready], Some(1), now),
        payment: payment.or_else(|| (owes && expected).then(pending)),
        document: Some(document),
    }
}
