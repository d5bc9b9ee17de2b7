//! Months of groups that are gone, settled by their successor.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;

use super::super::properties::worlds::terms;
use super::super::world::*;
use super::closing_simulator::{self, ClosingSimulator, adjustments};
use super::properties::{MONTHS, Story, histories, stories, world};
use crate::*;

/// The group g, which pays for the project p at 1.00 an hour by these terms, and a primary group that pays for nothing. October, with 200
/// hours, is final, and then g is gone.
fn after_the_end(terms: Terms, credits: Vec<CreditOffer>) -> ClosingSimulator {
    let world = World::new([Group { terms: Ok(terms), ..group("g") }, primary("main")]);
    let mut simulator = ClosingSimulator::new(
        world.project("p", &[segment("2020-01-01", "g"), segment("2020-11-01T12:00", "main")]),
        "2020-10",
    );
    simulator.world.prices = price_list(vec![hourly("PostgreSQL", "1")]);
    simulator.usage(runs("u1", 200));
    simulator.world.credits = credits;
    let october = simulator.world.bill("g", "2020-10");
    simulator.enter_of("g", "2020-10", &october);
    let credits = std::mem::take(&mut simulator.world.credits);
    let rest = |offer: CreditOffer| {
        let used = october.credits.iter().find(|used| used.name == offer.name);
        CreditOffer { remaining: used.map_or(offer.remaining, |used| used.remaining), ..offer }
    };
    simulator.credits_of_gone.insert(name("g"), credits.into_iter().map(rest).collect());
    let october = simulator.world.bill("main", "2020-10");
    simulator.enter_of("main", "2020-10", &october);
    simulator.world.organization.remove_group(uid("g"));
    simulator
}

/// A record of October that runs for so many hours.
fn runs(record: &str, hours: i64) -> Usage {
    let start = at("2020-10-01");
    Usage { end: Some(start + chrono::TimeDelta::hours(hours)), ..usage(record, "p", "2020-10-01", "") }
}

fn usd(text: &str) -> Money {
    money(text, "USD")
}

fn commitment(amount: &str) -> Terms {
    let (amount, validity, settlement) = (usd(amount), Validity::default(), CommitmentSettlement::Month);
    let commitment = Commitment { name: name("Plan"), amount, validity, settlement };
    Terms { commitment: Some(commitment), ..Terms::default() }
}

fn support(percent: &str) -> Terms {
    let amount = ChargeAmount::OfServices { percent: percent.parse().unwrap(), minimum: None };
    let charge =
        AgreedCharge { name: name("Support"), kind: ChargeType::Support, amount, validity: Validity::default() };
    Terms { charges: vec![charge], ..Terms::default() }
}

/// November of the successor becomes final, and December has nothing left to adjust.
fn close_november(simulator: &mut ClosingSimulator) -> Bill {
    simulator.prepare("main", "2020-11");
    let november = simulator.world.bill("main", "2020-11");
    simulator.enter_of("main", "2020-11", &november);
    simulator.prepare("main", "2020-12");
    assert_eq!(adjustments(&simulator.world.bill("main", "2020-12")), [""; 0]);
    november
}

/// `type total` of every adjustment, with the final that it names.
fn told(bill: &Bill) -> Vec<String> {
    let shown = |item: &Item| {
        let adjustment = item.adjustment.as_ref()?;
        assert_eq!(adjustment.closed_by.as_deref(), Some("g-1"), "{}", item.description);
        let what = match &adjustment.kind {
            AdjustmentKind::Late(_) => "late",
            AdjustmentKind::Correction { .. } => "correction",
            AdjustmentKind::Refill { .. } => "refill",
            AdjustmentKind::Part { part, .. } => part.kind.as_str(),
        };
        Some(format!("{what} {}", item.total))
    };
    bill.items.iter().filter_map(shown).collect()
}

#[test]
fn what_follows_from_late_usage_of_a_group_that_is_gone_goes_where_the_usage_goes() {
    for (terms, expected) in [
        (commitment("300.00"), ["late 100.00", "CommitmentFee -100.00"]),
        (support("10"), ["late 100.00", "SupportCharge 10.00"]),
    ] {
        let mut simulator = after_the_end(terms, Vec::new());
        let mut late = runs("late", 100);
        (late.start, late.end) = (at("2020-10-20"), Some(at("2020-10-20") + chrono::TimeDelta::hours(100)));
        simulator.usage(late);
        let november = close_november(&mut simulator);
        assert_eq!(told(&november), expected);
        assert!(closing_simulator::items(&november)[0].contains("Late for 2020-10 of g-1: usage late"));
    }
}

