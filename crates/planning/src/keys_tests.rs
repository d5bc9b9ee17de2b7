//! Whether a change wakes all that it concerns: whatever is not to be looked at again would decide as before.
//!
//! The operator looks at a key when the state says so, and at no other time but its own wake-ups. So a change that concerns a
//! key and does not name it would be overlooked until the next refresh. Histories made up at random compare what is planned for
//! every key before and after each change.

use std::collections::BTreeMap;

use billing_state::{Key, ObservedState};
use proptest::prelude::*;
use proptest::sample::select;

use crate::credit::plan_credit;
use crate::group::plan_group;
use crate::project::plan_project;
use crate::scenario::{self, ACME, at, binding, ledger, settings, state};
use crate::usage::plan_reports;

/// Manifests of which one after the other is applied; those of one name take each other's place.
fn changes() -> Vec<String> {
    let mut changes: Vec<String> = [
        // Projects, and what organization they are in.
        "kind: Namespace\nmetadata: {name: acme-api, labels: {billing-operator.io/organization: acme}}",
        "kind: Namespace\nmetadata: {name: acme-api, labels: {billing-operator.io/organization: acme, billing-operator.io/default-binding: 'false'}}",
        "kind: Namespace\nmetadata: {name: acme-web, labels: {billing-operator.io/organization: umbra}}",
        "kind: Namespace\nmetadata: {name: acme-web, labels: {billing-operator.io/organization: acme}}",
        // Groups: primary or not, their currency, terms, members.
        "kind: BillingGroup\nmetadata: {name: main, namespace: acme, finalizers: [billing-operator.io/settle]}\nspec: {primary: false}\nstatus: {invoiceSeries: aaaaa}",
        "kind: BillingGroup\nmetadata: {name: main, namespace: acme, finalizers: [billing-operator.io/settle]}\nspec: {primary: true}\nstatus: {invoiceSeries: aaaaa}",
        "kind: BillingGroup\nmetadata: {name: shop, namespace: acme, finalizers: [billing-operator.io/settle]}\nspec: {currency: EUR}\nstatus: {invoiceSeries: bbbbb, members: [{project: acme-web}]}",
        "kind: BillingGroup\nmetadata: {name: shop, namespace: acme, finalizers: [billing-operator.io/settle]}\nspec: {terms: {discounts: [{name: partner, percent: '10'}]}}\nstatus: {invoiceSeries: bbbbb, members: []}",
        "kind: BillingGroup\nmetadata: {name: shop, namespace: acme, finalizers: [billing-operator.io/settle], deletionTimestamp: '2026-11-20T00:00:00Z'}\nspec: {}\nstatus: {invoiceSeries: bbbbb}",
        "kind: BillingGroup\nmetadata: {name: main, namespace: acme, finalizers: [billing-operator.io/settle]}\nspec: {primary: true, terms: {priceLists: [deal, default]}}\nstatus: {invoiceSeries: aaaaa}",
        "kind: BillingGroup\nmetadata: {name: third, namespace: acme}\nspec: {}",
        // Usage: running, ended, of a type without a price, replaced.
        "kind: UsageRecord\nmetadata: {name: db, namespace: acme}\nspec: {project: acme-web, service: {name: db, type: PostgreSQL}, start: '2026-11-12T00:00:00Z'}",
        "kind: UsageRecord\nmetadata: {name: db, namespace: acme}\nspec: {project: acme-web, service: {name: db, type: PostgreSQL}, start: '2026-11-12T00:00:00Z', end: '2026-11-15T00:00:00Z'}",
        "kind: UsageRecord\nmetadata: {name: cache, namespace: acme}\nspec: {project: acme-api, service: {name: cache, type: Valkey}, start: '2026-11-13T00:00:00Z'}",
        "kind: UsageRecord\nmetadata: {name: cache-2, namespace: acme}\nspec: {project: acme-api, service: {name: cache, type: PostgreSQL}, start: '2026-11-13T00:00:00Z', replaces: cache}",
        // Prices, rates, the issuer, months that are over.
        "kind: PriceList\nmetadata: {name: default, resourceVersion: '7'}\nspec:\n  currency: USD\n  entries: [{name: vk, type: Valkey, unit: Hour, unitPrice: '1', validFrom: '2020-01-01T00:00:00Z'}]",
        "kind: PriceList\nmetadata: {name: deal}\nspec: {currency: USD, entries: [{name: pg, type: PostgreSQL, unit: Hour, unitPrice: '0.01', validFrom: '2020-01-01T00:00:00Z'}]}",
        "kind: PriceList\nmetadata: {name: deal}\nspec: {currency: EUR, entries: []}",
        "kind: InvoiceIssuer\nmetadata: {name: default, generation: 2}\nspec: {legalName: Example, suspend: true, exchangeRates: ecb}",
        "kind: ExchangeRates\nmetadata: {name: ecb-2026}\nspec: {source: ecb, year: 2026, base: EUR, quotes: [{date: '2026-11-20', rates: {USD: '1.25'}}]}",
        "kind: BillingPeriod\nmetadata: {name: 2026-10}\nspec: {start: '2026-10-01T00:00:00Z', end: '2026-11-01T00:00:00Z', attribution: Prorated}",
        // Credits: granted, claimed by a code.
        "kind: Credit\nmetadata: {name: welcome, namespace: acme}\nspec: {billingGroup: shop, type: Promotion, amount: {amount: '5', currency: USD}}",
        "kind: Credit\nmetadata: {name: welcome, namespace: acme}\nspec: {billingGroup: main, type: Promotion, amount: {amount: '5', currency: USD}}",
    ]
    .into_iter()
    .map(str::to_owned)
    .collect();
    changes.extend(ACME.split("\n---\n").map(str::to_owned));
    changes.extend(["main", "shop", "nobody"].map(|group| binding(group).replace("\n---\n", "")));
    changes.extend(
        [&["shop"][..], &["main", "shop"], &["shop", "main"]].map(|groups| ledger(groups).replace("\n---\n", "")),
    );
    changes
}

