//! How a document is taxed.

use billing_api::{LineTax, TaxCategory, TaxSubtotal};
use billing_domain::Untaxed;
use rust_decimal::Decimal;

use super::{Origin, decimal, said};
use crate::Refusal;
use crate::model::{Allowance, Category, Line, Tax, TaxGroup};

/// Nothing is taxed.
const OUTSIDE_SCOPE: TaxGroup = TaxGroup { category: Category::O, rate: Decimal::ZERO };

/// The taxes of a document. Where an issuer taxes nothing, all of it is outside the scope of tax, and the document's words say why.
pub(super) fn taxes(
    taxes: &[TaxSubtotal],
    note: Option<&str>,
    subtotal: &str,
    origin: &Origin,
) -> Result<Vec<Tax>, Refusal> {
    if taxes.is_empty() {
        return match note {
            Some(note) if note == Untaxed::NoRules.as_str() => Ok(vec![untaxed(note, subtotal)?]),
            Some(note) if note == Untaxed::NothingToTax.as_str() => Err(Refusal::Nothing),
            _ => Err(Refusal::NoTax { issuer: origin.issuer.clone() }),
        };
    }
    let taxes = taxes.iter().map(tax).collect::<Result<Vec<_>, _>>()?;
    let outside = taxes.iter().filter(|tax| tax.group.category == Category::O).count();
    if 0 < outside && 1 < taxes.len() {
        return Err(Refusal::MixedScope { issuer: origin.issuer.clone() });
    }
    Ok(taxes)
}

fn untaxed(note: &str, subtotal: &str) -> Result<Tax, Refusal> {
    let base = decimal("status.document.subtotal", subtotal)?;
    Ok(Tax { group: OUTSIDE_SCOPE, base, amount: Decimal::new(0, base.scale()), reason: Some(note.to_owned()) })
}

fn tax(tax: &TaxSubtotal) -> Result<Tax, Refusal> {
    let TaxSubtotal { category, rate, base, amount, reason } = tax;
    Ok(Tax {
        group: group(*category, rate)?,
        base: decimal("status.document.taxes.base", base)?,
        amount: decimal("status.document.taxes.amount", amount)?,
        reason: said(reason.as_deref()),
    })
}

/// The taxes that something has: one of nothing is not stated (BR-S-01, BR-S-08).
pub(super) fn used(taxes: Vec<Tax>, lines: &[Line], allowances: &[Allowance]) -> Vec<Tax> {
    let is_used = |tax: &Tax| {
        lines.iter().any(|line| line.tax == tax.group) || allowances.iter().any(|allowance| allowance.tax == tax.group)
    };
    let is_nothing = |tax: &Tax| tax.base.is_zero() && tax.amount.is_zero();
    taxes.into_iter().filter(|tax| is_used(tax) || !is_nothing(tax)).collect()
}

/// How a line is taxed: as it says, else as all of its document is.
pub(super) fn of_line(own: Option<&LineTax>, taxes: &[TaxSubtotal], origin: &Origin) -> Result<TaxGroup, Refusal> {
    match (own, taxes) {
        (Some(LineTax { category, rate }), _) => group(*category, rate),
        (None, [only]) => group(only.category, &only.rate),
        (None, []) => Ok(OUTSIDE_SCOPE),
        (None, _) => Err(Refusal::NoTax { issuer: origin.issuer.clone() }),
    }
}

fn group(category: TaxCategory, rate: &str) -> Result<TaxGroup, Refusal> {
    let category = match category {
        TaxCategory::S => Category::S,
        TaxCategory::Z => Category::Z,
        TaxCategory::E => Category::E,
        TaxCategory::AE => Category::AE,
        TaxCategory::O => Category::O,
    };
    Ok(TaxGroup { category, rate: decimal("status.document.taxes.rate", rate)?.normalize() })
}
