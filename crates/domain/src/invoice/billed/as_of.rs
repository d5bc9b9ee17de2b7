//! What finals billed before one of them was made.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::stated::correction;
use super::{
    BilledIndex, BilledLine, BilledPart, CreditedAmount, FinalFacts, IssuedNote, LineBasis, NoteShare, PartBasis,
    ReadFinal,
};
use crate::invoice::number;
use crate::invoice::part::StatedPart;
use crate::invoice::statement::{FinalStatement, LastCorrection};
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;

impl BilledIndex {
    /// What the finals that were made before this one bill of these records, each as it was then if it was issued again since; of which
    /// projects its group paid for something; and what credit notes had taken back, but for those that it did not know. A record that a
    /// final replaces counts as nothing, whichever final that is.
    ///
    /// `beside` are groups that are gone and whose months it settles, too.
    ///
    /// Cost: what the finals of these groups say is copied, and of the others what those say that correct something, or bill one of the records.
    pub fn as_of_final<'a>(
        &self,
        of: &FinalFacts,
        beside: &BTreeSet<Uid>,
        unknown: &BTreeSet<Name>,
        records: impl IntoIterator<Item = &'a Name>,
    ) -> BilledIndex {
        let mut remapper = Remapper {
            from: self,
            at: of.own_issue(),
            to: BilledIndex::default(),
            finals: HashMap::new(),
            statements: HashSet::new(),
            ratings: HashMap::new(),
        };
        let groups = || std::iter::once(of.group).chain(beside.iter().copied());
        groups().for_each(|group| remapper.group(group));
        remapper.to.has_scales = self.has_scales;
        for (invoice, notes) in &self.notes {
            let known = |note: &&IssuedNote| note.issued_at <= of.issued_at && !unknown.contains(&note.number);
            let issued = notes.iter().filter(known);
            issued.for_each(|note| remapper.to.add_credit_note(invoice.clone(), note.clone()));
        }
        let before = |place: &u32| self.finals[*place as usize].as_ref().is_some_and(|on| is_before(on, of));
        let mut places = self.all_correcting();
        places.extend(groups().flat_map(|group| self.months_of(group)).map(|(_, place)| place));
        places.into_iter().filter(before).for_each(|place| remapper.statement(place));
        for (_, adjusted) in groups().flat_map(|group| self.months_of(group)) {
            for place in self.adjusted.get(&adjusted).into_iter().flatten().filter(|place| before(place)) {
                let (adjusted, copied) = (remapper.final_(adjusted), remapper.final_(*place));
                remapper.to.adjusted.entry(adjusted).or_default().insert(copied);
            }
        }
        for record in records {
            let made = |part: &&BilledPart| self.final_of(part).is_some_and(|on| is_before(on, of));
            let parts: Vec<BilledPart> =
                self.parts(record).iter().filter(made).map(|part| remapper.part(record, *part)).collect();
            if !parts.is_empty() {
                remapper.to.records.insert(record.clone(), parts);
            }
            if self.is_replaced(record) {
                remapper.to.replaced.insert(record.clone());
            }
        }
        remapper.to
    }

    /// The credit notes that a final did not know though they were issued before it, from `since` on: it was computed on what was read
    /// before. They took something of what its lines adjust, and none of these counted them.
    pub fn notes_unknown_to(&self, read: &ReadFinal, since: Timestamp) -> BTreeSet<Name> {
        let corrections = read.lines.iter().filter_map(|line| self.correction_by(line));
        let parts = read.parts.iter().filter_map(|part| self.adjustment_by(part));
        let adjusted: Vec<_> = corrections.chain(parts).collect();
        let counted: BTreeSet<&Name> = adjusted.iter().flat_map(|(last, _)| &last.notes).collect();
        // Where none is counted, an earlier version may have made it: that it came out of none tells, too.
        let tells = |last: &LastCorrection| !counted.is_empty() || (last.reduction() > 0 && last.settled() == 0);
        let shares = adjusted.iter().filter(|(last, _)| tells(last)).flat_map(|(_, shares)| shares);
        let near = |share: &&NoteShare| since < share.issued_at && share.issued_at <= read.facts.issued_at;
        let missed = shares.filter(near).filter(|share| !counted.contains(&share.note));
        let reversed = read.parts.iter().filter_map(|part| self.notes.get(&part.adjusts.as_ref()?.invoice)).flatten();
        let reversed = reversed.filter(|note| {
            let near = since < note.issued_at && note.issued_at <= read.facts.issued_at;
            near && note.credited == CreditedAmount::Remainder // or it would settle no part
        });
        missed.map(|share| share.note.clone()).chain(reversed.map(|note| note.number.clone())).collect()
    }

    /// What a line corrects of a record, and what notes took back of that.
    fn correction_by(&self, line: &BilledLine) -> Option<(LastCorrection, Vec<NoteShare>)> {
        let LineBasis::Corrects { invoice, billed, due, notes } = &line.basis else { return None };
        let group_of = |place: &u32| self.finals[*place as usize].as_ref().map(|facts| facts.group);
        let (group, month) = (self.places.get(invoice).and_then(group_of), Month::of(line.period.start()));
        let is_it = |part: &&BilledPart| {
            part.month() == month && part.tax() == line.tax && self.final_about(part).map(|about| about.group) == group
        };
        let parts = self.parts(&line.record).iter().filter(is_it);
        let shares = parts.flat_map(|part| self.credited_amounts(&line.record, part)).collect();
        Some((correction(*billed, *due, line.total, notes), shares))
    }

    /// What a line adjusts of a part of a month, and what notes took back of that.
    fn adjustment_by(&self, part: &StatedPart) -> Option<(LastCorrection, Vec<NoteShare>)> {
        let adjusts = part.adjusts.as_ref()?;
        let group = self.final_in_place_of(&adjusts.invoice)?.group;
        let stated = self.stated(group, part.month)?.parts.remove(&part.key)?;
        Some((correction(adjusts.billed, adjusts.due, part.total, &adjusts.notes), stated.credited))
    }

    /// Takes back that a record is replaced.
    pub fn restore(&mut self, record: &str) {
        self.replaced.remove(record);
    }
}

