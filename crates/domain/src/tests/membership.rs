//! Binding, moving and leaving.

use std::collections::BTreeSet;

use super::world::*;
use crate::tenancy::membership::{MAX_MEMBERS, MAX_MOVES};
use crate::*;

const NOW: &str = "2020-11-15T12:00";

/// A project p of organization acme whose binding names group `to`.
struct Scene {
    groups: Vec<(Group, BTreeSet<Name>)>,
    project: Name,
    organization: Option<Name>,
    to: Name,
    accepted_in: Option<Name>,
    default: bool,
    ledger: Option<Ledger>,
}

impl Scene {
    fn to(text: &str) -> Self {
        let groups = ["a", "b"].map(|text| (group(text), BTreeSet::new()));
        let (project, organization, to) = (name("p"), Some(name("acme")), name(text));
        Scene { groups: groups.into(), project, organization, to, accepted_in: None, default: false, ledger: None }
    }

    fn change(mut self, text: &str, change: impl Fn(&mut Group)) -> Self {
        let found = self.groups.iter_mut().find(|(group, _)| group.name == name(text)).unwrap();
        change(&mut found.0);
        self
    }

    fn members(mut self, text: &str, members: impl IntoIterator<Item = String>) -> Self {
        let found = self.groups.iter_mut().find(|(group, _)| group.name == name(text)).unwrap();
        found.1 = members.into_iter().map(Name::from).collect();
        self
    }

    fn paid(mut self, segments: &[Segment]) -> Self {
        self.ledger = Some(ledger(segments));
        self
    }

    fn groups(&self) -> Vec<GroupFacts<'_>> {
        self.groups
            .iter()
            .map(|(group, members)| GroupFacts { group, members, dedicated_to: None, unbillable: None })
            .collect()
    }

    fn facts(&self) -> ProjectFacts<'_> {
        let binding = BindingFacts {
            group: &self.to,
            created: at("2020-11-01"),
            accepted_in: self.accepted_in.as_ref(),
            default: self.default,
        };
        ProjectFacts {
            name: &self.project,
            namespace: uid("namespace"),
            terminating: false,
            organization: self.organization.as_ref(),
            binding: Some(binding),
            ledger: self.ledger.as_ref(),
        }
    }

    fn reason(&self) -> &'static str {
        acceptance(&self.facts(), &self.groups(), at(NOW)).unwrap().as_str()
    }

    fn members_of(&self, text: &str) -> Vec<String> {
        let groups = self.groups();
        let group = groups.iter().find(|facts| facts.group.name == name(text)).unwrap();
        desired_members(group, [self.facts()], &groups, at(NOW)).iter().map(Name::to_string).collect()
    }

    fn next(&self) -> Option<Segment> {
        next_segment(&self.facts(), &self.groups(), at(NOW))
    }
}

fn p() -> [String; 1] {
    ["p".to_owned()]
}

#[test]
fn a_binding_to_a_group_of_the_organization_is_accepted() {
    let scene = Scene::to("a");
    assert_eq!(scene.reason(), "Accepted");
    assert_eq!(acceptance(&scene.facts(), &scene.groups(), at(NOW)), Some(Acceptance::Accepted { group: uid("a") }));
    let unbound = ProjectFacts { binding: None, ..scene.facts() };
    assert_eq!(acceptance(&unbound, &scene.groups(), at(NOW)), None);
}

