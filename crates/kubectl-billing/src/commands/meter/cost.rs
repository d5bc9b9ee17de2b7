//! What records cost, those that run for a whole month: by the engine of `preview`, with the price lists among the manifests.

use std::collections::{BTreeMap, BTreeSet};

use billing_api::{GROUP, UsageRecord, VERSION, labels};
use billing_domain::Month;
use serde_json::{Value, json};

use crate::commands::preview;
use crate::error::CommandError;
use crate::manifest;
use crate::read::{name, text};

/// The group that pays where the manifests have none.
const PAYER: &str = "meter-test";

/// What each record costs, by its name, as "1.50 USD"; nothing where the manifests have no price list. What is in the way is said
/// beside.
#[derive(Default)]
pub(super) struct Costs {
    pub by_record: BTreeMap<String, String>,
    pub problems: Vec<String>,
}

/// Has what runs do so for all of a month, ends what was counted where it was last read, and bills both, month by month.
pub(super) fn of(
    records: &[UsageRecord],
    namespaces: &[Value],
    manifests: &[Value],
    month: Month,
) -> Result<Costs, CommandError> {
    let mut by_month: BTreeMap<Month, Vec<UsageRecord>> = BTreeMap::new();
    for record in records {
        let billed = over(record, month);
        by_month.entry(Month::of(billed.spec.start.0)).or_default().push(billed);
    }
    let mut costs = Costs::default();
    for (month, records) in by_month {
        let Costs { by_record, problems } = in_month(&records, namespaces, manifests, month)?;
        costs.by_record.extend(by_record);
        for problem in problems {
            // What is wrong with a manifest is so in each month.
            if !costs.problems.contains(&problem) {
                costs.problems.push(problem);
            }
        }
    }
    Ok(costs)
}

/// A record as it is billed: all of the month, or what was counted until it was last read.
fn over(record: &UsageRecord, month: Month) -> UsageRecord {
    let mut record = record.clone();
    match record.spec.readings.iter().flatten().last() {
        Some(last) => record.spec.end = Some(last.at),
        None => {
            record.spec.start = billing_api::Time(month.start());
            record.spec.end = Some(billing_api::Time(month.end()));
        }
    }
    record
}

/// Bills records of one month.
fn in_month(
    records: &[UsageRecord],
    namespaces: &[Value],
    manifests: &[Value],
    month: Month,
) -> Result<Costs, CommandError> {
    let ours = |kind: &str| manifests.iter().filter(move |object| object["kind"] == kind).collect::<Vec<_>>();
    let lists = ours("PriceList");
    let Some(first) = lists.first() else { return Ok(Costs::default()) };
    let mut all: Vec<Value> = manifests
        .iter()
        .filter(|object| text(object, "/apiVersion").starts_with(GROUP) && object["kind"] != "Meter")
        .cloned()
        .collect();
    let list =
        if lists.iter().any(|list| name(list) == labels::DEFAULT_NAME) { labels::DEFAULT_NAME } else { name(first) };
    let groups: BTreeSet<_> =
        ours("BillingGroup").into_iter().map(|group| text(group, "/metadata/namespace")).collect();
    let mut organizations = BTreeSet::new();
    for record in records {
        let organization = record.metadata.namespace.as_deref().unwrap_or_default();
        all.push(serde_json::to_value(record).map_err(crate::output::OutputError::Json)?);
        all.push(namespace(&record.spec.project, organization, namespaces));
        if organizations.insert(organization.to_owned()) {
            all.push(namespace(organization, organization, namespaces));
            if !groups.contains(organization) {
                let terms = json!({ "firstPeriod": month.to_string(), "priceLists": [list] });
                let spec = json!({ "primary": true, "currency": first["spec"]["currency"], "terms": terms });
                all.push(json!({
                    "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "BillingGroup",
                    "metadata": { "name": PAYER, "namespace": organization }, "spec": spec,
                }));
            }
        }
    }
    if ours("InvoiceIssuer").is_empty() {
        all.push(json!({
            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": "InvoiceIssuer",
            "metadata": { "name": labels::DEFAULT_NAME }, "spec": { "legalName": PAYER },
        }));
    }
    let mut once = BTreeSet::new();
    all.retain(|object| {
        once.insert((
            text(object, "/kind").to_owned(),
            text(object, "/metadata/namespace").to_owned(),
            name(object).to_owned(),
        ))
    });
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": all }).to_string();
    let manifests = manifest::read(&["-".into()], &mut list.as_bytes())?;
    let (by_record, problems) = preview::cost_of_records(manifests, month.end())
        .map_err(|error| CommandError::Unusable(operator_kit::trouble::chain(&error)))?;
    Ok(Costs { by_record, problems })
}

/// A namespace as it is known, or as it has to be.
fn namespace(name_: &str, organization: &str, known: &[Value]) -> Value {
    let labels =
        known.iter().find(|namespace| name(namespace) == name_).map(|known| known["metadata"]["labels"].clone());
    let mut labels = labels.filter(Value::is_object).unwrap_or_else(|| json!({}));
    labels[labels::ORGANIZATION_LABEL] = json!(organization);
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name_, "labels": labels } })
}
