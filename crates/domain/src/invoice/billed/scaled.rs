//! What finals bill at prices that depend on what comes together in a month.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use rust_decimal::Decimal;

use super::{BilledIndex, BilledPart, FinalFacts, LineBasis, NoteShare, ReadFinal};
use crate::catalog::price::EntryKey;
use crate::invoice::ids::{charge_id, late_id};
use crate::invoice::statement::{ScaledRecord, StatedCorrection, StatedRefill, StatedScale};
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;

/// The records that a final bills at such prices, by name.
pub(super) fn scaled_records(read: &ReadFinal) -> Vec<ScaledRecord> {
    let mut records: BTreeMap<(Name, Timestamp), ScaledRecord> = BTreeMap::new();
    for line in &read.lines {
        let (Some(scaled), LineBasis::Rated(rating)) = (&line.scaled, &line.basis) else { continue };
        let (start, month) = (line.period.start(), Month::of(line.period.start()));
        let id = match month == read.facts.month {
            true => charge_id(&line.record, start, rating.tier),
            false => late_id(&line.record, month, start, rating.tier),
        };
        let none = || ScaledRecord {
            month,
            closed_by: line.closed_by.clone(),
            entry: scaled.entry.clone(),
            project: line.project.clone().unwrap_or_else(|| Name::from("")),
            service: scaled.service.clone(),
            record: line.record.clone(),
            start,
            end: line.period.end(),
            quantity: Decimal::ZERO,
            pre_discount: 0,
            total: 0,
            tax: line.tax,
            rating: rating.clone(),
            lines: Vec::new(),
        };
        let known = records.entry((line.record.clone(), start)).or_insert_with(none);
        known.quantity = known.quantity.saturating_add(scaled.quantity);
        known.pre_discount += line.pre_discount.minor();
        known.total += line.total.minor();
        known.lines.push((id, line.total.minor()));
    }
    records.into_values().collect()
}

/// What documents of a group say of a month at prices with a scale.
#[derive(Debug, Default)]
pub(crate) struct StatedScales<'a> {
    /// The records, each once.
    pub(crate) records: Vec<StatedRecord<'a>>,
    /// The lines by which others came together with them, in the order of their issue, with when that was and what notes took back.
    pub(crate) refills: Vec<(&'a StatedRefill, Timestamp, Vec<NoteShare>)>,
    /// By entry, as the first of the finals has it.
    pub(crate) scales: BTreeMap<&'a EntryKey, &'a StatedScale>,
}

/// What documents say of a record at a price with a scale.
#[derive(Debug)]
pub(crate) struct StatedRecord<'a> {
    /// As the final has it that was made first.
    pub(crate) billed: &'a ScaledRecord,
    /// When that final was issued.
    pub(crate) billed_at: Timestamp,
    /// What credit notes took back of that.
    pub(crate) credited: Vec<NoteShare>,
    /// When a later final took it back, because it counts as nothing.
    pub(crate) taken_back_at: Option<Timestamp>,
}

impl BilledIndex {
    /// Whether a final bills something of a record at a price with a scale.
    pub(crate) fn is_scaled(&self, record: &str) -> bool {
        self.parts(record).iter().any(|part| {
            let on = self.statements.get(part.on as usize);
            on.is_some_and(|on| on.scaled.binary_search_by(|known| known.record.as_str().cmp(record)).is_ok())
        })
    }

    /// The final that bills a record by the unit, of several the one that was made first; of a metered record the one that bills this
    /// instant. Where that settles the month of a group that is gone, the final of that month.
    pub(crate) fn unit_final(&self, record: &str, at: Timestamp) -> Option<&FinalFacts> {
        self.final_about(self.first_by_unit(record, at)?)
    }

    /// Of what finals bill of a record by the unit, what was billed first; of a metered record of what contains this instant.
    pub(crate) fn first_by_unit(&self, record: &str, at: Timestamp) -> Option<&BilledPart> {
        let by_unit =
            |part: &&_| self.is_single_unit(part) || (self.is_metered(part) && BilledPart::period(part).contains(at));
        self.parts(record).iter().filter(by_unit).min_by(|a, b| self.order(a, b))
    }

    /// How much a part bills of a record at a price with a scale, where it does: all tiers together.
    pub(crate) fn scaled_quantity(&self, record: &str, part: &BilledPart) -> Option<Decimal> {
        let (scaled, start) = (&self.statements.get(part.on as usize)?.scaled, part.period().start());
        let place = scaled.binary_search_by(|known| (known.record.as_str(), known.start).cmp(&(record, start))).ok()?;
        scaled.get(place).map(|known| known.quantity)
    }

