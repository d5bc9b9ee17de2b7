//! An office that closes one month after another, and remembers what it billed.

use std::collections::BTreeMap;

use crate::invoice::number;
use crate::tests::world::*;
use crate::*;

/// A world whose groups are billed month by month.
#[derive(Clone)]
pub struct ClosingSimulator {
    pub world: World,
    pub first: Month,
    /// How far back months are settled.
    pub window: LateUsageWindow,
    /// What finals said when they were made, by the number under which they were made first.
    pub finals: BTreeMap<Name, ReadFinal>,
    /// The credits of groups that are gone.
    pub credits_of_gone: BTreeMap<Name, Vec<CreditOffer>>,
}

impl ClosingSimulator {
    /// Nothing is closed; the first month is this.
    pub fn new(world: World, first: &str) -> Self {
        let (first, window) = (month(first), LateUsageWindow::UNLIMITED);
        let (finals, credits_of_gone) = (BTreeMap::new(), BTreeMap::new());
        let mut simulator = ClosingSimulator { world, first, window, finals, credits_of_gone };
        let groups: Vec<Group> = simulator.world.organization.groups().cloned().collect();
        for group in groups {
            simulator.world.organization.put_group(Group { first_period: simulator.first, ..group });
        }
        simulator
    }

    /// A record comes in, or has changed.
    pub fn usage(&mut self, usage: Usage) {
        self.world.organization.put_usage(usage);
    }

    /// A record is deleted.
    pub fn purge(&mut self, record: &str) {
        self.world.organization.remove_usage(record);
        self.world.billed.drop_record(record);
    }

    /// A credit note is issued over a final.
    pub fn credit(&mut self, invoice: &str, issued: &str, credited: CreditedAmount) {
        let number = name(&format!("{invoice}-cn-{issued}"));
        self.world.billed.add_credit_note(name(invoice), IssuedNote { number, issued_at: at(issued), credited });
    }

    /// Makes a month of every group final. Answers with that of the first by name.
    pub fn close(&mut self, of: &str) -> Bill {
        let mut names: Vec<Name> = self.world.organization.groups().map(|group| group.name.clone()).collect();
        names.sort();
        let mut bills = Vec::new();
        for group in names {
            self.prepare(&group, of);
            bills.push(self.world.bill(&group, of));
            self.enter_of(&group, of, &bills[bills.len() - 1]);
        }
        self.world.closed = self.closed(of);
        bills.remove(0)
    }

    /// The bill of a month that is over, without making it final. The audit agrees.
    pub fn bill(&self, of: &str) -> Bill {
        self.world.bill("g", of)
    }

    /// The bill of the oldest month that is not final.
    pub fn look(&mut self, of: &str) -> Bill {
        self.look_of("g", of)
    }

    /// That of a group.
    pub fn look_of(&mut self, group: &str, of: &str) -> Bill {
        let all = self.closed(of);
        // A month that a test took off stays off.
        let known = std::mem::take(&mut self.world.closed);
        let last = month(of).prev();
        self.world.closed = all.into_iter().filter(|(month, _)| *month == last || known.contains_key(month)).collect();
        self.world.successions = self.successions_of(group);
        self.world.bill(group, of)
    }

    /// Has the world settle what a month of a group has to.
    pub fn prepare(&mut self, group: &str, of: &str) {
        self.world.closed = self.closed(of);
        self.world.successions = self.successions_of(group);
    }

    fn successions_of(&self, group: &str) -> Vec<Succession> {
        let group = self.world.organization.group(uid(group)).unwrap();
        self.world.records().successions(group, &self.world.closed, |gone, _| {
            let credits = self.credits_of_gone.get(&gone.name).cloned().unwrap_or_default();
            (self.world.former_prices.clone(), credits)
        })
    }

    /// A bill becomes final.
    pub fn enter(&mut self, of: &str, bill: &Bill) {
        self.enter_of("g", of, bill);
    }

    /// A bill of a group becomes final.
    pub fn enter_of(&mut self, group: &str, of: &str, bill: &Bill) {
        let read = self.read_of(group, of, bill);
        self.finals.insert(read.facts.number.clone(), read.clone());
        self.world.billed.add(read, |record| Some(name(record)));
    }

