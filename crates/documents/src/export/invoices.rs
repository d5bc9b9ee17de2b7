//! The table `invoices`: a row for each invoice, with its sums. What may change after it is final, its payment, is not in it.

use super::cell::{Cell, Column, Kind};
use crate::issued::IssuedInvoice;

/// The columns, in their order.
pub fn columns<'a>() -> Vec<Column<&'a IssuedInvoice<'a>>> {
    use Kind::{Count, Number, Text, Time};
    let required = Column::<&'a IssuedInvoice<'a>>::required;
    let optional = Column::<&'a IssuedInvoice<'a>>::optional;
    vec![
        required("invoice", Text, |issued| Cell::text(&issued.document.number)),
        required("phase", Text, |issued| Cell::text(if issued.is_final() { "Final" } else { "Estimate" })),
        optional("organization", Text, |issued| Cell::maybe(issued.invoice.metadata.namespace.as_deref())),
        required("billing_group", Text, |issued| Cell::text(&issued.invoice.spec.billing_group)),
        required("billing_group_uid", Text, |issued| Cell::text(&issued.invoice.spec.billing_group_uid)),
        optional("display_name", Text, |issued| Cell::maybe(issued.buyer.display_name.as_deref())),
        required("period", Text, |issued| Cell::text(&issued.invoice.spec.period)),
        required("period_start", Time, |issued| Cell::Time(issued.document.period.start.0)),
        required("period_end", Time, |issued| Cell::Time(issued.document.period.end.0)),
        optional("issued_at", Time, |issued| Cell::time(issued.document.issued_at.map(|instant| instant.0))),
        optional("as_of", Time, |issued| Cell::time(issued.document.as_of.map(|instant| instant.0))),
        optional("due_at", Time, |issued| Cell::time(issued.document.due_at.map(|instant| instant.0))),
        required("currency", Text, |issued| Cell::text(&issued.document.currency)),
        required("lines", Count, |issued| Cell::Count(i64::try_from(issued.lines.len()).unwrap_or(i64::MAX))),
        required("subtotal", Number, |issued| Cell::number(&issued.document.subtotal)),
        required("tax", Number, |issued| Cell::number(&issued.document.tax)),
        required("total", Number, |issued| Cell::number(&issued.document.total)),
        optional("prepaid", Number, |issued| Cell::maybe_number(issued.document.prepaid.as_deref())),
        required("amount_due", Number, |issued| Cell::number(issued.document.amount_due())),
        optional("carried_forward", Number, |issued| Cell::maybe_number(issued.document.carried_forward.as_deref())),
        required("seller", Text, |issued| Cell::text(&issued.seller.legal_name)),
        optional("seller_vat_id", Text, |issued| Cell::maybe(issued.seller.vat_id.as_deref())),
        optional("buyer", Text, |issued| Cell::maybe(issued.buyer.company.as_deref())),
        optional("buyer_vat_id", Text, |issued| Cell::maybe(issued.buyer.vat_id.as_deref())),
        required("payment_method", Text, |issued| Cell::made(Some(format!("{:?}", issued.buyer.payment_method)))),
        optional("tax_note", Text, |issued| Cell::maybe(issued.document.tax_note.as_deref())),
        optional("previous_digest", Text, |issued| Cell::maybe(issued.document.previous_digest.as_deref())),
        required("digest", Text, |issued| Cell::text(&issued.document.digest)),
    ]
}
