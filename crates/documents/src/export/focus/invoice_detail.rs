//! The dataset `InvoiceDetail` of FOCUS 1.4: what stands on the invoice, a row for each charge.

use super::charge::Charge;
use super::{instant, issuer, number, object};
use crate::export::cell::{Cell, Column, Kind};
use billing_domain::Timestamp;

impl<'a> Charge<'a> {
    fn grain(&self) -> Cell<'_> {
        let line = self.row.line();
        let service = line.and_then(|line| line.service.as_ref());
        let text = |text: Option<&str>| text.map(str::to_owned);
        object([
            ("RegionId", text(service.and_then(|service| service.cloud.as_deref()))),
            ("ResourceId", self.resource_id()),
            ("ResourceType", text(service.map(|service| service.kind.as_str()))),
            ("ServiceName", text(Some(self.service_name()))),
            ("SkuId", self.sku.clone()),
            ("SkuMeter", text(self.meter())),
            ("SkuPriceId", self.sku_price()),
            ("SubAccountId", text(line.and_then(|line| line.project.as_deref()))),
            ("x_LineId", Some(self.row.id().into_owned())),
        ])
    }

    fn written_at(&self) -> Timestamp {
        self.row.issued.issued_at
    }

    /// By when it is to be paid, in words: from the days between the invoice and its due date.
    fn payment_terms(&self) -> String {
        let document = self.row.issued.document;
        match document.issued_at.zip(document.due_at) {
            None => "Not invoiced yet".to_owned(),
            Some((issued, due)) => format!("Net {}", due.0.signed_duration_since(issued.0).num_days()),
        }
    }

    /// The invoice that it corrects, else its own.
    fn reference(&self) -> &str {
        let adjusted = self.row.line().and_then(|line| line.adjusts.as_ref()?.invoice.as_deref());
        adjusted.unwrap_or(&self.row.issued.document.number)
    }
}

/// The columns, in FOCUS's order.
pub fn columns<'a>() -> Vec<Column<Charge<'a>>> {
    use Kind::{Number, Text, Time};
    let required = Column::<Charge<'a>>::required;
    let optional = Column::<Charge<'a>>::optional;
    vec![
        required("BilledCost", Number, |charge| number(charge.billed)),
        required("BillingAccountId", Text, |charge| Cell::text(&charge.row.issued.invoice.spec.billing_group_uid)),
        required("BillingCurrency", Text, |charge| Cell::text(&charge.row.issued.document.currency)),
        required("BillingPeriodEnd", Time, |charge| instant(charge.row.issued.document.period.end.0)),
        required("BillingPeriodStart", Time, |charge| instant(charge.row.issued.document.period.start.0)),
        required("ChargeCategory", Text, |charge| Cell::text(charge.category.as_str())),
        required("InvoiceDetailCreated", Time, |charge| instant(charge.written_at())),
        required("InvoiceDetailDescription", Text, |charge| Cell::Text(charge.row.description())),
        required("InvoiceDetailGrain", Text, Charge::grain),
        required("InvoiceDetailId", Text, |charge| Cell::made(Some(charge.detail_id()))).unique(),
        required("InvoiceDetailLastUpdated", Time, |charge| instant(charge.written_at())),
        required("InvoiceId", Text, |charge| Cell::text(&charge.row.issued.document.number)),
        optional("InvoiceIssueDate", Time, |charge| {
            charge.row.issued.document.issued_at.map_or(Cell::Null, |issued| instant(issued.0))
        }),
        required("InvoiceIssueStatus", Text, |charge| {
            Cell::text(if charge.row.issued.is_final() { "Issued" } else { "Open" })
        }),
        required("InvoiceIssuerName", Text, |charge| Cell::text(issuer(charge.row.issued))),
        optional("PaymentDueDate", Time, |charge| {
            charge.row.issued.document.due_at.map_or(Cell::Null, |due| instant(due.0))
        }),
        required("PaymentTerms", Text, |charge| Cell::made(Some(charge.payment_terms()))),
        required("ReferenceInvoiceId", Text, |charge| Cell::text(charge.reference())),
    ]
}
