//! Credits: what is used of which, and what is reserved.

use super::world::*;
use crate::*;

/// November, with services of so much in each project.
fn world(services: &[(&str, &str)]) -> World {
    let mut world = World::new([group("g")]);
    let mut prices = Vec::new();
    for (project, cost) in services {
        world = world
            .project(project, &[segment("2020-01-01", "g")])
            .usage(Usage { service: service(project, project), ..usage(project, project, "2020-11-01", "2020-12-01") });
        prices.push(by_unit(project, cost));
    }
    world.prices = price_list(prices);
    world
}

fn until(offer: CreditOffer, expires: &str) -> CreditOffer {
    CreditOffer { validity: CreditValidity { expires: Some(at(expires)), ..offer.validity }, ..offer }
}

fn from(offer: CreditOffer, starts: &str) -> CreditOffer {
    CreditOffer { validity: CreditValidity { starts: Some(at(starts)), ..offer.validity }, ..offer }
}

fn for_projects(offer: CreditOffer, projects: &[&str]) -> CreditOffer {
    CreditOffer { projects: only(projects), ..offer }
}

/// `credit used remaining` of a bill of November, and what remains to be paid.
#[track_caller]
fn check(services: &[(&str, &str)], credits: Vec<CreditOffer>, uses: &[&str], subtotal: &str) {
    let bill = World { credits, ..world(services) }.bill("g", "2020-11");
    let shown: Vec<_> = bill.credits.iter().map(|one| format!("{} {} {}", one.name, one.used, one.remaining)).collect();
    assert_eq!(shown, uses);
    assert_eq!(bill.subtotal, money(subtotal, "USD"));
}

#[test]
fn golden_9_a_credit_of_400_on_a_net_of_250_leaves_150() {
    let world = World { credits: vec![offer("welcome", "400.00")], ..world(&[("p", "250")]) };
    let bill = world.bill("g", "2020-11");
    let [item] = bill.items.as_slice() else { panic!("{:?}", bill.items) };
    assert_eq!((item.kind, item.total), (LineType::CreditConsumption, money("-250.00", "USD")));
    assert_eq!(item.description, "welcome: credit (Promotion), 150.00 USD remain");
    assert_eq!(item.source.kind.as_str(), "Credit");
    assert_eq!(bill.credits[0].remaining, money("150.00", "USD"));
    assert_eq!(bill.subtotal, money("0.00", "USD"));
}

#[test]
fn a_credit_never_pays_more_than_it_has() {
    check(&[("p", "250")], vec![offer("a", "100.00")], &["a 100.00 0.00"], "150.00");
    check(&[("p", "250")], vec![offer("a", "0.00")], &[], "250.00");
    check(&[("p", "0")], vec![offer("a", "100.00")], &[], "0.00");
}

#[test]
fn credits_are_used_by_expiry_then_start_then_name() {
    let credits = vec![
        offer("never", "10.00"),
        until(from(offer("late-start", "10.00"), "2020-06-01"), "2021-01-01"),
        until(from(offer("early-start", "10.00"), "2020-05-01"), "2021-01-01"),
        until(from(offer("b", "10.00"), "2020-05-01"), "2021-01-01"),
        until(offer("since-ever", "10.00"), "2021-01-01"),
        until(offer("soon", "10.00"), "2020-11-02"),
    ];
    let uses = ["soon 10.00 0.00", "since-ever 10.00 0.00", "b 10.00 0.00", "early-start 10.00 0.00"];
    check(&[("p", "45")], credits, &[&uses[..], &["late-start 5.00 5.00"]].concat(), "0.00");
}

