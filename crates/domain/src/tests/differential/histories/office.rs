//! The engine's side: closes the months of a history, and tells what it did.

use super::*;
use crate::bill::reissue::{ReissueError, Supplies, reissue};
use crate::invoice::month_terms::TaxReasons;
use crate::tests::late::succeeded::remove;

/// What is wrong with an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Right,
    /// It counts all closed months by the rule of hours of now.
    ForgetsHours,
    /// It takes late usage at the prices of now.
    ForgetsPrices,
    /// It takes every word for what it is.
    SeesNoSlip,
    /// It never looks at a record again of which it has read something.
    ReadsOnce,
    /// It settles no month of a group that is gone.
    ForgetsGroups,
    /// It takes an invoice that was issued again to be taxed as the one before.
    ForgetsBuyers,
    /// It takes a month that is issued again as one that a note took back.
    ForgetsReissues,
}

impl Engine {
    pub(super) const WRONG: [Engine; 7] = [
        Engine::ForgetsHours,
        Engine::ForgetsPrices,
        Engine::SeesNoSlip,
        Engine::ReadsOnce,
        Engine::ForgetsGroups,
        Engine::ForgetsBuyers,
        Engine::ForgetsReissues,
    ];
}

/// What became of a history.
#[derive(Debug, Default)]
pub(super) struct Closed {
    /// All bills, month by month, of one group after the other; after each month what is issued again in it.
    pub(super) answers: Vec<Value>,
    /// The notes that were issued.
    pub(super) notes: Vec<Value>,
    /// The groups and the projects, month by month.
    there: Vec<Value>,
}

pub(super) fn closed(history: &History) -> Closed {
    closed_by(Engine::Right, history)
}

pub(super) fn closed_by(engine: Engine, history: &History) -> Closed {
    let mut office = Office::new(engine, history);
    for index in 0..MONTHS.len() {
        office.close(index);
        for (number, story) in history.notes.iter().enumerate().filter(|(_, story)| story.after == index) {
            office.note(number, story, index);
        }
    }
    office.closed
}

/// The world with everything that ever comes in, and by record how many months are closed then, and when its end is told.
pub(super) fn encoded_history(history: &History, closed: &Closed) -> Value {
    let History { world, stories, counters, window, hours, prices, .. } = history;
    let mut all = world.clone();
    stories.iter().for_each(|story| all.organization.put_usage(story.usage.clone()));
    let last = MONTHS.len() - 1;
    let whole = |counter: &Counter| Counter { known: vec![counter.readings().len(); MONTHS.len()], ..counter.clone() };
    counters.iter().for_each(|counter| all.organization.put_usage(whole(counter).at(last)));
    let mut encoded = encoded(&all);
    encoded["months"] = json!(MONTHS);
    let kinds: BTreeSet<Name> = prices.iter().flat_map(PriceLists::iter).flat_map(PriceList::types).cloned().collect();
    let by_month = |told: &dyn Fn(usize) -> Value| {
        let months = MONTHS.iter().enumerate().map(|(index, month)| ((*month).to_owned(), told(index)));
        Value::Object(months.collect())
    };
    encoded["prices_of"] = by_month(&|index| told_prices(&prices[index], &kinds));
    encoded["hours_of"] = by_month(&|index| json!(told_rule_of_hours(hours[index])));
    encoded["window"] = json!(window.months());
    encoded["notes"] = json!(closed.notes);
    encoded["there"] = json!(closed.there);
    // Of each reading after how many closed months it is known.
    for counter in counters {
        let told = |place: usize| counter.known.iter().position(|count| place < *count).unwrap_or(MONTHS.len());
        let usage = encoded["usage"].as_array_mut().unwrap();
        let usage = usage.iter_mut().find(|usage| usage["name"] == counter.usage.name.as_str()).unwrap();
        for (place, reading) in usage["readings"].as_array_mut().unwrap().iter_mut().enumerate() {
            reading.as_array_mut().unwrap().push(json!(told(place)));
        }
    }
    let when = stories.iter().map(|story| (story.usage.name.to_string(), json!([story.arrives, story.ends])));
    let read = counters.iter().map(|counter| {
        let ends = if counter.ended { counter.complete() } else { MONTHS.len() };
        (counter.usage.name.to_string(), json!([counter.arrives, ends]))
    });
    encoded["history"] = Value::Object(when.chain(read).collect());
    encoded
}

