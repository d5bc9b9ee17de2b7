//! Which records count, whose they are, and which prices they may have.

use std::collections::BTreeSet;

use super::payer::payer_at;
use crate::bill::inputs::GroupMonth;
use crate::catalog::price::PriceEntry;
use crate::catalog::unit_price::Unit;
use crate::name::Name;
use crate::tenancy::organization::{Organization, Project};
use crate::time::period::Timestamp;
use crate::usage::Usage;

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

pub(super) fn pays(month: &GroupMonth<'_>, project: &Project, instant: Timestamp) -> bool {
    payer_at(month, project, instant) == Some(month.group.uid)
}

pub(super) fn ledger_instants(project: &Project) -> impl Iterator<Item = Timestamp> {
    project.ledger().into_iter().flat_map(|ledger| ledger.segments()).map(|segment| segment.from)
}

/// Whether a record may be charged by the unit in the month, and no final does.
pub(super) fn is_open_event(month: &GroupMonth<'_>, project: &Project, usage: &Usage) -> bool {
    let in_month = month.month.start() <= usage.start && usage.start < month.month.end();
    let here = in_month && usage.start < month.as_of && pays(month, project, usage.start);
    here && !month.billed.has_unit_charge(&usage.name)
}

/// The entry of a record that is charged by the unit in the month, and no final does.
pub(super) fn ended_unit<'a>(month: &GroupMonth<'a>, project: &Project, usage: &Usage) -> Option<&'a PriceEntry> {
    let entry = best(&matching(month, usage), usage.start)?;
    (entry.price.unit == Unit::Unit && is_open_event(month, project, usage)).then_some(entry)
}

/// An entry of one of the lists.
#[derive(Clone, Copy)]
pub(super) struct Offer<'a> {
    /// How many lists come before its own.
    pub(super) rank: usize,
    pub(super) entry: &'a PriceEntry,
}

/// All entries for a type of service, as far as is known what it costs: of the lists before one with an entry that cannot be used.
pub(super) fn offers<'a>(month: &GroupMonth<'a>, kind: &str) -> Vec<Offer<'a>> {
    let usable = month.prices.iter().enumerate().take_while(|(_, list)| list.unusable(kind).is_none());
    usable.flat_map(|(rank, list)| list.entries_for(kind).map(move |entry| Offer { rank, entry })).collect()
}

pub(super) fn matching<'a>(month: &GroupMonth<'a>, usage: &Usage) -> Vec<Offer<'a>> {
    let service = &usage.service;
    let fits = |wanted: &Option<Name>, has: &Option<Name>| wanted.is_none() || wanted == has;
    let offers = offers(month, &service.kind).into_iter();
    offers.filter(|offer| fits(&offer.entry.plan, &service.plan) && fits(&offer.entry.cloud, &service.cloud)).collect()
}

/// The most specific entry valid at an instant, of the first list that has one: a plan counts more than a cloud.
pub(super) fn best<'a>(offers: &[Offer<'a>], instant: Timestamp) -> Option<&'a PriceEntry> {
    let valid = offers.iter().filter(|Offer { entry, .. }| {
        entry.valid_from <= instant && entry.valid_until.is_none_or(|valid_until| instant < valid_until)
    });
    let first = valid.min_by_key(|Offer { rank, entry }| (*rank, entry.plan.is_none(), entry.cloud.is_none()));
    first.map(|offer| offer.entry)
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
