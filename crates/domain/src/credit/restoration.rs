//! What goes back of a credit when a credit note takes back the invoice that used it.
//!
//! What was consumed stays consumed, because that invoice stays. What goes back is a credit of its own, which says where
//! it comes from.

use super::CreditValidity;
use crate::invoice::ids::line_id;
use crate::invoice::line_type::LineType;
use crate::invoice::number;
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::Timestamp;

/// What goes back of a credit because a closed month that it paid for is due less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnedCredit {
    /// The credit.
    pub credit: Name,
    /// The month that it paid for.
    pub month: Month,
    /// The final with which a group that is gone closed that month, where it was such a group's.
    pub closed_by: Option<Name>,
    /// How much; above zero.
    pub amount: Money,
}

/// The longest name that an object can have.
const MAX_NAME_LENGTH: usize = 253;

/// The name of what the credit note of this number gives back of a credit: there is one, so that it is given back once.
pub fn restored_name(note: &Name, credit: &Name) -> Name {
    let name = format!("{note}-{credit}");
    if name.len() <= MAX_NAME_LENGTH {
        return name.into();
    }
    format!("{note}-{}", line_id(LineType::CreditConsumption, credit.as_bytes(), &[])).into()
}

impl ReturnedCredit {
    /// The name of what the final of a number gives back, of a group whose months are counted from `first_period` on: one for each
    /// final, month and credit, so that it is given back once.
    pub fn name_on(&self, number: &Name, first_period: Month) -> Name {
        let month = match &self.closed_by {
            Some(closed_by) => closed_by.to_string(),
            None => number::sequence(first_period, self.month).unwrap_or(0).to_string(),
        };
        restored_name(&Name::from(format!("{number}-{month}")), &self.credit)
    }
}

impl CreditValidity {
    /// The validity of what a credit note, issued at `issued`, gives back of a credit that paid for `month`.
    ///
    /// The time that was left of the credit after that month is left of what goes back, from the note on: who is billed
    /// wrongly does not lose the time until that is set right. And it lasts until the month of the note is over, at the
    /// least: an invoice can use it, even where the credit expired within the month that it paid for.
    #[must_use]
    pub fn restored(self, month: Month, issued: Timestamp) -> Self {
        let until = |expires: Timestamp| {
            let remaining = expires.signed_duration_since(month.end());
            let until = issued.checked_add_signed(remaining).unwrap_or(Timestamp::MAX_UTC);
            until.max(Month::of(issued).end())
        };
        Self { starts: None, expires: self.expires.map(until) }
    }
}