    /// A final is taken back in full and issued again at an instant, with what `retax` makes of its taxes.
    pub fn reissue(&mut self, invoice: &str, issued: &str, retax: impl Fn(&mut ReadFinal)) -> ReadFinal {
        let before = self.world.billed.final_in_place_of(invoice).unwrap().number.clone();
        self.credit(&before, issued, CreditedAmount::Remainder);
        let original = &self.finals[&name(invoice)];
        let number = number::reissue_number(&before).unwrap();
        let mut again = ReadFinal {
            facts: FinalFacts { number, reissued_at: Some(at(issued)), ..original.facts.clone() },
            ..original.clone()
        };
        retax(&mut again);
        self.world.billed.add(again.clone(), |record| Some(name(record)));
        again
    }

    /// What the final of a bill says.
    pub fn read_of(&self, group: &str, of: &str, bill: &Bill) -> ReadFinal {
        let sequence = number::sequence(self.first, month(of)).unwrap();
        let facts = FinalFacts {
            number: number::number(group, sequence),
            group: uid(group),
            group_name: name(group),
            month: month(of),
            issued_at: month(of).end(),
            reissued_at: None,
            currency: bill.subtotal.currency(),
            issuer: self.world.organization.group(uid(group)).map(|group| group.issuer.clone()),
            hours: self.world.hours,
        };
        let (lines, parts) = (self.final_lines(bill), stated_parts(month(of), bill));
        let exchange_rate = bill.conversion.as_ref().map(|conversion| conversion.rate.clone());
        let terms = Some(MonthTerms { exchange_rate, ..bill.terms.clone() });
        let scales = stated_scales(bill);
        ReadFinal { facts, lines, parts, terms, only_tax: None, scales }
    }

    /// The months before that are settled.
    pub fn closed(&self, of: &str) -> ClosedMonths {
        self.months(self.window.oldest_settled(month(of), self.first), month(of))
    }

    /// The months before that are settled no more.
    pub fn too_old(&self, of: &str) -> ClosedMonths {
        self.months(self.first, self.window.oldest_settled(month(of), self.first))
    }

    /// All months before.
    pub fn months_until(&self, of: &str) -> ClosedMonths {
        self.months(self.first, month(of))
    }

    fn months(&self, first: Month, until: Month) -> ClosedMonths {
        first.through(until.prev()).map(|month| (month, self.world.attribution)).collect()
    }

    fn final_lines(&self, bill: &Bill) -> Vec<BilledLine> {
        let rate = |rate: &CrossRate| (rate.to.rate.decimal(), rate.from.rate.decimal());
        let rated = |line: &Line, discounts: &[Discount], exchange_rate: Option<&CrossRate>| BilledLine {
            record: line.usage.name.clone(),
            project: Some(line.usage.project.clone()),
            period: line.period,
            pre_discount: line.pre_discount,
            total: line.total,
            tax: line.tax,
            basis: LineBasis::Rated(Rating {
                price: line.price().clone(),
                discounts: discounts.iter().map(|discount| discount.percent).collect(),
                rate: exchange_rate.map(rate),
                hours: self.world.hours,
                tier: line.tier().map(|tier| tier.from),
            }),
            replaces: bill.replaced.get(&line.usage.name).cloned().unwrap_or_default(),
            scaled: line.portion.as_ref().map(|portion| ScaledBasis {
                entry: line.entry.key(),
                service: line.usage.service.name.clone(),
                quantity: portion.quantity,
            }),
            closed_by: None,
        };
        let converted = bill.converted.as_ref().map(|converted| &converted.conversion.rate);
        let mut lines: Vec<_> = bill.lines.iter().map(|line| rated(line, &bill.terms.discounts, converted)).collect();
        for item in &bill.items {
            let Some(adjustment) = &item.adjustment else { continue };
            lines.push(match &adjustment.kind {
                AdjustmentKind::Part { .. } | AdjustmentKind::Refill { .. } => continue,
                AdjustmentKind::Late(new) => {
                    let mut late = rated(&new.line, &new.discounts, new.exchange_rate.as_ref());
                    if let (Some(hours), LineBasis::Rated(rating)) = (new.hours, &mut late.basis) {
                        rating.hours = hours;
                    }
                    BilledLine { closed_by: adjustment.closed_by.clone(), ..late }
                }
                AdjustmentKind::Correction {
                    invoice,
                    billed,
                    due,
                    settled_by_credit_notes,
                    notes,
                    replaced,
                    readings: _,
                } => {
                    let difference = due
                        .checked_sub(*billed)
                        .and_then(|difference| difference.checked_add(*settled_by_credit_notes));
                    assert_eq!(difference, Some(item.total), "{}", item.description);
                    BilledLine {
                        record: item.source.name.clone(),
                        project: item.project.clone(),
                        period: item.period.unwrap(),
                        pre_discount: item.pre_discount.unwrap_or(item.total),
                        total: item.total,
                        tax: item.tax,
                        basis: LineBasis::Corrects {
                            invoice: invoice.clone(),
                            billed: Some(*billed),
                            due: Some(*due),
                            notes: notes.clone(),
                        },
                        replaces: replaced.then(|| item.source.name.clone()).into_iter().collect(),
                        scaled: None,
                        closed_by: None,
                    }
                }
            });
        }
        lines
    }
}

