//! How far the operator is with what the provider publishes for all. Of a list, an issuer or rates no more is kept than what their next
//! status is made of.

use std::collections::BTreeSet;
use std::fmt;

use chrono::Datelike;
use kube_core::ResourceExt;

use billing_api::{self as api, ReadinessStatus};
use billing_domain::{Currency, Date, Name, PriceList};

use super::convert::{ConvertError, UnusableParts};
use super::{Key, ObservedState};

/// A kind that the provider publishes for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Published {
    /// What things cost.
    PriceList,
    /// Who bills.
    InvoiceIssuer,
    /// What currencies cost.
    ExchangeRates,
    /// A code that becomes a credit.
    CreditCode,
}

impl fmt::Display for Published {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::PriceList => "price list",
            Self::InvoiceIssuer => "invoice issuer",
            Self::ExchangeRates => "exchange rates",
            Self::CreditCode => "credit code",
        })
    }
}

/// Whether all of an object can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usability {
    /// Everything that counts; the rest is passed over, and nobody can ask for it.
    Usable {
        /// What is passed over.
        passed_over: Vec<String>,
    },
    /// Not these parts: the path of each, and why.
    Unusable(Vec<String>),
    /// Nothing of it: it does not decode.
    Unreadable(String),
}

/// How far the operator is with an object.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedReadiness {
    /// The generation of the object; `None` where it does not decode.
    pub generation: Option<i64>,
    /// What is written on it.
    pub status: ReadinessStatus,
    /// What it is worth.
    pub usability: Usability,
}

impl Usability {
    /// Usable, unless a part is not.
    fn without(problems: Vec<String>) -> Self {
        if problems.is_empty() { Usability::Usable { passed_over: Vec::new() } } else { Usability::Unusable(problems) }
    }

    /// Of a price list.
    pub(super) fn of_prices(list: &Result<PriceList, ConvertError>) -> Self {
        match list {
            Ok(list) => {
                let unusable = list.unusable_types();
                Self::without(unusable.map(|(kind, error)| format!("spec.entries of type {kind}: {error}")).collect())
            }
            Err(error) => Usability::Unusable(vec![error.to_string()]),
        }
    }

    /// Of an issuer.
    pub(super) fn of_issuer(parts: Result<&UnusableParts, &ConvertError>) -> Self {
        match parts {
            Ok(UnusableParts { country, minimum_charges, tax_rules }) => {
                let charges = minimum_charges.iter().map(|(_, error)| error);
                let errors = country.iter().chain(charges).chain(tax_rules.iter().map(|rule| &rule.error));
                Self::without(errors.map(ConvertError::to_string).collect())
            }
            Err(error) => Usability::Unusable(vec![error.to_string()]),
        }
    }

    /// Of the rates of a year.
    pub(super) fn of_rates<T>(quotes: &Result<T, ConvertError>, passed_over: Vec<String>) -> Self {
        match quotes {
            Ok(_) => Usability::Usable { passed_over },
            Err(error) => Usability::Unusable(vec![error.to_string()]),
        }
    }
}

impl ObservedState {
    /// How far the operator is with an object that the provider publishes; `None` when it is gone. (Of a code that decodes, the
    /// object itself tells.)
    pub fn readiness(&self, kind: Published, name: &str) -> Option<&ObservedReadiness> {
        self.readiness.get(&(kind, Name::from(name)))
    }

    /// A status was written on an object; what does not decode tells it nobody else.
    pub fn record_readiness(&mut self, kind: Published, name: &Name, status: ReadinessStatus) {
        if let Some(known) = self.readiness.get_mut(&(kind, name.clone())) {
            known.status = status;
        }
    }

    /// Keeps what the next status of an object is made of; answers with the work on it.
    pub(super) fn note_readiness(
        &mut self,
        kind: Published,
        object: &impl ResourceExt,
        status: Option<&ReadinessStatus>,
        usability: Usability,
    ) -> Vec<Key> {
        let name = Name::from(object.name_any());
        let (generation, status) = (object.meta().generation, status.cloned().unwrap_or_default());
        self.readiness.insert((kind, name.clone()), ObservedReadiness { generation, status, usability });
        vec![Key::Published { kind, name }]
    }

    /// An object does not decode, its status included.
    pub(super) fn note_unreadable(&mut self, kind: Published, name: &Name, error: String) -> Vec<Key> {
        let status = self.readiness.remove(&(kind, name.clone())).map(|known| known.status).unwrap_or_default();
        let usability = Usability::Unreadable(error);
        self.readiness.insert((kind, name.clone()), ObservedReadiness { generation: None, status, usability });
        vec![Key::Published { kind, name: name.clone() }]
    }

    /// An object is gone, or tells for itself.
    pub(super) fn forget_readiness(&mut self, kind: Published, name: &Name) {
        self.readiness.remove(&(kind, name.clone()));
    }

    /// The work on everything that is published.
    pub(super) fn published_keys(&self) -> impl Iterator<Item = Key> {
        let codes = self.codes.names().map(|name| (Published::CreditCode, name.clone()));
        let keys: BTreeSet<_> = self.readiness.keys().cloned().chain(codes).collect();
        keys.into_iter().map(|(kind, name)| Key::Published { kind, name })
    }
}

/// What of rates is passed over: codes that are no currency any more, or not yet, and days that never were.
pub(super) fn passed_over(object: &api::ExchangeRates) -> Vec<String> {
    let mut found = BTreeSet::new();
    for api::DayOfQuotes { date, rates } in &object.spec.quotes {
        let day = date.parse::<Date>().ok().filter(|day| day.year() == object.spec.year);
        if day.is_none() {
            found.insert(date.to_string());
        }
        found.extend(rates.keys().filter(|code| code.parse::<Currency>().is_err()).cloned());
    }
    found.into_iter().collect()
}
