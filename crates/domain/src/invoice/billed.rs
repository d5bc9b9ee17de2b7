//! What finals bill: the one notion of it, for open months and for closed ones.
//!
//! An organization's finals never change, so what they say of a usage record is kept, in few bytes, by the record's
//! name: which interval stands on which final at which price, and by how much later finals corrected it.

mod as_of;
mod asked;
mod by_month;
mod revisions;
pub(crate) mod scaled;
pub mod stated;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::catalog::price::EntryKey;
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::unit_price::Unit;
use crate::invoice::ids::{charge_id, correction_id, late_id};
use crate::invoice::month_terms::MonthTerms;
use crate::invoice::number;
use crate::invoice::part::StatedPart;
use crate::invoice::rating::Rating;
use crate::invoice::statement::{FinalStatement, StatedRefill, StatedScale};
use crate::invoice::tax::TaxSubtotal;
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::time::hours::HourRule;
use crate::time::month::Month;
use crate::time::period::{Period, Timestamp};
use crate::uid::Uid;
use by_month::ByMonth;

/// What the finals of an organization bill, by usage record.
///
/// A final and those that were issued again in its place have one place here: of these, the last one counts.
///
/// Kept are the records that exist, 56 bytes for each line; of others, 8 bytes to know them by, should one be made again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BilledIndex {
    /// By place; `None` for one that a correction names and that was not read yet.
    finals: Vec<Option<FinalFacts>>,
    /// By place: what it says of months, its own and others'.
    statements: Vec<FinalStatement>,
    /// By number; a final that was issued again has several.
    places: HashMap<Name, u32>,
    /// By place: what stood there before it was issued again, in the order of their issue. Few have such.
    revisions: HashMap<u32, Vec<EarlierRevision>>,
    ratings: Vec<Rating>,
    records: HashMap<Name, Vec<BilledPart>>,
    /// Records that count as nothing for ever: a final bills what replaces them.
    replaced: HashSet<Name>,
    groups: HashMap<Uid, GroupFinals>,
    /// By invoice: the credit notes over it, by the time of their issue.
    notes: HashMap<Name, Vec<IssuedNote>>,
    /// Which finals say something of a month.
    by_month: ByMonth,
    /// By the place of a month's final: the places of the finals that adjust parts of that month. Few months have such.
    adjusted: BTreeMap<u32, BTreeSet<u32>>,
    /// Usage that came late for a month of a group that is gone: at which rating, and the place of the final of that month.
    succeeded: Vec<(u32, u32)>,
    /// The hashes of the names of records that finals bill, and that did not exist when that was asked.
    absent: HashSet<u64>,
    /// Whether one of the finals bills something at a price that depends on what comes together in a month.
    has_scales: bool,
}

/// The finals of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct GroupFinals {
    count: usize,
    /// The projects that they bill something of.
    projects: BTreeSet<Name>,
}

/// What a final said that was issued again.
#[derive(Debug, Clone, PartialEq, Eq)]
struct EarlierRevision {
    facts: FinalFacts,
    statement: FinalStatement,
    /// How it taxed its lines.
    taxes: HashMap<LinePlace, Option<TaxGroup>>,
}

/// A line of a final, by what it says of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LinePlace {
    record: u64,
    start: i64,
    end: i64,
    tier: Option<Decimal>,
    /// The place of the final that it corrects.
    corrects: Option<u32>,
}

/// A final, as far as later bills ask about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinalFacts {
    /// Its number.
    pub number: Name,
    /// The group that pays it.
    pub group: Uid,
    /// Its name.
    pub group_name: Name,
    /// Its month.
    pub month: Month,
    /// When it was made; of one that was issued again, when the first in its place was.
    pub issued_at: Timestamp,
    /// When it was issued again, if it was.
    pub reissued_at: Option<Timestamp>,
    /// What its amounts are in.
    pub currency: Currency,
    /// Who issued it, where that is recorded.
    pub issuer: Option<Name>,
    /// How running time became its hours.
    pub hours: HourRule,
}

