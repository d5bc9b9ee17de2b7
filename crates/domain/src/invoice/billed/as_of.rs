//! What finals billed before one of them was made.

use std::collections::HashMap;

use super::{BilledIndex, BilledPart, FinalFacts, PartBasis};
use crate::invoice::statement::FinalStatement;
use crate::name::Name;
use crate::uid::Uid;

impl BilledIndex {
    /// What the finals that were made before this one bill of these records, and of which projects its group paid for
    /// something, and what credit notes had taken back. A record that a final replaces counts as nothing, whichever final that is.
    pub fn as_of_final<'a>(&self, of: &FinalFacts, records: impl IntoIterator<Item = &'a Name>) -> BilledIndex {
        let mut remapper =
            Remapper { from: self, to: BilledIndex::default(), finals: HashMap::new(), ratings: HashMap::new() };
        remapper.group(of.group);
        for (invoice, notes) in &self.notes {
            let issued = notes.iter().filter(|note| note.issued_at <= of.issued_at);
            issued.for_each(|note| remapper.to.add_credit_note(invoice.clone(), note.clone()));
        }
        for place in 0..super::index(self.finals.len()) {
            let on = self.finals[place as usize].as_ref();
            if on.is_some_and(|on| is_before(on, of)) {
                remapper.statement(place);
            }
        }
        for record in records {
            let made = |part: &&BilledPart| self.final_of(part).is_some_and(|on| is_before(on, of));
            let parts: Vec<BilledPart> =
                self.parts(record).iter().filter(made).map(|part| remapper.part(*part)).collect();
            if !parts.is_empty() {
                remapper.to.records.insert(record.clone(), parts);
            }
            if self.is_replaced(record) {
                remapper.to.replaced.insert(record.clone());
            }
        }
        remapper.to
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

struct Remapper<'a> {
    from: &'a BilledIndex,
    to: BilledIndex,
    /// By place in the original: the place in the copy.
    finals: HashMap<u32, u32>,
    ratings: HashMap<u32, u32>,
}

impl Remapper<'_> {
    fn group(&mut self, group: Uid) {
        if let Some(finals) = self.from.groups.get(&group) {
            self.to.groups.insert(group, finals.clone());
        }
    }

    fn part(&mut self, part: BilledPart) -> BilledPart {
        let basis = match part.basis {
            PartBasis::Rated(place) => PartBasis::Rated(self.rating(place)),
            PartBasis::Corrects(place) => PartBasis::Corrects(self.final_(place)),
        };
        BilledPart { basis, on: self.final_(part.on), ..part }
    }

    fn final_(&mut self, place: u32) -> u32 {
        let (from, to) = (self.from, &mut self.to);
        *self.finals.entry(place).or_insert_with(|| {
            let facts = from.finals.get(place as usize).cloned().flatten();
            let copied = super::index(to.finals.len());
            to.places.extend(facts.iter().map(|facts| (facts.number.clone(), copied)));
            to.finals.push(facts);
            to.statements.push(FinalStatement::default());
            copied
        })
    }

    /// What a final says of months.
    fn statement(&mut self, place: u32) {
        let statement = self.from.statements[place as usize].clone();
        let copied = self.final_(place) as usize;
        let renumbered = statement.renumbered(|about| self.final_(about));
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
