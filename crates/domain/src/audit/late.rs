//! The second derivation of adjustments: instant by instant, which final bills what a record ran.

use std::collections::{BTreeMap, BTreeSet};

use super::derive::{DerivationBasis, derive_records};
use super::derived::Derived;
use super::items::DerivedItem;
use super::lines::{is_first, parts, rank};
use super::noted::Noted;
use super::read_again;
use super::records::{is_replaced, pays_for_any_of, projects_near};
use super::refills::derive_refills;
use super::scales::{DerivedPortions, derive_portions};
use super::settlement::Changes;
use super::tax::{Reasons, note};
use super::terms::derive_terms;
use super::worth::{Worth, at_rating, worth};
use crate::bill::inputs::GroupMonth;
use crate::bill::inputs::{NO_CLOSED_MONTHS, NO_SUCCESSIONS};
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::unit_price::Unit;
use crate::invoice::billed::{BilledIndex, BilledPart};
use crate::invoice::line_type::LineType;
use crate::invoice::month_terms::{MonthTerms, TaxScheme};
use crate::invoice::rating::Rating;
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::tenancy::attribution::Attribution;
use crate::tenancy::organization::Project;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;
use crate::usage::Usage;
use crate::work::{Look, count};

/// Month, project, service, start, record, whether it is new, the key, and how it is taxed: the order of adjustments.
type AdjustmentKey = (Month, Name, Name, Timestamp, Name, bool, String, Option<TaxGroup>);

/// What adjusts closed months as derived, and the records that cannot be adjusted.
#[derive(Default)]
pub(super) struct DerivedLate {
    /// The amount of each, and the notes that it counts.
    totals: BTreeMap<AdjustmentKey, (i128, Vec<Name>)>,
    /// By closed month of the group: by how much what is due for services changes.
    pub(super) changes: Changes,
    /// Why lines are not taxed, where that is so.
    pub(super) reasons: Reasons,
    pub(super) problems: BTreeSet<Name>,
    /// The lines for charges with which others came together.
    pub(super) refills: Vec<DerivedItem>,
    /// That these cannot be told.
    pub(super) is_too_large: bool,
}

impl DerivedLate {
    /// The items in their order.
    pub(super) fn items(&self) -> impl Iterator<Item = DerivedItem> {
        self.totals.iter().map(|((.., record, _, key, tax), (total, notes))| DerivedItem {
            kind: LineType::OtherEvent,
            key: format!("{record}/{key}"),
            tax: *tax,
            total: *total,
            notes: notes.clone(),
        })
    }

    fn change(&mut self, of: Month, project: &Name, tax: Option<TaxGroup>, change: i128) {
        *self.changes.entry(of).or_default().entry((project.clone(), tax)).or_default() += change;
    }

    /// Why nothing is charged of what a final says.
    fn note_reasons(&mut self, billed: &BilledIndex, group: Uid, of: Month, tax: Option<TaxGroup>) {
        let (Some(stated), Some(tax)) = (billed.stated(group, of), tax) else { return };
        if let Some(only) = stated.only_tax.as_ref().filter(|only| only.group() == tax) {
            self.reasons.entry(tax).or_default().extend(only.reason.clone());
        }
        stated.treatments_of(Some(tax)).into_iter().for_each(|one| note(&mut self.reasons, one));
    }
}

/// Asks of every record that can concern the group, in every closed month that it ran in or is billed in, what finals bill of it.
///
/// Cost: one glance at each record of these projects. Of nearly all, finals bill exactly what they ran, and the glance is all: only
/// what is left is looked at by month, and only services with something that no final bills are derived again.
pub(super) fn derive_late(month: &GroupMonth<'_>) -> DerivedLate {
    let mut late = DerivedLate::default();
    let ends = month.closed.first_key_value().zip(month.closed.last_key_value());
    let Some(((first, _), (last, _))) = ends else { return late };
    let span = (first.start(), last.end());
    let (mut portions, mut scaled) = (BTreeMap::new(), BTreeMap::new());
    for project in projects(month) {
        let mut open: BTreeMap<Month, BTreeSet<&Name>> = BTreeMap::new();
        for usage in project.usage().filter(|usage| !is_settled(month, span, usage)) {
            for of in months_of(month, usage) {
                count(Look::Closer);
                let closed = closed_month(month, of);
                derive_corrections(&closed, usage, &mut late);
                let is_open = !is_covered(&closed, usage);
                if is_open {
                    open.entry(of.0).or_default().insert(&usage.service.name);
                }
                if (is_open && closed.prices.has_scales()) || month.billed.is_scaled(&usage.name) {
                    scaled.insert(of.0, of.1);
                }
            }
        }
        for (of, services) in open {
            let Some(attribution) = month.closed.get(&of) else { continue };
            let closed = closed_month(month, (of, *attribution));
            let portions = portions.entry(of).or_insert_with(|| portions_of(&closed));
            derive_late_usage(&closed, project, &services, portions, &mut late);
        }
    }
    let noted = month.billed.scaled_months_with_notes(month.group.uid);
    scaled
        .extend(month.closed.iter().filter(|(of, _)| noted.contains(of)).map(|(of, attribution)| (*of, *attribution)));
    for (of, attribution) in scaled {
        let closed = closed_month(month, (of, attribution));
        let portions = portions.entry(of).or_insert_with(|| portions_of(&closed));
        match derive_refills(&closed, portions, &mut late.changes, &mut late.reasons) {
            Some(items) => late.refills.extend(items),
            None => late.is_too_large = true,
        }
    }
    late
}