/// What a final says of a usage record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BilledLine {
    /// The record.
    pub record: Name,
    /// Its project; `None` where the line does not say.
    pub project: Option<Name>,
    /// The interval that is billed, or that the correction is about; empty for a single unit.
    pub period: Period,
    /// The amount before discounts.
    pub pre_discount: Money,
    /// The amount.
    pub total: Money,
    /// How it is taxed; `None`: not at all.
    pub tax: Option<TaxGroup>,
    /// What the amount is.
    pub basis: LineBasis,
    /// The final with which a group that is gone closed the month that it is of, where it is late usage of such.
    pub closed_by: Option<Name>,
    /// Records that count as nothing from this line on.
    pub replaces: Vec<Name>,
    /// What it has of a quantity that comes together in the month, where its price depends on that.
    pub scaled: Option<ScaledBasis>,
}

/// What a line has of a quantity that comes together in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScaledBasis {
    /// The entry of a price list.
    pub entry: EntryKey,
    /// The service.
    pub service: Name,
    /// How much of it.
    pub quantity: Decimal,
}

/// What a final says of prices with a scale.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FinalScales {
    /// By entry.
    pub scales: BTreeMap<EntryKey, StatedScale>,
    /// What it says of charges of closed months with which others came together.
    pub refills: Vec<StatedRefill>,
}

/// What the amount of a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineBasis {
    /// The interval, at a price.
    Rated(Rating),
    /// By how much another final billed too much or too little.
    Corrects {
        /// The number of that one.
        invoice: Name,
        /// What was billed before, as far as the line says so.
        billed: Option<Money>,
        /// What was due, as far as the line says so.
        due: Option<Money>,
        /// The credit notes that were counted, by number.
        notes: Vec<Name>,
    },
}

/// What a final says, as later bills ask about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFinal {
    /// The final.
    pub facts: FinalFacts,
    /// What it says of usage records.
    pub lines: Vec<BilledLine>,
    /// What it says of all else, of its own month and of those that it adjusts.
    pub parts: Vec<StatedPart>,
    /// By what its month was billed; `None` on finals that were made before documents recorded it.
    pub terms: Option<MonthTerms>,
    /// How all of it is taxed, on one that records no terms; `None`: not at all.
    pub only_tax: Option<TaxSubtotal>,
    /// What it says of prices with a scale.
    pub scales: FinalScales,
}

/// A credit note, as far as later bills ask about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedNote {
    /// Its number.
    pub number: Name,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// What it takes back.
    pub credited: CreditedAmount,
}

/// What a credit note takes back of an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreditedAmount {
    /// All that earlier notes left.
    Remainder,
    /// Amounts of lines, by id. What is of the invoice as a whole is of no line.
    Lines(Vec<(String, Money)>),
}

/// What a credit note took back of something that finals bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteShare {
    /// The number of the note.
    pub note: Name,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// How much, in minor units: above zero.
    pub amount: i128,
}

/// What one line of a final says of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BilledPart {
    start: i64,
    end: i64,
    pre_discount: i64,
    total: i64,
    tax: Option<TaxGroup>,
    basis: PartBasis,
    on: u32,
}

/// The place of a rating, or of the final that is corrected; or among what succeeds a group that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartBasis {
    Rated(u32),
    Succeeds(u32),
    Corrects(u32),
}

