//! Prices with tiers and begun packages: what comes together in a month fills them in order.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::bill::inputs::GroupMonth;
use crate::catalog::price::{EntryKey, PriceEntry};
use crate::catalog::scale::{Portion, Scale, Scope};
use crate::catalog::unit_price::Unit;
use crate::name::Name;
use crate::time::period::Timestamp;
use crate::usage::Usage;

/// The portions of records that are charged at prices with a scale.
#[derive(Debug, Default)]
pub(crate) struct Portions {
    by_record: HashMap<Name, Vec<Portion>>,
    /// How much came together, by entry, and by project where that is the scope.
    quantities: BTreeMap<(EntryKey, Option<Name>), Decimal>,
}

/// A record that takes part, in the order in which tiers are filled: start, project, service, record.
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
                portions.by_record.insert(filler.record.clone(), found);
            }
        }
        portions
    }

    /// Those of a record. One that nobody collected is alone.
    pub(crate) fn of_record(&self, usage: &Usage, entry: &PriceEntry, scale: &Scale) -> Vec<Portion> {
        let alone = || scale.pricing.portions(entry.price.amount, Decimal::ZERO, usage.quantity, usage.quantity);
        self.by_record.get(&usage.name).cloned().unwrap_or_else(alone)
    }

    /// Those of a record by its name; none where it takes no part.
    pub(crate) fn of_name(&self, record: &str) -> &[Portion] {
        self.by_record.get(record).map_or(&[], Vec::as_slice)
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
        for usage in project.usage().filter(|usage| slices.iter().any(|slice| slice.contains(usage.start))) {
            let Some((entry, scale)) = scaled(month, usage) else { continue };
            let open = usage.start < month.as_of && !month.billed.has_unit_charge(&usage.name);
            if open && month.is_effective(usage) {
                let none = || Filling { scale: scale.clone(), amount: entry.price.amount, fillers: Vec::new() };
                fillings.entry(entry.key()).or_insert_with(none).fillers.push(Filler::of(usage));
            }
        }
    }
    fillings
}

/// The entry of a record that is priced by the unit, on a scale.
pub(crate) fn scaled<'a>(month: &GroupMonth<'a>, usage: &Usage) -> Option<(&'a PriceEntry, &'a Arc<Scale>)> {
    let entry = month.prices.tariff(&usage.service).at(usage.start)?;
    let scale = entry.price.scale.as_ref().filter(|_| entry.price.unit == Unit::Unit)?;
    Some((entry, scale))
}

impl Filler {
    fn of(usage: &Usage) -> Self {
        Filler {
            start: usage.start,
            project: usage.project.clone(),
            service: usage.service.name.clone(),
            record: usage.name.clone(),
            quantity: usage.quantity,
        }
    }
}