#[test]
fn what_follows_from_a_correction_of_a_group_that_is_gone_goes_where_the_correction_goes() {
    let mut simulator = after_the_end(support("10"), Vec::new());
    simulator.usage(runs("u1", 50));
    let november = close_november(&mut simulator);
    assert_eq!(told(&november), ["correction -150.00", "SupportCharge -15.00"]);
    // And back: what was taken back is late now, and counted like the rest of that month.
    simulator.usage(Usage { replaces: Some(name("u1")), ..runs("u2", 200) });
    simulator.prepare("main", "2020-12");
    let december = simulator.world.bill("main", "2020-12");
    assert_eq!(told(&december), ["correction -50.00", "late 200.00", "SupportCharge 15.00"]);
    simulator.enter_of("main", "2020-12", &december);
    // What stands on the successor's finals is of the month that it settles.
    simulator.usage(Usage { replaces: Some(name("u2")), ..runs("u3", 100) });
    simulator.prepare("main", "2021-01");
    let january = simulator.world.bill("main", "2021-01");
    assert_eq!(told(&january), ["correction -200.00", "late 100.00", "SupportCharge -10.00"]);
    assert!(closing_simulator::items(&january)[0].contains("Correction of g-1 for 2020-10"));
}

#[test]
fn what_credits_of_a_group_that_is_gone_paid_goes_back_to_its_successor_and_no_more_of_them_is_used() {
    let credit = |expires: Option<&str>| {
        let validity = CreditValidity { starts: None, expires: expires.map(at) };
        vec![CreditOffer { validity, ..offer("grant", "250.00") }]
    };
    let mut simulator = after_the_end(Terms::default(), credit(None));
    simulator.usage(runs("u1", 50));
    let november = close_november(&mut simulator);
    assert_eq!(told(&november), ["correction -150.00", "CreditConsumption 150.00"]);
    assert_eq!((november.total, november.returned.len(), november.credits.len()), (usd("0.00"), 1, 0));
    let back = &november.returned[0];
    assert_eq!((back.credit.as_str(), back.closed_by.as_deref(), back.amount), ("grant", Some("g-1"), usd("150.00")));
    assert_eq!(back.name_on(&name("main-2"), month("2020-10")).as_str(), "main-2-g-1-grant");

    let mut simulator = after_the_end(Terms::default(), credit(Some("2020-11-01")));
    simulator.usage(runs("u1", 50));
    assert_eq!(close_november(&mut simulator).returned, []);

    // 50.00 are left of it, and it was valid; they were its group's.
    let mut simulator = after_the_end(Terms::default(), credit(None));
    simulator.usage(runs("u1", 240));
    let november = close_november(&mut simulator);
    assert_eq!((told(&november), november.credits.len()), (vec!["late 40.00".to_owned()], 0));
}

#[test]
fn credits_and_terms_of_the_successor_are_for_its_own_months() {
    let mut simulator = after_the_end(Terms::default(), Vec::new());
    let terms = Terms { charges: support("50").charges, ..commitment("7.00") };
    let main = Group { terms: Ok(terms), first_period: month("2020-10"), ..primary("main") };
    simulator.world.organization.put_group(main);
    simulator.world.credits = vec![offer("own", "30.00")];
    simulator.usage(runs("u1", 300));
    simulator.prepare("main", "2020-11");
    let november = simulator.world.bill("main", "2020-11");
    assert_eq!(told(&november), ["late 100.00"]);
    // The fee of 7.00 is its own, and so is what pays it.
    let used: Vec<_> = november.credits.iter().map(|used| used.used).collect();
    assert_eq!((used, november.total), (vec![usd("7.00")], usd("100.00")));
}

