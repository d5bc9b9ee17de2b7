//! What invoices take of a credit.
//!
//! The order of writes is: reserve, make the invoice final, consume. After a crash anywhere in between the same is
//! done again: a reservation is rewritten by its own invoice alone, and what was consumed never changes.

use thiserror::Error;

use super::{Credit, CreditOffer, Reservation, ReservationState};
use crate::money::amount::Money;
use crate::name::Name;

/// Why a reservation cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReservationError {
    /// The month before is not settled.
    #[error("credit {credit} is still reserved by invoice {by}")]
    StillReserved {
        /// The credit.
        credit: Name,
        /// The invoice that has not consumed its reservation.
        by: Name,
    },
    /// What was consumed does not change.
    #[error("invoice {invoice} has already consumed its part of credit {credit}")]
    Consumed {
        /// The credit.
        credit: Name,
        /// The invoice.
        invoice: Name,
    },
    /// It would be more than there is.
    #[error("the remaining amount of credit {credit} is too small for invoice {invoice}")]
    Exceeded {
        /// The credit.
        credit: Name,
        /// The invoice.
        invoice: Name,
    },
}

impl Credit {
    /// The credit as the invoice of this number finds it: what the invoice itself has reserved is its own.
    pub fn offer_to(&self, invoice: &str) -> CreditOffer {
        CreditOffer {
            name: self.name.clone(),
            uid: self.uid,
            kind: self.kind,
            application: self.application,
            validity: self.validity,
            projects: self.projects.clone(),
            remaining: self.remaining_for(invoice),
        }
    }

    /// What the invoices that are final have used.
    pub fn consumed(&self) -> Money {
        self.sum(|reservation| reservation.state == ReservationState::Consumed)
    }

    /// What no invoice has taken.
    pub fn remaining(&self) -> Money {
        self.remainder(self.sum(|_| true))
    }

    /// What other invoices than this one leave. Of a credit that is being deleted that is what this one has taken already.
    pub fn remaining_for(&self, invoice: &str) -> Money {
        if self.withdrawn {
            return self.sum(|reservation| reservation.invoice.as_str() == invoice);
        }
        self.remainder(self.sum(|reservation| reservation.invoice.as_str() != invoice))
    }

    /// What an invoice takes.
    pub fn reservation(&self, invoice: &str) -> Option<&Reservation> {
        self.reservations.iter().find(|reservation| reservation.invoice.as_str() == invoice)
    }

    /// Reserves an amount for an invoice, in place of what it had reserved before.
    ///
    /// # Errors
    /// Another invoice's reservation is not consumed yet, this one's is, or there is not so much left.
    pub fn reserve(&mut self, invoice: &Name, amount: Money) -> Result<(), ReservationError> {
        let credit = self.name.clone();
        let open = self.reservations.iter().find(|known| known.state == ReservationState::Reserved);
        if let Some(other) = open.filter(|open| open.invoice != *invoice) {
            return Err(ReservationError::StillReserved { credit, by: other.invoice.clone() });
        }
        if self.reservation(invoice).is_some_and(|known| known.state == ReservationState::Consumed) {
            return Err(ReservationError::Consumed { credit, invoice: invoice.clone() });
        }
        self.put(Reservation { invoice: invoice.clone(), amount, state: ReservationState::Reserved })
    }

    /// Consumes what an invoice that is final says; what is consumed already stays as it is. An invoice that has
    /// reserved nothing takes nothing.
    ///
    /// # Errors
    /// There is not so much left.
    pub fn consume(&mut self, invoice: &Name, amount: Money) -> Result<(), ReservationError> {
        match self.reservation(invoice).map(|known| known.state) {
            Some(ReservationState::Reserved) => {
                self.put(Reservation { invoice: invoice.clone(), amount, state: ReservationState::Consumed })
            }
            Some(ReservationState::Consumed) | None => Ok(()),
        }
    }

    /// Plans with what an estimate would use: a later month finds only what this one leaves.
    pub fn plan_use(&mut self, invoice: &Name, amount: Money) {
        // An estimate that cannot be reserved for leaves the credit as it is; its month is not closed on it.
        let _ = self.put(Reservation { invoice: invoice.clone(), amount, state: ReservationState::Reserved });
    }

    fn put(&mut self, reservation: Reservation) -> Result<(), ReservationError> {
        let fits = reservation.amount.currency() == self.amount.currency()
            && (0..=self.remaining_for(&reservation.invoice).minor()).contains(&reservation.amount.minor());
        if !fits {
            return Err(ReservationError::Exceeded { credit: self.name.clone(), invoice: reservation.invoice });
        }
        match self.reservations.iter_mut().find(|known| known.invoice == reservation.invoice) {
            Some(known) => *known = reservation,
            None => self.reservations.push(reservation),
        }
        Ok(())
    }

    fn sum(&self, counts: impl Fn(&Reservation) -> bool) -> Money {
        let amounts = self.reservations.iter().filter(|reservation| counts(reservation)).map(|known| known.amount);
        let zero = Money::zero(self.amount.currency());
        amounts.fold(zero, |sum, amount| sum.checked_add(amount).unwrap_or(self.amount))
    }

    fn remainder(&self, taken: Money) -> Money {
        let remainder = self.amount.checked_sub(taken).filter(|remainder| remainder.minor() > 0);
        remainder.unwrap_or(Money::zero(self.amount.currency()))
    }
}

/// Plans with what an invoice uses, by the name of the credit: a later month finds only what it leaves.
pub fn plan_uses(credits: &mut [Credit], invoice: &Name, uses: &[(Name, Money)]) {
    for credit in credits {
        let used = uses.iter().find(|(name, _)| *name == credit.name).map(|(_, used)| *used);
        if used.is_some() || credit.reservation(invoice).is_some() {
            credit.plan_use(invoice, used.unwrap_or(Money::zero(credit.amount.currency())));
        }
    }
}