/// Closes months, and keeps what it closed them with.
struct Office<'a> {
    engine: Engine,
    history: &'a History,
    simulator: ClosingSimulator,
    /// By group.
    credits: BTreeMap<Name, Vec<CreditOffer>>,
    brought_forward: BTreeMap<Name, BroughtForward>,
    finals: Vec<Final>,
    closed: Closed,
}

/// A final, as it counts now.
struct Final {
    group: Name,
    index: usize,
    number: Name,
    bill: Bill,
    /// Its charges: by which id and under which name each is known, and what is left of it.
    charges: Vec<(String, Value, i128)>,
}

impl<'a> Office<'a> {
    fn new(engine: Engine, history: &'a History) -> Self {
        let simulator =
            ClosingSimulator { window: history.window, ..ClosingSimulator::new(history.world.clone(), MONTHS[0]) };
        // All that are granted are the first group's.
        let credits = BTreeMap::from([(name("a"), history.world.credits.clone())]);
        let (brought_forward, finals, closed) = (BTreeMap::new(), Vec::new(), Closed::default());
        Office { engine, history, simulator, credits, brought_forward, finals, closed }
    }

    /// Makes a month of all groups final.
    fn close(&mut self, index: usize) {
        self.begin(index);
        let groups: Vec<Name> = self.groups().map(|group| group.name.clone()).collect();
        for group in groups {
            self.simulator.prepare(&group, MONTHS[index]);
            if self.engine == Engine::ForgetsGroups {
                self.simulator.world.successions = Vec::new();
            }
            let world = &mut self.simulator.world;
            world.brought_forward = self.brought_forward.remove(&group);
            world.credits = self.credits.get(&group).cloned().unwrap_or_default();
            let bill = world.bill(&group, MONTHS[index]);
            self.closed.answers.push(told_bill(&bill));
            self.enter(&group, index, bill);
        }
    }

    fn groups(&self) -> impl Iterator<Item = &Group> {
        let mut groups: Vec<&Group> = self.simulator.world.organization.groups().collect();
        groups.sort_by(|one, other| one.name.cmp(&other.name));
        groups.into_iter()
    }

    /// What is known when a month is over.
    fn begin(&mut self, index: usize) {
        let History { stories, counters, hours, prices, buyers, ends, .. } = self.history;
        let engine = self.engine;
        let world = &mut self.simulator.world;
        world.hours = hours[index];
        world.prices = prices[index].clone();
        let others = (0..index).filter(|before| !prices[*before].names().eq(prices[index].names()));
        world.former_prices = others
            .filter(|_| engine != Engine::ForgetsPrices)
            .map(|before| (month(MONTHS[before]), prices[before].clone()))
            .collect();
        if engine == Engine::SeesNoSlip {
            world.prices = world.prices.as_written();
        }
        for Story { usage, ends, .. } in stories.iter().filter(|story| story.arrives <= index) {
            let end = usage.end.filter(|_| *ends <= index);
            world.organization.put_usage(Usage { end, ..usage.clone() });
        }
        for counter in counters.iter().filter(|counter| counter.arrives <= index) {
            let is_read = world.organization.usage(&counter.usage.name).is_some();
            if !is_read || engine != Engine::ReadsOnce {
                world.organization.put_usage(counter.at(index));
            }
        }
        for (_, group, buyer) in buyers.iter().filter(|(from, ..)| *from == index) {
            if let Some(known) = world.organization.group(uid(group)).cloned() {
                world.organization.put_group(Group { buyer: buyer.clone(), ..known });
            }
        }
        for (end, group) in ends {
            if *end == index {
                remove(&mut world.organization, group, index);
                let credits = self.credits.get(*group).cloned().unwrap_or_default();
                self.simulator.credits_of_gone.insert(name(group), credits);
            } else if *end == index + 1 {
                let known = world.organization.group(uid(group)).unwrap().clone();
                let deleted = Some(month(MONTHS[index]).start() + chrono::TimeDelta::days(9));
                world.organization.put_group(Group { deleted, ..known });
            }
        }
        let told = encoded(&self.simulator.world);
        self.closed.there.push(json!({ "groups": told["groups"], "projects": told["projects"] }));
    }

