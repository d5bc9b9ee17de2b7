//! The second derivation of a bill.

use std::collections::BTreeMap;
use std::sync::Arc;

use num_bigint::BigInt;
use rust_decimal::Decimal;

use super::derived::{Derived, DerivedCharge};
use super::difference::ChargeKey;
use super::metered::{CountedInterval, intervals};
use super::pieces::{Unbillable, costs, elementary, ended, meant};
use super::rates::{DerivedRate, derive_rate_by};
use super::records::{Offer, best, is_open_event, is_replaced, matching, pays, pays_for_any_of, projects_near};
use super::scales::{DerivedPortion, DerivedPortions, derive_portions};
use super::terms::group_of;
use super::worth::{Worth, hours, worth};
use crate::bill::inputs::GroupMonth;
use crate::catalog::price::PriceEntry;
use crate::catalog::unit_price::{Unit, UnitPrice};
use crate::invoice::billed::scaled::StatedScales;
use crate::invoice::month_terms::MonthTerms;
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::tenancy::organization::Project;
use crate::time::hours::HourRule;
use crate::time::period::Timestamp;
use crate::usage::Usage;
use crate::work::{Look, count};

/// What every record of a bill is looked at with.
pub(super) struct DerivationBasis<'a> {
    month: &'a GroupMonth<'a>,
    terms: &'a MonthTerms,
    /// `None` when there is none to be had.
    rate: Option<DerivedRate>,
    /// What records have of the month, where prices depend on what comes together.
    portions: &'a DerivedPortions,
}

impl<'a> DerivationBasis<'a> {
    pub(super) fn of(month: &'a GroupMonth<'a>, terms: &'a MonthTerms, portions: &'a DerivedPortions) -> Self {
        DerivationBasis { month, terms, rate: derive_rate_by(month, terms), portions }
    }
}

/// Cost: a look at the last segment of each project, if the group is primary; and one at each record of the projects that it pays
/// for in the month, of which only those that ran in it are derived.
pub(super) fn derive(month: &GroupMonth<'_>, terms: &MonthTerms) -> Derived {
    let mut derived = Derived::default();
    let portions = derive_portions(month, &StatedScales::default());
    let basis = DerivationBasis::of(month, terms, &portions);
    for project in projects_near(month) {
        if pays_for_any_of(month, project) {
            if project.namespace().is_some() {
                derived.projects.insert(project.name().clone());
            }
            derive_records(&basis, project, project.usage(), &mut derived);
        }
    }
    derived
}

/// One record, with the pieces of time in which the group pays for it and nothing bills it yet.
struct DerivedRun<'a> {
    usage: &'a Arc<Usage>,
    pieces: Vec<(Timestamp, Timestamp)>,
    charges: Vec<(ChargeKey, DerivedCharge)>,
}

/// Derives records of a project: of a service, all that run in the month, for one that overlaps another is left off.
pub(super) fn derive_records<'a>(
    basis: &DerivationBasis<'_>,
    project: &Project,
    records: impl Iterator<Item = &'a Arc<Usage>>,
    derived: &mut Derived,
) {
    let mut by_service: BTreeMap<(&Name, Option<&Name>), Vec<DerivedRun<'_>>> = BTreeMap::new();
    let here = records.filter(|usage| runs_in(basis.month, usage));
    for usage in here.filter(|usage| !is_replaced(basis.month, usage)) {
        count(Look::Derivation);
        match derive_record(basis, project, usage) {
            Ok(None) => {}
            Ok(Some(run)) => {
                let service = (&usage.service.name, usage.service.cluster.as_ref());
                by_service.entry(service).or_default().push(run);
            }
            Err(Unbillable) => {
                derived.problems.insert(usage.name.clone());
            }
        }
    }
    for mut runs in by_service.into_values() {
        runs.sort_by_key(|run| (run.usage.start, run.usage.name.clone()));
        leave_off_overlaps(runs, derived);
    }
}

/// Whether the record runs, or happens, in the month.
fn runs_in(month: &GroupMonth<'_>, usage: &Usage) -> bool {
    let (from, until) = (month.month.start(), month.month.end());
    usage.start < until && (from <= usage.start || usage.end.is_none_or(|end| from < end))
}

/// Takes the runs of one service in their order; one that is charged while a kept one runs is left off.
fn leave_off_overlaps(runs: Vec<DerivedRun<'_>>, derived: &mut Derived) {
    let mut kept = KeptTime::default();
    for run in runs {
        if !run.charges.is_empty() && run.pieces.iter().any(|piece| kept.meets(*piece)) {
            derived.problems.insert(run.usage.name.clone());
            continue;
        }
        derived.charges.extend(run.charges);
        run.pieces.into_iter().for_each(|piece| kept.add(piece));
    }
}

