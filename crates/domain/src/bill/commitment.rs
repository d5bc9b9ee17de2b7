//! Commitments over a term: what its months are worth together.
//!
//! What is missing is a line of the term's last month. It counts what the months before are worth: by all that documents say of them,
//! or as the bill itself settles them. When a month of the term changes later, the last one is settled again with it.

use std::collections::BTreeMap;

use crate::bill::inputs::GroupMonth;
use crate::bill::own_month::OwnMonth;
use crate::bill::result::BillError;
use crate::bill::services::{bill_services, charged_projects};
use crate::bill::tally::Overflow;
use crate::catalog::terms::commitment::{Commitment, CommitmentSettlement, TermProgress};
use crate::catalog::terms::error::TermsError;
use crate::closing::{Hold, HoldReason};
use crate::invoice::billed::stated::StatedMonth;
use crate::invoice::month_terms::MonthTerms;
use crate::invoice::source::Source;
use crate::money::amount::{Currency, Money};
use crate::time::month::Month;

/// What counts towards the commitment of a month.
#[derive(Debug)]
pub(super) struct Spending<'a> {
    commitment: &'a Commitment,
    /// What the earlier months of its term are worth; of a commitment that is settled every month, nothing.
    before: Money,
    is_settled: bool,
    /// That these cannot be added up.
    pub(super) hold: Option<Hold>,
}

impl<'a> Spending<'a> {
    /// What counts towards the commitment of a month of a group beside the month itself; `None` where there is no commitment. `settled` has
    /// what the bill finds closed months to be worth, in minor units, where that may be another amount than documents say.
    ///
    /// Cost: with a term, what documents say of its months; and of one that is not final, the services of its bill.
    pub(super) fn before(
        month: &GroupMonth<'_>,
        of: Month,
        terms: &'a MonthTerms,
        group: &Source,
        currency: Currency,
        settled: &BTreeMap<Month, i128>,
    ) -> Result<Option<Self>, Overflow> {
        let Some(commitment) = &terms.commitment else { return Ok(None) };
        let none = Money::zero(currency);
        let Some(term) = commitment.term() else {
            return Ok(Some(Spending { commitment, before: none, is_settled: true, hold: None }));
        };
        let first = term.first.max(month.group.first_period);
        let stated = month.billed.stated_in(month.group.uid, first, of.prev());
        let (mut before, mut hold) = (0, None);
        for earlier in first.through(of.prev()) {
            before += match (settled.get(&earlier), stated.get(&earlier)) {
                (_, Some(stated)) if stated.invoice.currency != currency => {
                    hold = Some(other_currency(commitment, earlier, stated.invoice.currency, currency));
                    0
                }
                (Some(settled), _) => *settled,
                (None, Some(stated)) => closed_month(stated, group, currency)?,
                (None, None) => open_month(month, earlier, group, currency)?,
            };
        }
        let before = Money::new(before, currency).ok_or(Overflow)?;
        Ok(Some(Spending { commitment, before, is_settled: term.last == of, hold }))
    }

    /// What is spent before, if the commitment is settled with the month.
    pub(super) fn settled(&self) -> Option<Money> {
        self.is_settled.then_some(self.before)
    }

    /// How far the term has come with what counts of the month; `None` without a term.
    pub(super) fn progress(&self, spent: Money) -> Result<Option<TermProgress>, Overflow> {
        let Commitment { name, amount, settlement, .. } = self.commitment;
        let CommitmentSettlement::Term(term) = settlement else { return Ok(None) };
        let spent = self.before.checked_add(spent).ok_or(Overflow)?;
        let missing = amount.checked_sub(spent).ok_or(Overflow)?;
        let left = if missing.minor() > 0 { missing } else { Money::zero(amount.currency()) };
        Ok(Some(TermProgress { name: name.clone(), amount: *amount, term: *term, spent, left }))
    }
}

/// What counts of a month by what documents say of its services, and by the terms that its final recorded, in minor units.
fn closed_month(stated: &StatedMonth<'_>, group: &Source, currency: Currency) -> Result<i128, Overflow> {
    let Some(terms) = stated.terms.filter(|_| !stated.is_reversed) else { return Ok(stated.spent()) };
    let services = stated.service_sums().ok_or(Overflow)?;
    Ok(OwnMonth { group, terms, spent_before: None }.bill(currency, &services)?.spent().minor())
}

/// What counts of an earlier month that is not final, in minor units. Only an estimate asks: months become final in order.
fn open_month(month: &GroupMonth<'_>, of: Month, group: &Source, currency: Currency) -> Result<i128, Overflow> {
    let open = month.closed_month(of, month.attribution);
    let Ok(mut terms) = open.terms() else { return Ok(0) };
    let overflow = |error| match error {
        BillError::Overflow { .. } | BillError::CurrencyUnknown(_) | BillError::Terms { .. } => Overflow,
    };
    let services = bill_services(&open, &terms, currency).map_err(overflow)?;
    terms.projects = charged_projects(&open, &terms, &services.projects);
    let own = OwnMonth { group, terms: &terms, spent_before: None }.bill(currency, &services.sums)?;
    Ok(own.spent().minor())
}

fn other_currency(commitment: &Commitment, of: Month, found: Currency, currency: Currency) -> Hold {
    let message = format!(
        "the commitment {} counts {of}, which was billed in {found}, and the group pays in {currency}; let its term begin later",
        commitment.name
    );
    Hold { reason: HoldReason::CurrencyChanged, message }
}

/// Refuses a term that is over without an invoice that settled it. Cost: a look at each final, once the term is over.
///
/// # Errors
/// It is such a term.
pub(super) fn check_term(month: &GroupMonth<'_>) -> Result<(), TermsError> {
    let agreed = month.group.terms.as_ref().ok().and_then(|terms| terms.commitment.as_ref());
    let Some(term) = agreed.and_then(Commitment::term) else { return Ok(()) };
    let last = term.last;
    let is_final = || month.billed.has_final(month.group.uid, last);
    let is_settled = || month.billed.settled_terms(month.group.uid).iter().any(|settled| settled.last == last);
    let is_open = last >= month.group.first_period && (last >= month.month || !is_final());
    match is_open || is_settled() {
        true => Ok(()),
        false => Err(TermsError::TermOver { last, oldest: month.month }),
    }
}