    /// A bill becomes final.
    fn enter(&mut self, group: &Name, index: usize, bill: Bill) {
        let invoice = name(&format!("{group}-{}", index + 1));
        self.take_credits(group, &bill.credits);
        if let Some(amount) = bill.carried_forward {
            let brought = BroughtForward { amount, uid: uid(&invoice), invoice: invoice.clone(), includes_tax: true };
            self.brought_forward.insert(group.clone(), brought);
        }
        let issued = month(MONTHS[index]).end();
        for returned in &bill.returned {
            let back = self.credit(&returned.credit).clone();
            self.credits.entry(group.clone()).or_default().push(CreditOffer {
                name: returned.name_on(&invoice, month(MONTHS[0])),
                validity: back.validity.restored(returned.month, issued),
                remaining: returned.amount,
                ..back
            });
        }
        let read = self.read_of(group, index, &bill);
        self.simulator.world.billed.add(read, |record| Some(name(record)));
        let charges = self.charges(index, &bill);
        self.finals.push(Final { group: group.clone(), index, number: invoice, bill, charges });
    }

    fn read_of(&self, group: &Name, index: usize, bill: &Bill) -> ReadFinal {
        let read = self.simulator.read_of(group, MONTHS[index], bill);
        let next = self.history.hours.get(index + 1).copied().filter(|_| self.engine == Engine::ForgetsHours);
        let hours = next.unwrap_or(read.facts.hours);
        ReadFinal { facts: FinalFacts { hours, ..read.facts }, ..read }
    }

    fn credit(&self, known: &Name) -> &CreditOffer {
        self.credits.values().flatten().find(|credit| credit.name == *known).unwrap()
    }

    fn take_credits(&mut self, group: &Name, uses: &[CreditUse]) {
        for used in uses {
            let credits = self.credits.get_mut(group).unwrap();
            credits.iter_mut().find(|offer| offer.name == used.name).unwrap().remaining = used.remaining;
        }
    }

    /// What credit notes can take back of a final.
    fn charges(&self, index: usize, bill: &Bill) -> Vec<(String, Value, i128)> {
        let line = |line: &Line| {
            let start = line.period.start().timestamp_micros();
            let before = line.portion.as_ref().map(|portion| fraction(&Ratio::from(portion.before)));
            (line.id(), json!(["line", line.usage.name.as_str(), start, before]), line.total.minor())
        };
        let item = |item: &Item| {
            let adjustment = item.adjustment.as_ref();
            let project = item.project.as_deref();
            let named = match adjustment.map(|adjustment| (adjustment.month.to_string(), &adjustment.kind)) {
                Some((_, AdjustmentKind::Late(late))) => line(&late.line).1,
                Some((of, AdjustmentKind::Refill { entry, .. })) => {
                    json!(["entry", of, format!("{}/{}", entry.list, entry.entry), project, told_group(item.tax)])
                }
                Some((_, AdjustmentKind::Correction { .. })) => return None,
                _ => {
                    let (of, part) = part_of(MONTHS[index], item)?;
                    if part.kind >= LineType::CreditConsumption {
                        return None;
                    }
                    json!(["part", of, part.kind.as_str(), part.name.as_str(), told_group(part.tax)])
                }
            };
            Some((item.id(), named, item.total.minor()))
        };
        let charges = bill.lines.iter().map(line).chain(bill.items.iter().filter_map(item));
        charges.filter(|(.., left)| *left > 0).collect()
    }

