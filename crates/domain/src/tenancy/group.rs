//! The group that pays.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::catalog::buyer::Buyer;
use crate::catalog::terms::Terms;
use crate::catalog::terms::error::TermsError;
use crate::money::amount::Currency;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;

/// A billing group, as far as billing needs it: who pays, from when on, in which currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name in the organization.
    pub name: Name,
    /// Its UID: a group made again under the same name is another group.
    pub uid: Uid,
    /// When it was created.
    pub created: Timestamp,
    /// When its deletion was asked for.
    pub deleted: Option<Timestamp>,
    /// Whether it pays for projects that nobody else pays for.
    pub primary: bool,
    /// What it pays in; `None` when the code in its spec is no currency. It still pays then: its invoice
    /// waits for the correction.
    pub currency: Option<Currency>,
    /// The projects it admits; `None` for all of the organization.
    pub allowed: Option<BTreeSet<Name>>,
    /// The month it is billed from.
    pub first_period: Month,
    /// The names of the price lists that apply, in the order in which they are asked.
    pub price_lists: Vec<Name>,
    /// The name of the issuer that bills it.
    pub issuer: Name,
    /// Days from issue to due date, where its terms say so.
    pub payment_term_days: Option<u32>,
    /// Where it is, and under which VAT id, which decides how it is taxed.
    pub buyer: Buyer,
    /// What it agreed with its provider; its invoice waits while that contradicts itself.
    pub terms: Result<Terms, TermsError>,
}

impl Group {
    /// The furthest that a first period may lie before the group's creation, in months.
    pub const MAX_MONTHS_BACK: i32 = 24;

    /// Whether its first period lies further back than any group's can: a slip of the pen, which is billed nothing.
    pub fn begins_too_early(&self) -> bool {
        self.first_period.months_since(Month::of(self.created)) < -Self::MAX_MONTHS_BACK
    }

    /// Whether the project may be bound to it.
    pub fn admits(&self, project: &str) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.contains(project))
    }

    /// Which of two is the older; the name decides where the clock does not.
    pub fn age_order(&self, other: &Group) -> Ordering {
        self.created.cmp(&other.created).then_with(|| self.name.cmp(&other.name))
    }

    /// Whether it can pay for the month: a group being deleted pays for no month after that of its
    /// deletion.
    pub fn pays_in(&self, month: Month) -> bool {
        self.last_month().is_none_or(|last| month <= last)
    }

    /// The last month that it pays for, if it is being deleted: that in which its deletion was asked for.
    pub fn last_month(&self) -> Option<Month> {
        self.deleted.map(Month::of)
    }
}