/// What records have of a closed month, where prices depend on what comes together.
fn portions_of(closed: &GroupMonth<'_>) -> DerivedPortions {
    derive_portions(closed, &closed.billed.stated_scales(closed.group.uid, closed.month))
}

fn closed_month<'a>(month: &GroupMonth<'a>, (of, attribution): (Month, Attribution)) -> GroupMonth<'a> {
    let prices = month.prices_in(of);
    GroupMonth {
        month: of,
        attribution,
        prices,
        closed: &NO_CLOSED_MONTHS,
        successions: NO_SUCCESSIONS,
        brought_forward: None,
        credits: &[],
        ..*month
    }
}

/// The projects of which the group pays for something, or of which its finals bill something.
fn projects<'a>(month: &GroupMonth<'a>) -> impl Iterator<Item = &'a Project> {
    let near = projects_near(month).map(Project::name);
    let names: BTreeSet<&Name> = near.chain(month.billed.projects_of(month.group.uid)).collect();
    names.into_iter().filter_map(|name| month.organization.project(name))
}

/// The closed months in which the record ran, or for which finals bill it.
fn months_of(month: &GroupMonth<'_>, usage: &Usage) -> impl Iterator<Item = (Month, Attribution)> {
    let billed = || month.billed.parts(&usage.name).iter().map(BilledPart::month);
    let first = billed().chain([Month::of(usage.start)]).min();
    let last = usage.end.and_then(|end| billed().chain([Month::of(end)]).max());
    let after = move |of: Month| first.is_none_or(|first| first <= of) && last.is_none_or(|last| of <= last);
    month.closed.iter().map(|(of, attribution)| (*of, *attribution)).filter(move |(of, _)| after(*of))
}

/// A quick yes: nothing of the record can be late, and nothing is to be corrected, within the span. Nobody bills it, and it counts as
/// nothing or ran at another time; or lines of a single final bill it by the unit; or lines of time follow each other through all of its
/// run, within it, and none meets another.
fn is_settled(month: &GroupMonth<'_>, (from, until): (Timestamp, Timestamp), usage: &Usage) -> bool {
    count(Look::Glance);
    if usage.is_metered() {
        return read_again::is_settled(month, (from, until), usage);
    }
    let parts = month.billed.parts(&usage.name);
    let outside = until <= usage.start || (usage.start < from && usage.end.is_some_and(|end| end <= from));
    if parts.is_empty() {
        return outside || is_replaced(month, usage);
    }
    if is_replaced(month, usage) {
        return false;
    }
    let micros = |instant: Timestamp| instant.timestamp_micros();
    let (began, ended) = (micros(usage.start), usage.end.map_or(i64::MAX, micros));
    let (from, until) = (micros(from), micros(until));
    let (mut run_until, mut billed_until) = (began, began.max(from));
    for part in parts {
        let (start, end) = part.micros();
        match month.billed.rating_of(part).map(|rating| rating.price.unit) {
            Some(Unit::Unit) => {
                let number = |part: &BilledPart| month.billed.final_of(part).map(|on| &on.number);
                let same = |other: &BilledPart| {
                    let unit = month.billed.rating_of(other).map(|rating| rating.price.unit);
                    other.micros().0 == began && number(other) == number(part) && unit == Some(Unit::Unit)
                };
                return parts.iter().all(same);
            }
            Some(Unit::Hour | Unit::Month) => {}
            None => return false, // it was corrected before
        }
        let gap = billed_until < start.min(until);
        if start < run_until || ended < end || gap {
            return false;
        }
        run_until = end;
        billed_until = billed_until.max(end);
    }
    outside || ended.min(until) <= billed_until
}