    /// Issues the note of a story, if there is something to take back.
    fn note(&mut self, number: usize, story: &NoteStory, index: usize) {
        let of_group = |known: &&mut Final| known.group.as_str() == story.group;
        let mut finals: Vec<_> = self.finals.iter_mut().filter(of_group).collect();
        let at = story.over.index(finals.len());
        let noted = finals.swap_remove(at);
        noted.charges.retain(|(.., left)| *left > 0);
        if noted.charges.is_empty() {
            return;
        }
        let issued = month(MONTHS[index]).end() + chrono::TimeDelta::hours(100 + number as i64);
        let note = Note { invoice: noted.number.clone(), issued };
        let gives_back = noted.bill.items.iter().any(|item| item.adjustment.is_some() && item.total.minor() < 0);
        let place = self.finals.iter().position(|known| known.number == note.invoice).unwrap();
        let is_there = self.simulator.world.organization.group(uid(story.group)).is_some();
        let told = match story.full && !gives_back && is_there && self.finals[place].bill.returned.is_empty() {
            true => self.take_back_in_full(place, &note, story.again.as_ref()),
            false => self.take_back_of_a_line(place, &note, story),
        };
        let mut told = told;
        told["after"] = json!(story.after);
        told["over"] = json!(note.invoice.as_str());
        told["number"] = json!(note.number().as_str());
        told["at"] = json!(issued.timestamp_micros());
        self.closed.notes.push(told);
    }

    fn take_back_of_a_line(&mut self, place: usize, note: &Note, story: &NoteStory) -> Value {
        let Final { charges, bill, .. } = &mut self.finals[place];
        let at = story.line.index(charges.len());
        let (id, named, left) = &mut charges[at];
        let amount = (*left * story.percent + 99) / 100;
        *left -= amount;
        let lines = vec![(id.clone(), Money::new(amount, bill.subtotal.currency()).unwrap())];
        let told = json!({ "line": named, "amount": amount as i64 });
        self.simulator.credit(&note.invoice, &note.time(), CreditedAmount::Lines(lines));
        told
    }

    /// Takes a final back, with the credits that paid it; issues it again, if it can be.
    fn take_back_in_full(&mut self, place: usize, note: &Note, again: Option<&Buyer>) -> Value {
        if let Some(buyer) = again {
            let organization = &mut self.simulator.world.organization;
            let known = organization.group(uid(&self.finals[place].group)).unwrap().clone();
            organization.put_group(Group { buyer: buyer.clone(), ..known });
        }
        let Final { group, index, bill, .. } = &self.finals[place];
        let (group, of) = (group.clone(), month(MONTHS[*index]));
        let back = |used: &CreditUse| {
            let credit = self.credit(&used.name);
            let validity = credit.validity.restored(of, note.issued);
            let restored = crate::credit::restoration::restored_name(&note.number(), &used.name);
            CreditOffer { name: restored, validity, remaining: used.used, ..credit.clone() }
        };
        let back: Vec<CreditOffer> = bill.credits.iter().map(back).collect();
        // What was paid in advance would pay it again after tax: that has tests of its own.
        let can = again.is_some() && bill.prepaid.is_zero();
        let reissued = if can { self.issue_again(place, note, &back) } else { None };
        self.simulator.credit(&note.invoice, &note.time(), CreditedAmount::Remainder);
        self.credits.entry(group.clone()).or_default().extend(back);
        let Some((bill, told)) = reissued else {
            self.finals[place].charges.clear();
            return json!({ "full": true });
        };
        self.take_credits(&group, &bill.credits);
        let before = std::mem::replace(&mut self.finals[place].bill, bill);
        let Final { index, bill, number, .. } = &self.finals[place];
        let taxed_otherwise = told_bill(&before)["taxes"] != told["taxes"];
        let counts = if self.engine == Engine::ForgetsBuyers { &before } else { bill };
        // The office that closed the month counted by the hours of then.
        let now = std::mem::replace(&mut self.simulator.world.hours, self.history.hours[*index]);
        let read = self.read_of(&group, *index, counts);
        self.simulator.world.hours = now;
        let number = crate::invoice::number::reissue_number(number).unwrap();
        let facts = FinalFacts { number: number.clone(), reissued_at: Some(note.issued), ..read.facts };
        if self.engine != Engine::ForgetsReissues {
            self.simulator.world.billed.add(ReadFinal { facts, ..read }, |record| Some(name(record)));
        }
        let charges = self.charges(*index, bill);
        (self.finals[place].number, self.finals[place].charges) = (number, charges);
        self.closed.answers.push(told);
        json!({ "full": true, "reissue": true, "buyer": again.map(told_buyer), "taxed otherwise": taxed_otherwise })
    }

