//! The second derivation of what stands beside services.

use num_bigint::BigInt;
use rust_decimal::Decimal;

use super::difference::AuditDifference;
use crate::bill::inputs::GroupMonth;
use crate::catalog::terms::Terms;
use crate::catalog::terms::charge::{ChargeAmount, ChargeType};
use crate::invoice::item::Item;
use crate::invoice::line_type::LineType;
use crate::invoice::source::SourceKind;
use crate::money::percent::Percent;
use crate::time::validity::Validity;

/// An item as derived: what it is, and its amount in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DerivedItem {
    pub(super) kind: LineType,
    pub(super) key: String,
    pub(super) total: i128,
}

impl DerivedItem {
    /// An item of a bill. A credit is a whole source; others are parts of one, those of usage of many.
    fn of(item: &Item) -> Self {
        let key = match item.kind {
            LineType::CreditConsumption => item.source.name.to_string(),
            LineType::OtherEvent if item.source.kind == SourceKind::UsageRecord => {
                format!("{}/{}", item.source.name, item.key)
            }
            _ => item.key.clone(),
        };
        DerivedItem { kind: item.kind, key, total: item.total.minor() }
    }
}

/// The items of a bill whose services come to so many minor units; `None` when that cannot be said.
pub(super) fn derive_items(month: &GroupMonth<'_>, services: i128) -> Option<Vec<DerivedItem>> {
    let terms = month.group.terms.as_ref().ok()?;
    let mut items = Vec::new();
    for discount in terms.discounts.iter().filter(|discount| holds(discount.validity, month)) {
        items.push(DerivedItem { kind: LineType::Multiplier, key: discount.name.to_string(), total: 0 });
    }
    derive_charges(month, terms, ChargeType::Extra, services, &mut items)?;
    derive_charges(month, terms, ChargeType::Support, services, &mut items)?;
    if let Some(commitment) = terms.commitment.as_ref().filter(|commitment| holds(commitment.validity, month)) {
        let spent = services + items.iter().map(|item| item.total).sum::<i128>();
        let total = commitment.amount.minor() - spent;
        if total > 0 {
            items.push(DerivedItem { kind: LineType::CommitmentFee, key: commitment.name.to_string(), total });
        }
    }
    derive_charges(month, terms, ChargeType::Other, services, &mut items)?;
    if let Some(brought_forward) =
        month.brought_forward.filter(|brought_forward| Some(brought_forward.amount.currency()) == month.group.currency)
    {
        let total = -brought_forward.amount.minor();
        items.push(DerivedItem { kind: LineType::OtherEvent, key: "brought forward".to_owned(), total });
    }
    Some(items)
}

/// What brings a sum below zero to zero.
pub(super) fn derive_carried(net: i128) -> Option<DerivedItem> {
    (net < 0).then(|| DerivedItem { kind: LineType::OtherEvent, key: String::new(), total: -net })
}

fn derive_charges(
    month: &GroupMonth<'_>,
    terms: &Terms,
    wanted: ChargeType,
    services: i128,
    items: &mut Vec<DerivedItem>,
) -> Option<()> {
    let kind = match wanted {
        ChargeType::Extra => LineType::ExtraCharge,
        ChargeType::Support => LineType::SupportCharge,
        ChargeType::Other => LineType::OtherEvent,
    };
    for charge in terms.charges.iter().filter(|charge| charge.kind == wanted && holds(charge.validity, month)) {
        let total = match &charge.amount {
            ChargeAmount::Fixed(amount) => amount.minor(),
            ChargeAmount::OfServices { percent, minimum } => {
                part(services, *percent)?.max(minimum.map_or(0, |minimum| minimum.minor()))
            }
        };
        items.push(DerivedItem { kind, key: charge.name.to_string(), total });
    }
    Some(())
}

fn holds(validity: Validity, month: &GroupMonth<'_>) -> bool {
    let begun = validity.first.is_none_or(|first| first.start() <= month.month.start());
    let ended = validity.last.is_some_and(|last| last.end() <= month.month.start());
    begun && !ended
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
    let shown =
        |item: Option<&DerivedItem>| item.map(|item| format!("{} {:?} {}", item.kind.as_str(), item.key, item.total));
    places
        .map(|place| AuditDifference::Item { billed: shown(on_bill.get(place)), derived: shown(derived.get(place)) })
        .collect()
}
