//! Worlds made up at random: what the indexes answer is what a look at everything answers.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{ObjectKey, ObservedState, Observes, OrganizationState, convert};
use billing_api::{BillingGroup, Invoice, ProjectBinding, ProjectLedger};
use billing_domain::tenancy::membership::{ProjectFacts, desired_members};
use billing_domain::{Country, Currency, Name, Scale, ScalePricing, Scope, Tier, Timestamp, Uid};
use rust_decimal::Decimal;

const ORGANIZATIONS: [&str; 2] = ["acme", "umbra"];
const PROJECTS: [&str; 4] = ["p", "q", "r", "acme"];
const GROUPS: [&str; 3] = ["a", "b", "gone"];

/// Something that is observed.
#[derive(Debug, Clone)]
enum Event {
    Namespace { name: &'static str, organization: &'static str, terminating: bool },
    NoNamespace(&'static str),
    Binding { project: &'static str, group: &'static str },
    NoBinding(&'static str),
    Group { organization: &'static str, name: &'static str, members: Vec<&'static str> },
    NoGroup { organization: &'static str, name: &'static str },
    Ledger { organization: &'static str, project: &'static str, groups: Vec<&'static str> },
    NoLedger { organization: &'static str, project: &'static str },
}

fn event() -> impl Strategy<Value = Event> {
    let (organization, project, group) =
        (|| select(&ORGANIZATIONS[..]), || select(&PROJECTS[..]), || select(&GROUPS[..]));
    let member = prop::collection::vec(project(), 0..3);
    let payers = prop::collection::vec(group(), 1..4);
    prop_oneof![
        3 => (select(vec!["p", "q", "r", "acme", "umbra"]), organization(), prop::bool::weighted(0.1))
            .prop_map(|(name, organization, terminating)| Event::Namespace { name, organization, terminating }),
        1 => project().prop_map(Event::NoNamespace),
        4 => (project(), group()).prop_map(|(project, group)| Event::Binding { project, group }),
        1 => project().prop_map(Event::NoBinding),
        2 => (organization(), select(vec!["a", "b"]), member)
            .prop_map(|(organization, name, members)| Event::Group { organization, name, members }),
        1 => (organization(), group()).prop_map(|(organization, name)| Event::NoGroup { organization, name }),
        3 => (organization(), project(), payers)
            .prop_map(|(organization, project, groups)| Event::Ledger { organization, project, groups }),
        1 => (organization(), project()).prop_map(|(organization, project)| Event::NoLedger { organization, project }),
    ]
}

fn uid(text: &str) -> Uid {
    Uid(text.bytes().fold(1, |sum, byte| (sum << 8) | u128::from(byte)))
}

fn metadata(namespace: &str, name: &str) -> Value {
    let uid = uid(&format!("{namespace}/{name}")).to_string();
    let created = "2026-11-01T00:00:00Z";
    json!({ "name": name, "namespace": namespace, "uid": uid, "resourceVersion": "1", "generation": 1, "creationTimestamp": created })
}

fn enter(state: &mut ObservedState, event: &Event) {
    match event {
        Event::Namespace { name, organization, terminating } => {
            let mut metadata = metadata("", name);
            metadata["labels"] = json!({ "billing-operator.io/organization": organization });
            if *terminating {
                metadata["deletionTimestamp"] = json!("2026-11-02T00:00:00Z");
            }
            observe::<v1::Namespace>(state, json!({ "metadata": metadata }));
        }
        Event::NoNamespace(name) => drop(Observes::<v1::Namespace>::forget(state, &ObjectKey::cluster(name))),
        Event::Binding { project, group } => {
            let spec = json!({ "billingGroup": group });
            observe::<ProjectBinding>(state, json!({ "metadata": metadata(project, "billing"), "spec": spec }));
        }
        Event::NoBinding(project) => {
            drop(Observes::<ProjectBinding>::forget(state, &ObjectKey::namespaced(project, "billing")));
        }
        Event::Group { organization, name, members } => {
            let members: Vec<_> = members.iter().map(|project| json!({ "project": project })).collect();
            let (metadata, status) = (metadata(organization, name), json!({ "members": members }));
            observe::<BillingGroup>(state, json!({ "metadata": metadata, "spec": {}, "status": status }));
        }
        Event::NoGroup { organization, name } => {
            drop(Observes::<BillingGroup>::forget(state, &ObjectKey::namespaced(organization, name)));
        }
        Event::Ledger { organization, project, groups } => {
            let spec = json!({ "segments": segments(organization, groups) });
            observe::<ProjectLedger>(state, json!({ "metadata": metadata(organization, project), "spec": spec }));
        }
        Event::NoLedger { organization, project } => {
            drop(Observes::<ProjectLedger>::forget(state, &ObjectKey::namespaced(organization, project)));
        }
    }
}

fn segments(organization: &str, groups: &[&str]) -> Vec<Value> {
    let segment = |(day, group): (usize, &&str)| {
        json!({
            "from": format!("2026-11-{:02}T00:00:00Z", day + 1), "billingGroup": group,
            "billingGroupUID": uid(&format!("{organization}/{group}")).to_string(),
            "projectUID": uid("/p").to_string(), "default": false,
        })
    };
    groups.iter().enumerate().map(segment).collect()
}

fn observe<K: serde::de::DeserializeOwned>(state: &mut ObservedState, object: Value)
where
    ObservedState: Observes<K>,
{
    state.observe(serde_json::from_value(object).expect("an object of its kind"));
}

/// What an index answers otherwise than a look at everything does.
fn differences(state: &ObservedState) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: String, index: BTreeSet<Name>, all: BTreeSet<Name>| {
        if index != all {
            found.push(format!("{what}: {}, and not {}", listed(&index), listed(&all)));
        }
    };
    for (name, organization) in state.organizations() {
        let of_label = |(project, known): &(&Name, &super::Namespace)| known.organization == *name && *project != name;
        let labelled = state.namespaces().filter(of_label).map(|(project, _)| project.clone()).collect();
        compare(
            format!("projects of {name}"),
            state.projects_of(name).map(|(name, _)| name.clone()).collect(),
            labelled,
        );

        let all = || state.projects_in(name, organization);
        let unpaid = names(all().filter(|project| project.ledger.is_none()));
        compare(format!("unpaid in {name}"), names(state.projects_without_payer_in(name, organization)), unpaid);

        let groups = organization.all_group_facts();
        for facts in &groups {
            let what = format!("of {name}/{}", facts.group.name);
            let concerns = |project: &ProjectFacts<'_>| {
                let bound = project.binding.is_some_and(|binding| *binding.group == facts.group.name);
                let mut segments = project.ledger.iter().flat_map(|ledger| ledger.segments());
                bound || segments.any(|segment| segment.group_uid == facts.group.uid)
            };
            let near = || state.projects_of_group(name, organization, facts.group);
            compare(format!("concerned {what}"), names(near()), names(all().filter(concerns)));
            let members = |projects: Vec<ProjectFacts<'_>>| desired_members(facts, projects, &groups, now());
            compare(format!("members {what}"), members(near().collect()), members(all().collect()));
        }
    }
    found
}

fn listed(names: &BTreeSet<Name>) -> String {
    let names: Vec<_> = names.iter().map(Name::as_str).collect();
    if names.is_empty() { "-".to_owned() } else { names.join(" ") }
}

fn names<'a>(projects: impl Iterator<Item = ProjectFacts<'a>>) -> BTreeSet<Name> {
    projects.map(|project| project.name.clone()).collect()
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("an instant")
}

proptest! {
    #[test]
    fn the_indexes_answer_what_a_look_at_everything_does(events in prop::collection::vec(event(), 0..60)) {
        let mut state = ObservedState::new();
        for event in &events {
            enter(&mut state, event);
            prop_assert_eq!(differences(&state), Vec::<String>::new(), "after {:?}", event);
        }
    }
}

/// What an organization's groups and projects are, by all that decides about them.
fn seen_by(state: &ObservedState, name: &Name) -> Vec<String> {
    // One that everything left is no other than one that nothing ever was in.
    let nothing = OrganizationState::default();
    let organization = state.organization(name).unwrap_or(&nothing);
    let mut seen = vec![
        format!("projects {}", listed(&state.projects_of(name).map(|(name, _)| name.clone()).collect())),
        format!("here {}", listed(&names(state.projects_in(name, organization)))),
        format!("unpaid {}", listed(&names(state.projects_without_payer_in(name, organization)))),
    ];
    let groups = organization.all_group_facts();
    for facts in &groups {
        let near = || state.projects_of_group(name, organization, facts.group);
        let members = desired_members(facts, near(), &groups, now());
        seen.push(format!("{}: near {}, members {}", facts.group.name, listed(&names(near())), listed(&members)));
    }
    seen
}

proptest! {
    #[test]
    fn an_organization_alone_in_the_cluster_is_what_it_is_among_others(events in prop::collection::vec(event(), 0..60)) {
        let mut state = ObservedState::new();
        events.iter().for_each(|event| enter(&mut state, event));
        for name in ORGANIZATIONS {
            let mut alone = state.cluster_of(name);
            prop_assert!(alone.organizations().all(|(known, _)| known.as_str() == name));
            for event in &events {
                match event {
                    Event::Group { organization, .. }
                    | Event::NoGroup { organization, .. }
                    | Event::Ledger { organization, .. }
                    | Event::NoLedger { organization, .. } if *organization == name => enter(&mut alone, event),
                    _ => {}
                }
            }
            let name = Name::from(name);
            prop_assert_eq!(seen_by(&alone, &name), seen_by(&state, &name));
        }
    }
}

/// A project of `acme` that `a` pays for.
fn bound() -> ObservedState {
    let mut state = ObservedState::new();
    let events = [
        Event::Namespace { name: "acme", organization: "acme", terminating: false },
        Event::Namespace { name: "p", organization: "acme", terminating: false },
        Event::Group { organization: "acme", name: "a", members: vec!["p"] },
        Event::Binding { project: "p", group: "a" },
    ];
    events.iter().for_each(|event| enter(&mut state, event));
    state
}

#[test]
fn an_index_that_is_not_kept_is_noticed() {
    let mut state = bound();
    assert_eq!(differences(&state), Vec::<String>::new());
    let binding = state.bindings.remove("p").expect("it is bound");
    assert_eq!(differences(&state), ["concerned of acme/a: p, and not -"]);
    state.organization_mut(&Name::from("acme")).bound.clear();
    state.bindings.insert(Name::from("p"), binding);
    assert_eq!(differences(&state), ["concerned of acme/a: -, and not p", "members of acme/a: -, and not p"]);
}

/// What the state says of an object that it cannot read.
fn unreadable(state: &ObservedState) -> Vec<String> {
    let known = state.organization("acme");
    known.into_iter().flat_map(|known| known.unreadable()).map(|(object, error)| format!("{object}: {error}")).collect()
}

#[test]
fn a_last_final_that_cannot_be_read_is_not_taken_for_none() {
    let check = |last: Value, expected: &[&str]| {
        let mut state = ObservedState::default();
        let status = json!({ "lastFinal": last });
        observe::<BillingGroup>(&mut state, json!({ "metadata": metadata("acme", "a"), "spec": {}, "status": status }));
        assert_eq!(unreadable(&state), expected, "{last}");
    };
    let carried = |amount: &str, currency: &str| {
        let invoice = uid("acme/a-1").to_string();
        json!({ "number": "a-1", "sequence": 1, "digest": "d", "carriedForward": {
            "amount": amount, "currency": currency, "invoiceUID": invoice,
        } })
    };
    check(json!({ "number": "a-1", "sequence": 1, "digest": "d" }), &[]);
    check(carried("12.50", "USD"), &[]);
    check(carried("12.50", "HRK"), &[]); // it was a currency when the final was made
    let unreadable = "BillingGroup acme/a: status.lastFinal.carriedForward";
    check(carried("12,50", "USD"), &[&format!("{unreadable} \"12,50 USD\" cannot be read")]);
    check(carried("12.50", "usd"), &[&format!("{unreadable} \"12.50 usd\" cannot be read")]);
    for sequence in [0, -1] {
        let last = json!({ "number": "a-1", "sequence": sequence, "digest": "d" });
        check(last, &[&format!("BillingGroup acme/a: status.lastFinal.sequence \"{sequence}\" cannot be read")]);
    }
}

#[test]
fn an_object_without_the_identity_that_servers_give_is_not_read() {
    let mut state = ObservedState::default();
    let ledger = |metadata: Value| json!({ "metadata": metadata, "spec": { "segments": segments("acme", &["a"]) } });
    let mut nameless = metadata("acme", "p");
    nameless.as_object_mut().unwrap().remove("resourceVersion");
    observe::<ProjectLedger>(&mut state, ledger(nameless));
    assert_eq!(unreadable(&state), ["ProjectLedger acme/p: metadata.resourceVersion is missing"]);
    observe::<ProjectLedger>(&mut state, ledger(metadata("acme", "p")));
    assert_eq!(unreadable(&state), [""; 0]);
}

#[test]
fn a_final_without_a_document_is_none_that_used_nothing() {
    let invoice = |status: Value| {
        let spec = json!({
            "billingGroup": "a", "billingGroupUID": uid("acme/a").to_string(), "period": "2026-10", "series": "a",
            "sequence": 1,
        });
        json!({ "metadata": metadata("acme", "a-1"), "spec": spec, "status": status })
    };
    let document = json!({
        "number": "a-1", "issuedAt": "2026-11-01T01:00:00Z", "attribution": "MonthEnd", "currency": "USD",
        "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
        "seller": { "legalName": "Example" }, "buyer": { "billingGroup": "a", "paymentMethod": "Card" },
        "lines": [], "subtotal": "0.00", "tax": "0.00", "total": "0.00", "digest": "sha256:1",
    });
    let known = |status: Value| {
        let mut state = ObservedState::default();
        observe::<Invoice>(&mut state, invoice(status));
        state.organization("acme").and_then(|known| known.invoices.final_("a-1").map(|known| known.digest.clone()))
    };
    assert_eq!(known(json!({ "phase": "Final", "document": document })), Some("sha256:1".to_owned()));
    assert_eq!(known(json!({ "phase": "Final" })), None);
}

/// Every code of so many capital letters.
fn codes(letters: u32) -> impl Iterator<Item = String> {
    let letter = |code: u32, place: u32| char::from(b'A' + u8::try_from(code / 26_u32.pow(place) % 26).unwrap());
    (0..26_u32.pow(letters)).map(move |code| (0..letters).rev().map(|place| letter(code, place)).collect())
}

#[test]
fn the_definitions_know_the_codes_that_billing_knows() {
    let in_use = codes(3).filter_map(|code| Some((code.parse::<Currency>().ok()?.digits(), code)));
    let mut by_digits: BTreeMap<u32, String> = BTreeMap::new();
    for (digits, code) in in_use {
        by_digits.entry(digits).or_default().push_str(&format!(" {code}"));
    }
    let known = |codes: &str| codes.split_whitespace().map(|code| format!(" {code}")).collect::<String>();
    let defined = billing_api::codes::CURRENCIES.iter().map(|(digits, codes)| (*digits, known(codes)));
    assert_eq!(defined.collect::<BTreeMap<_, _>>(), by_digits);
    let countries: String =
        codes(2).filter(|code| code.parse::<Country>().is_ok()).map(|code| format!(" {code}")).collect();
    assert_eq!(known(billing_api::codes::COUNTRIES), countries);
}

#[test]
fn what_cannot_be_used_of_prices_and_rates_says_where_and_why() {
    let entry = |name: &str, kind: &str, price: &str| json!({ "name": name, "type": kind, "unit": "Hour", "unitPrice": price, "validFrom": "2020-01-01T00:00:00Z" });
    let list = |currency: &str, entries: Value| {
        let spec = json!({ "currency": currency, "entries": entries });
        let object = serde_json::from_value(json!({ "metadata": metadata("", "default"), "spec": spec })).unwrap();
        convert::price_list(&object)
    };
    let entries = json!([entry("a", "VM", "1,5"), entry("b", "PostgreSQL", "1.5")]);
    let read = list("USD", entries).unwrap();
    let unusable: Vec<_> = read.unusable_types().map(|(kind, error)| format!("{kind} {error}")).collect();
    assert_eq!(unusable, ["VM spec.entries[0].unitPrice: \"1,5\" is no price"]);
    assert_eq!(read.entries_for("PostgreSQL").count(), 1);
    let words = "spec.currency: CLF is the code of a fund, in which nothing is paid; use a currency";
    assert_eq!(list("CLF", json!([])).unwrap_err().to_string(), words);

    let rates = |base: &str, rate: &str| {
        let quotes = json!([{ "date": "2026-11-02", "rates": { "USD": rate } }]);
        let spec = json!({ "source": "ecb", "year": 2026, "base": base, "quotes": quotes });
        let object = serde_json::from_value(json!({ "metadata": metadata("", "ecb-2026"), "spec": spec })).unwrap();
        convert::exchange_rates(&object).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(rates("EUR", "1.1"), Ok(()));
    assert_eq!(rates("EUR", "-1"), Err("spec.quotes[0].rates.USD: \"-1\" is no rate".to_owned()));
    assert_eq!(rates("ECU", "1.1"), Err("spec.base: \"ECU\" is not an ISO 4217 currency".to_owned()));
}

#[test]
fn a_price_list_says_how_what_comes_together_is_priced() {
    let tiers = json!([{ "upTo": "10", "unitPrice": "2" }, { "unitPrice": "1.5" }]);
    let entry = |name: &str, more: Value| {
        let mut entry = json!({ "name": name, "type": name, "unit": "Unit", "validFrom": "2026-01-01T00:00:00Z" });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let list = json!({
        "metadata": { "name": "page", "uid": "00000000-0000-4000-8000-000000000001", "generation": 1 },
        "spec": { "currency": "USD", "entries": [
            entry("graduated", json!({ "tiers": tiers })),
            entry("volume", json!({ "tiers": tiers, "mode": "Volume", "scope": "BillingGroup" })),
            entry("packages", json!({ "unitPrice": "3", "per": 5, "roundUp": true })),
            entry("plain", json!({ "unitPrice": "3", "roundUp": false })),
            entry("priceless", json!({})),
        ]},
    });
    let list = convert::price_list(&serde_json::from_value(list).unwrap()).unwrap();
    let scale = |kind: &str| list.entries_for(kind).next().unwrap().price.scale.as_deref().cloned();
    let tiers = |ends: [(Option<i64>, &str); 2]| {
        let tier = |(up_to, amount): (Option<i64>, &str)| Tier {
            up_to: up_to.map(Decimal::from),
            amount: Decimal::from_str_exact(amount).unwrap(),
        };
        ends.map(tier).to_vec()
    };
    let page = tiers([(Some(10), "2"), (None, "1.5")]);
    let (project, group) = (Scope::Project, Scope::BillingGroup);
    assert_eq!(scale("graduated"), Some(Scale { scope: project, pricing: ScalePricing::Graduated(page.clone()) }));
    assert_eq!(scale("volume"), Some(Scale { scope: group, pricing: ScalePricing::Volume(page) }));
    assert_eq!(scale("packages"), Some(Scale { scope: project, pricing: ScalePricing::Packages }));
    assert_eq!(scale("plain"), None);
    // A price that is missing is none, and never zero.
    assert!(list.unusable("priceless").unwrap().to_string().contains("unitPrice"));
}