#[test]
fn a_group_that_is_full_says_who_pays_instead() {
    let many = (0..MAX_MEMBERS).map(|number| format!("project-{number}"));
    let said = |scene: Scene| match acceptance(&scene.facts(), &scene.groups(), at(NOW)) {
        Some(Acceptance::Refused(refusal)) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    let full = "billing group a has 2000 projects, and cannot have more; name another; until then ";
    assert_eq!(said(Scene::to("a").members("a", many.clone())), format!("{full}no group pays for the project"));
    let paid = Scene::to("a").members("a", many).paid(&[segment("2020-11-01", "b")]);
    assert_eq!(said(paid), format!("{full}b pays for the project"));
}

#[test]
fn every_refusal_has_its_reason() {
    let many = (0..MAX_MEMBERS).map(|number| format!("project-{number}"));
    let moves = |count: usize, of: &str| -> Vec<Segment> {
        (0..count)
            .map(|hour| Segment { from: at(of) + chrono::TimeDelta::hours(hour as i64), ..segment(of, "b") })
            .collect()
    };
    let cases = [
        (Scene { organization: None, ..Scene::to("a") }, "OrganizationMissing"),
        (Scene { accepted_in: Some(name("other")), ..Scene::to("a") }, "OtherOrganization"),
        (Scene { accepted_in: Some(name("acme")), ..Scene::to("a") }, "Accepted"),
        (Scene::to("nowhere"), "BillingGroupNotFound"),
        (Scene::to("a").change("a", |group| group.deleted = Some(at("2020-11-01"))), "BillingGroupDeleting"),
        (Scene::to("a").change("a", |group| group.allowed = only(&["q"])), "ProjectNotAllowed"),
        (Scene::to("a").change("a", |group| group.allowed = only(&["p"])), "Accepted"),
        (Scene::to("a").members("a", many.clone()), "BillingGroupFull"),
        (Scene::to("a").members("a", many.skip(1).chain(p())), "Accepted"),
        (Scene::to("a").paid(&moves(MAX_MOVES + 1, "2020-11-01")), "TooManyMoves"),
        (Scene::to("a").paid(&moves(MAX_MOVES, "2020-11-01")), "Accepted"),
        (Scene::to("a").paid(&moves(MAX_MOVES + 1, "2020-10-01")), "Accepted"),
        (Scene::to("a").paid(&moves(Ledger::MAX_SEGMENTS, "2020-01-01")), "TooManyMoves"),
    ];
    for (index, (scene, expected)) in cases.iter().enumerate() {
        assert_eq!(scene.reason(), *expected, "case {index}");
        if let Some(Acceptance::Refused(refusal)) = acceptance(&scene.facts(), &scene.groups(), at(NOW)) {
            assert!(refusal.to_string().len() > 40, "{refusal}");
            assert_eq!(scene.next(), None);
        }
    }
}

#[test]
fn a_binding_in_force_stays_accepted_when_the_group_changes_its_mind() {
    let many = (0..MAX_MEMBERS).map(|number| format!("project-{number}"));
    let scene = Scene::to("a")
        .paid(&[segment("2020-11-01", "a")])
        .members("a", many)
        .change("a", |group| group.allowed = only(&["q"]));
    assert_eq!(scene.reason(), "Accepted");
    assert_eq!(scene.members_of("a"), ["p"]);
    assert_eq!(scene.next(), None);
}

#[test]
fn a_move_takes_the_new_member_in_writes_the_ledger_and_lets_the_old_one_go() {
    let before = || Scene::to("b").paid(&[segment("2020-11-01", "a")]).members("a", p());
    assert_eq!((before().members_of("a"), before().members_of("b")), (vec!["p".into()], vec!["p".into()]));
    assert_eq!(before().next(), None, "the new group is not locked yet");
    let written = before().members("b", p()).next().unwrap();
    assert_eq!(written, segment(NOW, "b"));
    let after = before().paid(&[segment("2020-11-01", "a"), written]).members("b", p());
    assert_eq!((after.members_of("a"), after.members_of("b")), (vec![], vec!["p".into()]));
    assert_eq!(after.next(), None);
}

#[test]
fn a_refused_move_leaves_the_payer_where_it_was() {
    let scene = Scene::to("nowhere").paid(&[segment("2020-11-01", "a")]);
    assert_eq!(scene.members_of("a"), ["p"]);
    assert_eq!(scene.next(), None);
}

#[test]
fn a_group_being_deleted_gains_no_member_and_keeps_those_it_pays_for() {
    let deleting = |group: &mut Group| group.deleted = Some(at("2020-11-10"));
    assert_eq!(Scene::to("a").change("a", deleting).members_of("a"), [""; 0]);
    let paying = Scene::to("a").paid(&[segment("2020-11-01", "a")]).change("a", deleting);
    assert_eq!(paying.members_of("a"), ["p"]);
}

#[test]
fn a_project_that_lost_its_binding_or_its_organization_is_no_member() {
    let scene = Scene::to("a").paid(&[segment("2020-11-01", "a")]);
    let groups = scene.groups();
    for left in [ProjectFacts { binding: None, ..scene.facts() }, ProjectFacts { organization: None, ..scene.facts() }]
    {
        assert!(desired_members(&groups[0], [left], &groups, at(NOW)).is_empty());
    }
}

#[test]
fn the_oldest_bindings_get_the_last_places() {
    let scene = Scene::to("a").members("a", (0..MAX_MEMBERS - 1).map(|number| format!("project-{number}")));
    let groups = scene.groups();
    let names: Vec<Name> = (0..MAX_MEMBERS - 1).map(|number| Name::from(format!("project-{number}"))).collect();
    let (young, old) = (name("a-young"), name("z-old"));
    let with = |project, created| {
        let binding = BindingFacts { created: at(created), ..scene.facts().binding.unwrap() };
        ProjectFacts { name: project, binding: Some(binding), ..scene.facts() }
    };
    let coming = [with(&young, "2020-11-12"), with(&old, "2020-11-11")];
    let staying = names.iter().map(|project| with(project, "2020-11-13"));
    let members = desired_members(&groups[0], coming.into_iter().chain(staying), &groups, at(NOW));
    assert_eq!(members.len(), MAX_MEMBERS);
    assert!(members.contains(&old) && !members.contains(&young));
}

#[test]
fn a_choice_of_the_group_that_pays_by_default_is_written_down_once() {
    let chosen = Scene::to("a").paid(&[default_segment("2020-11-01", "a")]).members("a", p());
    assert_eq!(chosen.next(), Some(segment(NOW, "a")));
    let default =
        Scene { default: true, ..Scene::to("a") }.paid(&[default_segment("2020-11-01", "a")]).members("a", p());
    assert_eq!(default.next(), None);
    let kept = Scene { default: true, ..Scene::to("a") }.paid(&[segment("2020-11-01", "a")]).members("a", p());
    assert_eq!(kept.next(), None);
    let first = Scene { default: true, ..Scene::to("a") }.members("a", p());
    assert_eq!(first.next(), Some(default_segment(NOW, "a")));
}

#[test]
fn a_segment_begins_after_the_last_one_whatever_the_clock_says() {
    let scene = Scene::to("b").paid(&[segment("2020-11-15T12:00:00.000005", "a")]).members("b", p());
    let next = scene.next().unwrap();
    assert_eq!(next.from, at("2020-11-15T12:00:00.000006"));
    assert!(scene.ledger.as_ref().unwrap().append(next).is_ok());
}
