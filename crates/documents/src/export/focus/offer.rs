//! What is sold: a service by type, plan and cloud, or a charge that was agreed.
//!
//! Many lines sell the same, and have the same tags; what tables say of that is written once, and not for each of them.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::charge::Category;
use super::object;
use crate::export::cell::Cell;
use crate::export::lines::{json, line_type};
use billing_api::{Line, Service};

/// What is sold, as columns have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What identifies it.
    pub sku: String,
    /// What identifies its price.
    pub price: String,
    /// More of it, as JSON.
    pub details: Option<String>,
}

/// What was written of earlier lines of a document.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    /// By type, plan and cloud of the service, and the price list and its entry.
    offers: HashMap<[&'a str; 5], Rc<Offer>>,
    /// The tags of the last line that had any.
    tags: Option<(&'a BTreeMap<String, String>, Rc<str>)>,
}

impl<'a> Known<'a> {
    /// What a line sells, at a price of a list; nothing where it is no sale.
    pub(super) fn offer(&mut self, line: &'a Line, list: Option<&'a str>, category: Category) -> Option<Rc<Offer>> {
        let Some(service) = &line.service else { return agreed(line, category).map(Rc::new) };
        let text = |text: &'a Option<String>| text.as_deref().unwrap_or_default();
        let entry = line.price.as_ref().map_or("", |price| &*price.entry);
        let key = [service.kind.as_str(), text(&service.plan), text(&service.cloud), list.unwrap_or_default(), entry];
        Some(Rc::clone(self.offers.entry(key).or_insert_with(|| Rc::new(of_service(service, line, list)))))
    }

    /// The tags of a line as JSON; nothing where it has none.
    pub(super) fn tags(&mut self, line: &'a Line) -> Option<Rc<str>> {
        if let Some((_, written)) = self.tags.as_ref().filter(|(tags, _)| **tags == line.tags) {
            return Some(Rc::clone(written));
        }
        let Cell::Text(written) = json(line.tags.is_empty(), &line.tags) else { return None };
        let (_, written) = self.tags.insert((&line.tags, Rc::from(written)));
        Some(Rc::clone(written))
    }
}

fn of_service(service: &Service, line: &Line, list: Option<&str>) -> Offer {
    let mut sku = service.kind.clone();
    for part in [&service.plan, &service.cloud].into_iter().flatten() {
        sku.push('/');
        sku.push_str(part);
    }
    offer(sku, Some(service), (line, list))
}

/// The charge that was agreed, by its name.
fn agreed(line: &Line, category: Category) -> Option<Offer> {
    if line.adjusts.is_some() || !matches!(category, Category::Usage | Category::Purchase) {
        return None;
    }
    let name = line.source.as_ref().map(|source| source.part.as_deref().unwrap_or(&source.name));
    let sku = format!("{}/{}", line_type(line.kind), name.unwrap_or(&line.description));
    Some(offer(sku, None, (line, None)))
}

fn offer(sku: String, service: Option<&Service>, (line, list): (&Line, Option<&str>)) -> Offer {
    let entry = line.price.as_ref().map(|price| &*price.entry);
    let details = object([
        ("x_Plan", service.and_then(|service| service.plan.as_deref())),
        ("x_Cloud", service.and_then(|service| service.cloud.as_deref())),
        ("x_PriceList", list),
        ("x_PriceEntry", entry),
    ]);
    let details = if let Cell::Text(details) = details { Some(details.into_owned()) } else { None };
    let parts = [Some(sku.as_str()), list.filter(|_| entry.is_some()), entry];
    let price = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
    Offer { sku, price, details }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(plan: &str, cloud: &str, tag: &str) -> Line {
        let line = json!({
            "type": "ServiceCharge", "id": "0", "description": "", "total": "1.00",
            "service": { "name": "db", "type": "PostgreSQL", "plan": plan, "cloud": cloud },
            "price": { "entry": "pg", "validFrom": "2026-01-01T00:00:00Z" },
            "tags": { "team": tag },
        });
        serde_json::from_value(line).unwrap()
    }

    /// What is written once is written for what is alike and for nothing else: each part of it that differs is told apart.
    #[test]
    fn what_lines_have_alike_is_written_once_and_what_differs_is_not() {
        let lines = [line("S", "eu", "web"), line("S", "eu", "app"), line("L", "eu", "app"), line("S", "us", "web")];
        let mut known = Known::default();
        let offers: Vec<_> =
            lines.iter().map(|line| known.offer(line, Some("common"), Category::Usage).unwrap()).collect();
        let prices: Vec<&str> = offers.iter().map(|offer| offer.price.as_str()).collect();
        let [small, large, american] = ["S/eu", "L/eu", "S/us"].map(|sku| format!("PostgreSQL/{sku}/common/pg"));
        assert_eq!(prices, [&small, &small, &large, &american]);
        assert!(Rc::ptr_eq(&offers[0], &offers[1]));
        let negotiated = known.offer(&lines[0], Some("deal"), Category::Usage).unwrap();
        assert_eq!(negotiated.price, "PostgreSQL/S/eu/deal/pg");
        assert!(negotiated.details.as_ref().unwrap().contains(r#""x_PriceList":"deal""#), "{:?}", negotiated.details);
        let tags: Vec<_> = lines.iter().map(|line| known.tags(line).unwrap().to_string()).collect();
        assert_eq!(tags, ["web", "app", "app", "web"].map(|team| format!(r#"{{"team":"{team}"}}"#)));
    }
}
