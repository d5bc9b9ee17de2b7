//! What documents say of a month, part by part.
//!
//! A month is billed by its final and adjusted by later documents. Each of them says something of it: services, by project and by
//! what is taxed alike, and its other parts. What is said in all is added up when somebody asks, which is when something of a
//! closed month differs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::scaled::scaled_records;
use super::{
    BilledIndex, BilledLine, BilledPart, CreditedAmount, FinalFacts, LineBasis, NoteShare, PartBasis, ReadFinal, hash,
};
use crate::catalog::price::EntryKey;
use crate::catalog::tax_rule::TaxGroup;
use crate::catalog::terms::commitment::Term;
use crate::invoice::month_terms::{MonthTerms, TaxTreatment};
use crate::invoice::part::{PartKey, StatedPart};
use crate::invoice::service_sum::ServiceSum;
use crate::invoice::source::Source;
use crate::invoice::statement::{
    About, FinalStatement, LastCorrection, PlacedPart, ServiceKey, StatedCorrection, StatedRefill,
};
use crate::invoice::tax::TaxSubtotal;
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;

/// What all documents say of a month of a group.
#[derive(Debug)]
pub struct StatedMonth<'a> {
    /// The final of the month.
    pub invoice: &'a FinalFacts,
    /// By what it was billed; `None` on finals that were made before documents recorded it.
    pub terms: Option<&'a MonthTerms>,
    /// By what it was billed before it was issued again, in the order of their issue.
    terms_before: Vec<&'a MonthTerms>,
    /// How all of it is taxed, on one that records no terms; `None`: not at all.
    pub only_tax: Option<TaxSubtotal>,
    /// What is due for services, by project and by what is taxed alike, in minor units.
    pub services: BTreeMap<(Name, Option<TaxGroup>), i128>,
    /// The other parts.
    pub parts: BTreeMap<PartKey, StatedAmount>,
    /// Whether a credit note took all of the month's final back. Then the rest is what other documents say of usage that was found since.
    pub is_reversed: bool,
}

impl<'a> StatedMonth<'a> {
    /// Why what is taxed so is: by the terms of its final, else of those that it had before it was issued again, as what they billed can
    /// still be adjusted.
    pub fn treatments_of(&self, tax: Option<TaxGroup>) -> Vec<&'a TaxTreatment> {
        let by = |terms: &&'a MonthTerms| {
            let treatments = terms.tax.treatments();
            treatments.filter(|treatment| Some(treatment.group) == tax).collect::<Vec<_>>()
        };
        let mut newest_first = self.terms.iter().chain(self.terms_before.iter().rev()).map(by);
        newest_first.find(|treatments| !treatments.is_empty()).unwrap_or_default()
    }

    /// What is due for services, where a document can carry it.
    pub(crate) fn service_sums(&self) -> Option<Vec<ServiceSum>> {
        let sum = |((project, tax), minor): (&(Name, Option<TaxGroup>), &i128)| {
            let total = Money::new(*minor, self.invoice.currency)?;
            Some(ServiceSum { project: project.clone(), tax: *tax, total })
        };
        self.services.iter().map(sum).collect()
    }

    /// What counts towards a commitment, in minor units, where nothing says by which terms: services, extra charges and support.
    pub(crate) fn spent(&self) -> i128 {
        let counted = self.parts.iter().filter(|(key, _)| key.kind.counts_towards_commitment());
        self.services.values().sum::<i128>() + counted.map(|(_, part)| part.due()).sum::<i128>()
    }

    /// Whether a line of a final counts: of a month that was taken back in full only usage that was found for it since.
    fn counts(&self, on: &FinalFacts, about: About) -> bool {
        let is_late = on.number != self.invoice.number && !matches!(about, About::Of(..));
        !self.is_reversed || is_late
    }
}

impl StatedAmount {
    /// What is due, as far as documents say: what they bill, and what the last correction left to credit notes.
    fn due(&self) -> i128 {
        self.billed - self.corrected.as_ref().map_or(0, |(_, last)| last.settled())
    }
}

