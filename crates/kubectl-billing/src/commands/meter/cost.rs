//! What records cost that run for a whole month: by the engine of `preview`, with the price lists among the manifests.

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

/// What each record costs in a month, by its name, as "1.50 USD"; nothing where the manifests have no price list. What is in the way
/// is said beside.
pub(super) struct Costs {
    pub by_record: BTreeMap<String, String>,
    pub problems: Vec<String>,
}

/// Has the records run for all of a month, and bills them.
pub(super) fn of(
    records: &[UsageRecord],
    namespaces: &[Value],
    manifests: &[Value],
    month: Month,
) -> Result<Costs, CommandError> {
    let ours = |kind: &str| manifests.iter().filter(move |object| object["kind"] == kind).collect::<Vec<_>>();
    let lists = ours("PriceList");
    let Some(first) = lists.first() else { return Ok(Costs { by_record: BTreeMap::new(), problems: Vec::new() }) };
    let (start, end) = (billing_api::Time(month.start()), billing_api::Time(month.end()));
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
        let mut billed = record.clone();
        (billed.spec.start, billed.spec.end) = (start, Some(end));
        // What was counted is counted in this month.
        if let Some(readings) = &mut billed.spec.readings {
            readings.drain(..readings.len().saturating_sub(1));
            readings.iter_mut().for_each(|last| last.at = end);
        }
        all.push(serde_json::to_value(&billed).map_err(crate::output::OutputError::Json)?);
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
