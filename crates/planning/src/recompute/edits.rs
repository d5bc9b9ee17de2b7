//! What was edited since a final was made.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::difference::{Explanation, FieldDifference, Reason};
use billing_api::{CatalogInput, Document, DocumentRate, InputGeneration, Inputs, Line};
use billing_documents::issued::IssuedInvoice;
use billing_domain::{Group, Name};

/// The objects that decide about amounts and texts, each with what was done to it; `None` when it is as it was.
#[derive(Debug, Clone, Default)]
pub(super) struct Edits {
    pub(super) group: Option<Explanation>,
    pub(super) prices: Option<Explanation>,
    pub(super) rates: Option<Explanation>,
    pub(super) issuer: Option<Explanation>,
}

impl Edits {
    /// Compares what a final was computed from with what it would be computed from now.
    pub(super) fn new(recorded: &IssuedInvoice<'_>, computed: &Document, group: &Group) -> Self {
        let (then, now) = (&recorded.document.inputs, &computed.inputs);
        let edited = |reason, message: Option<String>| message.map(|message| Explanation::new(reason, message));
        Self {
            group: edited(
                Reason::BillingGroupChanged,
                generation("BillingGroup", &group.name, then.billing_group.as_ref(), now.billing_group.as_ref()),
            ),
            prices: edited(Reason::PriceListChanged, price_lists(&group.price_lists, recorded.document, now)),
            rates: edited(Reason::ExchangeRatesChanged, rates(recorded.document, computed)),
            issuer: edited(
                Reason::InvoiceIssuerChanged,
                generation("InvoiceIssuer", &group.issuer, then.issuer.as_ref(), now.issuer.as_ref()),
            ),
        }
    }

    /// What explains that a line of usage differs in these fields, when its record does not.
    pub(super) fn of_line(&self, fields: &[FieldDifference]) -> Option<Explanation> {
        // Late usage has the discounts and the rate of its month on its line.
        const DISCOUNTED: [&str; 3] = ["discounts", "total", "priceTotal"];
        const CONVERTED: [&str; 4] = ["exchangeRate", "preDiscount", "total", "priceTotal"];
        const PRICED: [&str; 14] = [
            "unit",
            "unitPrice",
            "per",
            "unitName",
            "maxPerMonth",
            "since",
            "tier",
            "roundUp",
            "before",
            "hours",
            "price",
            "preDiscount",
            "total",
            "priceTotal",
        ];
        let names: BTreeSet<&str> = fields.iter().filter_map(|field| field.field.split('.').next()).collect();
        let within = |most: &[&str]| names.iter().all(|name| most.contains(name));
        let discounted = self.group.as_ref().filter(|_| within(&DISCOUNTED));
        let converted = self.rates.as_ref().or(self.group.as_ref()).filter(|_| within(&CONVERTED));
        let priced = self.prices.as_ref().filter(|_| within(&PRICED));
        discounted.or(converted).or(priced).cloned()
    }
}

/// What was done to the price lists of a group, which are these now; and to those by which a final priced usage of closed months.
fn price_lists(named: &[Name], recorded: &Document, now: &Inputs) -> Option<String> {
    let kind = "PriceList";
    let mut then: Vec<_> = recorded.inputs.price_lists().collect();
    let agreed = recorded.terms.as_ref().map_or(0, |terms| terms.price_lists.len());
    let of_closed_months = if agreed == 0 { Vec::new() } else { then.split_off(agreed.min(then.len())) };
    if then.is_empty() {
        return Some(format!("the invoice does not say which {kind} it was computed from"));
    }
    if !then.iter().map(|list| list.name.as_str()).eq(named.iter().map(Name::as_str)) {
        let [now, then] = [in_words(named), in_words(then.iter().map(|list| &list.name))];
        return Some(format!("{kind} {now} applies now, and {then} applied then"));
    }
    let now = |then: &CatalogInput| now.price_lists().find(|list| list.name == then.name);
    let known = |then: &&CatalogInput| now(then).is_some();
    let of_closed_months = of_closed_months.into_iter().filter(known);
    then.into_iter().chain(of_closed_months).find_map(|then| catalog(kind, then, now(then)))
}

fn in_words(names: impl IntoIterator<Item = impl Display>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

fn catalog(kind: &str, then: &CatalogInput, now: Option<&CatalogInput>) -> Option<String> {
    let name = then.name.as_str();
    let Some(now) = now else { return Some(gone(kind, name, name)) };
    if let Some(other) = other(kind, (name, &then.uid), (now.name.as_str(), &now.uid)) {
        return Some(other);
    }
    let after = now.generation?;
    match then.generation {
        Some(before) if before == after => None,
        Some(before) => Some(edited(kind, name, before, after)),
        // An earlier version recorded the resourceVersion, which a write of the status changes too. What has its first generation
        // was never edited.
        None if after == 1 => None,
        None => Some(format!("{kind} {name} may have been edited since: the invoice does not record its generation")),
    }
}

fn generation(
    kind: &str,
    named: &str,
    then: Option<&InputGeneration>,
    now: Option<&InputGeneration>,
) -> Option<String> {
    let Some(then) = then else {
        return Some(format!("{kind} {named} may have been edited since: the invoice does not record its generation"));
    };
    let name = then.name.as_str();
    let Some(now) = now else { return Some(gone(kind, name, named)) };
    if let Some(other) = other(kind, (name, &then.uid), (now.name.as_str(), &now.uid)) {
        return Some(other);
    }
    let (before, after) = (then.generation, now.generation);
    (before != after).then(|| edited(kind, name, before, after))
}

fn edited(kind: &str, name: &str, before: i64, after: i64) -> String {
    format!("{kind} {name} has been edited since (generation {before}, now {after})")
}

/// The final is by one object, and now another is named, or one that was made anew.
fn other(kind: &str, then: (&str, &str), now: (&str, &str)) -> Option<String> {
    if then.0 != now.0 {
        return Some(format!("{kind} {} applies now, and {} applied then", now.0, then.0));
    }
    (then.1 != now.1).then(|| format!("{kind} {} was deleted and created again", then.0))
}

fn gone(kind: &str, then: &str, now: &str) -> String {
    if then == now {
        format!("{kind} {then} was deleted")
    } else {
        format!("{kind} {now} applies now, and {then} applied then")
    }
}

impl Edits {
    /// What explains that late usage is converted at another rate, which its line says itself.
    pub(super) fn of_late_line(recorded: &Line, computed: &Line, fields: &[FieldDifference]) -> Option<Explanation> {
        const CONVERTED: [&str; 4] = ["exchangeRate", "preDiscount", "total", "priceTotal"];
        let within =
            fields.iter().filter_map(|field| field.field.split('.').next()).all(|name| CONVERTED.contains(&name));
        let (then, now) = (recorded.exchange_rate.as_ref()?, computed.exchange_rate.as_ref()?);
        let message = quotes_added(then, now).filter(|_| within)?;
        Some(Explanation::new(Reason::ExchangeRatesChanged, message))
    }
}

/// Quotes are only added. So another rate is lawful when a day was added that is nearer to the one that it is for.
fn rates(recorded: &Document, computed: &Document) -> Option<String> {
    quotes_added(recorded.exchange_rate.as_ref()?, computed.exchange_rate.as_ref()?)
}

fn quotes_added(then: &DocumentRate, now: &DocumentRate) -> Option<String> {
    let (before, after) = (then.quote_date.as_str(), now.quote_date.as_str());
    (before < after)
        .then(|| format!("the quotes of {after} have been added since; those of {before} were the latest then"))
}
