//! Default bindings.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::world::*;
use crate::tenancy::membership::MAX_MEMBERS;
use crate::*;

const SINCE: &str = "2020-11-15T12:00";
const DUE: &str = "2020-11-15T12:01";

/// A project p without a binding, unless `to` names one.
struct Scene {
    groups: Vec<(Group, BTreeSet<Name>, Option<Name>)>,
    project: Name,
    organization: Name,
    to: Option<Name>,
    ledger: Option<Ledger>,
    policy: DefaultPolicy,
}

impl Scene {
    fn with(groups: impl IntoIterator<Item = Group>) -> Self {
        Scene {
            groups: groups.into_iter().map(|group| (group, BTreeSet::new(), None)).collect(),
            project: name("p"),
            organization: name("acme"),
            to: None,
            ledger: None,
            policy: DefaultPolicy::PrimaryOrDedicated,
        }
    }

    fn paid(mut self, segments: &[Segment]) -> Self {
        self.ledger = Some(ledger(segments));
        self
    }

    fn bound_to(mut self, text: &str) -> Self {
        self.to = Some(name(text));
        self
    }

    fn project<'a>(&'a self) -> ProjectFacts<'a> {
        let binding =
            |group: &'a Name| BindingFacts { group, created: at("2020-11-01"), accepted_in: None, default: false };
        ProjectFacts {
            name: &self.project,
            namespace: "abcde123-0000-4000-8000-000000000001".parse().unwrap(),
            terminating: false,
            organization: Some(&self.organization),
            binding: self.to.as_ref().map(binding),
            ledger: self.ledger.as_ref(),
        }
    }

    fn decide_about(&self, project: &ProjectFacts<'_>, opted_out: bool, now: &str) -> DefaultDecision {
        let groups: Vec<GroupFacts<'_>> = (self.groups.iter())
            .map(|(group, members, dedicated)| GroupFacts {
                group,
                members,
                dedicated_to: dedicated.as_ref(),
                unbillable: None,
            })
            .collect();
        let settings = DefaultSettings { policy: self.policy, delay: TimeDelta::seconds(60) };
        decide_default(project, &groups, settings, opted_out, at(SINCE), at(now))
    }

    fn decide(&self) -> DefaultDecision {
        self.decide_about(&self.project(), false, DUE)
    }
}

fn bind(text: &str) -> DefaultDecision {
    DefaultDecision::Bind { group: name(text) }
}

#[test]
fn an_unbound_project_gets_the_oldest_primary_after_the_delay() {
    let younger = Group { created: at("2020-06-01"), ..primary("younger") };
    let scene = Scene::with([younger, primary("older"), group("other")]);
    let early = scene.decide_about(&scene.project(), false, "2020-11-15T12:00:59.999999");
    assert_eq!(early, DefaultDecision::Wait { until: at(DUE) });
    assert!(early.is_pending());
    assert_eq!(scene.decide(), bind("older"));
}

#[test]
fn a_primary_that_does_not_admit_it_is_full_or_is_being_deleted_is_passed_over() {
    let picky = Group { allowed: only(&["q"]), ..primary("a-picky") };
    let leaving = Group { deleted: Some(at("2020-11-01")), ..primary("b-leaving") };
    let mut scene = Scene::with([picky, leaving, primary("c-full"), primary("d")]);
    scene.groups[2].1 = (0..MAX_MEMBERS).map(|number| Name::from(format!("project-{number}"))).collect();
    assert_eq!(scene.decide(), bind("d"));
}

#[test]
fn the_last_group_of_its_ledger_comes_first_while_it_exists_and_admits_it() {
    let segments = [segment("2020-01-01", "a"), segment("2020-02-01", "b")];
    assert_eq!(Scene::with([group("a"), group("b"), primary("main")]).paid(&segments).decide(), bind("b"));
    assert_eq!(Scene::with([group("a"), primary("main")]).paid(&segments).decide(), bind("main"));
    let picky = Group { allowed: only(&["q"]), ..group("b") };
    assert_eq!(Scene::with([picky, primary("main")]).paid(&segments).decide(), bind("main"));
}

#[test]
fn without_a_primary_a_dedicated_group_is_made_and_then_used() {
    let make = |text: &str| DefaultDecision::MakeGroup { name: name(text) };
    assert_eq!(Scene::with([]).decide(), make("p"));
    assert_eq!(Scene::with([group("p")]).decide(), make("p-abcde"));
    assert_eq!(Scene::with([group("p"), group("p-abcde")]).decide(), make("p-abcde1"));
    let mut made = Scene::with([group("p"), group("p-abcde")]);
    made.groups[1].2 = Some(name("p"));
    assert_eq!(made.decide(), bind("p-abcde"));
    let long = Scene {
        project: Name::from("x".repeat(63)),
        ..Scene::with([Group { name: Name::from("x".repeat(63)), ..group("x") }])
    };
    assert_eq!(long.decide(), make(&format!("{}-abcde", "x".repeat(57))));
}

