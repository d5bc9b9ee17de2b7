//! The second derivation of prices that depend on what comes together in a month.
//!
//! Of each record it is asked how much comes before it, and of each tier how much of the record lies in it.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use num_bigint::BigInt;
use rust_decimal::Decimal;

use super::metered::{counted, intervals};
use super::records::{ended_unit, is_replaced, projects_near};
use super::worth::Worth;
use crate::bill::inputs::GroupMonth;
use crate::catalog::price::{EntryKey, PriceEntry};
use crate::catalog::scale::{Scale, ScalePricing, Scope, Tier};
use crate::invoice::billed::scaled::{StatedRecord, StatedScales};
use crate::invoice::statement::StatedScale;
use crate::name::Name;
use crate::tenancy::organization::Project;
use crate::time::period::Timestamp;
use crate::usage::Usage;

/// What a record has of a tier, or of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DerivedPortion {
    /// Where the tier begins; `None` for packages.
    pub(super) tier: Option<Decimal>,
    pub(super) before: Decimal,
    pub(super) quantity: Decimal,
    pub(super) amount: Decimal,
    /// What it comes to, as units times their price.
    from: BigInt,
    until: BigInt,
    of: BigInt,
}

impl DerivedPortion {
    /// What it costs of a record that is taken once.
    pub(super) fn worth(&self) -> Worth {
        Worth { before: self.from.clone(), until: self.until.clone(), of: self.of.clone() }
    }
}

/// By record, and by the instant from which on it is charged.
pub(super) type DerivedPortions = BTreeMap<(Name, Timestamp), Vec<DerivedPortion>>;

/// Who takes part, in order.
type Queue = Vec<((Timestamp, Name, Name, Name), Decimal)>;

struct Pool {
    scale: Scale,
    amount: Decimal,
    per: NonZeroU64,
    queue: Queue,
}

/// The portions of a month: of what the group pays for, and of what its documents bill already and still stands.
pub(super) fn derive_portions(month: &GroupMonth<'_>, stated: &StatedScales<'_>) -> DerivedPortions {
    let mut pools: BTreeMap<(EntryKey, Option<Name>), Pool> = BTreeMap::new();
    let place = |scale: &Scale, entry: &EntryKey, project: &Name| {
        (entry.clone(), (scale.scope == Scope::Project).then(|| project.clone()))
    };
    for record in stated.records.iter().filter(|record| is_kept(month, record)).map(|known| known.billed) {
        let Some(StatedScale { scale, amount, .. }) = stated.scales.get(&record.entry) else { continue };
        let (scale, per) = (Scale::clone(scale), record.rating.price.per);
        let who = (record.start, record.project.clone(), record.service.clone(), record.record.clone());
        let at = place(&scale, &record.entry, &record.project);
        let pool = pools.entry(at).or_insert_with(|| Pool { scale, amount: *amount, per, queue: Queue::new() });
        let read = month.organization.usage(&record.record).filter(|usage| usage.is_metered());
        let quantity = read.map_or(record.quantity, |usage| counted(usage, record.start, record.end));
        pool.queue.push((who, quantity));
    }
    let known: BTreeMap<EntryKey, (Scale, Decimal)> =
        pools.iter().map(|((entry, _), pool)| (entry.clone(), (pool.scale.clone(), pool.amount))).collect();
    if month.prices.has_scales() {
        for project in projects_near(month) {
            for usage in project.usage().filter(|usage| !is_replaced(month, usage)) {
                for (start, entry, quantity) in open_quantities(month, project, usage) {
                    let Some(now) = entry.price.scale.as_deref() else { continue };
                    let none = || (now.clone(), entry.price.amount);
                    let (scale, amount) = known.get(&entry.key()).cloned().unwrap_or_else(none);
                    let at = place(&scale, &entry.key(), project.name());
                    let per = entry.price.per;
                    let pool = pools.entry(at).or_insert_with(|| Pool { scale, amount, per, queue: Queue::new() });
                    let service = usage.service.name.clone();
                    pool.queue.push(((start, project.name().clone(), service, usage.name.clone()), quantity));
                }
            }
        }
    }
    pools.into_values().flat_map(Pool::portions).collect()
}