/// What the month itself would bill of these services, and no final does.
fn derive_late_usage(
    closed: &GroupMonth<'_>,
    project: &Project,
    services: &BTreeSet<&Name>,
    portions: &DerivedPortions,
    late: &mut DerivedLate,
) {
    if !pays_for_any_of(closed, project) {
        return;
    }
    let stated = closed.billed.stated(closed.group.uid, closed.month);
    let closed = &GroupMonth { hours: stated.map_or(closed.hours, |stated| stated.invoice.hours), ..*closed };
    let terms = late_terms(closed);
    let mut derived = Derived::default();
    let open = project.usage().filter(|usage| services.contains(&usage.service.name));
    derive_records(&DerivationBasis::of(closed, &terms, portions), project, open, &mut derived);
    for (key, charge) in derived.charges {
        let Some(usage) = closed.organization.usage(&key.record) else { continue };
        let tier = key.tier.map(|from| format!(" {from}")).unwrap_or_default();
        let text = format!("{} {}{tier}", closed.month, key.start.format("%FT%TZ"));
        let (service, record) = (usage.service.name.clone(), key.record.clone());
        let first = terms
            .tax
            .treatments()
            .find(|one| one.service_types.is_empty() || one.service_types.contains(&usage.service.kind));
        first.into_iter().for_each(|one| note(&mut late.reasons, one));
        late.change(closed.month, &key.project, charge.tax, charge.total);
        let place = (closed.month, key.project.clone(), service, key.start, record, true, text, charge.tax);
        late.totals.insert(place, (charge.total, Vec::new()));
    }
    late.problems.extend(derived.problems);
}

/// What late usage of the month is billed by: what its final recorded, but for the tax of one that was taken back in full; without
/// such a record what is agreed now, taxed as that final is.
fn late_terms(closed: &GroupMonth<'_>) -> MonthTerms {
    let now = derive_terms(closed).unwrap_or_else(MonthTerms::untaxed);
    let Some(stated) = closed.billed.stated(closed.group.uid, closed.month) else { return now };
    let mut terms = stated.terms.cloned().unwrap_or_else(|| now.clone());
    if stated.is_reversed {
        terms.tax = now.tax;
    } else if stated.terms.is_none() {
        terms.tax = TaxScheme::only(stated.only_tax);
    }
    terms
}

/// Whether one line bills the whole of what the record ran in the month: that of nearly every record.
fn is_covered(closed: &GroupMonth<'_>, usage: &Usage) -> bool {
    let (start, end) = (closed.month.start(), closed.month.end());
    let (from, until) = (usage.start.max(start), usage.end.unwrap_or(end).min(end));
    if until <= from && !(start <= usage.start && usage.start < end) {
        return true;
    }
    if usage.is_metered() {
        return read_again::is_all_billed(closed, usage, from, until);
    }
    let parts = parts(closed, usage);
    matches!(&parts[..], [part] if part.period().start() == from && part.period().end() == until)
}

/// By group, currency and how it is taxed.
type Balances = BTreeMap<(Uid, Currency, Option<TaxGroup>), Balance>;

/// What was billed and what is due of a record.
#[derive(Default)]
struct Balance {
    noted: Noted,
    due: i128,
    /// The first final with a line, where that begins, and the final that the line is about.
    invoice: Option<((Timestamp, Name, Timestamp), Name)>,
    /// The final that is corrected, where what it billed is taxed otherwise since it was issued again.
    corrected: Option<Name>,
    /// The final with the last correction.
    last: Option<(Timestamp, Name)>,
    reversed: Option<Timestamp>,
    first: Option<Timestamp>,
}

fn derive_corrections(closed: &GroupMonth<'_>, usage: &Usage, late: &mut DerivedLate) {
    let parts = parts(closed, usage);
    if parts.is_empty() {
        return;
    }
    let Some(balances) = balances(closed, usage, &parts) else {
        late.problems.insert(usage.name.clone());
        return;
    };
    let mut found = Vec::new();
    for ((group, currency, tax), balance) in balances {
        if group != closed.group.uid {
            continue;
        }
        let (total, change) = (balance.noted.difference(balance.due), balance.due - balance.noted.due_before());
        let fits = closed.group.currency.is_some_and(|known| known == currency);
        // That a record takes no place in its tiers any more is said once, whatever it cost.
        let leaves = closed.billed.is_scaled(&usage.name) && balance.reversed.is_some() && balance.last.is_none();
        if total == 0 && !(leaves && fits) {
            found.push((None, group, tax, change));
            continue;
        }
        let fits = fits && total.abs() <= closed.group.currency.map_or(0, Money::limit);
        let of = balance.invoice.map(|(_, about)| about).or(balance.corrected);
        let Some((invoice, start)) = of.zip(balance.reversed.or(balance.first)).filter(|_| fits) else {
            late.problems.insert(usage.name.clone());
            return;
        };
        let key = format!("{} {invoice}", closed.month);
        let (project, service) = (usage.project.clone(), usage.service.name.clone());
        let place = (closed.month, project, service, start, usage.name.clone(), false, key, tax);
        found.push((Some((place, (total, balance.noted.notes()))), group, tax, change));
    }
    for (item, group, tax, change) in found {
        let is_told = item.is_some();
        if is_told {
            late.note_reasons(closed.billed, group, closed.month, tax);
        }
        late.totals.extend(item);
        if (is_told || change != 0) && !closed.billed.is_month_reversed(group, closed.month) {
            late.change(closed.month, &usage.project, tax, change);
        }
    }
}

