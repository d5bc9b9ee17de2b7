//! Prices with tiers and begun packages: what comes together in a month fills them in order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::bill::inputs::GroupMonth;
use crate::bill::metered::{counted_intervals, open_pieces};
use crate::catalog::price::{EntryKey, PriceEntry};
use crate::catalog::scale::{Portion, Scale, Scope};
use crate::catalog::unit_price::Unit;
use crate::name::Name;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

/// The portions of records that are charged at prices with a scale.
#[derive(Debug, Default)]
pub(crate) struct Portions {
    /// By name, and by the start of what is charged: a metered record may have several.
    by_record: HashMap<(Name, Timestamp), Vec<Portion>>,
    /// How much came together, by entry, and by project where that is the scope.
    quantities: BTreeMap<(EntryKey, Option<Name>), Decimal>,
}

/// A record that takes part, or an interval of a metered one, in the order in which tiers are filled: start, project, service, record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Filler {
    pub(crate) start: Timestamp,
    pub(crate) project: Name,
    pub(crate) service: Name,
    pub(crate) record: Name,
    pub(crate) quantity: Decimal,
}

/// What fills the scale of an entry.
#[derive(Debug)]
pub(crate) struct Filling {
    pub(crate) scale: Arc<Scale>,
    /// The price of a package, where there are no tiers.
    pub(crate) amount: Decimal,
    pub(crate) fillers: Vec<Filler>,
}

pub(crate) type Fillings = BTreeMap<EntryKey, Filling>;

impl Portions {
    /// The portions of what a group pays for in a month that no final bills yet.
    pub(crate) fn of(month: &GroupMonth<'_>) -> Self {
        Self::of_fillings(fillings(month))
    }

    /// Fills each scale in order.
    pub(crate) fn of_fillings(fillings: Fillings) -> Self {
        let mut portions = Portions::default();
        for (entry, Filling { scale, amount, mut fillers }) in fillings {
            fillers.sort();
            let place = |filler: &Filler| match scale.scope {
                Scope::Project => (entry.clone(), Some(filler.project.clone())),
                Scope::BillingGroup => (entry.clone(), None),
            };
            for filler in &fillers {
                let sum = portions.quantities.entry(place(filler)).or_default();
                *sum = sum.saturating_add(filler.quantity);
            }
            let mut filled: BTreeMap<_, Decimal> = BTreeMap::new();
            for filler in &fillers {
                let before = filled.entry(place(filler)).or_default();
                let in_all = portions.quantities.get(&place(filler)).copied().unwrap_or_default();
                let found = scale.pricing.portions(amount, *before, filler.quantity, in_all);
                *before = before.saturating_add(filler.quantity);
                portions.by_record.insert((filler.record.clone(), filler.start), found);
            }
        }
        portions
    }

    /// Those of what is charged of a record. One that nobody collected is alone.
    pub(crate) fn of_record(&self, usage: &Usage, period: Period, entry: &PriceEntry, scale: &Scale) -> Vec<Portion> {
        let alone = || {
            let quantity = usage.quantity_in(period);
            scale.pricing.portions(entry.price.amount, Decimal::ZERO, quantity, quantity)
        };
        self.by_record.get(&(usage.name.clone(), period.start())).cloned().unwrap_or_else(alone)
    }

    /// Those of a record by its name, and by the start of what is charged; none where it takes no part.
    pub(crate) fn of_name(&self, record: &Name, start: Timestamp) -> &[Portion] {
        self.by_record.get(&(record.clone(), start)).map_or(&[], Vec::as_slice)
    }

    /// Whether all projects of a group share the scale of an entry.
    pub(crate) fn is_shared(&self, entry: &EntryKey) -> bool {
        self.quantities.contains_key(&(entry.clone(), None))
    }

    /// How much came together of an entry, in the scope that a project is in.
    pub(crate) fn quantity(&self, entry: &EntryKey, project: &Name) -> Decimal {
        let of_project = self.quantities.get(&(entry.clone(), Some(project.clone())));
        of_project.or_else(|| self.quantities.get(&(entry.clone(), None))).copied().unwrap_or_default()
    }
}

/// What a group pays for in a month at prices with a scale, and no final bills yet.
pub(crate) fn fillings(month: &GroupMonth<'_>) -> Fillings {
    let mut fillings = Fillings::new();
    if !month.prices.has_scales() {
        return fillings;
    }
    for project in month.organization.candidate_projects(month.group) {
        let slices = month.periods_of(project);
        let (metered, others): (Vec<_>, Vec<_>) = project.usage().partition(|usage| usage.is_metered());
        for usage in others.into_iter().filter(|usage| slices.iter().any(|slice| slice.contains(usage.start))) {
            let Some((entry, scale)) = scaled(month, usage) else { continue };
            let open = usage.start < month.as_of && !month.billed.has_unit_charge(&usage.name);
            if open && month.is_effective(usage) {
                fill(&mut fillings, entry, scale, Filler::of(usage, Period::at(usage.start)));
            }
        }
        let near = |usage: &&&Arc<Usage>| month.month.period().contains(usage.start) && month.is_effective(usage);
        for usage in metered.iter().filter(near) {
            fill_readings(month, &slices, usage, &mut fillings);
        }
    }
    fillings
}

/// What was counted of a metered record, piece by piece.
fn fill_readings(month: &GroupMonth<'_>, slices: &[Period], usage: &Usage, fillings: &mut Fillings) {
    let pieces = open_pieces(month, slices, usage, usage.charged_until(month.as_of));
    // One with a problem is left off as a whole.
    for (period, entry) in counted_intervals(month, usage, &pieces).unwrap_or_default() {
        if let Some(scale) = &entry.price.scale {
            fill(fillings, entry, scale, Filler::of(usage, period));
        }
    }
}

fn fill(fillings: &mut Fillings, entry: &PriceEntry, scale: &Arc<Scale>, filler: Filler) {
    let none = || Filling { scale: scale.clone(), amount: entry.price.amount, fillers: Vec::new() };
    fillings.entry(entry.key()).or_insert_with(none).fillers.push(filler);
}

/// The entry of a record that is priced by the unit, on a scale.
pub(crate) fn scaled<'a>(month: &GroupMonth<'a>, usage: &Usage) -> Option<(&'a PriceEntry, &'a Arc<Scale>)> {
    let entry = month.prices.tariff(&usage.service).at(usage.start)?;
    let scale = entry.price.scale.as_ref().filter(|_| entry.price.unit == Unit::Unit)?;
    Some((entry, scale))
}

impl Filler {
    fn of(usage: &Usage, period: Period) -> Self {
        Filler {
            start: period.start(),
            project: usage.project.clone(),
            service: usage.service.name.clone(),
            record: usage.name.clone(),
            quantity: usage.quantity_in(period),
        }
    }
}
