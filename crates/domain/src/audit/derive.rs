//! The second derivation of a bill.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{Datelike, Months, NaiveTime};
use num_bigint::BigInt;

use super::derived::{Derived, DerivedCharge};
use super::difference::ChargeKey;
use super::payer::payer_at;
use super::rates::{DerivedRate, derive_rate_by};
use super::terms::group_of;
use super::work::{Look, count};
use crate::bill::inputs::GroupMonth;
use crate::catalog::price::PriceEntry;
use crate::catalog::spelling::folded;
use crate::catalog::unit_price::{Unit, UnitPrice};
use crate::invoice::month_terms::MonthTerms;
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::tenancy::organization::{Organization, Project};
use crate::time::hours::HourRule;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

/// What every record of a bill is looked at with.
pub(super) struct DerivationBasis<'a> {
    month: &'a GroupMonth<'a>,
    terms: &'a MonthTerms,
    /// `None` when there is none to be had.
    rate: Option<DerivedRate>,
}

impl<'a> DerivationBasis<'a> {
    pub(super) fn of(month: &'a GroupMonth<'a>, terms: &'a MonthTerms) -> Self {
        DerivationBasis { month, terms, rate: derive_rate_by(month, terms) }
    }
}

/// Cost: a look at the last segment of each project, if the group is primary; and one at each record of the projects that it pays
/// for in the month, of which only those that ran in it are derived.
pub(super) fn derive(month: &GroupMonth<'_>, terms: &MonthTerms) -> Derived {
    let mut derived = Derived::default();
    let basis = DerivationBasis::of(month, terms);
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

/// The projects that the group pays for in any month: those whose ledgers name it. Another can only fall to it as the primary one,
/// and only when who comes last in its ledger is gone or going: as long as that group lives, it pays.
pub(super) fn projects_near<'a>(month: &GroupMonth<'a>) -> impl Iterator<Item = &'a Project> {
    let organization = month.organization;
    let stays = |uid| organization.group(uid).is_some_and(|group| group.deleted.is_none());
    let left = move |project: &&Project| project.ledger().is_some_and(|ledger| !stays(ledger.last().group_uid));
    let fallen = organization.projects().filter(|_| month.group.primary).filter(left).map(Project::name);
    let names: BTreeSet<&Name> = organization.projects_naming(month.group.uid).iter().chain(fallen).collect();
    names.into_iter().filter_map(|name| organization.project(name))
}

pub(super) fn pays_for_any_of(month: &GroupMonth<'_>, project: &Project) -> bool {
    let mut instants = vec![month.month.start()];
    instants.extend(ledger_instants(project));
    let whole = month.month.period();
    instants.into_iter().any(|instant| whole.contains(instant) && pays(month, project, instant))
}

fn pays(month: &GroupMonth<'_>, project: &Project, instant: Timestamp) -> bool {
    payer_at(month, project, instant) == Some(month.group.uid)
}