#[test]
fn the_policy_decides_what_is_done() {
    assert_eq!(
        Scene { policy: DefaultPolicy::PrimaryOnly, ..Scene::with([group("g")]) }.decide(),
        DefaultDecision::NoGroup
    );
    assert_eq!(Scene { policy: DefaultPolicy::PrimaryOnly, ..Scene::with([primary("g")]) }.decide(), bind("g"));
    assert_eq!(Scene { policy: DefaultPolicy::Off, ..Scene::with([primary("g")]) }.decide(), DefaultDecision::Nothing);
}

#[test]
fn a_namespace_that_opted_out_is_terminating_or_has_no_organization_gets_none() {
    let scene = Scene::with([primary("g")]);
    assert_eq!(scene.decide_about(&scene.project(), true, DUE), DefaultDecision::Nothing);
    for project in
        [ProjectFacts { terminating: true, ..scene.project() }, ProjectFacts { organization: None, ..scene.project() }]
    {
        assert_eq!(scene.decide_about(&project, false, DUE), DefaultDecision::Nothing);
    }
}

#[test]
fn an_unacceptable_binding_is_left_alone_and_the_default_is_written_into_the_ledger() {
    let scene = Scene::with([primary("main")]).bound_to("nowhere");
    let expected = Segment { project_uid: scene.project().namespace, ..default_segment(DUE, "main") };
    assert_eq!(scene.decide(), DefaultDecision::Append(expected.clone()));
    let scene = scene.paid(&[segment("2020-01-01", "gone")]);
    assert_eq!(scene.decide(), DefaultDecision::Append(expected));
    let early = scene.decide_about(&scene.project(), false, SINCE);
    assert_eq!(early, DefaultDecision::Wait { until: at(DUE) });
}

#[test]
fn an_acceptable_binding_or_a_living_payer_needs_no_default() {
    let world = || Scene::with([primary("main"), group("a")]);
    assert_eq!(world().bound_to("a").decide(), DefaultDecision::Nothing);
    assert_eq!(world().bound_to("nowhere").paid(&[segment("2020-01-01", "a")]).decide(), DefaultDecision::Nothing);
}

#[test]
fn a_payer_that_is_being_deleted_is_no_living_one() {
    let leaving = Group { deleted: Some(at("2020-11-14")), ..group("a") };
    let scene = Scene::with([leaving, primary("main")]).bound_to("a").paid(&[segment("2020-01-01", "a")]);
    let expected = Segment { project_uid: scene.project().namespace, ..default_segment(DUE, "main") };
    assert_eq!(scene.decide(), DefaultDecision::Append(expected));
}

#[test]
fn a_full_ledger_gets_no_default() {
    let segments: Vec<Segment> = (0..Ledger::MAX_SEGMENTS)
        .map(|hour| Segment { from: at("2020-01-01") + TimeDelta::hours(hour as i64), ..segment("2020-01-01", "gone") })
        .collect();
    let scene = Scene::with([primary("main")]).bound_to("nowhere").paid(&segments);
    assert_eq!(scene.decide(), DefaultDecision::NoGroup);
}

#[test]
fn a_dedicated_group_goes_only_when_nothing_needs_it() {
    let (used, nobody, member) = (group("p"), BTreeSet::new(), BTreeSet::from([name("p")]));
    let project = name("p");
    let facts = GroupFacts { group: &used, members: &nobody, dedicated_to: Some(&project), unbillable: None };
    let idle =
        DedicatedFacts { facts, edited: false, has_finals: false, named_by_binding: false, last_in_ledger: false };
    assert!(is_obsolete(&idle));
    for needed in [
        DedicatedFacts { facts: GroupFacts { members: &member, ..facts }, ..idle },
        DedicatedFacts { facts: GroupFacts { dedicated_to: None, ..facts }, ..idle },
        DedicatedFacts { edited: true, ..idle },
        DedicatedFacts { has_finals: true, ..idle },
        DedicatedFacts { named_by_binding: true, ..idle },
        DedicatedFacts { last_in_ledger: true, ..idle },
    ] {
        assert!(!is_obsolete(&needed), "{needed:?}");
    }
}
