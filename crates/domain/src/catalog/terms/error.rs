//! Terms that contradict themselves.

use thiserror::Error;

use crate::money::amount::{AmountError, Currency};
use crate::time::month::Month;

/// Why terms cannot be billed. Every variant names the field.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TermsError {
    /// A field whose text cannot be read.
    #[error("spec.terms.{field} {text:?} cannot be read; correct it")]
    Unreadable {
        /// The field.
        field: String,
        /// What it holds.
        text: String,
    },
    /// An amount that its currency does not have.
    #[error("spec.terms.{field}: {error}; correct it")]
    NoAmount {
        /// The field.
        field: String,
        /// What is wrong with it.
        error: AmountError,
    },
    /// An amount in another currency than the group's.
    #[error("spec.terms.{field} is in {found}, and the group pays in {currency}; use one currency")]
    Currency {
        /// The field.
        field: String,
        /// What the field has.
        found: String,
        /// What the group pays in.
        currency: Currency,
    },
    /// A term that ends before anything could settle it.
    #[error(
        "spec.terms.commitment.lastPeriod {last}: no invoice would bill what is missing, as the months before {oldest} are final or not billed; let the term end with {oldest} or later, or remove the commitment"
    )]
    TermOver {
        /// The last month of the term.
        last: Month,
        /// The oldest month that is not final.
        oldest: Month,
    },
    /// A commitment over a term without its first or last month.
    #[error("spec.terms.commitment has settlement Term, and needs firstPeriod and lastPeriod; set both")]
    TermWithoutPeriods,
    /// A charge with neither or both of an amount and a percentage.
    #[error("spec.terms.{field} must have either an amount or a percent")]
    Amount {
        /// The field.
        field: String,
    },
}
