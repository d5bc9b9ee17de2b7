//! Credits: money that a group has before its invoice, paid in advance or granted.
//!
//! What an invoice uses of a credit is first reserved, then consumed when the invoice is final; see [`Reservation`].
//! However often that is tried, a credit never gives more than it has.

mod reservation;
mod returned;
mod standing;

use std::collections::BTreeSet;
use std::fmt;

pub use reservation::{Reservation, ReservationError, ReservationState};
pub use returned::returned_name;
pub use standing::Standing;

use crate::money::amount::Money;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;

/// A credit of a group, with what its invoices have taken of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credit {
    /// Its name in the organization.
    pub name: Name,
    /// Its UID.
    pub uid: Uid,
    /// What it was given for.
    pub kind: CreditType,
    /// How much it is in all; above zero.
    pub amount: Money,
    /// When it can be used.
    pub validity: CreditValidity,
    /// The projects whose services it pays for; `None`: whatever is on the invoice.
    pub projects: Option<BTreeSet<Name>>,
    /// What invoices take of it, the oldest first.
    pub reservations: Vec<Reservation>,
}

/// When a credit can be used: from an instant on, until another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CreditValidity {
    /// The first instant; `None`: since ever.
    pub starts: Option<Timestamp>,
    /// The first instant after it; `None`: without end.
    pub expires: Option<Timestamp>,
}

/// A credit as an invoice finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditOffer {
    /// The credit.
    pub name: Name,
    /// Its UID.
    pub uid: Uid,
    /// What it was given for.
    pub kind: CreditType,
    /// When it can be used.
    pub validity: CreditValidity,
    /// The projects whose services it pays for; `None`: whatever is on the invoice.
    pub projects: Option<BTreeSet<Name>>,
    /// What other invoices leave of it.
    pub left: Money,
}

/// What a credit was given for: Aiven's thirteen types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CreditType {
    /// A reduction of the price.
    Discount,
    /// For the provider's own people.
    Employee,
    /// To try something out, by agreement.
    Evaluation,
    /// For the provider's own use.
    Internal,
    /// Anything else.
    Other,
    /// For an outage.
    Outage,
    /// By way of a partner.
    Partner,
    /// To win customers.
    Promotion,
    /// Paid for in advance.
    Purchase,
    /// For a recommendation.
    Referral,
    /// To support somebody.
    Sponsorship,
    /// For a trial.
    Trial,
    /// For a trial that became a contract.
    TrialOver,
}

impl CreditType {
    /// Its name on documents.
    pub fn as_str(self) -> &'static str {
        match self {
            CreditType::Discount => "Discount",
            CreditType::Employee => "Employee",
            CreditType::Evaluation => "Evaluation",
            CreditType::Internal => "Internal",
            CreditType::Other => "Other",
            CreditType::Outage => "Outage",
            CreditType::Partner => "Partner",
            CreditType::Promotion => "Promotion",
            CreditType::Purchase => "Purchase",
            CreditType::Referral => "Referral",
            CreditType::Sponsorship => "Sponsorship",
            CreditType::Trial => "Trial",
            CreditType::TrialOver => "TrialOver",
        }
    }
}

impl fmt::Display for CreditType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl CreditValidity {
    /// Whether any instant of the month belongs to it.
    pub fn touches(self, month: Month) -> bool {
        let begun = self.starts.is_none_or(|starts| starts < month.end());
        begun && self.expires.is_none_or(|expires| month.start() < expires)
    }
}

impl Credit {
    /// The credit as the invoice of this number finds it: what the invoice itself has reserved is its own.
    pub fn offer_to(&self, invoice: &str) -> CreditOffer {
        CreditOffer {
            name: self.name.clone(),
            uid: self.uid,
            kind: self.kind,
            validity: self.validity,
            projects: self.projects.clone(),
            left: self.left_for(invoice),
        }
    }
}
