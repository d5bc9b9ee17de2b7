//! What the invoice before left over. A total below zero is no invoice to be paid: it goes from one to the next.

use crate::closing::{Hold, HoldReason};
use crate::invoice::brought_forward::BroughtForward;
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::TaxScheme;
use crate::invoice::source::{Source, SourceKind};
use crate::money::amount::Currency;
use crate::name::Name;

/// The line of an amount before tax: invoices that were made before `amountDue` was recorded left such.
pub(super) fn brought_before_tax(brought: &BroughtForward, scheme: &TaxScheme) -> Item {
    let BroughtForward { amount, invoice, uid, includes_tax: _ } = brought;
    Item {
        kind: LineType::OtherEvent,
        key: "brought forward".to_owned(),
        project: None,
        period: None,
        pre_discount: None,
        total: amount.negated(),
        tax: scheme.general(),
        is_share: false,
        description: format!("Brought forward from {invoice}"),
        source: Source { kind: SourceKind::Invoice, name: invoice.clone(), uid: *uid },
        adjustment: None,
    }
}

/// What holds an invoice that the one before leaves something in another currency.
pub(super) fn other_currency(brought: &BroughtForward, currency: Currency) -> Option<Hold> {
    let BroughtForward { amount, invoice, .. } = brought;
    (amount.currency() != currency).then(|| hold(invoice, *amount))
}

fn hold(invoice: &Name, amount: crate::money::amount::Money) -> Hold {
    let currency = amount.currency();
    let message = format!(
        "{amount} {currency} in the group's favour is brought forward from invoice {invoice}, which is in another currency; set the group's spec.currency to {currency}"
    );
    Hold { reason: HoldReason::CurrencyChanged, message }
}
