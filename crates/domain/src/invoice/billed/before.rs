//! What finals billed before one of them was made.

use std::collections::HashMap;

use super::{Basis, Billed, FinalFacts, Part};
use crate::name::Name;
use crate::uid::Uid;

impl Billed {
    /// What the finals that were made before this one bill of these records, and of which projects its group paid for
    /// something, and what credit notes had taken back. A record that a final replaces counts as nothing, whichever final that is.
    pub fn before<'a>(&self, of: &FinalFacts, records: impl IntoIterator<Item = &'a Name>) -> Billed {
        let mut copy = Copy { from: self, to: Billed::default(), finals: HashMap::new(), ratings: HashMap::new() };
        copy.group(of.group);
        for (invoice, notes) in &self.notes {
            let issued = notes.iter().filter(|note| note.issued_at <= of.issued_at);
            issued.for_each(|note| copy.to.credit(invoice.clone(), note.clone()));
        }
        for record in records {
            let made = |part: &&Part| self.final_of(part).is_some_and(|on| is_before(on, of));
            let parts: Vec<Part> = self.parts(record).iter().filter(made).map(|part| copy.part(*part)).collect();
            if !parts.is_empty() {
                copy.to.records.insert(record.clone(), parts);
            }
            if self.is_replaced(record) {
                copy.to.replaced.insert(record.clone());
            }
        }
        copy.to
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

struct Copy<'a> {
    from: &'a Billed,
    to: Billed,
    /// By place in the original: the place in the copy.
    finals: HashMap<u32, u32>,
    ratings: HashMap<u32, u32>,
}

impl Copy<'_> {
    fn group(&mut self, group: Uid) {
        if let Some(finals) = self.from.groups.get(&group) {
            self.to.groups.insert(group, finals.clone());
        }
    }

    fn part(&mut self, part: Part) -> Part {
        let basis = match part.basis {
            Basis::Rated(place) => Basis::Rated(self.rating(place)),
            Basis::Corrects(place) => Basis::Corrects(self.final_(place)),
        };
        Part { basis, on: self.final_(part.on), ..part }
    }

    fn final_(&mut self, place: u32) -> u32 {
        let (from, to) = (self.from, &mut self.to);
        *self.finals.entry(place).or_insert_with(|| {
            let facts = from.finals.get(place as usize).cloned().flatten();
            let copied = super::index(to.finals.len());
            to.places.extend(facts.iter().map(|facts| (facts.number.clone(), copied)));
            to.finals.push(facts);
            copied
        })
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
