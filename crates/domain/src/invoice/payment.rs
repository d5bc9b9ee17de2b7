//! What of an invoice was paid before it was issued.

use crate::invoice::source::Source;
use crate::money::amount::Money;

/// An amount, with tax, that an invoice need not ask for any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepayment {
    /// The credit that pays it, or the invoice that left it.
    pub source: Source,
    /// How much; above zero.
    pub amount: Money,
}