#[test]
fn a_credit_is_usable_when_it_is_valid_at_some_instant_of_the_month() {
    for (starts, expires, usable) in [
        ("2020-01-01", "2020-11-01", false),
        ("2020-01-01", "2020-11-01T00:00:01", true),
        ("2020-11-30T23:59:59", "2021-01-01", true),
        ("2020-12-01", "2021-01-01", false),
        ("2020-11-10", "2020-11-11", true),
    ] {
        let credits = vec![until(from(offer("a", "10.00"), starts), expires)];
        let bill = World { credits, ..world(&[("p", "250")]) }.bill("g", "2020-11");
        assert_eq!(!bill.credits.is_empty(), usable, "{starts} to {expires}");
    }
}

#[test]
fn a_credit_in_another_currency_is_not_used() {
    let credits = vec![CreditOffer { remaining: money("10.00", "EUR"), ..offer("a", "0.00") }];
    check(&[("p", "250")], credits, &[], "250.00");
}

#[test]
fn a_credit_for_projects_pays_at_most_what_their_services_come_to() {
    let services = [("p", "30"), ("q", "200")];
    check(&services, vec![for_projects(offer("a", "100.00"), &["p"])], &["a 30.00 70.00"], "200.00");
    check(&services, vec![for_projects(offer("a", "100.00"), &["nowhere"])], &[], "230.00");
    check(&services, vec![for_projects(offer("a", "100.00"), &["p", "q"])], &["a 100.00 0.00"], "130.00");
}

#[test]
fn two_credits_for_one_project_pay_its_services_once() {
    let credits = vec![
        until(for_projects(offer("a", "20.00"), &["p", "q"]), "2021-01-01"),
        until(for_projects(offer("b", "20.00"), &["p"]), "2021-02-01"),
        for_projects(offer("c", "20.00"), &["q"]),
    ];
    // The first takes p whole and then q.
    check(&[("p", "15"), ("q", "10")], credits, &["a 20.00 0.00", "c 5.00 15.00"], "0.00");
}

#[test]
fn a_commitment_is_paid_by_credits_too_and_does_not_shrink_by_them() {
    let (amount, validity) = (money("100.00", "USD"), Validity::default());
    let commitment = Commitment { name: name("Plan"), amount, validity, settlement: CommitmentSettlement::Month };
    let terms = Terms { commitment: Some(commitment), ..Terms::default() };
    let mut world = world(&[("p", "40")]);
    world.organization.put_group(Group { terms: Ok(terms), ..group("g") });
    world.credits = vec![offer("a", "70.00")];
    let bill = world.bill("g", "2020-11");
    let kinds: Vec<_> = bill.items.iter().map(|item| (item.kind, item.total.to_string())).collect();
    let expected = [(LineType::CommitmentFee, "60.00"), (LineType::CreditConsumption, "-70.00")];
    assert_eq!(kinds, expected.map(|(kind, total)| (kind, total.to_owned())));
    assert_eq!(bill.subtotal, money("30.00", "USD"));
}

#[test]
fn an_invoice_uses_no_more_credits_than_a_document_lists() {
    let credits = (0..MAX_CREDITS + 5).map(|index| offer(&format!("credit-{index:04}"), "1.00")).collect();
    let bill = World { credits, ..world(&[("p", "1250")]) }.bill("g", "2020-11");
    assert_eq!(bill.credits.len(), MAX_CREDITS);
    assert_eq!(bill.subtotal, money("250.00", "USD"));
    let [hold] = &bill.holds[..] else { panic!("{:?}", bill.holds) };
    assert_eq!(hold.reason, HoldReason::TooManyCredits);
    assert_eq!(
        hold.message,
        "an invoice uses up to 1000 credits, and credit-1000 and 4 more could pay for this month too; grant one credit for \
         the sum of several, and delete those"
    );
}

#[test]
fn credits_that_are_not_needed_are_none_too_many() {
    let credits = |count: usize| (0..count).map(|index| offer(&format!("credit-{index:04}"), "1.00")).collect();
    let holds = |count: usize, price: &str| {
        World { credits: credits(count), ..world(&[("p", price)]) }.bill("g", "2020-11").holds.len()
    };
    assert_eq!(holds(MAX_CREDITS, "1250"), 0);
    assert_eq!(holds(MAX_CREDITS + 1, "1000"), 0);
    assert_eq!(holds(MAX_CREDITS + 1, "1000.01"), 1);
}