    /// A bill for the buyer of now, and how it is told; `None` if nobody can say how that is taxed.
    fn issue_again(&self, place: usize, note: &Note, offers: &[CreditOffer]) -> Option<(Bill, Value)> {
        let Final { group, index, bill, number, .. } = &self.finals[place];
        let world = &self.simulator.world;
        let buyer = &world.organization.group(uid(group)).unwrap().buyer;
        let of = month(MONTHS[*index]);
        let terms = MonthTerms { tax: TaxScheme::now(world.issuer.as_ref(), buyer, of), ..bill.terms.clone() };
        let mut taxed_again = world.billed.taxed_again(uid(group));
        taxed_again.insert(of, terms.tax.clone());
        let mut again = bill.clone();
        again.terms = terms.clone();
        let mut taxing = Taxing { before: bill, reasons: TaxReasons::default(), unruled: None };
        let mut services: BTreeMap<(Name, Option<TaxGroup>), Money> = BTreeMap::new();
        for line in &mut again.lines {
            line.tax = taxing.tax(Some(&terms.tax), Some(&line.usage.service.kind), line.tax);
            let sum =
                services.entry((line.usage.project.clone(), line.tax)).or_insert(Money::zero(line.total.currency()));
            *sum = sum.checked_add(line.total).unwrap();
        }
        let (mut charges, mut adjustments) = (Vec::new(), Vec::new());
        again.items.retain(|item| {
            item.adjustment.is_some() || !matches!(item.kind, LineType::CreditConsumption | LineType::Rounding)
        });
        for item in again.items.iter_mut().filter(|item| item.kind != LineType::Multiplier) {
            let Some(adjustment) = &mut item.adjustment else {
                item.tax = taxing.tax(Some(&terms.tax), None, item.tax);
                charges.push((item.tax, item.total));
                continue;
            };
            let scheme = taxed_again.get(&adjustment.month).filter(|_| adjustment.closed_by.is_none());
            let kind = match &adjustment.kind {
                AdjustmentKind::Part { .. } => None,
                AdjustmentKind::Late(late) => Some(late.line.usage.service.kind.clone()),
                AdjustmentKind::Correction { .. } => {
                    Some(world.organization.usage(&item.source.name).unwrap().service.kind.clone())
                }
                AdjustmentKind::Refill { entry, .. } => {
                    let mut lists = self.history.prices.iter().flat_map(PriceLists::iter);
                    let entry_of = |list: &PriceList| {
                        let mut all = list.types().flat_map(|kind| list.entries_for(kind));
                        all.find(|one| one.key() == *entry).map(|one| one.kind.clone())
                    };
                    lists.find_map(entry_of)
                }
            };
            item.tax = taxing.tax(scheme, kind.as_ref(), item.tax);
            match &mut adjustment.kind {
                AdjustmentKind::Late(late) => late.line.tax = item.tax,
                AdjustmentKind::Part { part, .. } => part.tax = item.tax,
                AdjustmentKind::Correction { .. } | AdjustmentKind::Refill { .. } => {}
            }
            adjustments.push((item.tax, item.total));
        }
        let lines = again
            .lines
            .iter()
            .map(|line| json!([line.usage.name.as_str(), told_group(line.tax), line.total.minor() as i64]));
        let what = |item: &Item| match item.adjustment.as_ref().map(|adjustment| &adjustment.kind) {
            Some(AdjustmentKind::Late(_) | AdjustmentKind::Correction { .. }) => item.source.name.to_string(),
            Some(AdjustmentKind::Refill { entry, .. }) => entry.entry.to_string(),
            Some(AdjustmentKind::Part { part, .. }) => part.name.to_string(),
            None => item.part().unwrap().name.to_string(),
        };
        let charged = again.items.iter().filter(|item| item.kind != LineType::Multiplier);
        let others = charged.map(|item| json!([what(item), told_group(item.tax), item.total.minor() as i64]));
        let mut lines: Vec<Value> = lines.chain(others).collect();
        lines.sort_by_key(Value::to_string);
        let Taxing { reasons, unruled, .. } = taxing;
        let sum = |((project, tax), total)| ServiceSum { project, tax, total };
        let supplies = Supplies {
            month: of,
            currency: bill.subtotal.currency(),
            terms: &terms,
            services: services.into_iter().map(sum).collect(),
            charges,
            adjustments,
            reasons,
            unruled,
        };
        let made = match reissue(&supplies, (world.issuer.as_ref(), buyer), offers) {
            Ok(made) => made,
            Err(ReissueError::Held(hold)) if hold.reason == HoldReason::NoTaxRule => return None,
            Err(error) => panic!("{} for {}: {error}", number, note.number()),
        };
        again.items.extend(made.items);
        again.credits = made.credits;
        (again.taxes, again.untaxed, again.tax) = (made.taxes, made.untaxed, made.tax);
        (again.subtotal, again.total, again.amount_due) = (made.subtotal, made.total, made.amount_due);
        let mut told = told_bill(&again);
        let follows = |told: &&Value| told[0] == "CreditConsumption" || told[0] == "Rounding";
        let items: Vec<Value> = told["items"].as_array().unwrap().iter().filter(follows).cloned().collect();
        let number = crate::invoice::number::reissue_number(number).unwrap();
        let kept = ["due", "taxes", "untaxed", "tax", "total"].map(|what| (what.to_owned(), told[what].take()));
        let mut answer = Value::Object(kept.into_iter().collect());
        answer["number"] = json!(number.as_str());
        answer["lines"] = json!(lines);
        answer["items"] = json!(items);
        answer["holds"] = json!([]);
        Some((again, answer))
    }
}

