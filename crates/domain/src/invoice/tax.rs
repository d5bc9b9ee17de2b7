//! What an invoice says of tax.

use crate::catalog::tax_rule::{TaxCategory, TaxGroup, TaxRate};
use crate::money::amount::Money;

/// What of a bill is taxed in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxSubtotal {
    /// The kind of tax.
    pub category: TaxCategory,
    /// The rate.
    pub rate: TaxRate,
    /// What is taxed.
    pub base: Money,
    /// The tax.
    pub amount: Money,
    /// Why there is none; several reasons one after the other.
    pub reason: Option<String>,
}

impl TaxSubtotal {
    /// What is taxed alike.
    pub fn group(&self) -> TaxGroup {
        TaxGroup { category: self.category, rate: self.rate }
    }
}

/// Why a bill says nothing of tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Untaxed {
    /// It is not known who bills.
    NoIssuer,
    /// The issuer has no rules of tax: an invoice within one company, say.
    NoRules,
    /// No rule is the buyer's, and nothing is to be paid.
    NothingToTax,
    /// No rule is the buyer's; the invoice waits for one.
    NoRule,
}

impl Untaxed {
    /// What the document says of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Untaxed::NoIssuer => "Tax is not known: there is no issuer.",
            Untaxed::NoRules => "No tax is charged: the issuer taxes nothing.",
            Untaxed::NothingToTax => "There is nothing to tax.",
            Untaxed::NoRule => "Tax is not known: no tax rule of the issuer matches the buyer.",
        }
    }
}