type Mutation = fn(&mut Bill);

#[test]
fn the_audit_notices_every_mistake_about_credits() {
    let credits = vec![until(offer("a", "10.00"), "2021-01-01"), offer("b", "20.00"), offer("c", "5.00")];
    let world = World { credits, ..world(&[("p", "25")]) };
    let (input, bill) = (world.input("g", "2020-11", at("2020-12-01")), world.bill("g", "2020-11"));
    let mutants: [(&str, Mutation); 6] = [
        ("one credit not told", |bill| drop(bill.credits.pop())),
        ("another rest", |bill| bill.credits[1].remaining = money("6.00", "USD")),
        ("another order", |bill| bill.credits.swap(0, 1)),
        ("another credit", |bill| bill.credits[1].uid = uid("c")),
        ("a line of another credit", |bill| bill.items[1].source.name = name("c")),
        ("a line of another amount", |bill| bill.items[1].total = money("-16.00", "USD")),
    ];
    for (title, mutate) in mutants {
        let mut mutant = bill.clone();
        mutate(&mut mutant);
        assert_ne!(audit(&input, &mutant), [], "{title}");
    }
}

fn credit(amount: &str) -> Credit {
    Credit {
        application: Application::BeforeTax,
        name: name("welcome"),
        uid: uid("welcome"),
        kind: CreditType::Promotion,
        amount: money(amount, "USD"),
        validity: CreditValidity::default(),
        projects: None,
        reservations: Vec::new(),
        withdrawn: false,
    }
}

fn usd(text: &str) -> Money {
    money(text, "USD")
}

#[test]
fn a_reservation_is_rewritten_by_its_own_invoice_until_it_is_consumed() {
    let mut credit = credit("400.00");
    let (first, second) = (name("f3397-1"), name("f3397-2"));
    assert_eq!(credit.reserve(&first, usd("250.00")), Ok(()));
    assert_eq!((credit.remaining(), credit.remaining_for(&first)), (usd("150.00"), usd("400.00")));
    assert_eq!(credit.reserve(&first, usd("300.00")), Ok(()));
    let reserved = ReservationError::StillReserved { credit: name("welcome"), by: first.clone() };
    assert_eq!(credit.reserve(&second, usd("1.00")), Err(reserved), "the month before is not settled");
    assert_eq!(credit.consume(&first, usd("250.00")), Ok(()), "the final says 250");
    assert_eq!((credit.remaining(), credit.consumed()), (usd("150.00"), usd("250.00")));
    let consumed = ReservationError::Consumed { credit: name("welcome"), invoice: first.clone() };
    assert_eq!(credit.reserve(&first, usd("0.00")), Err(consumed));
    assert_eq!(credit.consume(&first, usd("1.00")), Ok(()), "again changes nothing");
    assert_eq!(credit.consumed(), usd("250.00"));
    let exceeded = ReservationError::Exceeded { credit: name("welcome"), invoice: second.clone() };
    assert_eq!(credit.reserve(&second, usd("150.01")), Err(exceeded.clone()));
    assert_eq!(credit.reserve(&second, usd("-0.01")), Err(exceeded.clone()));
    assert_eq!(credit.reserve(&second, money("1.00", "EUR")), Err(exceeded));
    assert_eq!(credit.reserve(&second, usd("150.00")), Ok(()));
    assert_eq!(credit.reserve(&second, usd("0.00")), Ok(()), "the month came to need none");
    assert_eq!(credit.consume(&second, usd("0.00")), Ok(()));
    assert_eq!(credit.remaining(), usd("150.00"));
}