/// A credit note.
struct Note {
    invoice: Name,
    issued: Timestamp,
}

impl Note {
    fn time(&self) -> String {
        self.issued.format("%FT%H:%M").to_string()
    }

    /// As the simulator numbers it.
    fn number(&self) -> Name {
        name(&format!("{}-cn-{}", self.invoice, self.time()))
    }
}

/// How what stands on a final is taxed when it is issued again, and why.
struct Taxing<'a> {
    before: &'a Bill,
    reasons: TaxReasons,
    unruled: Option<Name>,
}

impl Taxing<'_> {
    /// By a scheme; without one as it was.
    fn tax(&mut self, scheme: Option<&TaxScheme>, kind: Option<&Name>, was: Option<TaxGroup>) -> Option<TaxGroup> {
        let Some(scheme) = scheme else {
            let printed = self.before.taxes.iter().filter(|tax| Some(tax.group()) == was);
            for reason in printed.filter_map(|tax| tax.reason.as_deref()).flat_map(|all| all.split("; ")) {
                self.reasons.add_reason(was.unwrap(), Some(reason));
            }
            return was;
        };
        let treatment = scheme.treatment(kind.map(|kind| kind.as_ref()));
        if let Some(treatment) = treatment {
            self.reasons.add(treatment);
        } else if matches!(scheme, TaxScheme::Treatments(_)) {
            self.unruled = self.unruled.take().or_else(|| kind.cloned());
        }
        treatment.map(|treatment| treatment.group)
    }
}

/// The part of a month that an item of a bill charges, if it is one.
fn part_of(own: &str, item: &Item) -> Option<(String, PartKey)> {
    match item.adjustment.as_ref() {
        None => Some((own.to_owned(), item.part()?)),
        Some(Adjustment { month, kind: AdjustmentKind::Part { part, .. }, .. }) => {
            Some((month.to_string(), part.clone()))
        }
        Some(_) => None,
    }
}