/// What is planned for a key; `None` where nothing is planned by key.
fn plan(state: &ObservedState, key: &Key) -> Option<String> {
    let (since, now, settings) = (at("2026-11-21T11:00:00Z"), at("2026-11-21T12:00:00Z"), settings());
    match key {
        Key::Project(project) => Some(format!("{:?}", plan_project(state, project, &settings, since, now))),
        Key::Group { organization, group } => {
            Some(format!("{:?}", plan_group(state, organization, *group, &settings, None, now)))
        }
        Key::Credit { organization, credit } => Some(format!("{:?}", plan_credit(state, organization, credit, now))),
        Key::Usage(organization) => {
            let mut plan = plan_reports(state, organization, &settings, now);
            plan.reports.sort_by(|a, b| a.usage.name.cmp(&b.usage.name)); // they come in no order
            Some(format!("{plan:?}"))
        }
        _ => None,
    }
}

/// An operator's looks: what it decided on each key when it last looked at it.
struct Looks {
    state: ObservedState,
    decided: BTreeMap<Key, String>,
}

impl Looks {
    /// Looks at everything there is.
    fn at(state: ObservedState) -> Self {
        let keys = state.all_keys();
        let mut looks = Self { state, decided: BTreeMap::new() };
        looks.look(&keys);
        looks
    }

    fn look(&mut self, keys: &[Key]) {
        let looked = keys.iter().filter_map(|key| Some((key.clone(), plan(&self.state, key)?)));
        self.decided.extend(looked);
    }

    /// The keys on which another look would decide otherwise than the last one did. Nothing is decided on an organization whose
    /// own namespace is not known yet.
    fn overlooked(&self) -> Vec<String> {
        if self.state.namespace("acme").is_none() {
            return Vec::new();
        }
        let decided = |key: &Key| self.decided.get(key).cloned().or_else(|| plan(&ObservedState::new(), key));
        let now = self.state.all_keys().into_iter().filter_map(|key| Some((plan(&self.state, &key)?, key)));
        let changed = now.filter(|(plan, key)| decided(key).as_ref() != Some(plan));
        changed.map(|(plan, key)| format!("{key:?}\n  was {:?}\n  is  {plan}", decided(&key))).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn a_change_wakes_all_that_it_concerns(
        order in prop::collection::vec(select(changes()), 1..16),
        known in any::<bool>(),
    ) {
        // Watches bring the kinds in any order: what an organization is may come last.
        let mut looks = Looks::at(if known { state(ACME) } else { ObservedState::new() });
        for change in &order {
            let woken = scenario::change(&mut looks.state, change);
            looks.look(&woken);
            let overlooked = looks.overlooked();
            prop_assert!(overlooked.is_empty(), "{change}\n{}", overlooked.join("\n"));
        }
    }
}

/// A record that costs its group something, with the keys that its state names, and without.
#[test]
fn a_key_that_is_not_woken_is_noticed() {
    let mut looks = Looks::at(state(&format!("{ACME}{}{}", binding("shop"), ledger(&["shop"]))));
    let usage = changes().into_iter().find(|change| change.contains("name: db")).unwrap();
    let woken = scenario::change(&mut looks.state, &usage);
    let shop = Key::Group { organization: "acme".into(), group: scenario::uid("BillingGroup", "acme", "shop") };
    let (shop, others): (Vec<Key>, Vec<Key>) = woken.into_iter().partition(|key| *key == shop);
    looks.look(&others);
    assert_eq!(looks.overlooked().len(), 1);
    looks.look(&shop);
    assert_eq!(looks.overlooked(), Vec::<String>::new());
}