/// What documents say of a part of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedAmount {
    /// How much, in minor units.
    pub billed: i128,
    /// What credit notes took back of it.
    pub credited: Vec<NoteShare>,
    /// The last line that adjusted it, and when that was issued.
    pub corrected: Option<(Timestamp, LastCorrection)>,
    /// The object that caused it.
    pub source: Source,
}

/// The project of a line. One that names none counts all the same, and for no project.
fn project_of(line: &BilledLine) -> Name {
    line.project.clone().unwrap_or_else(|| Name::from(""))
}

/// What a line says that adjusts something.
pub(super) fn correction(billed: Option<Money>, due: Option<Money>, total: Money, notes: &[Name]) -> LastCorrection {
    let (billed, total) = (billed.map_or(0, Money::minor), total.minor());
    LastCorrection { billed, due: due.map_or(billed + total, Money::minor), total, notes: notes.to_vec() }
}

impl BilledIndex {
    /// What a final at a place says of months.
    pub(super) fn statement(&mut self, on: u32, read: &ReadFinal) -> FinalStatement {
        let (mut services, mut corrections) = (BTreeMap::new(), Vec::new());
        for line in &read.lines {
            let about = self.about_of_line(line);
            let key = ServiceKey { about, project: project_of(line), tax: line.tax };
            *services.entry(key).or_default() += line.total.minor();
            if let (About::Of(about, month), LineBasis::Corrects { billed, due, notes, .. }) = (about, &line.basis) {
                corrections.push(StatedCorrection {
                    record: hash(&line.record),
                    about,
                    month,
                    project: project_of(line),
                    tax: line.tax,
                    last: correction(*billed, *due, line.total, notes),
                });
            }
        }
        let parts = read.parts.iter().map(|part| self.placed(on, part)).collect();
        for refill in &read.scales.refills {
            let about = self.about_month(refill.month, refill.closed_by.as_ref());
            let key = ServiceKey { about, project: refill.project.clone(), tax: refill.tax };
            *services.entry(key).or_default() += refill.total.minor();
        }
        FinalStatement {
            scaled: scaled_records(read),
            scales: read.scales.scales.clone(),
            refills: read.scales.refills.clone(),
            terms: read.terms.clone().map(Arc::new),
            only_tax: read.only_tax.clone(),
            services,
            corrections,
            parts,
        }
    }

    fn about_of_line(&mut self, line: &BilledLine) -> About {
        match &line.basis {
            LineBasis::Rated(_) => self.about_month(Month::of(line.period.start()), line.closed_by.as_ref()),
            LineBasis::Corrects { invoice, .. } => About::Of(self.place(invoice), Month::of(line.period.start())),
        }
    }

    fn about_month(&mut self, month: Month, closed_by: Option<&Name>) -> About {
        closed_by.map_or(About::Own(month), |closed_by| About::Succeeded(self.place(closed_by), month))
    }

    fn placed(&mut self, on: u32, part: &StatedPart) -> PlacedPart {
        let adjusts = part.adjusts.as_ref();
        let about = adjusts.map(|adjusts| self.place(&adjusts.invoice)).filter(|about| *about != on);
        PlacedPart {
            about: about.map_or(About::Own(part.month), |about| About::Of(about, part.month)),
            key: part.key.clone(),
            source: part.source.clone(),
            line: part.line.clone(),
            total: part.total.minor(),
            correction: adjusts.map(|adjusts| correction(adjusts.billed, adjusts.due, part.total, &adjusts.notes)),
        }
    }

