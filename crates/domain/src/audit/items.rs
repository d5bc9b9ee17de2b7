//! The second derivation of what stands beside services.

use num_bigint::BigInt;
use rust_decimal::Decimal;

use super::difference::AuditDifference;
use super::tax::Groups;
use super::terms::group_of;
use crate::bill::inputs::GroupMonth;
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::terms::charge::{ChargeAmount, ChargeType};
use crate::invoice::adjustment::AdjustmentKind;
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::MonthTerms;
use crate::invoice::part::MINIMUM_CHARGE;
use crate::money::percent::Percent;
use crate::name::Name;

/// An item as derived: what it is, and its amount in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DerivedItem {
    pub(super) kind: LineType,
    pub(super) key: String,
    pub(super) tax: Option<TaxGroup>,
    pub(super) total: i128,
    /// The credit notes that it counts, where it adjusts something.
    pub(super) notes: Vec<Name>,
}

impl DerivedItem {
    /// One that adjusts nothing.
    pub(super) fn plain(kind: LineType, key: String, tax: Option<TaxGroup>, total: i128) -> Self {
        DerivedItem { kind, key, tax, total, notes: Vec::new() }
    }

    /// An item of a bill. A credit is a whole source; others are parts of one, those of usage of many.
    fn of(item: &Item) -> Self {
        let key = match item.kind {
            LineType::CreditConsumption => item.source.name.to_string(),
            LineType::OtherEvent if item.adjustment.is_some() => format!("{}/{}", item.source.name, item.key),
            _ => item.key.clone(),
        };
        let notes = match item.adjustment.as_ref().map(|adjustment| &adjustment.kind) {
            Some(
                AdjustmentKind::Correction { notes, .. }
                | AdjustmentKind::Refill { notes, .. }
                | AdjustmentKind::Part { notes, .. },
            ) => notes.clone(),
            Some(AdjustmentKind::Late(_)) | None => Vec::new(),
        };
        DerivedItem { kind: item.kind, key, tax: item.tax, total: item.total.minor(), notes }
    }
}

/// The lines that tell of the discounts in services' lines.
pub(super) fn derive_remarks(terms: &MonthTerms) -> impl Iterator<Item = DerivedItem> {
    let remark = |name: &str| DerivedItem::plain(LineType::Multiplier, name.to_owned(), None, 0);
    terms.discounts.iter().map(move |discount| remark(&discount.name))
}

/// What was agreed for a month whose services come to so many minor units; `None` when that cannot be said. `spent_before` counts
/// towards the commitment beside the month; `None`: that is not settled with it.
pub(super) fn derive_items(terms: &MonthTerms, services: i128, spent_before: Option<i128>) -> Option<Vec<DerivedItem>> {
    let tax = group_of(terms, None);
    let mut items = Vec::new();
    derive_charges(terms, ChargeType::Extra, services, &mut items)?;
    derive_charges(terms, ChargeType::Support, services, &mut items)?;
    if let (Some(commitment), Some(before)) = (&terms.commitment, spent_before) {
        let spent = before + services + items.iter().map(|item| item.total).sum::<i128>();
        let total = commitment.amount.minor() - spent;
        if total > 0 {
            items.push(DerivedItem::plain(LineType::CommitmentFee, commitment.name.to_string(), tax, total));
        }
    }
    derive_charges(terms, ChargeType::Other, services, &mut items)?;
    Some(items)
}

/// What an invoice left over that was made before amounts with tax were carried.
pub(super) fn derive_brought(month: &GroupMonth<'_>, terms: &MonthTerms) -> Option<DerivedItem> {
    let brought = month.brought_forward.filter(|brought| !brought.includes_tax)?;
    let (key, tax) = ("brought forward".to_owned(), group_of(terms, None));
    let in_currency = Some(brought.amount.currency()) == month.group.currency;
    in_currency.then(|| DerivedItem::plain(LineType::OtherEvent, key, tax, -brought.amount.minor()))
}

/// The lines that bring a month to zero that comes to so much, if they should.
pub(super) fn derive_rounding(terms: &MonthTerms, groups: &Groups) -> Vec<DerivedItem> {
    let net: i128 = groups.values().sum();
    let least = terms.minimum_charge.as_ref().map_or(0, |minimum| minimum.amount.minor());
    if !(1..least).contains(&net) {
        return Vec::new();
    }
    let line = |(tax, left): (&Option<TaxGroup>, &i128)| {
        DerivedItem::plain(LineType::Rounding, MINIMUM_CHARGE.to_owned(), *tax, -left)
    };
    groups.iter().filter(|(_, left)| **left != 0).map(line).collect()
}

fn derive_charges(terms: &MonthTerms, wanted: ChargeType, services: i128, items: &mut Vec<DerivedItem>) -> Option<()> {
    let kind = match wanted {
        ChargeType::Extra => LineType::ExtraCharge,
        ChargeType::Support => LineType::SupportCharge,
        ChargeType::Other => LineType::OtherEvent,
    };
    for charge in terms.charges.iter().filter(|charge| charge.kind == wanted) {
        let total = match &charge.amount {
            ChargeAmount::Fixed(amount) => amount.minor(),
            ChargeAmount::PerProject(amount) => amount.minor() * i128::from(terms.projects.unwrap_or_default()),
            ChargeAmount::OfServices { percent, minimum } => {
                part(services, *percent)?.max(minimum.map_or(0, |minimum| minimum.minor()))
            }
        };
        items.push(DerivedItem::plain(kind, charge.name.to_string(), group_of(terms, None), total));
    }
    Some(())
}

/// A percentage of an amount that is not negative, half up.
fn part(of: i128, percent: Percent) -> Option<i128> {
    let percent: Decimal = percent.decimal();
    let below = BigInt::from(100) * BigInt::from(10).pow(percent.scale());
    let above = BigInt::from(of) * percent.mantissa();
    let rounded: BigInt = (above * 2 + &below) / (below * 2);
    rounded.try_into().ok()
}

/// Every item in which the two differ, place by place.
pub(super) fn compare_items(billed: &[Item], derived: &[DerivedItem]) -> Vec<AuditDifference> {
    let on_bill: Vec<_> = billed.iter().map(DerivedItem::of).collect();
    let differs = |place: &usize| on_bill.get(*place) != derived.get(*place);
    let places = (0..on_bill.len().max(derived.len())).filter(differs);
    let shown = |item: Option<&DerivedItem>| {
        let tax = |item: &DerivedItem| item.tax.map(|tax| format!(" ({tax})")).unwrap_or_default();
        let notes = |item: &DerivedItem| match item.notes.as_slice() {
            [] => String::new(),
            notes => format!(" after {}", notes.iter().map(Name::as_str).collect::<Vec<_>>().join(", ")),
        };
        item.map(|item| format!("{} {:?} {}{}{}", item.kind.as_str(), item.key, item.total, tax(item), notes(item)))
    };
    places
        .map(|place| AuditDifference::Item { billed: shown(on_bill.get(place)), derived: shown(derived.get(place)) })
        .collect()
}