#[test]
fn the_oldest_primary_group_in_the_currency_succeeds_whoever_pays_for_the_project_since() {
    let late = |simulator: &mut ClosingSimulator, group: &str| {
        simulator.prepare(group, "2020-11");
        adjustments(&simulator.world.bill(group, "2020-11"))
    };
    let mut simulator = after_the_end(Terms::default(), Vec::new());
    let new =
        |text: &str, created: &str| Group { created: at(created), first_period: month("2020-11"), ..primary(text) };
    simulator.usage(runs("u1", 210));
    // Not the one that pays for the project now, nor one in another currency, nor of another issuer, nor one that is going, nor a younger one.
    simulator.world.organization.put_group(Group { primary: false, ..group("main") });
    let old = Group { currency: Some(currency("EUR")), ..new("euro", "2020-01-02") };
    simulator.world.organization.put_group(old);
    let abroad = Group { issuer: name("abroad"), ..new("abroad", "2020-01-02") };
    simulator.world.organization.put_group(abroad);
    let going = Group { deleted: Some(at("2020-11-20")), ..new("going", "2020-01-03") };
    simulator.world.organization.put_group(going);
    // It admits no such project: a month is settled as a whole.
    let older = Group { allowed: only(&["q"]), ..new("older", "2020-02-01") };
    simulator.world.organization.put_group(older);
    simulator.world.organization.put_group(new("younger", "2020-03-01"));
    let ten = Some("2020-10 u1 10.00");
    for (group, expected) in
        [("main", None), ("euro", None), ("abroad", None), ("going", None), ("younger", None), ("older", ten)]
    {
        assert_eq!(late(&mut simulator, group), expected.into_iter().collect::<Vec<_>>(), "{group}");
    }
}

#[test]
fn a_group_without_a_successor_keeps_what_differs_until_there_is_one() {
    let mut simulator = after_the_end(support("10"), Vec::new());
    simulator.world.organization.put_group(Group { primary: false, first_period: month("2020-10"), ..group("main") });
    simulator.usage(runs("u1", 50));
    simulator.usage(Usage { start: at("2020-10-20"), end: Some(at("2020-10-21")), ..runs("late", 1) });
    simulator.prepare("main", "2020-11");
    assert_eq!(adjustments(&simulator.world.bill("main", "2020-11")), [""; 0]);
    let named = |simulator: &ClosingSimulator| {
        let world = &simulator.world;
        let closed = simulator.closed("2020-11");
        let mut all = problems(&unclaimed_differences(world.records(), &closed));
        let october = october(world);
        let pricing = Pricing { prices: &world.prices, rates: &world.rates };
        all.extend(problems(&unbilled(&october, &october.successions(), |_| Some(pricing))));
        all
    };
    assert_eq!(named(&simulator), ["u1 PayerGone", "late PayerGone"]);
    // Another legal entity does not settle what was billed by this one.
    let abroad = Group { issuer: name("abroad"), first_period: month("2020-10"), ..primary("abroad") };
    simulator.world.organization.put_group(abroad);
    assert_eq!(named(&simulator), ["u1 PayerGone", "late PayerGone"]);
    simulator.prepare("abroad", "2020-11");
    assert_eq!(adjustments(&simulator.world.bill("abroad", "2020-11")), [""; 0]);
    simulator.world.organization.remove_group(uid("abroad"));
    simulator.world.organization.put_group(Group { first_period: month("2020-10"), ..primary("main") });
    assert_eq!(named(&simulator), [""; 0]);
    let november = close_november(&mut simulator);
    assert_eq!(told(&november), ["late 24.00", "correction -150.00", "SupportCharge -12.60"]);
}

/// October, looked at when November is over.
fn october(world: &World) -> OrganizationMonth<'_> {
    OrganizationMonth {
        organization: &world.organization,
        month: month("2020-10"),
        attribution: world.attribution,
        hours: world.hours,
        billed: &world.billed,
        as_of: month("2020-11").end(),
    }
}

#[test]
fn what_cannot_be_priced_of_a_group_that_is_gone_is_told_of_the_record_and_holds_its_successor() {
    let mut simulator = after_the_end(Terms::default(), Vec::new());
    simulator.usage(Usage { service: service("odd", "Strange"), ..runs("odd", 5) });
    simulator.prepare("main", "2020-11");
    let world = &simulator.world;
    assert_eq!(problems(&world.bill("main", "2020-11").problems), ["odd Unpriced"]);
    let october = october(world);
    let pricing = Pricing { prices: &world.prices, rates: &world.rates };
    assert_eq!(problems(&unbilled(&october, &october.successions(), |_| Some(pricing))), ["odd Unpriced"]);
}