/// What a bill says of prices with a scale.
fn stated_scales(bill: &Bill) -> FinalScales {
    let late = bill.items.iter().filter_map(|item| item.adjustment.as_ref()?.late_line());
    let entries = bill.lines.iter().chain(late).map(|line| &line.entry);
    let scales = entries.filter_map(|entry| {
        let (scale, amount) = (entry.price.scale.clone()?, entry.price.amount);
        Some((entry.key(), StatedScale { scale, amount, list_uid: uid(&entry.list) }))
    });
    let refill = |item: &Item| {
        let Adjustment { month, closed_by, kind } = item.adjustment.as_ref()?;
        let AdjustmentKind::Refill { entry, after, billed, due, settled_by_credit_notes, notes, .. } = kind else {
            return None;
        };
        assert_eq!(due.minor() - billed.minor() + settled_by_credit_notes.minor(), item.total.minor());
        Some(StatedRefill {
            month: *month,
            closed_by: closed_by.clone(),
            entry: entry.clone(),
            project: item.project.clone().unwrap(),
            tax: item.tax,
            line: item.id(),
            pre_discount: item.pre_discount.unwrap_or(item.total),
            total: item.total,
            quantity: *after,
            last: LastCorrection {
                billed: billed.minor(),
                due: due.minor(),
                total: item.total.minor(),
                notes: notes.clone(),
            },
        })
    };
    FinalScales { scales: scales.collect(), refills: bill.items.iter().filter_map(refill).collect() }
}

/// What a bill says of parts, of its own month and of closed ones.
fn stated_parts(of: Month, bill: &Bill) -> Vec<StatedPart> {
    let stated = |item: &Item| {
        let (adjusts, month, key) = match item.adjustment.as_ref() {
            None => (None, of, item.part()?),
            Some(Adjustment {
                month, kind: AdjustmentKind::Part { invoice, part, billed, due, notes, .. }, ..
            }) => {
                let (invoice, notes) = (invoice.clone(), notes.clone());
                let adjusts = PartAdjustment { invoice, billed: Some(*billed), due: Some(*due), notes };
                (Some(adjusts), *month, part.clone())
            }
            Some(_) => return None,
        };
        Some(StatedPart { adjusts, month, key, source: item.source.clone(), line: item.id(), total: item.total })
    };
    bill.items.iter().filter_map(stated).collect()
}

/// `type total description` of every item.
pub fn items(bill: &Bill) -> Vec<String> {
    bill.items.iter().map(|item| format!("{} {} {}", item.kind.as_str(), item.total, item.description)).collect()
}

/// `month record total` of every adjustment.
pub fn adjustments(bill: &Bill) -> Vec<String> {
    let shown = |item: &Item| {
        let adjustment = item.adjustment.as_ref()?;
        Some(format!("{} {} {}", adjustment.month, item.source.name, item.total))
    };
    bill.items.iter().filter_map(shown).collect()
}