/// The time in which kept runs run, as intervals that neither meet nor touch: by start, with the end.
#[derive(Default)]
struct KeptTime(BTreeMap<Timestamp, Timestamp>);

impl KeptTime {
    fn meets(&self, (from, to): (Timestamp, Timestamp)) -> bool {
        count(Look::Comparison);
        self.0.range(..to).next_back().is_some_and(|(_, end)| from < *end)
    }

    fn add(&mut self, (mut from, mut to): (Timestamp, Timestamp)) {
        while let Some((start, end)) = self.0.range(..=to).next_back().filter(|(_, end)| from <= **end) {
            let start = *start;
            (from, to) = (from.min(start), to.max(*end));
            self.0.remove(&start);
        }
        self.0.insert(from, to);
    }
}

fn derive_record<'a>(
    basis: &DerivationBasis<'_>,
    project: &Project,
    usage: &'a Arc<Usage>,
) -> Result<Option<DerivedRun<'a>>, Unbillable> {
    let month = basis.month;
    if usage.is_metered() {
        return derive_counted(basis, project, usage).map(Some);
    }
    let entries = matching(month, usage);
    let meant = meant(month, usage);
    let first = best(&entries, usage.start);
    if first.is_some_and(|entry| entry.price.unit == Unit::Unit) {
        let is_other = meant.as_ref().is_some_and(|meant| costs(best(meant, usage.start)) != costs(first));
        return derive_event(basis, project, usage, first.filter(|_| !is_other));
    }
    let until = ended(month, usage);
    if until == usage.start && first.is_none() {
        return derive_event(basis, project, usage, None);
    }
    let mut run = DerivedRun { usage, pieces: Vec::new(), charges: Vec::new() };
    let mut open: Vec<(Timestamp, Timestamp, &PriceEntry)> = Vec::new();
    let billed = month.billed.billed_periods_in(&usage.name, month.month.period());
    let running: Vec<Offer<'_>> =
        entries.iter().filter(|offer| offer.entry.price.unit != Unit::Unit).copied().collect();
    let in_time: Vec<&PriceEntry> = entries.iter().chain(meant.iter().flatten()).map(|offer| offer.entry).collect();
    let is_event =
        meant.as_ref().and_then(|meant| best(meant, usage.start)).is_some_and(|entry| entry.price.unit == Unit::Unit);
    let meant = meant.map(|mut meant| {
        meant.retain(|offer| offer.entry.price.unit != Unit::Unit);
        meant
    });
    for (from, to) in elementary(month, project, usage, &in_time, &billed) {
        if from < usage.start || until <= from || !pays(month, project, from) {
            continue;
        }
        run.pieces.push((from, to));
        if billed.iter().any(|period| period.contains(from)) {
            continue;
        }
        check_group(basis)?;
        let entry = best(&running, from).ok_or(Unbillable)?;
        if is_event || meant.as_ref().is_some_and(|meant| costs(best(meant, from)) != costs(Some(entry))) {
            return Err(Unbillable);
        }
        match open.last_mut() {
            Some(last) if last.1 == from && last.2.price == entry.price => last.1 = to,
            _ => open.push((from, to, entry)),
        }
    }
    for (from, to, entry) in open {
        let price = &entry.price;
        if !month.lists_no_hours && is_of_no_hours(price, month.hours, usage.start, from, to) {
            continue;
        }
        let charge = charge(basis, usage, entry, worth(price, month.hours, usage.start, from, to))?;
        run.charges.push((key(usage, from, to), charge));
    }
    Ok(Some(run))
}

/// A single unit, or something without a price that may be one.
fn derive_event<'a>(
    basis: &DerivationBasis<'_>,
    project: &Project,
    usage: &'a Arc<Usage>,
    entry: Option<&PriceEntry>,
) -> Result<Option<DerivedRun<'a>>, Unbillable> {
    let month = basis.month;
    if !is_open_event(month, project, usage) {
        return Ok(None);
    }
    check_group(basis)?;
    let entry = entry.ok_or(Unbillable)?;
    let price = &entry.price;
    if price.scale.is_some() {
        let charges = charges_in_scale(basis, usage, entry, (usage.start, usage.start))?;
        return Ok(Some(DerivedRun { usage, pieces: Vec::new(), charges }));
    }
    let charge = charge(basis, usage, entry, worth(price, month.hours, usage.start, usage.start, usage.start))?;
    Ok(Some(DerivedRun { usage, pieces: Vec::new(), charges: vec![(key(usage, usage.start, usage.start), charge)] }))
}