/// What of a record is open at prices by the unit: from when on, at which entry, how much.
fn open_quantities<'a>(
    month: &GroupMonth<'a>,
    project: &Project,
    usage: &Usage,
) -> Vec<(Timestamp, &'a PriceEntry, Decimal)> {
    if !usage.is_metered() {
        let entry = ended_unit(month, project, usage);
        return entry.map(|entry| (usage.start, entry, usage.quantity)).into_iter().collect();
    }
    let open = intervals(month, project, usage, || Ok(())).unwrap_or_default();
    open.into_iter().map(|interval| (interval.from, interval.entry, interval.quantity)).collect()
}

/// Whether a billed record still is one, and this group's.
pub(super) fn is_kept(month: &GroupMonth<'_>, record: &StatedRecord<'_>) -> bool {
    let name = &record.billed.record;
    let Some(usage) = month.organization.usage(name) else { return record.taken_back_at.is_none() };
    let first = month.billed.unit_final(name, record.billed.start);
    !is_replaced(month, usage) && first.is_none_or(|first| first.group == month.group.uid)
}

impl Pool {
    fn portions(mut self) -> Vec<((Name, Timestamp), Vec<DerivedPortion>)> {
        self.queue.sort();
        let all = self.queue.iter().fold(Decimal::ZERO, |sum, (_, quantity)| sum.saturating_add(*quantity));
        let mut found = Vec::new();
        let mut before = Decimal::ZERO;
        for ((start, .., record), quantity) in &self.queue {
            let (low, high) = (before, before.saturating_add(*quantity));
            found.push(((record.clone(), *start), self.pieces(low, high, all)));
            before = high;
        }
        found
    }

    /// What lies between two quantities.
    fn pieces(&self, low: Decimal, high: Decimal, all: Decimal) -> Vec<DerivedPortion> {
        let per = BigInt::from(self.per.get());
        let ten = BigInt::from(10);
        // Of a quantity above where counting begins: so many packages' worth, as a fraction.
        let exact = |tier: Option<Decimal>, base: Decimal, amount: Decimal, low: Decimal, high: Decimal| {
            let scale = low.scale().max(high.scale()).max(base.scale());
            let digits = |quantity: Decimal| BigInt::from(quantity.mantissa()) * ten.pow(scale - quantity.scale());
            let price = BigInt::from(amount.mantissa());
            let (from, until) = (digits(low) - digits(base), digits(high) - digits(base));
            let of = &per * ten.pow(scale) * ten.pow(amount.scale());
            let (from, until) = (from * &price, until * price);
            DerivedPortion { tier, before: low, quantity: high - low, amount, from, until, of }
        };
        let tiers = |tiers: &[Tier]| -> Vec<(Decimal, Option<Decimal>, Decimal)> {
            let mut lower = Decimal::ZERO;
            let mut bounds = Vec::new();
            for tier in tiers {
                bounds.push((lower, tier.up_to, tier.amount));
                lower = tier.up_to.unwrap_or(lower);
            }
            bounds
        };
        match &self.scale.pricing {
            ScalePricing::Packages => {
                let whole = |quantity: Decimal| {
                    let of = &per * ten.pow(quantity.scale());
                    (BigInt::from(quantity.mantissa()) + &of - 1) / of
                };
                let price = BigInt::from(self.amount.mantissa());
                let (from, until) = (whole(low) * &price, whole(high) * price);
                let of = ten.pow(self.amount.scale());
                let (quantity, amount) = (high - low, self.amount);
                vec![DerivedPortion { tier: None, before: low, quantity, amount, from, until, of }]
            }
            ScalePricing::Volume(all_tiers) => {
                let bounds = tiers(all_tiers);
                let reached = bounds.iter().find(|(_, end, _)| end.is_none_or(|end| all <= end));
                reached
                    .map(|(from, _, amount)| exact(Some(*from), Decimal::ZERO, *amount, low, high))
                    .into_iter()
                    .collect()
            }
            ScalePricing::Graduated(all_tiers) => {
                let lies = |(from, end, amount): &(Decimal, Option<Decimal>, Decimal)| {
                    let (low, high) = (low.max(*from), end.map_or(high, |end| high.min(end)));
                    (low < high).then(|| exact(Some(*from), *from, *amount, low, high))
                };
                tiers(all_tiers).iter().filter_map(lies).collect()
            }
        }
    }
}
