//! What a document says, by the terms of the standard.

pub(crate) mod invoice;
mod line;
pub(crate) mod note;
mod party;
mod payment;
mod tax;
mod words;

use billing_api::{Buyer, Document};
use billing_documents::issued::NotIssued;
use kube_core::ResourceExt;
use rust_decimal::Decimal;

/// The objects that a document's seller and buyer are from, as messages name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Who bills.
    pub(crate) issuer: String,
    /// Who pays.
    pub(crate) group: String,
}

impl Origin {
    fn of(object: &impl ResourceExt, document: &Document, buyer: &Buyer) -> Self {
        let issuer = document.inputs.issuer.as_ref();
        let namespace = object.namespace().map(|namespace| format!("{namespace}/")).unwrap_or_default();
        Self {
            issuer: issuer.map_or("the InvoiceIssuer".to_owned(), |issuer| format!("InvoiceIssuer {}", issuer.name)),
            group: format!("BillingGroup {namespace}{}", buyer.billing_group),
        }
    }
}

fn decimal(field: &'static str, text: &str) -> Result<Decimal, NotIssued> {
    Decimal::from_str_exact(text).map_err(|_| NotIssued::Field { field, text: text.to_owned() })
}

/// A text that says something.
fn said(text: Option<&str>) -> Option<String> {
    text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}
