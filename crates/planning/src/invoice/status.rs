//! What is written into an invoice.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::conditions::{self, DesiredCondition};
use billing_api::{Document, InvoicePhase, InvoiceStatus, Payment, PaymentMethodType, PaymentState};
use billing_domain::Timestamp;

/// The status of an estimate; without a document while there can be none.
pub fn estimate_status(document: Option<Document>, conditions: Vec<Condition>) -> InvoiceStatus {
    InvoiceStatus { phase: Some(InvoicePhase::Estimate), document, conditions, ..InvoiceStatus::default() }
}

/// The status of a final invoice. It is to be paid unless nothing is owed, or nobody expects the group to pay by itself.
pub fn final_status(existing: &[Condition], document: Document, now: Timestamp) -> InvoiceStatus {
    let ready = DesiredCondition::yes("Ready", "Final", "the invoice is final");
    InvoiceStatus {
        phase: Some(InvoicePhase::Final),
        conditions: conditions::merge(existing, &[ready], Some(1), now),
        payment: Some(Payment::new(first_state(&document))),
        document: Some(document),
        ..InvoiceStatus::default()
    }
}

/// How a payment stands at first.
fn first_state(document: &Document) -> PaymentState {
    if !document.amount_due().contains(|digit| matches!(digit, '1'..='9')) {
        return PaymentState::NothingDue;
    }
    match document.buyer.payment_method {
        PaymentMethodType::Card | PaymentMethodType::BankTransfer => PaymentState::Due,
        PaymentMethodType::NoPaymentExpected => PaymentState::NoPaymentExpected,
        PaymentMethodType::AwsMarketplace
        | PaymentMethodType::GoogleMarketplace
        | PaymentMethodType::AzureMarketplace => PaymentState::PartnerMetering,
    }
}