impl BilledIndex {
    /// Takes a final in, once. `known` answers with the name of a record that exists.
    pub fn add(&mut self, read: ReadFinal, existing_record: impl Fn(&str) -> Option<Name>) {
        if self.has(&read.facts.number) {
            return;
        }
        let (on, group) = (self.place(&read.facts.number), read.facts.group);
        if self.finals[on as usize].is_some() {
            return self.add_revision(on, read);
        }
        let statement = self.statement(on, &read);
        self.has_scales |= !statement.scaled.is_empty() || !statement.refills.is_empty();
        self.by_month.insert(on, (read.facts.group, read.facts.month), &statement);
        self.statements[on as usize] = statement;
        for adjusts in read.parts.iter().filter_map(|part| part.adjusts.as_ref()) {
            let adjusted = self.place(&adjusts.invoice);
            self.adjusted.entry(adjusted).or_default().insert(on);
        }
        let ReadFinal { facts, lines, .. } = read;
        self.finals[on as usize] = Some(facts);
        self.groups.entry(group).or_default().count += 1;
        let first_rating = self.ratings.len();
        for line in lines {
            self.replaced.extend(line.replaces);
            self.groups.entry(group).or_default().projects.extend(line.project);
            let Some(record) = existing_record(&line.record) else {
                self.absent.insert(hash(&line.record));
                continue;
            };
            let basis = match (line.basis, &line.closed_by) {
                (LineBasis::Rated(rating), None) => PartBasis::Rated(self.rating(rating, first_rating)),
                (LineBasis::Rated(rating), Some(closed_by)) => {
                    let of = (self.rating(rating, first_rating), self.place(closed_by));
                    self.succeeded.push(of);
                    PartBasis::Succeeds(index(self.succeeded.len() - 1))
                }
                (LineBasis::Corrects { invoice, .. }, _) => PartBasis::Corrects(self.place(&invoice)),
            };
            let part = BilledPart {
                start: line.period.start().timestamp_micros(),
                end: line.period.end().timestamp_micros(),
                pre_discount: line.pre_discount.stored_minor(),
                total: line.total.stored_minor(),
                tax: line.tax,
                basis,
                on,
            };
            let parts = self.records.entry(record).or_default();
            let at = parts.partition_point(|known| known.start <= part.start);
            parts.reserve_exact(1);
            parts.insert(at, part);
        }
    }

    /// Takes a credit note over an invoice in, once.
    pub fn add_credit_note(&mut self, invoice: Name, note: IssuedNote) {
        let notes = self.notes.entry(invoice).or_default();
        if notes.iter().all(|known| known.number != note.number) {
            let at = notes.partition_point(|known| known.issued_at <= note.issued_at);
            notes.insert(at, note);
        }
    }

    /// Takes in the credit notes that another index knows.
    pub fn copy_credit_notes_from(&mut self, other: &BilledIndex) {
        for (invoice, notes) in &other.notes {
            notes.iter().for_each(|note| self.add_credit_note(invoice.clone(), note.clone()));
        }
    }

    /// What credit notes took back of a part of a record.
    pub fn credited_amounts(&self, record: &str, part: &BilledPart) -> Vec<NoteShare> {
        self.line_id(record, part).map_or(Vec::new(), |id| self.credited_of_line(part.on, &id, part.total()))
    }

    /// What credit notes took back of a line of a final.
    fn credited_of_line(&self, on: u32, id: &str, total: i128) -> Vec<NoteShare> {
        let facts = self.finals.get(on as usize).and_then(Option::as_ref);
        let Some(notes) = facts.and_then(|facts| self.notes.get(&facts.number)) else { return Vec::new() };
        let (mut left, mut credited) = (total, Vec::new());
        for note in notes {
            let taken = match &note.credited {
                CreditedAmount::Remainder => left,
                CreditedAmount::Lines(lines) => {
                    lines.iter().filter(|(line, _)| *line == id).map(|(_, amount)| amount.minor()).sum()
                }
            };
            left -= taken;
            let share = || NoteShare { note: note.number.clone(), issued_at: note.issued_at, amount: taken };
            credited.extend((taken > 0).then(share));
        }
        credited
    }

