//! Whose cost it is.

use super::world::*;
use crate::*;

fn payers(world: &World, of: &str) -> Vec<String> {
    let project = world.organization.project("p").unwrap();
    let shares = world.records().payers(project, month(of), world.attribution);
    let shown = |(period, payer): (Period, Payer)| {
        let (start, end) = (period.start().format("%m-%d"), period.end().format("%m-%d"));
        match payer {
            Payer::Gone => format!("{start}..{end} gone"),
            Payer::Group(uid) => format!("{start}..{end} {}", world.organization.group(uid).unwrap().name),
        }
    };
    shares.into_iter().map(shown).collect()
}

fn prorated(groups: impl IntoIterator<Item = Group>, segments: &[Segment]) -> World {
    World { attribution: Attribution::Prorated, ..World::new(groups).project("p", segments) }
}

#[test]
fn prorated_each_group_pays_for_its_own_time_and_hours_are_conserved() {
    let world = prorated([group("a"), group("b")], &[segment("2020-11-01", "a"), segment("2020-11-20T00:30", "b")])
        .usage(usage("db", "p", "2020-11-19T23:45", "2020-11-20T02:45"));
    assert_eq!(payers(&world, "2020-11"), ["11-01..11-20 a", "11-20..12-01 b"]);
    assert_eq!(lines(&world.bill("a", "2020-11")), ["db 11-19T23:45..11-20T00:30 1 0.03"]);
    assert_eq!(lines(&world.bill("b", "2020-11")), ["db 11-20T00:30..11-20T02:45 2 0.05"]);
}

#[test]
fn prorated_a_move_there_and_back_makes_two_lines_for_the_first_group() {
    let segments = [segment("2020-11-01", "a"), segment("2020-11-10", "b"), segment("2020-11-20", "a")];
    let world = prorated([group("a"), group("b")], &segments).usage(usage("db", "p", "2020-11-01", ""));
    assert_eq!(lines(&world.bill("a", "2020-11")), ["db 11-01..11-10 216 5.62", "db 11-20..12-01 264 6.86"]);
    assert_eq!(lines(&world.bill("b", "2020-11")), ["db 11-10..11-20 240 6.24"]);
}

#[test]
fn the_first_segment_covers_all_time_before_it_and_the_last_all_after() {
    let world = prorated([group("a"), group("b")], &[segment("2020-11-10", "a"), segment("2020-11-20", "b")]);
    assert_eq!(payers(&world, "2020-03"), ["03-01..04-01 a"]);
    assert_eq!(payers(&world, "2025-03"), ["03-01..04-01 b"]);
}

#[test]
fn a_default_yields_to_a_choice_of_the_same_month() {
    let segments = [default_segment("2020-11-10", "a"), segment("2020-11-20", "b")];
    assert_eq!(payers(&prorated([group("a"), group("b")], &segments), "2020-11"), ["11-01..12-01 b"]);
    assert_eq!(payers(&prorated([group("a"), group("b")], &segments), "2020-10"), ["10-01..11-01 b"]);
}

#[test]
fn a_default_does_not_yield_to_a_choice_of_another_month_nor_to_a_default() {
    let segments = [default_segment("2020-10-31", "a"), segment("2020-11-20", "b")];
    assert_eq!(payers(&prorated([group("a"), group("b")], &segments), "2020-11"), ["11-01..11-20 a", "11-20..12-01 b"]);
    let segments = [default_segment("2020-11-10", "a"), default_segment("2020-11-20", "b")];
    assert_eq!(payers(&prorated([group("a"), group("b")], &segments), "2020-11"), ["11-01..11-20 a", "11-20..12-01 b"]);
}

#[test]
fn a_default_after_a_choice_yields_only_its_own_time() {
    let segments = [segment("2020-11-05", "a"), default_segment("2020-11-10", "c"), segment("2020-11-20", "b")];
    let world = prorated([group("a"), group("b"), group("c")], &segments);
    assert_eq!(payers(&world, "2020-11"), ["11-01..11-10 a", "11-10..12-01 b"]);
}