/// Whether a final was made before another; of those made at once, the one with the smaller number.
fn is_before(first: &FinalFacts, second: &FinalFacts) -> bool {
    (first.issued_at, &first.number) < (second.issued_at, &second.number)
}

/// When the first final at a place was made.
fn first_issue(index: &BilledIndex, place: u32) -> Timestamp {
    index.finals.get(place as usize).and_then(Option::as_ref).map_or(Timestamp::MIN_UTC, |facts| facts.issued_at)
}

struct Remapper<'a> {
    from: &'a BilledIndex,
    /// When all is as it is to be.
    at: Timestamp,
    to: BilledIndex,
    /// By place in the original: the place in the copy.
    finals: HashMap<u32, u32>,
    /// Those of which it was copied what they say.
    statements: HashSet<u32>,
    ratings: HashMap<u32, u32>,
}

impl Remapper<'_> {
    fn group(&mut self, group: Uid) {
        if let Some(finals) = self.from.groups.get(&group) {
            self.to.groups.insert(group, finals.clone());
        }
    }

    fn part(&mut self, record: &str, part: BilledPart) -> BilledPart {
        let from = self.from;
        let tax = from.earlier_at(part.on, self.at).map_or(part.tax, |then| from.tax_by(then, record, &part));
        let basis = match part.basis {
            PartBasis::Rated(place) => PartBasis::Rated(self.rating(place)),
            PartBasis::Succeeds(place) => {
                let (rating, closed) = from.succeeded.get(place as usize).copied().unwrap_or_default();
                self.statement(closed);
                let of = (self.rating(rating), self.final_(closed));
                self.to.succeeded.push(of);
                PartBasis::Succeeds(super::index(self.to.succeeded.len() - 1))
            }
            PartBasis::Corrects(place) => {
                self.statement(place);
                PartBasis::Corrects(self.final_(place))
            }
        };
        self.statement(part.on);
        BilledPart { basis, tax, on: self.final_(part.on), ..part }
    }

    fn final_(&mut self, place: u32) -> u32 {
        let (from, to, at) = (self.from, &mut self.to, self.at);
        *self.finals.entry(place).or_insert_with(|| {
            let then = from
                .earlier_at(place, at)
                .map(|then| FinalFacts { issued_at: first_issue(from, place), ..then.facts.clone() });
            let facts = then.or_else(|| from.finals.get(place as usize).cloned().flatten());
            let copied = super::index(to.finals.len());
            let last = facts.as_ref().map_or(0, |facts| number::revision(&facts.number));
            let before: Vec<_> =
                from.earlier(place).filter(|one| number::revision(&one.facts.number) < last).cloned().collect();
            to.places.extend(
                facts.iter().chain(before.iter().map(|one| &one.facts)).map(|facts| (facts.number.clone(), copied)),
            );
            if !before.is_empty() {
                to.revisions.insert(copied, before);
            }
            if let Some(facts) = &facts {
                to.by_month.insert(copied, (facts.group, facts.month), &FinalStatement::default());
            }
            to.finals.push(facts);
            to.statements.push(FinalStatement::default());
            copied
        })
    }

    /// What a final says of months.
    fn statement(&mut self, place: u32) {
        if !self.statements.insert(place) {
            return;
        }
        let then = self.from.earlier_at(place, self.at).map(|then| &then.statement);
        let statement = then.unwrap_or(&self.from.statements[place as usize]).clone();
        let copied = self.final_(place) as usize;
        let renumbered = statement.renumbered(|about| self.final_(about));
        if let Some(facts) = &self.to.finals[copied] {
            self.to.by_month.insert(super::index(copied), (facts.group, facts.month), &renumbered);
        }
        self.to.statements[copied] = renumbered;
    }

    fn rating(&mut self, place: u32) -> u32 {
        let (from, to) = (self.from, &mut self.to);
        *self.ratings.entry(place).or_insert_with(|| {
            let copied = super::index(to.ratings.len());
            to.ratings.extend(from.ratings.get(place as usize).cloned());
            copied
        })
    }
}