#[test]
fn what_is_not_reserved_is_not_consumed() {
    let mut credit = credit("400.00");
    assert_eq!(credit.consume(&name("f3397-1"), usd("250.00")), Ok(()));
    assert_eq!(credit.remaining(), usd("400.00"));
}

#[test]
fn a_month_that_is_estimated_leaves_less_to_the_next() {
    let mut credit = credit("400.00");
    credit.plan_use(&name("f3397-1"), usd("250.00"));
    assert_eq!(credit.offer_to("f3397-2").remaining, usd("150.00"));
    assert_eq!(credit.offer_to("f3397-1").remaining, usd("400.00"));
}

#[test]
fn a_credit_says_how_it_stands() {
    let validity = CreditValidity { starts: Some(at("2020-11-10")), expires: Some(at("2020-12-10")) };
    let stands = |credit: &Credit, oldest, current| credit.availability(month(oldest), month(current));
    let fresh = Credit { validity, ..credit("400.00") };
    assert_eq!(stands(&fresh, "2020-10", "2020-10"), Availability::NotYet);
    assert_eq!(stands(&fresh, "2020-10", "2020-11"), Availability::Usable);
    assert_eq!(stands(&fresh, "2020-12", "2021-01"), Availability::Usable, "December is not final");
    assert_eq!(stands(&fresh, "2021-01", "2021-01"), Availability::Expired);
    // It ends, or begins, with a month: no instant of December, or of November, belongs to it.
    let validity = CreditValidity { starts: Some(at("2020-12-01")), expires: Some(at("2021-01-01")) };
    let december = Credit { validity, ..credit("400.00") };
    assert_eq!(stands(&december, "2020-11", "2020-11"), Availability::NotYet);
    assert_eq!(stands(&december, "2020-12", "2021-02"), Availability::Usable);
    assert_eq!(stands(&december, "2021-01", "2021-02"), Availability::Expired);
    let mut used = fresh.clone();
    used.reserve(&name("f3397-1"), usd("400.00")).unwrap();
    assert_eq!(stands(&used, "2020-11", "2020-12"), Availability::Usable, "only reserved");
    used.consume(&name("f3397-1"), usd("400.00")).unwrap();
    assert_eq!(stands(&used, "2020-12", "2020-12"), Availability::Exhausted);
    assert_eq!(Availability::Exhausted.as_str(), "Exhausted");
}

#[test]
fn a_credit_that_is_being_deleted_is_worth_what_is_reserved_of_it() {
    let mut credit = credit("400.00");
    let (first, second, third) = (name("f3397-1"), name("f3397-2"), name("f3397-3"));
    credit.reserve(&first, usd("100.00")).unwrap();
    credit.consume(&first, usd("100.00")).unwrap();
    credit.reserve(&second, usd("50.00")).unwrap();
    credit.withdrawn = true;

    assert_eq!(credit.offer_to(&second).remaining, usd("50.00"), "its own reservation");
    assert_eq!(credit.offer_to(&third).remaining, usd("0.00"));
    let exceeded = ReservationError::Exceeded { credit: name("welcome"), invoice: second.clone() };
    assert_eq!(credit.reserve(&second, usd("50.01")), Err(exceeded));
    assert_eq!(credit.consume(&second, usd("50.00")), Ok(()), "what is reserved is kept to");
    assert_eq!(credit.consumed(), usd("150.00"));
    let month: Month = "2020-11".parse().unwrap();
    assert_eq!(credit.availability(month, month), Availability::Withdrawn);
}

#[test]
fn a_credit_that_is_being_deleted_gives_a_new_invoice_nothing() {
    let mut credit = credit("400.00");
    credit.withdrawn = true;
    let exceeded = ReservationError::Exceeded { credit: name("welcome"), invoice: name("f3397-1") };
    assert_eq!(credit.reserve(&name("f3397-1"), usd("0.01")), Err(exceeded));
    assert_eq!(credit.offer_to("f3397-1").remaining, usd("0.00"));
}
