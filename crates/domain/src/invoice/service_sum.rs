//! What services of a month cost, as far as anything that is computed from them asks.

use crate::catalog::tax_rule::TaxGroup;
use crate::money::amount::Money;
use crate::name::Name;

/// What the services of a project cost that are taxed alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSum {
    /// The project.
    pub project: Name,
    /// How they are taxed; `None`: not at all, or nobody says how.
    pub tax: Option<TaxGroup>,
    /// The sum of their lines, after discounts.
    pub total: Money,
}