#[test]
fn two_defaults_both_yield_to_the_choice_that_follows() {
    let segments = [default_segment("2020-11-05", "a"), default_segment("2020-11-10", "c"), segment("2020-11-20", "b")];
    let world = prorated([group("a"), group("b"), group("c")], &segments);
    assert_eq!(payers(&world, "2020-11"), ["11-01..12-01 b"]);
    let segments = [default_segment("2020-10-05", "a"), default_segment("2020-11-10", "c"), segment("2020-11-20", "b")];
    let world = prorated([group("a"), group("b"), group("c")], &segments);
    assert_eq!(payers(&world, "2020-11"), ["11-01..11-10 a", "11-10..12-01 b"]);
}

#[test]
fn a_group_that_is_gone_is_followed_by_the_next_of_the_ledger() {
    let segments = [segment("2020-11-01", "gone"), segment("2020-11-10", "gone-too"), segment("2021-02-01", "b")];
    assert_eq!(payers(&prorated([group("b"), primary("main")], &segments), "2020-11"), ["11-01..12-01 b"]);
}

#[test]
fn without_a_living_group_the_oldest_primary_that_admits_the_project_pays() {
    let younger = Group { created: at("2020-06-01"), ..primary("younger") };
    let picky = Group { allowed: only(&["q"]), ..primary("picky") };
    let world = prorated([younger, picky], &[segment("2020-11-01", "gone")]);
    assert_eq!(payers(&world, "2020-11"), ["11-01..12-01 younger"]);
    let world = prorated([group("not-primary")], &[segment("2020-11-01", "gone")]);
    assert_eq!(payers(&world, "2020-11"), ["11-01..12-01 gone"]);
}

#[test]
fn a_group_made_again_under_the_same_name_is_another_group() {
    let again = Group { uid: uid("another"), ..group("a") };
    let world = prorated([again], &[segment("2020-11-01", "a")]);
    assert_eq!(payers(&world, "2020-11"), ["11-01..12-01 gone"]);
}

#[test]
fn a_group_being_deleted_pays_for_the_month_of_its_deletion_and_no_later_one() {
    let leaving = Group { deleted: Some(at("2020-11-15")), ..group("a") };
    let world =
        prorated([leaving, primary("main")], &[segment("2020-01-01", "a")]).usage(usage("db", "p", "2020-11-01", ""));
    assert_eq!(payers(&world, "2020-11"), ["11-01..12-01 a"]);
    assert_eq!(payers(&world, "2020-12"), ["12-01..01-01 main"]);
    assert_eq!(world.bill("main", "2020-12").lines.len(), 1);
    assert!(world.bill("main", "2020-11").projects.is_empty());
}

#[test]
fn a_ledger_only_grows_and_only_forwards() {
    assert_eq!(Ledger::new(vec![]), Err(LedgerError::Empty));
    let one = ledger(&[segment("2020-11-10", "a")]);
    let same = one.append(segment("2020-11-10", "b"));
    assert_eq!(same, Err(LedgerError::NotLater { index: 1, from: at("2020-11-10") }));
    let mut full = one;
    for minute in 1..Ledger::MAX_SEGMENTS {
        let from = at("2020-11-10") + chrono::TimeDelta::minutes(minute as i64);
        full = full.append(Segment { from, ..segment("2020-11-10", "b") }).unwrap();
    }
    assert_eq!(full.moves_in(month("2020-11")), Ledger::MAX_SEGMENTS - 1);
    assert_eq!(full.append(segment("2021-01-01", "a")), Err(LedgerError::Full));
}

#[test]
fn an_organization_forgets_what_is_gone() {
    let mut world = World::new([group("a")]).project("p", &[segment("2020-11-10", "a")]);
    assert!(world.organization.is_current_payer(uid("a")));
    world.organization.put_ledger(name("p"), ledger(&[segment("2020-11-10", "a"), segment("2020-11-11", "b")]));
    assert!(!world.organization.is_current_payer(uid("a")) && world.organization.is_current_payer(uid("b")));
    world.organization.remove_namespace("p");
    assert_eq!(world.organization.project("p").unwrap().namespace(), None);
    world.organization.remove_ledger("p");
    assert!(world.organization.project("p").is_none() && !world.organization.is_current_payer(uid("b")));
    world.organization.remove_group(uid("a"));
    assert_eq!(world.organization.groups().count(), 0);
}
