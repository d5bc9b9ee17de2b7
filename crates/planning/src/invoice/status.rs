//! What is written into an invoice.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::conditions::{self, DesiredCondition};
use billing_api::{Document, InvoicePhase, InvoiceStatus, Payment, PaymentMethodType, PaymentState};
use billing_domain::{AwaitedReading, Timestamp, missing_readings};

/// The status of an estimate; without a document while there can be none.
pub fn estimate_status(document: Option<Document>, conditions: Vec<Condition>) -> InvoiceStatus {
    InvoiceStatus { phase: Some(InvoicePhase::Estimate), document, conditions, ..InvoiceStatus::default() }
}

/// The condition of a final invoice that lacks the last readings of metered records.
pub const READINGS_COMPLETE: &str = "ReadingsComplete";
/// Its reason, also of the event.
pub const READINGS_MISSING: &str = "ReadingsMissing";

/// What is said of a final invoice that lacks these last readings of metered records; `None` where it lacks none.
pub fn readings_missing(missing: &[AwaitedReading]) -> Option<String> {
    (!missing.is_empty()).then(|| {
        let missing = missing_readings(missing);
        format!("the invoice is final with the last readings that are there: {missing}; what is read later is billed as late usage")
    })
}

/// The status of a final invoice. It is to be paid unless nothing is owed, or nobody expects the group to pay by itself. `missing` are
/// the last readings that it waited for in vain.
pub fn final_status(
    existing: &[Condition],
    document: Document,
    missing: &[AwaitedReading],
    now: Timestamp,
) -> InvoiceStatus {
    let ready = DesiredCondition::yes("Ready", "Final", "the invoice is final");
    let lacks = readings_missing(missing).map(|text| DesiredCondition::no(READINGS_COMPLETE, READINGS_MISSING, text));
    let desired: Vec<DesiredCondition> = [Some(ready), lacks].into_iter().flatten().collect();
    InvoiceStatus {
        phase: Some(InvoicePhase::Final),
        conditions: conditions::merge(existing, &desired, Some(1), now),
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