    /// What documents say of a month of a group; `None` while its final was not read.
    ///
    /// Cost: what the finals that say something of the month say of it is added up.
    pub fn stated(&self, group: Uid, month: Month) -> Option<StatedMonth<'_>> {
        self.stated_in(group, month, month).remove(&month)
    }

    /// What documents say of the months of a group from the first to the last, of those whose finals were read. Cost: as for one month.
    pub fn stated_in(&self, group: Uid, first: Month, last: Month) -> BTreeMap<Month, StatedMonth<'_>> {
        let mut months: BTreeMap<Month, StatedMonth<'_>> = BTreeMap::new();
        for (month, place) in self.months_of(group).filter(|(month, _)| (first..=last).contains(month)) {
            let Some(invoice) = &self.finals[place as usize] else { continue };
            let (statement, before) = (&self.statements[place as usize], self.earlier(place));
            months.insert(
                month,
                StatedMonth {
                    invoice,
                    terms: statement.terms.as_deref(),
                    terms_before: before.filter_map(|one| one.statement.terms.as_deref()).collect(),
                    only_tax: statement.only_tax.clone(),
                    services: BTreeMap::new(),
                    parts: BTreeMap::new(),
                    is_reversed: self.is_reversed(&invoice.number),
                },
            );
        }
        let mut refilled: BTreeMap<(Month, &EntryKey, &Name, Option<TaxGroup>), &StatedRefill> = BTreeMap::new();
        let mut corrected: BTreeMap<(Month, u64, Option<TaxGroup>), &StatedCorrection> = BTreeMap::new();
        for on in self.saying_or_correcting(group, first..=last) {
            let Some(facts) = &self.finals[on] else { continue };
            let of_group = |about: About| match about {
                About::Own(of) => (facts.group == group).then_some(of),
                About::Succeeded(place, of) | About::Of(place, of) => {
                    (self.group_at(place) == Some(group)).then_some(of)
                }
            };
            let statement = &self.statements[on];
            for (key, sum) in &statement.services {
                let Some(stated) = of_group(key.about).and_then(|of| months.get_mut(&of)) else { continue };
                if !stated.counts(facts, key.about) {
                    continue;
                }
                *stated.services.entry((key.project.clone(), key.tax)).or_default() += sum;
            }
            for refill in &statement.refills {
                if self.whose(facts, refill.closed_by.as_ref()) == Some(group) {
                    refilled.insert((refill.month, &refill.entry, &refill.project, refill.tax), refill);
                }
            }
            for correction in &statement.corrections {
                if let Some(of) = of_group(About::Of(correction.about, correction.month)) {
                    corrected.insert((of, correction.record, correction.tax), correction);
                }
            }
            for part in &statement.parts {
                let stated = of_group(part.about).and_then(|of| months.get_mut(&of));
                let Some(stated) = stated.filter(|stated| !stated.is_reversed) else { continue };
                let none =
                    || StatedAmount { billed: 0, credited: Vec::new(), corrected: None, source: part.source.clone() };
                let known = stated.parts.entry(part.key.clone()).or_insert_with(none);
                known.billed += part.total;
                known.credited.extend(self.credited_of_line(super::index(on), &part.line, part.total));
                if let Some(last) = &part.correction {
                    known.corrected = Some((facts.issued_at, last.clone()));
                }
            }
        }
        for ((of, _, project, tax), refill) in refilled {
            let Some(stated) = months.get_mut(&of).filter(|stated| !stated.is_reversed) else { continue };
            *stated.services.entry((project.clone(), tax)).or_default() -= refill.last.settled();
        }
        for ((of, ..), correction) in corrected {
            let Some(stated) = months.get_mut(&of).filter(|stated| !stated.is_reversed) else { continue };
            *stated.services.entry((correction.project.clone(), correction.tax)).or_default() -=
                correction.last.settled();
        }
        months
    }

    /// Whether a credit note took all of a month of a group back.
    pub fn is_month_reversed(&self, group: Uid, month: Month) -> bool {
        self.final_of_month(group, month).is_some_and(|facts| self.is_reversed(&facts.number))
    }

    /// The months of a group that credit notes took all of back. Cost: a look at each invoice with credit notes.
    pub(crate) fn reversed_months(&self, group: Uid) -> BTreeSet<Month> {
        let of_group = |invoice: &&Name| {
            let known = self.final_in_place_of(invoice).filter(|known| known.group == group);
            known.is_some_and(|known| known.number == **invoice && self.is_reversed(invoice))
        };
        let invoices = self.notes.keys().filter(of_group);
        invoices.filter_map(|invoice| Some(self.final_in_place_of(invoice)?.month)).collect()
    }

    /// Whether a month of a group is final.
    pub(crate) fn has_final(&self, group: Uid, month: Month) -> bool {
        self.place_of_month(group, month).is_some()
    }

    /// The terms of commitments that finals of a group settled. Cost: a look at each of its finals.
    pub(crate) fn settled_terms(&self, group: Uid) -> Vec<Term> {
        let term = |(month, place): (Month, u32)| {
            let term = self.statements[place as usize].terms.as_ref()?.commitment.as_ref()?.term()?;
            (term.last == month).then_some(term)
        };
        self.months_of(group).filter_map(term).collect()
    }

    /// The months of a group of which later finals adjust parts, and over whose finals there are credit notes: only there may one have
    /// been missed.
    pub fn months_with_notes(&self, group: Uid) -> impl Iterator<Item = Month> {
        let is_noted = |place: &u32| {
            let facts = self.finals.get(*place as usize).and_then(Option::as_ref);
            facts.is_some_and(|facts| self.notes.contains_key(&facts.number))
        };
        let noted = move |place: u32| {
            let on = self.adjusted.get(&place)?;
            (is_noted(&place) || on.iter().any(is_noted)).then_some(())
        };
        self.months_of(group).filter_map(move |(month, place)| noted(place).map(|()| month))
    }

    /// The group whose month is settled on a final of a group, where a line names the final with which one that is gone closed it.
    pub fn group_settled(&self, on: Uid, closed_by: Option<&Name>) -> Uid {
        let named = closed_by.and_then(|closed_by| self.final_in_place_of(closed_by));
        named.map_or(on, |closed| closed.group)
    }

    /// The group whose month a line of a final is of, where that is not its correction; `closed_by` as the line says.
    pub(super) fn whose(&self, on: &FinalFacts, closed_by: Option<&Name>) -> Option<Uid> {
        closed_by.map_or(Some(on.group), |closed_by| self.group_at(*self.places.get(closed_by)?))
    }

    pub(super) fn group_at(&self, place: u32) -> Option<Uid> {
        self.finals.get(place as usize)?.as_ref().map(|facts| facts.group)
    }

    /// Whether a credit note took all of a final back.
    pub fn is_reversed(&self, invoice: &str) -> bool {
        let notes = self.notes.get(invoice).into_iter().flatten();
        notes.into_iter().any(|note| note.credited == CreditedAmount::Remainder)
    }

    /// What was due of a record, before a line of a final that was not taken in: what is billed, less what of it the last correction left
    /// to credit notes. In minor units.
    pub fn due_before(&self, line: &BilledLine, invoice: &str) -> i128 {
        let billed = match &line.basis {
            LineBasis::Corrects { billed: Some(billed), .. } => billed.minor(),
            LineBasis::Corrects { .. } | LineBasis::Rated(_) => return 0,
        };
        let group = self.places.get(invoice).and_then(|place| self.group_at(*place));
        let (record, month) = (hash(&line.record), Month::of(line.period.start()));
        let is_it = |correction: &&StatedCorrection| {
            (correction.record, correction.month, correction.tax) == (record, month, line.tax)
                && self.group_at(correction.about) == group
        };
        let order = self.correcting(month..=month).into_iter().rev();
        let last = order.filter_map(|on| self.statements[on].corrections.iter().find(is_it)).next();
        billed - last.map_or(0, |correction| correction.last.settled())
    }

    /// What a correction of a record says; `None` for another part.
    pub fn correction(&self, record: &str, part: &BilledPart) -> Option<LastCorrection> {
        let PartBasis::Corrects(about) = part.basis else { return None };
        let record = hash(record);
        let is_it = |correction: &&StatedCorrection| {
            (correction.record, correction.about, correction.tax) == (record, about, part.tax)
                && correction.month == part.month()
        };
        self.statements.get(part.on as usize)?.corrections.iter().find(is_it).map(|correction| correction.last.clone())
    }
}
