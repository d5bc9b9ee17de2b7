//! What a month of a group is worth by itself: it reads nothing of another month. Only the last month of a commitment's term asks what
//! those before it are worth.
//!
//! The bill of an open month is this and what adjusts closed ones. A closed month is made again in the same way, from the terms
//! that its final recorded: what documents say of it is compared with that.

use crate::bill::agreed_terms::bill_terms;
use crate::bill::consumption::{Consumption, CreditLimit, use_credits};
use crate::bill::rounding::round_to_zero;
use crate::bill::tally::{Overflow, Tally};
use crate::credit::CreditOffer;
use crate::invoice::item::Item;
use crate::invoice::month_terms::MonthTerms;
use crate::invoice::service_sum::ServiceSum;
use crate::invoice::source::Source;
use crate::money::amount::{Currency, Money};

/// Whose month it is, and what it is billed by.
#[derive(Debug, Clone, Copy)]
pub(super) struct OwnMonth<'a> {
    /// The group.
    pub(super) group: &'a Source,
    /// What holds for the month.
    pub(super) terms: &'a MonthTerms,
    /// What counts towards its commitment beside the month itself; `None` where nothing is settled with it.
    pub(super) spent_before: Option<Money>,
}

/// A month without its credits yet.
#[derive(Debug)]
pub(super) struct BeforeCredits<'a> {
    own: OwnMonth<'a>,
    services: &'a [ServiceSum],
    spent: Money,
    tally: Tally,
}

impl<'a> OwnMonth<'a> {
    /// What its services and what was agreed come to.
    pub(super) fn bill(self, currency: Currency, services: &'a [ServiceSum]) -> Result<BeforeCredits<'a>, Overflow> {
        let mut tally = Tally::new(currency, services)?;
        let spent = bill_terms(self.terms, self.group, self.spent_before, !services.is_empty(), &mut tally)?;
        Ok(BeforeCredits { own: self, services, spent, tally })
    }
}

impl BeforeCredits<'_> {
    /// What of it counts towards a commitment.
    pub(super) fn spent(&self) -> Money {
        self.spent
    }

    /// What it comes to so far.
    pub(super) fn net(&self) -> Money {
        self.tally.net()
    }

    /// What credits pay of it, which are given in the order in which they are used, and what is too little to be charged.
    pub(super) fn pay(
        mut self,
        credits: &[&CreditOffer],
        limit: CreditLimit,
    ) -> Result<(Vec<Item>, Consumption), Overflow> {
        let general = self.own.terms.tax.general();
        let consumption = use_credits(self.services, credits, limit, general, &mut self.tally)?;
        round_to_zero(self.own.terms, &mut self.tally)?;
        Ok((self.tally.into_items(), consumption))
    }
}
