//! The table `invoices`: a row for each invoice and each credit note, with its sums. What may change after an invoice is final, its
//! payment, is not in it.

use super::cell::{Cell, Column, Kind};
use super::document::ExportedDocument;

/// The columns, in their order.
pub fn columns<'a>() -> Vec<Column<&'a ExportedDocument<'a>>> {
    use Kind::{Count, Number, Text, Time};
    let required = Column::<&'a ExportedDocument<'a>>::required;
    let optional = Column::<&'a ExportedDocument<'a>>::optional;
    vec![
        required("invoice", Text, |document| Cell::text(document.number)),
        required("phase", Text, |document| Cell::text(if document.is_final() { "Final" } else { "Estimate" })),
        optional("organization", Text, |document| Cell::maybe(document.organization)),
        required("billing_group", Text, |document| Cell::text(document.billing_group)),
        required("billing_group_uid", Text, |document| Cell::text(document.billing_group_uid)),
        optional("display_name", Text, |document| Cell::maybe(document.buyer.display_name.as_deref())),
        required("period", Text, |document| Cell::text(&document.period)),
        required("period_start", Time, |document| Cell::Time(document.start)),
        required("period_end", Time, |document| Cell::Time(document.end)),
        optional("issued_at", Time, |document| Cell::time(document.issued_at)),
        optional("as_of", Time, |document| Cell::time(document.as_of)),
        optional("due_at", Time, |document| Cell::time(document.due_at)),
        required("currency", Text, |document| Cell::text(document.currency)),
        required("lines", Count, |document| Cell::Count(i64::try_from(document.count()).unwrap_or(i64::MAX))),
        required("subtotal", Number, |document| Cell::number(document.subtotal)),
        required("tax", Number, |document| Cell::number(document.tax)),
        required("total", Number, |document| Cell::number(document.total)),
        optional("prepaid", Number, |document| Cell::maybe_number(document.prepaid.as_deref())),
        required("amount_due", Number, |document| Cell::number(&document.amount_due)),
        optional("carried_forward", Number, |document| Cell::maybe_number(document.carried_forward)),
        required("seller", Text, |document| Cell::text(&document.seller.legal_name)),
        optional("seller_vat_id", Text, |document| Cell::maybe(document.seller.vat_id.as_deref())),
        optional("buyer", Text, |document| Cell::maybe(document.buyer.company.as_deref())),
        optional("buyer_vat_id", Text, |document| Cell::maybe(document.buyer.vat_id.as_deref())),
        required("payment_method", Text, |document| Cell::made(Some(format!("{:?}", document.buyer.payment_method)))),
        optional("tax_note", Text, |document| Cell::maybe(document.tax_note)),
        optional("previous_digest", Text, |document| Cell::maybe(document.previous_digest)),
        required("digest", Text, |document| Cell::text(document.digest)),
        required("document", Text, |document| Cell::text(document.kind())),
        optional("credited_invoice", Text, |document| Cell::maybe(document.credited().map(|of| &*of.document.number))),
        optional("reason", Text, |document| Cell::maybe(document.reason)),
    ]
}
