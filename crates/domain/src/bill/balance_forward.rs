//! A net below zero is no invoice: it goes from one to the next.

use crate::bill::inputs::GroupMonth;
use crate::bill::tally::{Overflow, Tally};
use crate::closing::{Hold, HoldReason};
use crate::invoice::brought_forward::BroughtForward;
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::source::{Source, SourceKind};
use crate::money::amount::Money;
use crate::name::Name;

/// Begins with what the invoice before left over. In another currency it cannot be used, and holds the invoice.
pub(super) fn bring_forward(month: &GroupMonth<'_>, tally: &mut Tally) -> Result<Option<Hold>, Overflow> {
    let Some(BroughtForward { amount, invoice, uid }) = month.brought_forward else { return Ok(None) };
    if amount.currency() != tally.currency() {
        return Ok(Some(other_currency(amount, invoice)));
    }
    tally.add(Item {
        kind: LineType::OtherEvent,
        key: "brought forward".to_owned(),
        project: None,
        period: None,
        pre_discount: None,
        total: amount.negated(),
        description: format!("Brought forward from {invoice}"),
        source: Source { kind: SourceKind::Invoice, name: invoice.clone(), uid: *uid },
        adjustment: None,
    })?;
    Ok(None)
}

fn other_currency(amount: &Money, invoice: &Name) -> Hold {
    let currency = amount.currency();
    let message = format!(
        "{amount} {currency} in the group's favour is brought forward from invoice {invoice}, which is in another currency; set spec.currency to {currency} until this invoice is final"
    );
    Hold { reason: HoldReason::CurrencyChanged, message }
}

/// Brings a net below zero to zero, and answers with what that takes: the next invoice is so much less.
pub(super) fn carry_forward(month: &GroupMonth<'_>, tally: &mut Tally) -> Result<Option<Money>, Overflow> {
    let net = tally.net();
    if net.minor() >= 0 {
        return Ok(None);
    }
    let (group, amount) = (month.group, net.negated());
    tally.add(Item {
        kind: LineType::OtherEvent,
        key: String::new(), // which no charge of the terms has
        project: None,
        period: None,
        pre_discount: None,
        total: amount,
        description: "Carried forward to the next invoice".to_owned(),
        source: Source { kind: SourceKind::BillingGroup, name: group.name.clone(), uid: group.uid },
        adjustment: None,
    })?;
    Ok(Some(amount))
}