fn ledger_instants(project: &Project) -> impl Iterator<Item = Timestamp> {
    project.ledger().into_iter().flat_map(|ledger| ledger.segments()).map(|segment| segment.from)
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
    let mut by_service: BTreeMap<&Name, Vec<DerivedRun<'_>>> = BTreeMap::new();
    let here = records.filter(|usage| runs_in(basis.month, usage));
    for usage in here.filter(|usage| !is_replaced(basis.month, usage)) {
        count(Look::Derivation);
        match derive_record(basis, project, usage) {
            Ok(None) => {}
            Ok(Some(run)) => by_service.entry(&usage.service.name).or_default().push(run),
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

/// The record has no place on any bill as it is.
struct Unbillable;

fn derive_record<'a>(
    basis: &DerivationBasis<'_>,
    project: &Project,
    usage: &'a Arc<Usage>,
) -> Result<Option<DerivedRun<'a>>, Unbillable> {
    let month = basis.month;
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
    let mut open: Vec<(Timestamp, Timestamp, &UnitPrice)> = Vec::new();
    let billed = month.billed.billed_periods_in(&usage.name, month.month.period());
    let running: Vec<&PriceEntry> = entries.iter().filter(|entry| entry.price.unit != Unit::Unit).copied().collect();
    let in_time: Vec<&PriceEntry> = entries.iter().chain(meant.iter().flatten()).copied().collect();
    let is_event =
        meant.as_ref().and_then(|meant| best(meant, usage.start)).is_some_and(|entry| entry.price.unit == Unit::Unit);
    let meant = meant.map(|mut meant| {
        meant.retain(|entry| entry.price.unit != Unit::Unit);
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
        let price = &best(&running, from).ok_or(Unbillable)?.price;
        if is_event || meant.as_ref().is_some_and(|meant| costs(best(meant, from)) != Some(price)) {
            return Err(Unbillable);
        }
        match open.last_mut() {
            Some(last) if last.1 == from && last.2 == price => last.1 = to,
            _ => open.push((from, to, price)),
        }
    }
    for (from, to, price) in open {
        if !month.lists_no_hours && is_of_no_hours(price, month.hours, usage.start, from, to) {
            continue;
        }
        let charge = charge(basis, usage, price, worth(price, month.hours, usage.start, from, to))?;
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
    let in_month = month.month.start() <= usage.start && usage.start < month.month.end();
    let here = in_month && usage.start < month.as_of && pays(month, project, usage.start);
    if !here || month.billed.has_unit_charge(&usage.name) {
        return Ok(None);
    }
    check_group(basis)?;
    let price = &entry.ok_or(Unbillable)?.price;
    let charge = charge(basis, usage, price, worth(price, month.hours, usage.start, usage.start, usage.start))?;
    Ok(Some(DerivedRun { usage, pieces: Vec::new(), charges: vec![(key(usage, usage.start, usage.start), charge)] }))
}

fn key(usage: &Usage, start: Timestamp, end: Timestamp) -> ChargeKey {
    ChargeKey { project: usage.project.clone(), record: usage.name.clone(), start, end }
}

fn check_group(basis: &DerivationBasis<'_>) -> Result<(), Unbillable> {
    let begun = basis.month.group.first_period <= basis.month.month;
    if begun && basis.rate.is_some() { Ok(()) } else { Err(Unbillable) }
}

fn ended(month: &GroupMonth<'_>, usage: &Usage) -> Timestamp {
    match usage.end {
        Some(end) if end < month.as_of => end,
        _ => month.as_of,
    }
}

/// The month cut at every instant at which anything about the record can change.
fn elementary(
    month: &GroupMonth<'_>,
    project: &Project,
    usage: &Usage,
    entries: &[&PriceEntry],
    billed: &[Period],
) -> Vec<(Timestamp, Timestamp)> {
    let mut instants = BTreeSet::from([month.month.start(), month.month.end(), usage.start, ended(month, usage)]);
    instants.extend(ledger_instants(project));
    instants.extend(entries.iter().map(|entry| entry.valid_from));
    instants.extend(entries.iter().filter_map(|entry| entry.valid_until));
    instants.extend(billed.iter().flat_map(|period| [period.start(), period.end()]));
    let within: Vec<_> = instants.range(month.month.start()..=month.month.end()).copied().collect();
    within.windows(2).map(|pair| (pair[0], pair[1])).collect()
}

fn matching<'a>(month: &GroupMonth<'a>, usage: &Usage) -> Vec<&'a PriceEntry> {
    let service = &usage.service;
    let fits = |wanted: &Option<Name>, has: &Option<Name>| wanted.is_none() || wanted == has;
    let entries = month.prices.entries_for(&service.kind);
    entries.filter(|entry| fits(&entry.plan, &service.plan) && fits(&entry.cloud, &service.cloud)).collect()
}

/// The entries for the service as the price list spells it, where it has it in no other spelling than by letter case or Unicode form.
fn meant<'a>(month: &GroupMonth<'a>, usage: &Usage) -> Option<Vec<&'a PriceEntry>> {
    let service = &usage.service;
    let entries: Vec<&PriceEntry> = month.prices.entries_for(&service.kind).collect();
    let spelled = |word: &Option<Name>, of: fn(&PriceEntry) -> &Option<Name>| {
        let word = word.as_ref()?;
        let mut known: Vec<&Name> = entries.iter().filter_map(|entry| of(entry).as_ref()).collect();
        known.sort();
        let is_known = known.contains(&word);
        known.into_iter().find(|known| !is_known && folded(known) == folded(word))
    };
    let (plan, cloud) = (spelled(&service.plan, |entry| &entry.plan), spelled(&service.cloud, |entry| &entry.cloud));
    if !month.prices.tells_spellings() || plan.is_none() && cloud.is_none() {
        return None;
    }
    let (plan, cloud) = (plan.or(service.plan.as_ref()), cloud.or(service.cloud.as_ref()));
    let fits = |wanted: &Option<Name>, has: Option<&Name>| wanted.is_none() || wanted.as_ref() == has;
    Some(entries.into_iter().filter(|entry| fits(&entry.plan, plan) && fits(&entry.cloud, cloud)).collect())
}

fn costs(entry: Option<&PriceEntry>) -> Option<&UnitPrice> {
    entry.map(|entry| &entry.price)
}

/// Whether the piece is within an hour that began before it.
fn is_of_no_hours(price: &UnitPrice, rule: HourRule, start: Timestamp, from: Timestamp, to: Timestamp) -> bool {
    price.unit == Unit::Hour && hours(price.hours.unwrap_or(rule), start, from, to).0 == BigInt::ZERO
}

