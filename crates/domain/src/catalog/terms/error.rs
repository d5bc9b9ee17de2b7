//! Terms that contradict themselves.

use thiserror::Error;

use crate::money::amount::{AmountError, Currency};

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
    /// A charge with neither or both of an amount and a percentage.
    #[error("spec.terms.{field} must have either an amount or a percent")]
    Amount {
        /// The field.
        field: String,
    },
}
