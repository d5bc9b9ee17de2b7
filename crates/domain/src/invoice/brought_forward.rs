//! What one invoice leaves to the next.

use crate::money::amount::Money;
use crate::name::Name;
use crate::uid::Uid;

/// What the invoice of the month before leaves to this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtForward {
    /// How much, in the group's favour; above zero.
    pub amount: Money,
    /// The number of that invoice.
    pub invoice: Name,
    /// Its UID.
    pub uid: Uid,
    /// Whether the amount is with tax. Invoices that were made before `amountDue` was recorded left one before tax.
    pub includes_tax: bool,
}