    /// What documents of a group say of a month at prices with a scale.
    ///
    /// Cost: where any final has such prices, what those that say something of the month say of it.
    pub(crate) fn stated_scales(&self, group: Uid, month: Month) -> StatedScales<'_> {
        let mut stated = StatedScales::default();
        if !self.has_scales {
            return stated;
        }
        let mut known = HashSet::new();
        for on in self.saying_or_correcting(group, month..=month) {
            let Some(facts) = &self.finals[on] else { continue };
            let statement = &self.statements[on];
            let place = super::index(on);
            let ours = |closed_by: &Option<Name>| self.whose(facts, closed_by.as_ref()) == Some(group);
            let of_month = |record: &&ScaledRecord| record.month == month && ours(&record.closed_by);
            for record in statement.scaled.iter().filter(of_month) {
                if !known.insert((&record.record, record.start)) {
                    continue;
                }
                let shares = record.lines.iter().flat_map(|(id, total)| self.credited_of_line(place, id, *total));
                let credited = shares.collect();
                let (billed_at, taken_back_at) = (facts.issued_at, None);
                stated.records.push(StatedRecord { billed: record, billed_at, credited, taken_back_at });
                if let Some((entry, scale)) = statement.scales.get_key_value(&record.entry) {
                    stated.scales.entry(entry).or_insert(scale);
                }
            }
            let of_month = |refill: &&StatedRefill| refill.month == month && ours(&refill.closed_by);
            for refill in statement.refills.iter().filter(of_month) {
                let shares = self.credited_of_line(place, &refill.line, refill.total.minor());
                stated.refills.push((refill, facts.issued_at, shares));
            }
        }
        let correcting = self.correcting(month..=month).into_iter();
        let mut corrected: HashMap<u64, Timestamp> = HashMap::new();
        for on in correcting {
            let Some(facts) = &self.finals[on] else { continue };
            let ours = |known: &&StatedCorrection| known.month == month && self.group_at(known.about) == Some(group);
            for known in self.statements[on].corrections.iter().filter(ours) {
                let first = corrected.entry(known.record).or_insert(facts.issued_at);
                *first = facts.issued_at.min(*first);
            }
        }
        for known in &mut stated.records {
            known.taken_back_at = corrected.get(&super::hash(&known.billed.record)).copied();
        }
        stated
    }

    /// The months of a group of which later finals say that charges at a price with a scale differ, and of whose lines at such prices
    /// credit notes took something back: only there may a note have been missed.
    ///
    /// Cost: where any final has such prices, a look at what those of the group say.
    pub(crate) fn scaled_months_with_notes(&self, group: Uid) -> BTreeSet<Month> {
        if !self.has_scales {
            return BTreeSet::new();
        }
        let mut places = self.all_correcting();
        places.extend(self.months_of(group).map(|(_, place)| place));
        let (mut refilled, mut noted) = (BTreeSet::new(), BTreeSet::new());
        for place in places.into_iter().map(|place| place as usize) {
            let (Some(facts), statement) = (&self.finals[place], &self.statements[place]) else { continue };
            let ours = |closed_by: &Option<Name>| self.whose(facts, closed_by.as_ref()) == Some(group);
            let refills = statement.refills.iter().filter(|refill| ours(&refill.closed_by)).map(|refill| refill.month);
            refilled.extend(refills.clone());
            if self.notes.contains_key(&facts.number) {
                let records = statement.scaled.iter().filter(|record| ours(&record.closed_by));
                noted.extend(records.map(|record| record.month).chain(refills));
            }
        }
        &refilled & &noted
    }

    /// The lines of all finals for charges with which others came together, and whose they are.
    #[cfg(test)]
    pub(crate) fn refills(&self) -> impl Iterator<Item = (Uid, &StatedRefill)> {
        let of = |(facts, statement): (&Option<FinalFacts>, _)| {
            let statement: &crate::invoice::statement::FinalStatement = statement;
            facts.as_ref().map(|facts| statement.refills.iter().map(|refill| (facts.group, refill)).collect::<Vec<_>>())
        };
        self.finals.iter().zip(&self.statements).filter_map(of).flatten()
    }

    /// What was due of a project's charges at a price with a scale, before a line of a final that was not taken in: what is billed, less
    /// what of it the last line left to credit notes. In minor units.
    pub fn due_before_refill(&self, group: Uid, refill: &StatedRefill) -> i128 {
        let same = |on: usize, known: &&StatedRefill| {
            let facts = self.finals[on].as_ref();
            (&known.entry, &known.project, known.month, known.tax)
                == (&refill.entry, &refill.project, refill.month, refill.tax)
                && facts.and_then(|facts| self.whose(facts, known.closed_by.as_ref())) == Some(group)
        };
        let ours = self.saying_or_correcting(group, refill.month..=refill.month).into_iter().rev();
        let last = ours.filter_map(|on| self.statements[on].refills.iter().find(|known| same(on, known))).next();
        refill.last.billed - last.map_or(0, |known| known.last.settled())
    }
}
