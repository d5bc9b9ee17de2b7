//! Credits over any order of events: two operators that close the same months, crash between any two writes, and are
//! overtaken. The order of writes is that of `controller::closing`.

use proptest::prelude::*;

use super::world::*;
use crate::*;

/// What a month costs before credits, and what the group's credits have; in minor units.
#[derive(Debug, Clone)]
struct Case {
    costs: Vec<i128>,
    credits: Vec<i128>,
}

/// Everything that is stored, with the version of each credit.
struct Stored {
    credits: Vec<(u32, Credit)>,
    /// What each final says that it used.
    finals: Vec<Vec<(Name, Money)>>,
    /// How many of them the group's status knows.
    recorded: usize,
}

/// An operator in the middle of closing a month, on what it read.
struct Operator {
    month: usize,
    read: Vec<(u32, Credit)>,
    uses: Vec<(Name, Money)>,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Reserve(usize),
    Finalise,
    Consume(usize),
    Record,
}

fn number(month: usize) -> Name {
    name(&format!("f3397-{}", month + 1))
}

impl Stored {
    fn new(case: &Case) -> Self {
        let credit = |(index, minor): (usize, &i128)| Credit {
            application: Application::BeforeTax,
            name: name(&format!("credit-{index}")),
            uid: uid(&format!("credit-{index}")),
            kind: CreditType::Purchase,
            amount: Money::new(*minor, currency("USD")).unwrap(),
            validity: CreditValidity::default(),
            projects: None,
            reservations: Vec::new(),
            withdrawn: false,
        };
        let credits = case.credits.iter().enumerate().map(credit).map(|credit| (0, credit)).collect();
        Stored { credits, finals: Vec::new(), recorded: 0 }
    }

    /// Reads everything, and computes the month; `late` is usage that only this one has seen.
    fn begin(&self, case: &Case, late: i128) -> Option<Operator> {
        let month = self.recorded;
        let read = self.credits.clone();
        if let Some(uses) = self.finals.get(month) {
            return Some(Operator { month, read, uses: uses.clone(), step: Step::Consume(0) });
        }
        let mut net = *case.costs.get(month)? + late;
        let mut uses = Vec::new();
        for (_, credit) in &read {
            let mut credit = credit.clone();
            release(&mut credit, &number(month));
            let used = credit.offer_to(&number(month)).remaining.minor().min(net);
            if used > 0 {
                net -= used;
                uses.push((credit.name.clone(), Money::new(used, currency("USD")).unwrap()));
            }
        }
        Some(Operator { month, read, uses, step: Step::Reserve(0) })
    }

    /// Writes a credit if nobody has since it was read.
    fn put(&mut self, operator: &mut Operator, index: usize, changed: Credit) -> bool {
        let (version, credit) = &mut self.credits[index];
        if changed == operator.read[index].1 {
            return true; // nothing to write
        }
        if *version != operator.read[index].0 {
            return false;
        }
        *version += 1;
        *credit = changed.clone();
        operator.read[index] = (*version, changed);
        true
    }

    /// The operator's next write; `false` when it is refused and the operator begins anew, or when it is done.
    fn advance(&mut self, operator: &mut Operator) -> bool {
        let used = |operator: &Operator, credit: &Credit| {
            operator.uses.iter().find(|(name, _)| *name == credit.name).map(|(_, used)| *used)
        };
        let zero = Money::zero(currency("USD"));
        let invoice = number(operator.month);
        match operator.step {
            Step::Reserve(index) if index < operator.read.len() => {
                let mut credit = operator.read[index].1.clone();
                release(&mut credit, &invoice);
                let used = used(operator, &credit);
                if used.is_some() || credit.reservation(&invoice).is_some() {
                    credit.reserve(&invoice, used.unwrap_or(zero)).unwrap();
                }
                operator.step = Step::Reserve(index + 1);
                self.put(operator, index, credit)
            }
            Step::Reserve(_) => {
                operator.step = Step::Finalise;
                true
            }
            Step::Finalise => {
                operator.step = Step::Consume(0);
                let first = self.finals.len() == operator.month;
                if first {
                    self.finals.push(operator.uses.clone());
                }
                first
            }
            Step::Consume(index) if index < operator.read.len() => {
                let mut credit = operator.read[index].1.clone();
                let used = used(operator, &credit);
                assert!(used.is_none() || credit.reservation(&invoice).is_some(), "used, and never reserved");
                credit.consume(&invoice, used.unwrap_or(zero)).unwrap();
                operator.step = Step::Consume(index + 1);
                self.put(operator, index, credit)
            }
            Step::Consume(_) => {
                operator.step = Step::Record;
                true
            }
            Step::Record => {
                self.recorded = self.recorded.max(operator.month + 1);
                false
            }
        }
    }

    /// What must be true at any time.
    fn check(&self) -> Result<(), TestCaseError> {
        for (_, credit) in &self.credits {
            let taken: i128 = credit.reservations.iter().map(|known| known.amount.minor()).sum();
            prop_assert_eq!(taken + credit.remaining().minor(), credit.amount.minor());
            prop_assert!(credit.reservations.iter().all(|known| known.amount.minor() >= 0));
            let reserved = credit.reservations.iter().filter(|known| known.state == ReservationState::Reserved);
            prop_assert!(reserved.count() <= 1);
            let used = self.finals.iter().flatten().filter(|(name, _)| *name == credit.name);
            prop_assert!(used.map(|(_, used)| used.minor()).sum::<i128>() <= credit.amount.minor(), "used twice");
        }
        Ok(())
    }

    /// What must be true when every month is recorded: nothing is lost, and nothing is doubled.
    fn check_end(&self) -> Result<(), TestCaseError> {
        for (_, credit) in &self.credits {
            for (month, uses) in self.finals.iter().enumerate() {
                let said = uses.iter().find(|(name, _)| *name == credit.name).map(|(_, used)| *used);
                let consumed = credit.reservation(&number(month)).map(|known| known.amount);
                prop_assert_eq!(consumed.filter(|amount| !amount.is_zero()), said);
            }
        }
        Ok(())
    }
}

/// Gives back what was reserved for a month that is closed without it.
fn release(credit: &mut Credit, invoice: &Name) {
    let stale = |known: &&Reservation| known.state == ReservationState::Reserved && known.invoice != *invoice;
    if let Some(stale) = credit.reservations.iter().find(stale).map(|known| known.invoice.clone()) {
        credit.consume(&stale, Money::zero(credit.amount.currency())).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn neither_crashes_nor_a_second_operator_lose_or_double_money(
        costs in prop::collection::vec(0_i128..500, 1..4),
        credits in prop::collection::vec(1_i128..600, 0..4),
        events in prop::collection::vec((0..2_usize, 0..10_u8, 0..50_i128), 0..200),
    ) {
        let case = Case { costs, credits };
        let mut stored = Stored::new(&case);
        let mut operators: [Option<Operator>; 2] = [None, None];
        for (who, what, late) in events {
            operators[who] = match operators[who].take() {
                Some(_) if what == 0 => None, // it crashes
                Some(mut operator) => stored.advance(&mut operator).then_some(operator),
                None => stored.begin(&case, late),
            };
            stored.check()?;
        }
        // In the end one of them goes on alone.
        while let Some(mut operator) = stored.begin(&case, 0) {
            while stored.advance(&mut operator) {}
            stored.check()?;
        }
        prop_assert_eq!(stored.recorded, case.costs.len());
        // A further month would find what came too late, and give it back.
        stored.credits.iter_mut().for_each(|(_, credit)| release(credit, &number(case.costs.len())));
        stored.check_end()?;
    }
}
