//! The dataset `InvoiceDetail` of FOCUS 1.4: what stands on the invoice, a row for each charge.

use super::charge::Charge;
use super::{instant, number, object};
use crate::export::cell::{Cell, Column, Kind};
use billing_domain::Timestamp;

impl<'a> Charge<'a> {
    fn grain(&self) -> Cell<'_> {
        let line = self.row.about();
        let service = line.and_then(|line| line.service.as_ref());
        let (resource, id) = (self.resource_id(), self.row.id());
        object([
            ("RegionId", service.and_then(|service| service.cloud.as_deref())),
            ("ResourceId", resource.as_deref()),
            ("ResourceType", service.map(|service| service.kind.as_str())),
            ("ServiceName", Some(self.service_name())),
            ("SkuId", self.sku()),
            ("SkuMeter", self.meter()),
            ("SkuPriceId", self.sku_price()),
            ("SubAccountId", line.and_then(|line| line.project.as_deref())),
            ("x_LineId", Some(&*id)),
        ])
    }

    fn written_at(&self) -> Timestamp {
        self.row.document.written_at
    }

    /// By when it is to be paid, in words: from the days between the invoice and its due date.
    fn payment_terms(&self) -> String {
        let document = self.row.document;
        match (document.issued_at.zip(document.due_at), document.credited()) {
            (_, Some(_)) => "Credited".to_owned(),
            (Some((issued, due)), None) => format!("Net {}", due.signed_duration_since(issued).num_days()),
            (None, None) => "Not invoiced yet".to_owned(),
        }
    }

    /// The invoice that it corrects, else its own.
    fn reference(&self) -> &str {
        let adjusted = self.row.adjusts().and_then(|(_, invoice)| invoice);
        adjusted.unwrap_or(self.row.document.number)
    }
}

/// The columns, in FOCUS's order.
pub fn columns<'a>() -> Vec<Column<Charge<'a>>> {
    use Kind::{Number, Text, Time};
    let required = Column::<Charge<'a>>::required;
    let optional = Column::<Charge<'a>>::optional;
    vec![
        required("BilledCost", Number, |charge| number(charge.billed)),
        required("BillingAccountId", Text, |charge| Cell::text(charge.row.document.billing_group_uid)).of_document(),
        required("BillingCurrency", Text, |charge| Cell::text(charge.row.document.currency)).of_document(),
        required("BillingPeriodEnd", Time, |charge| instant(charge.row.document.end)).of_document(),
        required("BillingPeriodStart", Time, |charge| instant(charge.row.document.start)).of_document(),
        required("ChargeCategory", Text, |charge| Cell::text(charge.category.as_str())),
        required("InvoiceDetailCreated", Time, |charge| instant(charge.written_at())).of_document(),
        required("InvoiceDetailDescription", Text, |charge| Cell::Text(charge.row.description())),
        required("InvoiceDetailGrain", Text, Charge::grain),
        required("InvoiceDetailId", Text, |charge| Cell::made(Some(charge.detail_id()))).unique(),
        required("InvoiceDetailLastUpdated", Time, |charge| instant(charge.written_at())).of_document(),
        required("InvoiceId", Text, |charge| Cell::text(charge.row.document.number)).of_document(),
        optional("InvoiceIssueDate", Time, |charge| charge.row.document.issued_at.map_or(Cell::Null, instant))
            .of_document(),
        required("InvoiceIssueStatus", Text, |charge| {
            Cell::text(if charge.row.document.is_final() { "Issued" } else { "Open" })
        })
        .of_document(),
        required("InvoiceIssuerName", Text, |charge| Cell::text(charge.row.document.issuer)).of_document(),
        optional("PaymentDueDate", Time, |charge| charge.row.document.due_at.map_or(Cell::Null, instant)).of_document(),
        required("PaymentTerms", Text, |charge| Cell::made(Some(charge.payment_terms()))).of_document(),
        required("ReferenceInvoiceId", Text, |charge| Cell::text(charge.reference())),
    ]
}