/// What was counted of a metered record. Two of one service may count at once.
fn derive_counted<'a>(
    basis: &DerivationBasis<'_>,
    project: &Project,
    usage: &'a Arc<Usage>,
) -> Result<DerivedRun<'a>, Unbillable> {
    let mut charges = Vec::new();
    for CountedInterval { from, to, entry, quantity } in intervals(basis.month, project, usage, || check_group(basis))?
    {
        if entry.price.scale.is_some() {
            charges.extend(charges_in_scale(basis, usage, entry, (from, to))?);
            continue;
        }
        let Worth { before, until, of } = worth(&entry.price, basis.month.hours, usage.start, from, to);
        let worth = Worth { before, until, of: of * entry.price.per.get() };
        charges.push((key(usage, from, to), charge_of(basis, usage, entry, (worth, quantity))?));
    }
    Ok(DerivedRun { usage, pieces: Vec::new(), charges })
}

/// What something costs at a price with a scale: a charge for each tier.
fn charges_in_scale(
    basis: &DerivationBasis<'_>,
    usage: &Usage,
    entry: &PriceEntry,
    (from, to): (Timestamp, Timestamp),
) -> Result<Vec<(ChargeKey, DerivedCharge)>, Unbillable> {
    let portions = basis.portions.get(&(usage.name.clone(), from)).into_iter().flatten();
    let charge = |portion: &DerivedPortion| {
        let of = (portion.before, portion.quantity, portion.amount);
        let charge = charge_of(basis, usage, entry, (portion.worth(), Decimal::ONE))?;
        let key = ChargeKey { tier: portion.tier, ..key(usage, from, to) };
        Ok((key, DerivedCharge { portion: Some(of), ..charge }))
    };
    portions.map(charge).collect()
}

fn key(usage: &Usage, start: Timestamp, end: Timestamp) -> ChargeKey {
    ChargeKey { project: usage.project.clone(), record: usage.name.clone(), start, end, tier: None }
}

fn check_group(basis: &DerivationBasis<'_>) -> Result<(), Unbillable> {
    let begun = basis.month.group.first_period <= basis.month.month;
    if begun && basis.rate.is_some() { Ok(()) } else { Err(Unbillable) }
}

/// Whether the piece is within an hour that began before it.
fn is_of_no_hours(price: &UnitPrice, rule: HourRule, start: Timestamp, from: Timestamp, to: Timestamp) -> bool {
    price.unit == Unit::Hour && hours(price.hours.unwrap_or(rule), start, from, to).0 == BigInt::ZERO
}

fn charge(
    basis: &DerivationBasis<'_>,
    usage: &Usage,
    entry: &PriceEntry,
    worth: Worth,
) -> Result<DerivedCharge, Unbillable> {
    let Worth { before, until, of } = worth;
    let worth = Worth { before, until, of: of * entry.price.per.get() };
    charge_of(basis, usage, entry, (worth, usage.quantity))
}

/// What so many cost, one of which is worth so much.
fn charge_of(
    basis: &DerivationBasis<'_>,
    usage: &Usage,
    entry: &PriceEntry,
    (worth, quantity): (Worth, Decimal),
) -> Result<DerivedCharge, Unbillable> {
    let above = BigInt::from(quantity.mantissa());
    let below = worth.of * BigInt::from(10).pow(quantity.scale());
    let (kept, of) = after_discounts(basis.terms);
    let DerivedRate { from, to, numerator, denominator, .. } = basis.rate.as_ref().ok_or(Unbillable)?;
    let amount = |currency: Currency, above: BigInt, below: BigInt| {
        let until = half_up(currency, &worth.until * &above, below.clone())?;
        Ok(until - half_up(currency, &worth.before * above, below)?)
    };
    let pre_discount = amount(*to, &above * numerator, &below * denominator)?;
    let total = amount(*to, &above * numerator * &kept, &below * denominator * &of)?;
    let price_total = (from != to).then(|| amount(*from, above * kept, below * of)).transpose()?;
    let tax = group_of(basis.terms, Some(&usage.service.kind));
    let (list, price) = (entry.list.clone(), entry.price.clone());
    Ok(DerivedCharge { list, price, portion: None, pre_discount, total, tax, price_total })
}

/// What the discounts leave: so much of so much.
fn after_discounts(terms: &MonthTerms) -> (BigInt, BigInt) {
    let (mut kept, mut of) = (BigInt::from(1), BigInt::from(1));
    for discount in &terms.discounts {
        let percent = discount.percent.decimal();
        let hundred = BigInt::from(100) * BigInt::from(10).pow(percent.scale());
        kept *= &hundred - BigInt::from(percent.mantissa());
        of *= hundred;
    }
    (kept, of)
}

/// A charge is never negative, so half away from zero is half up.
fn half_up(currency: Currency, above: BigInt, below: BigInt) -> Result<i128, Unbillable> {
    let above = above * BigInt::from(10).pow(currency.digits());
    let rounded: BigInt = (above * 2 + &below) / (below * 2);
    let limit = Money::limit(currency);
    i128::try_from(rounded).ok().filter(|minor| *minor <= limit).ok_or(Unbillable)
}