/// The most specific entry valid at an instant: a plan counts more than a cloud.
fn best<'a>(entries: &[&'a PriceEntry], instant: Timestamp) -> Option<&'a PriceEntry> {
    let valid = entries.iter().filter(|entry| {
        entry.valid_from <= instant && entry.valid_until.is_none_or(|valid_until| instant < valid_until)
    });
    valid.max_by_key(|entry| (entry.plan.is_some(), entry.cloud.is_some())).copied()
}

/// Hours as a fraction: for `Ceil` the whole hours since the record's start that begin in the piece.
pub(super) fn hours(rule: HourRule, start: Timestamp, from: Timestamp, to: Timestamp) -> (BigInt, BigInt) {
    const HOUR: i128 = 3_600_000_000;
    let micros = |instant: Timestamp| i128::from(instant.timestamp_micros());
    match rule {
        HourRule::Exact => ((micros(to) - micros(from)).into(), HOUR.into()),
        HourRule::Ceil => {
            let into_hour = (micros(from) - micros(start)).rem_euclid(HOUR);
            let first = micros(from) + (HOUR - into_hour) % HOUR;
            let begin = if first < micros(to) { (micros(to) - 1 - first) / HOUR + 1 } else { 0 };
            (begin.into(), 1.into())
        }
    }
}

/// What one of a piece of running time costs: what it comes to until the piece ends, less what it comes to until it starts; each is
/// so much of so much, and rounded.
pub(super) struct Worth {
    pub(super) before: BigInt,
    pub(super) until: BigInt,
    pub(super) of: BigInt,
}

/// Hours are rounded by themselves, so nothing comes before; of a month all of it that is over counts.
pub(super) fn worth(price: &UnitPrice, rule: HourRule, start: Timestamp, from: Timestamp, to: Timestamp) -> Worth {
    let (amount, scale) = (BigInt::from(price.amount.mantissa()), BigInt::from(10).pow(price.amount.scale()));
    match price.unit {
        Unit::Unit => Worth { before: 0.into(), until: amount, of: scale },
        Unit::Hour => {
            let rule = price.hours.unwrap_or(rule);
            let Some(most) = price.max_per_month else {
                let (count, per_hour) = hours(rule, start, from, to);
                return Worth { before: 0.into(), until: count * amount, of: per_hour * scale };
            };
            // All hours of the record in the month count, and no more than the maximum.
            let since = start.max(first_of_month(from));
            let finer = BigInt::from(10).pow(most.scale());
            let over = |instant: Timestamp| {
                let (count, per_hour) = hours(rule, start, since, instant);
                ((count * &amount * &finer).min(&per_hour * &scale * most.mantissa()), per_hour)
            };
            let ((before, _), (until, per_hour)) = (over(from), over(to));
            Worth { before, until, of: per_hour * scale * finer }
        }
        Unit::Month => {
            let first = first_of_month(from);
            let next = first.checked_add_months(Months::new(1)).unwrap_or(to);
            let since = |instant: Timestamp| BigInt::from((instant - first).num_microseconds().unwrap_or_default());
            Worth { before: since(from) * &amount, until: since(to) * amount, of: since(next) * scale }
        }
    }
}

fn first_of_month(instant: Timestamp) -> Timestamp {
    instant.with_day(1).and_then(|day| day.with_time(NaiveTime::MIN).single()).unwrap_or(instant)
}

fn charge(
    basis: &DerivationBasis<'_>,
    usage: &Usage,
    price: &UnitPrice,
    worth: Worth,
) -> Result<DerivedCharge, Unbillable> {
    let ten = BigInt::from(10);
    let above = BigInt::from(usage.quantity.mantissa());
    let below = worth.of * price.per.get() * ten.pow(usage.quantity.scale());
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
    Ok(DerivedCharge { price: price.clone(), pre_discount, total, tax, price_total })
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

/// Whether another record replaces this one, or one that a final bills did; in a circle, the first name's `replaces` does not count.
pub(super) fn is_replaced(month: &GroupMonth<'_>, usage: &Usage) -> bool {
    let organization = month.organization;
    if month.billed.is_replaced(&usage.name) {
        return true;
    }
    let replacers = organization.replacers(&usage.name);
    replacers.into_iter().any(|replacer| cycle(organization, replacer).first() != Some(&replacer))
}

/// The names in the circle of replacements that a record is in, sorted; none when it is in none.
fn cycle<'a>(organization: &'a Organization, record: &'a Name) -> BTreeSet<&'a Name> {
    let mut seen = BTreeSet::new();
    let mut current = record;
    while seen.insert(current) {
        match organization.usage(current).and_then(|usage| usage.replaces.as_ref()) {
            Some(next) => current = next,
            None => return BTreeSet::new(),
        }
    }
    // The walk came back to something seen: to the record itself, or into a circle further on.
    if current == record { seen } else { BTreeSet::new() }
}