#[test]
fn a_successor_that_goes_leaves_both_to_the_next() {
    let mut simulator = after_the_end(commitment("300.00"), Vec::new());
    simulator.usage(runs("u1", 250));
    assert_eq!(told(&close_november(&mut simulator)), ["late 50.00", "CommitmentFee -50.00"]);
    let next = Group { created: at("2020-06-01"), first_period: month("2020-12"), ..primary("next") };
    simulator.world.organization.put_group(next);
    simulator.world.organization.remove_group(uid("main"));
    simulator.prepare("next", "2020-12");
    assert_eq!(adjustments(&simulator.world.bill("next", "2020-12")), [""; 0]);
    simulator.usage(runs("u1", 220));
    simulator.prepare("next", "2020-12");
    assert_eq!(told(&simulator.world.bill("next", "2020-12")), ["correction -30.00", "CommitmentFee 30.00"]);
}

#[test]
fn what_a_note_took_back_of_a_group_that_is_gone_is_settled() {
    let mut simulator = after_the_end(support("10"), Vec::new());
    let line = simulator.finals[&name("g-1")].parts[0].line.clone();
    simulator.credit("g-1", "2020-11-20", CreditedAmount::Lines(vec![(line, usd("4.00"))]));
    simulator.usage(runs("u1", 100));
    // 10.00 less for support, of which the note took back 4.00.
    assert_eq!(told(&close_november(&mut simulator)), ["correction -100.00", "SupportCharge -6.00"]);

    let mut reversed = after_the_end(support("10"), Vec::new());
    reversed.credit("g-1", "2020-11-20", CreditedAmount::Remainder);
    reversed.usage(runs("u1", 210));
    assert_eq!(told(&close_november(&mut reversed)), ["late 10.00"]);
}

#[test]
fn tiers_of_a_group_that_is_gone_are_filled_again() {
    let mut simulator = after_the_end(Terms::default(), Vec::new());
    let tiered = ScalePricing::Graduated(tiers(&[("2", "10"), ("", "1")]));
    simulator.world.prices = price_list(vec![scaled("Mails", "0", Scope::BillingGroup, tiered)]);
    simulator.world.organization.put_group(Group { first_period: month("2020-10"), ..group("g") });
    let mails = |record: &str, day: &str, count: &str| Usage {
        service: service(record, "Mails"),
        quantity: decimal(count),
        start: at(day),
        end: Some(at(day)),
        ..runs(record, 1)
    };
    simulator.world.billed = BilledIndex::default();
    simulator.world.organization.remove_usage("u1");
    simulator.usage(mails("first", "2020-10-10", "3"));
    simulator.world.closed = ClosedMonths::new();
    let october = simulator.world.bill("g", "2020-10");
    assert_eq!(october.total, usd("21.00"));
    simulator.enter_of("g", "2020-10", &october);
    let october = simulator.world.bill("main", "2020-10");
    simulator.enter_of("main", "2020-10", &october);
    simulator.world.organization.remove_group(uid("g"));
    simulator.usage(mails("before", "2020-10-05", "2"));
    assert_eq!(told(&close_november(&mut simulator)), ["late 20.00", "refill -18.00"]);
    simulator.usage(mails("between", "2020-10-07", "1"));
    simulator.prepare("main", "2020-12");
    assert_eq!(told(&simulator.world.bill("main", "2020-12")), ["late 1.00"]);
}

/// What comes late of it stands on the successor's final, about that of the group that is gone: it is billed there, and once.
#[test]
fn what_a_counter_of_a_group_that_is_gone_counted_in_tiers_stays_billed() {
    let mut simulator = after_the_end(Terms::default(), Vec::new());
    let tiered = ScalePricing::Graduated(tiers(&[("2", "10"), ("", "1")]));
    simulator.world.prices =
        price_list(vec![hourly("PostgreSQL", "1"), scaled("Requests", "0", Scope::BillingGroup, tiered)]);
    let counted = |record: &str, quantity: &str| {
        let readings = Readings::new([Reading { at: at("2020-10-20"), quantity: decimal(quantity) }]).unwrap();
        let metering = Some(Box::new(Metering { readings, is_ended: false, meter: None }));
        let end = Some(at("2020-11-01"));
        Usage { service: service(record, "Requests"), end, metering, ..usage(record, "p", "2020-10-05", "") }
    };
    simulator.usage(counted("requests", "3"));
    assert_eq!(told(&close_november(&mut simulator)), ["late 20.00", "late 1.00"]);
    simulator.usage(counted("requests", "5"));
    simulator.prepare("main", "2020-12");
    assert_eq!(told(&simulator.world.bill("main", "2020-12")), ["refill 2.00"]);
}

/// After how many closed months the groups b and a are gone.
type Ends = (usize, usize);