/// `None` when something was corrected in another currency, or comes to too much.
fn balances(closed: &GroupMonth<'_>, usage: &Usage, parts: &[&BilledPart]) -> Option<Balances> {
    let mut balances = Balances::new();
    for part in parts {
        let (Some(on), Some(about)) = (closed.billed.final_of(part), closed.billed.final_about(part)) else { continue };
        if on.currency != about.currency {
            return None;
        }
        let balance = balances.entry((about.group, about.currency, part.tax())).or_default();
        let start = part.period().start();
        balance.noted.billed += part.total();
        balance.first = Some(balance.first.map_or(start, |first| first.min(start)));
        balance.noted.credited.extend(closed.billed.credited_amounts(&usage.name, part));
        let Some(rating) = closed.billed.rating_of(part) else {
            let issued = (on.issued_at, on.number.clone());
            balance.corrected = Some(about.number.clone());
            let newer = balance.last.as_ref().is_none_or(|last| *last < issued);
            if let Some(last) = closed.billed.correction(&usage.name, part).filter(|_| newer) {
                balance.noted.corrected = Some((on.issued_at, last));
                balance.last = Some(issued);
            }
            continue;
        };
        // What came late for a group that is gone is of the final of the month.
        let line = ((on.issued_at, on.number.clone(), start), about.number.clone());
        balance.invoice = Some(balance.invoice.take().map_or(line.clone(), |first| first.min(line)));
        let (due, lost) = due(closed, usage, part, rating, parts)?;
        balance.due += due;
        balance.reversed = [balance.reversed, lost].into_iter().flatten().min();
    }
    Some(balances)
}

/// What is due of a line, and from when on something of it is not.
fn due(
    closed: &GroupMonth<'_>,
    usage: &Usage,
    part: &BilledPart,
    rating: &Rating,
    parts: &[&BilledPart],
) -> Option<(i128, Option<Timestamp>)> {
    let (start, end) = (part.period().start(), part.period().end());
    if closed.billed.is_metered(part) {
        return read_again::due(closed, usage, part, rating);
    }
    let counts = !is_replaced(closed, usage);
    if rating.price.unit == Unit::Unit {
        let events =
            parts.iter().filter(|other| closed.billed.rating_of(other).is_some_and(|r| r.price.unit == Unit::Unit));
        let first = events.min_by_key(|other| rank(closed, other));
        let here = closed.month.start() <= usage.start && usage.start < closed.month.end();
        let stands = counts && here && first.is_some_and(|first| rank(closed, first) == rank(closed, part));
        return Some(if stands { (part.total(), None) } else { (0, Some(start)) });
    }
    let mut instants = BTreeSet::from([start, end, usage.start]);
    instants.extend(usage.end);
    instants.extend(parts.iter().flat_map(|other| [other.period().start(), other.period().end()]));
    let instants: Vec<_> = instants.range(start..=end).copied().collect();
    let mut kept: Vec<(Timestamp, Timestamp)> = Vec::new();
    let mut lost = None;
    for pair in instants.windows(2) {
        let ran = usage.start <= pair[0] && usage.end.is_none_or(|end| pair[0] < end);
        if !(counts && ran && is_first(closed, part, parts, pair[0])) {
            lost = lost.or(Some(pair[0]));
            continue;
        }
        match kept.last_mut() {
            Some(last) if last.1 == pair[0] => last.1 = pair[1],
            _ => kept.push((pair[0], pair[1])),
        }
    }
    if kept == [(start, end)] {
        return Some((part.total(), None));
    }
    let limit = Money::limit(closed.billed.final_of(part)?.currency);
    let digits = closed.billed.final_of(part)?.currency.digits();
    let amounts =
        kept.iter().map(|(from, to)| amount(rating, usage, *from, *to, digits).filter(|minor| *minor <= limit));
    Some((amounts.sum::<Option<i128>>()?, lost))
}

/// What one costs × quantity × rate × what discounts leave, half away from zero; none of it is negative.
fn amount(rating: &Rating, usage: &Usage, from: Timestamp, to: Timestamp, digits: u32) -> Option<i128> {
    let Worth { before, until, of } = worth(&rating.price, rating.hours, usage.start, from, to);
    let worth = Worth { before, until, of: of * rating.price.per.get() };
    at_rating(rating, worth, usage.quantity, digits)
}
