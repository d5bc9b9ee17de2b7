//! Finals that were issued again.
//!
//! The later one has the lines of the earlier one, and may tax them otherwise: it takes its place. What the earlier one said is kept for
//! those that were computed on it.

use std::collections::{BTreeMap, HashMap};

use super::{
    BilledIndex, BilledLine, BilledPart, EarlierRevision, FinalFacts, LineBasis, LinePlace, PartBasis, ReadFinal, hash,
};
use crate::catalog::tax_rule::TaxGroup;
use crate::invoice::month_terms::TaxScheme;
use crate::invoice::number;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;

impl FinalFacts {
    /// When it was issued, again or for the first time.
    pub fn own_issue(&self) -> Timestamp {
        self.reissued_at.unwrap_or(self.issued_at)
    }
}

impl BilledIndex {
    /// Takes in a final whose place has another revision of it already. Cost: a look at each of its lines.
    pub(super) fn add_revision(&mut self, on: u32, read: ReadFinal) {
        let statement = self.statement(on, &read);
        self.by_month.insert(on, (read.facts.group, read.facts.month), &statement);
        let lines = self.line_taxes(&read.lines);
        let ReadFinal { facts, .. } = read;
        let Some(known) = &mut self.finals[on as usize] else { return };
        let issued_at = known.issued_at.min(facts.issued_at);
        known.issued_at = issued_at;
        if number::revision(&facts.number) < number::revision(&known.number) {
            let earlier =
                EarlierRevision { facts, statement, taxes: lines.into_iter().map(|(_, at, tax)| (at, tax)).collect() };
            return self.keep_earlier(on, earlier);
        }
        let before = std::mem::replace(known, FinalFacts { issued_at, ..facts });
        let said = std::mem::replace(&mut self.statements[on as usize], statement);
        let mut taxes = HashMap::new();
        for (record, at, tax) in lines {
            let Some(place) = self.part_at(&record, on, &at) else { continue };
            let Some(part) = self.records.get_mut(&record).and_then(|parts| parts.get_mut(place)) else { continue };
            taxes.insert(at, std::mem::replace(&mut part.tax, tax));
        }
        self.keep_earlier(on, EarlierRevision { facts: before, statement: said, taxes });
    }

    fn keep_earlier(&mut self, on: u32, earlier: EarlierRevision) {
        let revisions = self.revisions.entry(on).or_default();
        let revision = number::revision(&earlier.facts.number);
        let at = revisions.partition_point(|known| number::revision(&known.facts.number) < revision);
        revisions.insert(at, earlier);
    }

    fn line_taxes(&mut self, lines: &[BilledLine]) -> Vec<(Name, LinePlace, Option<TaxGroup>)> {
        let place = |index: &mut BilledIndex, line: &BilledLine| {
            let (tier, corrects) = match &line.basis {
                LineBasis::Rated(rating) => (rating.tier, None),
                LineBasis::Corrects { invoice, .. } => (None, Some(index.place(invoice))),
            };
            let (start, end) = (line.period.start().timestamp_micros(), line.period.end().timestamp_micros());
            LinePlace { record: hash(&line.record), start, end, tier, corrects }
        };
        lines.iter().map(|line| (line.record.clone(), place(self, line), line.tax)).collect()
    }

    fn place_of(&self, record: &str, part: &BilledPart) -> LinePlace {
        let corrects = match part.basis {
            PartBasis::Rated(_) | PartBasis::Succeeds(_) => None,
            PartBasis::Corrects(about) => Some(about),
        };
        let tier = self.rating_of(part).and_then(|rating| rating.tier);
        LinePlace { record: hash(record), start: part.start, end: part.end, tier, corrects }
    }

    fn part_at(&self, record: &str, on: u32, line: &LinePlace) -> Option<usize> {
        self.parts(record).iter().position(|part| part.on == on && self.place_of(record, part) == *line)
    }

    /// How months of a group are taxed whose finals were issued again. Cost: a look at each of its finals.
    pub fn taxed_again(&self, group: Uid) -> BTreeMap<Month, TaxScheme> {
        let again = |(month, place): (Month, u32)| {
            let facts = self.finals[place as usize].as_ref()?;
            facts.reissued_at?;
            Some((month, self.statements[place as usize].terms.as_ref()?.tax.clone()))
        };
        self.months_of(group).filter_map(again).collect()
    }

    /// The months of a group of which later finals adjust parts, and whose finals were issued again: what adjusted them was computed on
    /// the ones before, by their tax and less what notes had taken back of them.
    pub fn adjusted_months_issued_again(&self, group: Uid) -> impl Iterator<Item = Month> {
        let adjusted = self.months_of(group).filter(|(_, place)| self.adjusted.contains_key(place));
        let again = |place: u32| self.finals[place as usize].as_ref().is_some_and(|facts| facts.reissued_at.is_some());
        adjusted.filter(move |(_, place)| again(*place)).map(|(month, _)| month)
    }

    /// What stood at a place before, in the order of their issue.
    pub(super) fn earlier(&self, place: u32) -> impl DoubleEndedIterator<Item = &EarlierRevision> {
        self.revisions.get(&place).into_iter().flatten()
    }

    /// What stood at a place at an instant, of what is not there any more; `None`: what is there now, or nothing else is known.
    pub(super) fn earlier_at(&self, place: u32, at: Timestamp) -> Option<&EarlierRevision> {
        let is_later = self.finals.get(place as usize)?.as_ref().is_some_and(|now| at <= now.own_issue());
        let issued = |one: &&EarlierRevision| one.facts.own_issue() < at;
        self.earlier(place).rev().find(issued).filter(|_| is_later)
    }

    /// The number that the final at a place had at an instant.
    pub(super) fn number_at(&self, place: u32, at: Timestamp) -> Option<&Name> {
        let now = self.finals.get(place as usize)?.as_ref().map(|facts| &facts.number);
        self.earlier_at(place, at).map(|one| &one.facts.number).or(now)
    }

    /// How a part was taxed by what stood at its place before.
    pub(super) fn tax_by(&self, revision: &EarlierRevision, record: &str, part: &BilledPart) -> Option<TaxGroup> {
        revision.taxes.get(&self.place_of(record, part)).copied().unwrap_or(part.tax)
    }
}