/// What documents say of months of groups, before credits: of services by project and by what is taxed alike, and of parts.
type Said = BTreeMap<(Uid, Month), (BTreeMap<(Name, Option<TaxGroup>), i128>, BTreeMap<PartKey, i128>)>;

fn said(simulator: &ClosingSimulator) -> Said {
    let mut said = Said::new();
    for (group, of) in ["a", "b", "c"].into_iter().flat_map(|group| MONTHS.map(|of| (uid(group), month(of)))) {
        let Some(stated) = simulator.world.billed.stated(group, of) else { continue };
        let mut services = stated.services.clone();
        services.retain(|_, sum| *sum != 0);
        let parts = stated.parts.iter().map(|(key, part)| (key.clone(), part.billed));
        said.insert((group, of), (services, parts.filter(|(_, billed)| *billed != 0).collect()));
    }
    said
}

fn with_ends() -> impl Strategy<Value = (World, Ends)> {
    let agreed = || prop::option::weighted(0.8, terms());
    let ends = (1..5_usize, select(vec![2_usize, 3, 4, 9]));
    (world(), agreed(), agreed(), ends).prop_map(|(mut world, of_a, of_b, ends)| {
        for (text, terms) in [("a", of_a), ("b", of_b)] {
            let known = world.organization.group(uid(text)).unwrap().clone();
            world.organization.put_group(Group { terms: terms.map_or(known.terms.clone(), Ok), ..known });
        }
        // What nobody is left to pay for falls to who is primary then: of that, nobody can tell afterwards who it was.
        for project in ["p", "q"] {
            let known = world.organization.project(project).unwrap().ledger().unwrap().segments().to_vec();
            let named = |segment: Segment| match segment.group_uid == uid("gone") {
                true => Segment { group: name("b"), group_uid: uid("b"), ..segment },
                false => segment,
            };
            world.organization.put_ledger(name(project), ledger(&known.into_iter().map(named).collect::<Vec<_>>()));
        }
        // The primary group that is left when the other one is gone.
        world.organization.put_group(Group { created: at("2020-05-01"), ..primary("c") });
        (world, ends)
    })
}

/// Closes all months, with what is known by then, of the groups that are there.
fn closed_as_told(world: &World, stories: &[Story], (end_of_b, end_of_a): Ends) -> ClosingSimulator {
    let mut simulator = ClosingSimulator::new(world.clone(), MONTHS[0]);
    for (index, of) in MONTHS[..5].iter().enumerate() {
        for Story { usage, ends, .. } in stories.iter().filter(|story| story.arrives <= index) {
            let end = usage.end.filter(|_| *ends <= index);
            simulator.usage(Usage { end, ..usage.clone() });
        }
        for (group, end) in [("b", end_of_b), ("a", end_of_a)] {
            if end == index {
                remove(&mut simulator.world.organization, group, index);
            }
        }
        simulator.close(of);
    }
    simulator
}

/// A group is gone once its last month is final; another pays for its projects from then on.
pub fn remove(organization: &mut Organization, gone: &str, index: usize) {
    organization.remove_group(uid(gone));
    let next = if organization.group(uid("a")).is_some() { "a" } else { "c" };
    for project in ["p", "q"] {
        let mut segments = organization.project(project).unwrap().ledger().unwrap().segments().to_vec();
        let last = segments[segments.len() - 1].clone();
        if last.group_uid == uid(gone) {
            let soon = month(MONTHS[index]).start() + chrono::TimeDelta::hours(1);
            let from = soon.max(last.from + chrono::TimeDelta::seconds(1));
            segments.push(Segment { from, group: name(next), group_uid: uid(next), ..last });
            organization.put_ledger(name(project), ledger(&segments));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(192) as u32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn months_of_groups_that_are_gone_become_whole_too((world, ends) in with_ends(), stories in stories()) {
        let at_once: Vec<_> = stories.iter().map(|story| Story { arrives: 0, ends: 0, ..story.clone() }).collect();
        let mut told = closed_as_told(&world, &stories, ends);
        prop_assert_eq!(said(&told), said(&closed_as_told(&world, &at_once, ends)));
        let left: Vec<Name> = told.world.organization.groups().map(|group| group.name.clone()).collect();
        for group in left {
            told.prepare(&group, MONTHS[5]);
            prop_assert_eq!(adjustments(&told.world.bill(&group, MONTHS[5])), [""; 0]);
        }
    }
}
