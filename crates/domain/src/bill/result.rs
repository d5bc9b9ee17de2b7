//! What a bill says, or why there is none.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::bill::inputs::GroupMonth;
use crate::catalog::rates::Conversion;
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::terms::commitment::TermProgress;
use crate::catalog::terms::error::TermsError;
use crate::closing::Hold;
use crate::credit::CreditUse;
use crate::credit::restoration::ReturnedCredit;
use crate::invoice::item::Item;
use crate::invoice::line::Line;
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::{MonthTerms, TaxScheme};
use crate::invoice::payment::Prepayment;
use crate::invoice::tax::{TaxSubtotal, Untaxed};
use crate::money::amount::Money;
use crate::name::Name;
use crate::problem::Problem;
use crate::time::month::Month;

/// What a group owes for a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bill {
    /// The month.
    pub month: Month,
    /// By what it is billed, beside usage and prices.
    pub terms: MonthTerms,
    /// The exchange rate of the month, used or not; `None` where prices are in the currency of the bill, and while there is none.
    pub conversion: Option<Conversion>,
    /// The lines of services, by project, service, start and record.
    pub lines: Vec<Line>,
    /// All other lines, which follow them, by type.
    pub items: Vec<Item>,
    /// Every project that the group pays for in the month, by name: those with a line, and those that exist.
    pub projects: Vec<ProjectSubtotal>,
    /// The total of lines and items by type, in the order of types; types without a line are left out.
    pub categories: Vec<CategorySubtotal>,
    /// The total of lines and items, before tax.
    pub subtotal: Money,
    /// What is used of which credit: in the order of lines of the month, then what only closed months use, then those that pay
    /// after tax.
    pub credits: Vec<CreditUse>,
    /// What goes back to credits that paid of closed months, once the bill is final.
    pub returned: Vec<ReturnedCredit>,
    /// How far the group has come with its commitment, where that is over a term.
    pub commitment: Option<TermProgress>,
    /// How prices became amounts, where there are lines and their prices are in another currency.
    pub converted: Option<Converted>,
    /// How that is taxed, by category and rate.
    pub taxes: Vec<TaxSubtotal>,
    /// Why nothing is said of tax, where that is so.
    pub untaxed: Option<Untaxed>,
    /// The tax.
    pub tax: Money,
    /// Subtotal and tax.
    pub total: Money,
    /// What was paid in advance.
    pub prepayments: Vec<Prepayment>,
    /// What was paid in advance, in all.
    pub prepaid: Money,
    /// What is to be paid: total less prepaid, and nothing where that is below zero.
    pub amount_due: Money,
    /// How far below zero that is: the next invoice has so much less to be paid.
    pub carried_forward: Option<Money>,
    /// By record on the bill that replaces another: the records that count as nothing because of it.
    pub replaced: BTreeMap<Name, Vec<Name>>,
    /// What is not on the bill and why: what the month leaves off, in the order of lines, then what its adjustments of
    /// closed months do.
    pub problems: Vec<Problem>,
    /// What keeps the bill from becoming final, beside its problems.
    pub holds: Vec<Hold>,
}

/// What services cost in the currency of their prices, and how that became the currency of the bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The rate.
    pub conversion: Conversion,
    /// The sum of the lines of services, each rounded to the digits of the prices' currency.
    pub price_subtotal: Money,
}

/// What a project cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSubtotal {
    /// The project.
    pub project: Name,
    /// The total of its services.
    pub subtotal: Money,
}

/// What the lines of a type add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CategorySubtotal {
    /// The type.
    pub kind: LineType,
    /// The total of its lines.
    pub subtotal: Money,
}

/// Why there is no bill at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BillError {
    /// The group's currency is none.
    #[error("the currency of billing group {0} is not in use; correct its spec.currency")]
    CurrencyUnknown(Name),
    /// Its terms contradict themselves.
    #[error("billing group {group}: {error}")]
    Terms {
        /// The group.
        group: Name,
        /// What is wrong with them.
        error: TermsError,
    },
    /// A sum is larger than a document can carry.
    #[error(
        "the invoice of billing group {group} for {month} adds up to more than an invoice can hold; check quantities and prices"
    )]
    Overflow {
        /// The group.
        group: Name,
        /// The month.
        month: Month,
    },
}

impl Bill {
    /// How lines are said to be taxed that are not, on a bill that adjusts months that were taxed: outside of the scope of tax.
    pub fn untaxed_group(&self) -> Option<TaxGroup> {
        matches!(self.terms.tax, TaxScheme::Untaxed(_)).then_some(TaxGroup::OUTSIDE_SCOPE)
    }

    /// Whether anything is charged or credited: lines that only tell do not count, nor do amounts that only go from
    /// one invoice to the next.
    pub fn charges_anything(&self) -> bool {
        !self.lines.is_empty() || self.items.iter().any(|item| !item.total.is_zero() && !item.is_balance_forward())
    }
}

impl BillError {
    pub(super) fn terms(month: &GroupMonth<'_>, error: &TermsError) -> Self {
        BillError::Terms { group: month.group.name.clone(), error: error.clone() }
    }

    pub(super) fn overflow(month: &GroupMonth<'_>) -> Self {
        BillError::Overflow { group: month.group.name.clone(), month: month.month }
    }
}
