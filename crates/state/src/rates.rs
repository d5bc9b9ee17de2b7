//! Exchange rates: what each source quoted, and which groups pay by it.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use kube_core::ResourceExt;

use super::published::passed_over;
use super::{Key, ObjectKey, ObservedState, Observes, Published, Usability, convert};
use billing_api::ExchangeRates;
use billing_domain::{Group, NO_EXCHANGE_RATES, Name, Rates, YearlyQuotes};

impl Observes<ExchangeRates> for ObservedState {
    fn observe(&mut self, object: ExchangeRates) -> Vec<Key> {
        let quotes = convert::exchange_rates(&object);
        let usability = Usability::of_rates(&quotes, passed_over(&object));
        let mut keys = self.note_readiness(Published::ExchangeRates, &object, object.status.as_ref(), usability);
        keys.extend(self.put_quotes(&object.name_any(), quotes.map_err(|error| error.to_string())));
        keys
    }

    fn reject(&mut self, key: &ObjectKey, error: String) -> Vec<Key> {
        let mut keys = self.note_unreadable(Published::ExchangeRates, &key.name.as_str().into(), error.clone());
        keys.extend(self.put_quotes(&key.name, Err(error)));
        keys
    }

    fn forget(&mut self, key: &ObjectKey) -> Vec<Key> {
        self.forget_readiness(Published::ExchangeRates, &key.name.as_str().into());
        let Some((source, year)) = source_and_year(&key.name) else { return Vec::new() };
        if let Some(rates) = self.rates.get_mut(&source) {
            rates.remove(year);
            if rates.is_empty() {
                self.rates.remove(&source);
            }
        }
        self.keys_affected_by_rates(&source)
    }

    fn observed_keys(&self) -> HashSet<ObjectKey> {
        let years = self.rates.iter().flat_map(|(source, rates)| rates.years().map(move |(year, _)| (source, year)));
        years.map(|(source, year)| ObjectKey::cluster(&format!("{source}-{year:04}"))).collect()
    }
}

/// The name of an object says which quotes it holds, as a rule of its definition has it: `ecb-2026`.
fn source_and_year(name: &str) -> Option<(Name, i32)> {
    let (source, year) = name.rsplit_once('-')?;
    Some((source.into(), year.parse().ok()?))
}

impl ObservedState {
    /// The exchange rates of a group's issuer; those of no source while it names none.
    pub fn rates_of(&self, group: &Group) -> Cow<'_, Rates> {
        let issuer = self.issuer(&group.issuer).and_then(|issuer| issuer.as_ref().ok());
        let Some(source) = issuer.and_then(|issuer| issuer.object.spec.exchange_rates.as_ref()) else {
            return Cow::Borrowed(&NO_EXCHANGE_RATES);
        };
        match self.rates.get(source.as_str()) {
            Some(rates) => Cow::Borrowed(rates),
            None => Cow::Owned(Rates::of(source.as_str().into())),
        }
    }

    /// Whether a group pays in another currency than its prices are in.
    pub fn pays_by_rates(&self, group: &Group) -> bool {
        self.prices_of(group).is_ok_and(|prices| group.currency.is_some_and(|currency| currency != prices.currency()))
    }

    /// Takes quotes in; answers with what that concerns, which is nobody where they were known.
    fn put_quotes(&mut self, name: &str, quotes: Result<YearlyQuotes, String>) -> Vec<Key> {
        let Some((source, year)) = source_and_year(name) else { return Vec::new() };
        let rates = self.rates.entry(source.clone()).or_insert_with(|| Rates::of(source.clone()));
        let quotes = quotes.map(Arc::new);
        if rates.years().any(|known| known == (year, &quotes)) {
            return Vec::new();
        }
        rates.put(year, quotes);
        self.keys_affected_by_rates(&source)
    }

    /// The groups that pay by the rates of a source, and the usage of their organizations.
    fn keys_affected_by_rates(&self, source: &Name) -> Vec<Key> {
        let names_source = |issuer: &billing_api::InvoiceIssuer| {
            issuer.spec.exchange_rates.as_ref().is_some_and(|named| named.as_str() == source.as_str())
        };
        let issuers: BTreeSet<&Name> = self
            .issuers
            .iter()
            .filter(|(_, issuer)| issuer.as_ref().is_ok_and(|known| names_source(&known.object)))
            .map(|(name, _)| name)
            .collect();
        let mut keys = Vec::new();
        for (organization, state) in &self.organizations {
            let groups = state.organization.groups();
            let by_rates = groups.filter(|group| issuers.contains(&group.issuer) && self.pays_by_rates(group));
            let before = keys.len();
            keys.extend(by_rates.map(|group| Key::Group { organization: organization.clone(), group: group.uid }));
            if keys.len() > before {
                keys.push(Key::Usage(organization.clone()));
            }
        }
        keys
    }
}