    /// The id of the line that a part was read from.
    fn line_id(&self, record: &str, part: &BilledPart) -> Option<String> {
        let (on, start) = (self.final_of(part)?, part.period().start());
        let tier = self.rating_of(part).and_then(|rating| rating.tier);
        Some(match part.basis {
            PartBasis::Rated(_) if on.month == part.month() => charge_id(record, start, tier),
            PartBasis::Rated(_) | PartBasis::Succeeds(_) => late_id(record, part.month(), start, tier),
            PartBasis::Corrects(about) => correction_id(record, part.month(), self.number_at(about, on.issued_at)?),
        })
    }

    /// Whether this final was taken in.
    pub fn has(&self, number: &str) -> bool {
        let Some(place) = self.places.get(number) else { return false };
        let is_it = |facts: &FinalFacts| facts.number.as_str() == number;
        self.finals[*place as usize].as_ref().is_some_and(is_it) || self.earlier(*place).any(|one| is_it(&one.facts))
    }

    /// The final that has this number, or that was issued in the place of that one.
    pub fn final_in_place_of(&self, number: &str) -> Option<&FinalFacts> {
        self.finals.get(*self.places.get(number)? as usize)?.as_ref()
    }

    /// The finals that were taken in.
    pub fn finals(&self) -> impl Iterator<Item = &FinalFacts> {
        self.finals.iter().flatten()
    }

    /// How many finals of a group were taken in.
    pub fn finals_of(&self, group: Uid) -> usize {
        self.groups.get(&group).map_or(0, |finals| finals.count)
    }

    /// The record is gone, and nobody will ask about it.
    pub fn drop_record(&mut self, record: &str) {
        if self.records.remove(record).is_some() {
            self.absent.insert(hash(record));
        }
    }

    /// Whether finals bill a record of this name, and it was not kept how: it was gone, and is made again.
    pub fn has_dropped(&self, record: &str) -> bool {
        !self.records.contains_key(record) && self.absent.contains(&hash(record))
    }

    /// What finals say of a record, by start.
    pub fn parts(&self, record: &str) -> &[BilledPart] {
        self.records.get(record).map_or(&[], Vec::as_slice)
    }

    /// The intervals of a record that finals bill, by time or by readings, and that have time in the period.
    pub fn billed_periods_in(&self, record: &str, within: Period) -> Vec<Period> {
        // Of a record that runs for years, nearly all are of other months.
        let (from, until) = (within.start().timestamp_micros(), within.end().timestamp_micros());
        let near = self.parts(record).iter().filter(|part| part.start < until && from < part.end);
        let running = near.filter(|part| self.is_of_interval(part)).map(BilledPart::period);
        running.filter(|period| period.intersect(&within).is_some()).collect()
    }

    /// Whether a final bills this record as a single unit.
    pub fn has_unit_charge(&self, record: &str) -> bool {
        self.parts(record).iter().any(|part| self.is_single_unit(part))
    }

    /// Whether a final bills something that replaces this record. It then counts as nothing, even when what replaced
    /// it is deleted.
    pub fn is_replaced(&self, record: &str) -> bool {
        self.replaced.contains(record)
    }

    /// The projects that finals of a group bill something of, by name.
    pub fn projects_of(&self, group: Uid) -> impl Iterator<Item = &Name> {
        self.groups.get(&group).into_iter().flat_map(|finals| &finals.projects)
    }

    /// The final that a part stands on.
    pub fn final_of(&self, part: &BilledPart) -> Option<&FinalFacts> {
        self.finals.get(part.on as usize)?.as_ref()
    }

    /// The final that a part is about: the one it stands on; or the one that it corrects, or with which a group that is gone closed
    /// the month.
    pub fn final_about(&self, part: &BilledPart) -> Option<&FinalFacts> {
        let place = match part.basis {
            PartBasis::Rated(_) => part.on,
            PartBasis::Succeeds(place) => self.succeeded.get(place as usize)?.1,
            PartBasis::Corrects(place) => place,
        };
        self.finals.get(place as usize)?.as_ref()
    }

