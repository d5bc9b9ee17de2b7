//! What is to be paid of a bill: its total, less what was paid in advance.
//!
//! What an earlier invoice left over, with tax, comes first: it was paid already. Then credits that pay after tax. What is below zero
//! then is left to the next invoice, and nothing is to be paid.

use crate::bill::consumption::usable;
use crate::bill::tally::Overflow;
use crate::credit::{Application, CreditOffer, CreditUse};
use crate::invoice::brought_forward::BroughtForward;
use crate::invoice::payment::Prepayment;
use crate::invoice::source::{Source, SourceKind};
use crate::money::amount::Money;
use crate::time::month::Month;

/// How a total is paid.
#[derive(Debug)]
pub(super) struct Payment {
    /// What was paid in advance, in order.
    pub(super) prepayments: Vec<Prepayment>,
    /// Their sum.
    pub(super) prepaid: Money,
    /// What is to be paid; never below zero.
    pub(super) amount_due: Money,
    /// What is left to the next invoice; above zero.
    pub(super) carried_forward: Option<Money>,
    /// What is used of credits.
    pub(super) uses: Vec<CreditUse>,
}

/// Pays a total.
pub(super) fn pay(
    month: Month,
    total: Money,
    brought: Option<&BroughtForward>,
    credits: &[CreditOffer],
) -> Result<Payment, Overflow> {
    let currency = total.currency();
    let mut open = total;
    let (mut prepayments, mut uses) = (Vec::new(), Vec::new());
    if let Some(BroughtForward { amount, invoice, uid, .. }) = brought {
        open = open.checked_sub(*amount).ok_or(Overflow)?;
        let source = Source { kind: SourceKind::Invoice, name: invoice.clone(), uid: *uid };
        prepayments.push(Prepayment { source, amount: *amount });
    }
    for offer in usable(credits, month, currency).into_iter().filter(|offer| offer.application == Application::AfterTax)
    {
        let used = Money::new(open.minor().min(offer.remaining.minor()), currency).ok_or(Overflow)?;
        if used.minor() <= 0 {
            continue;
        }
        open = open.checked_sub(used).ok_or(Overflow)?;
        let remaining = offer.remaining.checked_sub(used).ok_or(Overflow)?;
        let source = Source { kind: SourceKind::Credit, name: offer.name.clone(), uid: offer.uid };
        prepayments.push(Prepayment { source, amount: used });
        uses.push(CreditUse { name: offer.name.clone(), uid: offer.uid, used, remaining });
    }
    let zero = Money::zero(currency);
    Ok(Payment {
        prepayments,
        prepaid: total.checked_sub(open).ok_or(Overflow)?,
        amount_due: if open.minor() > 0 { open } else { zero },
        carried_forward: (open.minor() < 0).then(|| open.negated()),
        uses,
    })
}
