//! Credits: money that a group has before its invoice, paid in advance or granted.
//!
//! What an invoice uses of a credit is first reserved, then consumed when the invoice is final; see [`reservation`].
//! However often that is tried, a credit never gives more than it has.

pub mod availability;
pub mod reservation;
pub mod restoration;

use std::collections::BTreeSet;
use std::fmt;

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
    /// What it reduces.
    pub application: Application,
    /// When it can be used.
    pub validity: CreditValidity,
    /// The projects whose services it pays for; `None`: whatever is on the invoice.
    pub projects: Option<BTreeSet<Name>>,
    /// What invoices take of it, the oldest first.
    pub reservations: Vec<Reservation>,
    /// Whether it is being deleted: then it is worth what invoices have taken of it, and no more.
    pub withdrawn: bool,
}

/// What a credit reduces.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Application {
    /// What is taxed: a rebate.
    #[default]
    BeforeTax,
    /// What is to be paid: money that was paid in advance.
    AfterTax,
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
    /// What it reduces.
    pub application: Application,
    /// When it can be used.
    pub validity: CreditValidity,
    /// The projects whose services it pays for; `None`: whatever is on the invoice.
    pub projects: Option<BTreeSet<Name>>,
    /// What other invoices leave of it.
    pub remaining: Money,
}

/// The most credits that one invoice uses; more wait for the next month.
pub const MAX_CREDITS: usize = 1000;

/// What an invoice uses of a credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditUse {
    /// The credit.
    pub name: Name,
    /// Its UID.
    pub uid: Uid,
    /// How much is used; above zero.
    pub used: Money,
    /// What is left of it then.
    pub remaining: Money,
}

/// What one invoice takes of a credit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The invoice's number.
    pub invoice: Name,
    /// How much; zero when the invoice came to need none of it.
    pub amount: Money,
    /// Whether the invoice is final.
    pub state: ReservationState,
}

/// How firm a reservation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationState {
    /// The invoice is about to become final; it may still rewrite the amount.
    Reserved,
    /// The invoice is final and says the same amount.
    Consumed,
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