    /// At what a part is billed; `None` for a correction.
    pub fn rating_of(&self, part: &BilledPart) -> Option<&Rating> {
        match part.basis {
            PartBasis::Rated(place) => self.ratings.get(place as usize),
            PartBasis::Succeeds(place) => self.ratings.get(self.succeeded.get(place as usize)?.0 as usize),
            PartBasis::Corrects(_) => None,
        }
    }

    /// Whether two parts stand on one final, and bill by the unit.
    pub(crate) fn are_together(&self, one: &BilledPart, other: &BilledPart) -> bool {
        let by_unit = |part| self.rating_of(part).is_some_and(|rating: &Rating| rating.price.unit == Unit::Unit);
        one.on == other.on && by_unit(one) && by_unit(other)
    }

    /// Of two parts that bill the same, the one whose final was made first stands.
    pub fn order(&self, a: &BilledPart, b: &BilledPart) -> Ordering {
        let key = |part: &BilledPart| self.final_of(part).map(|known| (known.issued_at, known.number.clone()));
        key(a).cmp(&key(b)).then_with(|| a.start.cmp(&b.start))
    }

    fn is_of_interval(&self, part: &BilledPart) -> bool {
        !part.is_correction() && !self.is_single_unit(part)
    }

    /// Whether a part bills a record as a single unit.
    pub(crate) fn is_single_unit(&self, part: &BilledPart) -> bool {
        part.period().is_empty() && self.rating_of(part).is_some_and(|rating| rating.price.unit == Unit::Unit)
    }

    /// Whether a part bills what was counted in an interval of a metered record.
    pub(crate) fn is_metered(&self, part: &BilledPart) -> bool {
        !part.period().is_empty() && self.rating_of(part).is_some_and(|rating| rating.price.unit == Unit::Unit)
    }

    fn place(&mut self, number: &Name) -> u32 {
        if let Some(place) = self.places.get(number) {
            return *place;
        }
        let original = number::original(number);
        if original != number.as_str() {
            let place = self.place(&Name::from(original));
            self.places.insert(number.clone(), place);
            return place;
        }
        let place = index(self.finals.len());
        self.finals.push(None);
        self.statements.push(FinalStatement::default());
        self.places.insert(number.clone(), place);
        place
    }

    /// The place of a rating, shared by the lines of one final: those before `first` are others'.
    fn rating(&mut self, rating: Rating, first: usize) -> u32 {
        let known = self.ratings[first..].iter().position(|known| *known == rating);
        index(known.map_or_else(
            || {
                self.ratings.push(rating);
                self.ratings.len() - 1
            },
            |place| first + place,
        ))
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// There are fewer finals, and fewer prices on them, than four thousand million.
fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

impl BilledPart {
    /// The interval.
    pub fn period(&self) -> Period {
        // Both were read from timestamps, in this order.
        let at = |micros| Timestamp::UNIX_EPOCH + TimeDelta::microseconds(micros);
        Period::new(at(self.start), at(self.end)).unwrap_or(Period::at(at(self.start)))
    }

    /// The month that it belongs to. No line crosses the end of one.
    pub fn month(&self) -> Month {
        Month::of(self.period().start())
    }

    /// Its start and its end, in microseconds of the epoch.
    pub(crate) fn micros(&self) -> (i64, i64) {
        (self.start, self.end)
    }

    /// The amount before discounts, in minor units.
    pub fn pre_discount(&self) -> i128 {
        self.pre_discount.into()
    }

    /// The amount, in minor units.
    pub fn total(&self) -> i128 {
        self.total.into()
    }

    /// How it is taxed; `None`: not at all.
    pub fn tax(&self) -> Option<TaxGroup> {
        self.tax
    }

    /// Whether it corrects another part, and bills nothing itself.
    pub fn is_correction(&self) -> bool {
        matches!(self.basis, PartBasis::Corrects(_))
    }
}
