//! How many objects of a kind come in one answer.

use billing_api as api;
use k8s_openapi::api::core::v1::Namespace;

/// A kind that is listed.
pub trait Listed {
    /// How many come in one answer: with annotations of others, of which the API server allows 256 KiB, it has some 25 MB at most.
    const PAGE: u32 = 100;
}

/// Half a megabyte each, at most.
const LARGE: u32 = 50;

impl Listed for api::Invoice {
    const PAGE: u32 = LARGE;
}

impl Listed for api::InvoiceSlice {
    const PAGE: u32 = LARGE;
}

macro_rules! listed {
    ($($kind:ty),+ $(,)?) => {
        $(impl Listed for $kind {})+
    };
}

listed!(
    api::BillingGroup,
    api::BillingPeriod,
    api::Credit,
    api::CreditNote,
    api::ExchangeRates,
    api::InvoiceIssuer,
    api::PriceList,
    api::ProjectBinding,
    api::ProjectLedger,
    api::Receivable,
    api::UsageRecord,
    Namespace,
);
