//! A final that is issued again: the supplies of then, for the buyer as he is now.
//!
//! What was supplied, and at what price, stands on the final and is not computed again. What follows from who the buyer is does: how
//! that is taxed, what credits pay of what is taxed alike, and what is to be paid. The credits are those that the final had used and that
//! its credit note gave back.

use thiserror::Error;

use crate::bill::billing::by_group;
use crate::bill::consumption::{CreditLimit, before_tax, use_credits};
use crate::bill::payment::{Payment, pay};
use crate::bill::rounding::round_to_zero;
use crate::bill::tally::{Overflow, Tally};
use crate::bill::taxation::{Taxable, Taxation, no_rule, tax};
use crate::catalog::buyer::Buyer;
use crate::catalog::issuer::Issuer;
use crate::catalog::tax_rule::TaxGroup;
use crate::closing::Hold;
use crate::credit::{CreditOffer, CreditUse};
use crate::invoice::item::Item;
use crate::invoice::month_terms::{MonthTerms, TaxReasons};
use crate::invoice::payment::Prepayment;
use crate::invoice::service_sum::ServiceSum;
use crate::invoice::tax::{TaxSubtotal, Untaxed};
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::time::month::Month;

/// What a final charges, but for credits and the minimum charge, which follow from it.
#[derive(Debug)]
pub struct Supplies<'a> {
    /// Its month.
    pub month: Month,
    /// The currency of its amounts.
    pub currency: Currency,
    /// By what it was billed, taxed as the buyer is now.
    pub terms: &'a MonthTerms,
    /// What services cost, by project and by what is taxed alike now.
    pub services: Vec<ServiceSum>,
    /// What was agreed beside them, by what is taxed alike now.
    pub charges: Vec<(Option<TaxGroup>, Money)>,
    /// What adjusts closed months, by what is taxed alike.
    pub adjustments: Vec<(Option<TaxGroup>, Money)>,
    /// Why any of that is not taxed, where that is so.
    pub reasons: TaxReasons,
    /// The type of a service that no rule is for.
    pub unruled: Option<Name>,
}

/// What a final says that is issued again, beside its supplies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reissue {
    /// The lines of credits and of the minimum charge.
    pub items: Vec<Item>,
    /// What is used of credits.
    pub credits: Vec<CreditUse>,
    /// The sum of all lines.
    pub subtotal: Money,
    /// How that is taxed.
    pub taxes: Vec<TaxSubtotal>,
    /// Why nothing is said of tax, where that is so.
    pub untaxed: Option<Untaxed>,
    /// The tax.
    pub tax: Money,
    /// Subtotal and tax.
    pub total: Money,
    /// What was paid in advance.
    pub prepayments: Vec<Prepayment>,
    /// That in all.
    pub prepaid: Money,
    /// What is to be paid.
    pub amount_due: Money,
}

/// Why a final cannot be issued again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReissueError {
    /// The buyer as he is now cannot be taxed.
    #[error("{}", .0.message)]
    Held(Hold),
    /// More was paid in advance, or given back, than is charged.
    #[error("it would come to {0:?} below zero")]
    BelowZero(Money),
    /// A sum is larger than a document can carry.
    #[error("the amounts add up to more than an invoice can hold")]
    Overflow,
}

impl From<Overflow> for ReissueError {
    fn from(Overflow: Overflow) -> Self {
        ReissueError::Overflow
    }
}

/// Bills supplies again, which these credits may pay.
///
/// # Errors
/// No tax rule of the issuer is for the buyer, or a sum is too large.
pub fn reissue(
    supplies: &Supplies<'_>,
    (issuer, buyer): (Option<&Issuer>, &Buyer),
    credits: &[CreditOffer],
) -> Result<Reissue, ReissueError> {
    let Supplies { month, currency, terms, services, charges, adjustments, reasons, unruled } = supplies;
    let mut tally = Tally::new(*currency, services)?;
    charges.iter().try_for_each(|(tax, amount)| tally.count(*tax, *amount))?;
    let offers = before_tax(credits, *month, *currency);
    let used = use_credits(services, &offers, CreditLimit::Unlimited, terms.tax.general(), &mut tally)?;
    round_to_zero(terms, &mut tally)?;
    let items = tally.into_items();
    let given: Vec<_> = charges.iter().chain(adjustments).copied().collect();
    let sums = by_group(*currency, services, &items, &given)?;
    let all = sums.values().try_fold(Money::zero(*currency), |sum, amount| sum.checked_add(*amount));
    let subtotal = all.ok_or(ReissueError::Overflow)?;
    let taxable = Taxable { sums: &sums, reasons, unruled: unruled.as_ref(), subtotal };
    let taxation = tax(&terms.tax, &taxable, |unruled| issuer.map(|issuer| no_rule(buyer, *month, issuer, unruled)))?;
    let Taxation { taxes, untaxed, tax, total, hold } = taxation;
    if let Some(hold) = hold {
        return Err(ReissueError::Held(hold));
    }
    let Payment { prepayments, prepaid, amount_due, carried_forward, uses } = pay(*month, total, None, credits)?;
    if let Some(below) = carried_forward {
        return Err(ReissueError::BelowZero(below));
    }
    let credits = used.uses.into_iter().chain(uses).collect();
    Ok(Reissue { items, credits, subtotal, taxes, untaxed, tax, total, prepayments, prepaid, amount_due })
}
