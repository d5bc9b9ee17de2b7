//! The objects that the command prints, and those that it reads again.

use std::fs;

use billing_api::{Invoice, InvoiceSlice};
use kubectl_billing::ExitStatus;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Run, preview};
use crate::Result;

const ACME: [&str; 2] = ["-f", "examples/acme"];

/// The items of the List that these arguments lead to.
fn items(arguments: &[&str], stdin: &str) -> Result<Vec<Value>> {
    let arguments: Vec<_> = arguments.iter().copied().chain(["-o", "json"]).collect();
    let mut list: Value = serde_json::from_str(&preview(&arguments, stdin)?.stdout)?;
    assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));
    Ok(list["items"].take().as_array().cloned().ok_or("a List has items")?)
}

/// The documents of the example.
fn acme() -> Result<Vec<Value>> {
    let mut paths = fs::read_dir("examples/acme")?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    let mut documents = Vec::new();
    for path in paths {
        documents.extend(serde_saphyr::from_multiple::<Value>(&fs::read_to_string(path)?)?);
    }
    Ok(documents)
}

/// Objects as a List, the way `kubectl get -o json` prints them.
fn list(items: &[Value]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": items }).to_string()
}

/// Objects as a cluster stores them: with UIDs, so that their status counts.
fn stored(mut items: Vec<Value>) -> Vec<Value> {
    for (index, item) in items.iter_mut().enumerate() {
        item["metadata"]["uid"] = format!("00000000-0000-4000-8000-{index:012}").into();
    }
    items
}

/// What the type of the API makes of an object.
fn through<K: Serialize + DeserializeOwned>(item: &Value) -> Result<Value> {
    Ok(serde_json::to_value(serde_json::from_value::<K>(item.clone())?)?)
}

/// Whether the objects are what their types write.
fn check_types(items: &[Value]) -> Result {
    for item in items {
        let written = match item["kind"].as_str() {
            Some("Invoice") => through::<Invoice>(item)?,
            Some("InvoiceSlice") => through::<InvoiceSlice>(item)?,
            kind => return Err(format!("{kind:?} is printed").into()),
        };
        assert_eq!(written, *item);
    }
    Ok(())
}

/// Whether the schema and the rules of the API server accept the objects, their status included.
fn check_accepted(items: Vec<Value>) -> Result {
    let Run { ended, stdout, stderr } = preview(&["-f", "-"], &list(&stored(items)))?;
    assert_eq!((ended, stdout.as_str()), (ExitStatus::Ok, ""), "{stderr}");
    Ok(())
}

/// `count` records of one project, each a line.
fn records(count: usize) -> Vec<Value> {
    let record = |index| {
        json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "UsageRecord",
            "metadata": { "name": format!("domain-{index:05}"), "namespace": "acme" },
            "spec": {
                "project": "acme-shop", "service": { "name": format!("d{index}.example"), "type": "Domain" },
                "start": "2026-10-02T00:00:00Z", "end": "2027-10-02T00:00:00Z",
            },
        })
    };
    (0..count).map(record).collect()
}

#[test]
fn json_and_yaml_are_the_objects_of_the_api() -> Result {
    let printed = items(&ACME, "")?;
    assert_eq!(printed.len(), 10);
    check_types(&printed)?;
    let yaml: Value = serde_saphyr::from_str(&preview(&["-f", "examples/acme", "-o", "yaml"], "")?.stdout)?;
    assert_eq!(yaml["items"].as_array(), Some(&printed));
    check_accepted(printed)
}

#[test]
fn the_order_of_files_and_documents_does_not_matter() -> Result {
    let mut documents = acme()?;
    documents.reverse();
    assert_eq!(items(&["-f", "-"], &list(&documents))?, items(&ACME, "")?);
    let files = ["40-usage", "00-organization", "30-bindings", "20-groups", "11-prices", "10-issuer", "01-projects"];
    let files = files.map(|file| format!("examples/acme/{file}.yaml"));
    let arguments: Vec<_> = files.iter().flat_map(|file| ["-f", file.as_str()]).collect();
    assert_eq!(items(&arguments, "")?, items(&ACME, "")?);
    Ok(())
}

#[test]
fn what_was_printed_can_be_read_again_and_changes_nothing() -> Result {
    let printed = items(&ACME, "")?;
    assert_eq!(items(&["-f", "examples/acme", "-f", "-"], &list(&printed))?, printed);
    Ok(())
}

#[test]
fn what_a_cluster_has_issued_again_is_among_its_finals() -> Result {
    let mut kept = items(&ACME, "")?;
    let first = kept.iter().find(|item| item["metadata"]["name"] == "aadb8-1").cloned().ok_or("a final")?;
    for (revision, number, before) in [(1, "aadb8-1-r1", "aadb8-1"), (2, "aadb8-1-r2", "aadb8-1-r1")] {
        let mut again = first.clone();
        (again["metadata"]["name"], again["spec"]["revision"]) = (number.into(), revision.into());
        let document = &mut again["status"]["document"];
        document["number"] = number.into();
        document["reissues"] = json!({
            "number": before, "issuedAt": "2026-09-01T00:01:00Z", "digest": first["status"]["document"]["digest"],
            "creditNote": format!("aadb8-cn{revision}"),
        });
        kept.push(again);
    }
    let documents: Vec<_> = acme()?.into_iter().chain(stored(kept)).collect();
    let printed = items(&["-f", "-", "--period", "2026-08"], &list(&documents))?;
    let numbers: Vec<_> = printed.iter().filter_map(|item| item["metadata"]["name"].as_str()).collect();
    assert_eq!(numbers, ["0726a-1", "aadb8-1", "aadb8-1-r1", "aadb8-1-r2"]);
    Ok(())
}

#[test]
fn what_a_cluster_has_made_final_stays_as_it_is() -> Result {
    let kept = stored(items(&ACME, "")?);
    let mut documents = acme()?;
    for entry in documents.iter_mut().filter_map(|document| document["spec"]["entries"].as_array_mut()).flatten() {
        entry["unitPrice"] = "7".into();
    }
    documents.extend(kept.clone());
    let printed = items(&["-f", "-"], &list(&documents))?;
    assert_eq!(printed.len(), kept.len());
    for (printed, kept) in printed.iter().zip(&kept) {
        match kept["status"]["phase"].as_str() {
            Some("Final") => assert_eq!(printed, kept),
            _ => assert_eq!(printed["metadata"]["name"], kept["metadata"]["name"]),
        }
    }
    let total = |items: &[Value], number| {
        let invoice = items.iter().find(|item| item["metadata"]["name"] == number);
        invoice.map(|invoice| invoice["status"]["document"]["total"].clone())
    };
    assert_eq!(total(&kept, "0726a-4"), Some("13.00".into()));
    assert_eq!(total(&printed, "0726a-4"), Some("3500.00".into())); // 500 hours at 7
    Ok(())
}

#[test]
fn a_group_whose_finals_are_elsewhere_goes_on_from_its_status() -> Result {
    let digest = format!("sha256:{}", "0".repeat(64));
    let mut documents = acme()?;
    for group in documents.iter_mut().filter(|document| document["metadata"]["name"] == "main") {
        group["metadata"]["uid"] = "0726acbf-6b75-869a-ad5b-aa553a2becf6".into();
        group["metadata"]["creationTimestamp"] = "2026-08-20T00:00:00Z".into();
        group["status"] = json!({
            "invoiceSeries": "acme", "firstPeriod": "2026-08",
            "lastFinal": { "number": "acme-2", "sequence": 2, "digest": digest },
        });
    }
    let printed = items(&["-f", "-"], &list(&documents))?;
    let invoices: Vec<_> = printed.iter().filter(|item| item["spec"]["billingGroup"] == "main").collect();
    let names: Vec<_> = invoices.iter().map(|invoice| &invoice["metadata"]["name"]).collect();
    assert_eq!(names, ["acme-3", "acme-4"]);
    assert_eq!(invoices[0]["status"]["document"]["previousDigest"], digest);
    Ok(())
}

#[test]
fn lines_beyond_one_object_are_printed_as_slices() -> Result {
    let mut documents = acme()?;
    documents.extend(records(1201));
    let printed = items(&["-f", "-", "--period", "2026-10"], &list(&documents))?;
    check_types(&printed)?;
    let invoice = printed.iter().find(|item| item["spec"]["billingGroup"] == "shop").ok_or("no invoice")?;
    let document = &invoice["status"]["document"];
    assert_eq!(document["total"], "16255.94"); // 1,201 domains at 12.50, and 1,243.44
    let listed: Vec<_> = document["slices"].as_array().ok_or("no slices")?.iter().map(|slice| &slice["name"]).collect();
    let slices = printed.iter().filter(|item| item["kind"] == "InvoiceSlice");
    let slices: Vec<_> = slices.map(|slice| &slice["metadata"]["name"]).collect();
    // Between 250 and 500 lines each, but for the last one.
    assert!((3..=5).contains(&slices.len()), "{}", slices.len());
    assert_eq!(slices, listed);
    check_accepted(printed)
}

#[test]
fn a_group_that_is_full_takes_no_more_projects() -> Result {
    let mut documents: Vec<_> = acme()?.into_iter().filter(|document| document["kind"] != "ProjectBinding").collect();
    documents.retain(|document| document["metadata"]["labels"].is_null() || document["metadata"]["name"] == "acme");
    for index in 0..2001 {
        let project = format!("p{index:04}");
        let labels = json!({ "billing-operator.io/organization": "acme" });
        documents.push(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": project, "labels": labels },
        }));
        documents.push(json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "ProjectBinding",
            "metadata": { "name": "billing", "namespace": project }, "spec": { "billingGroup": "test" },
        }));
    }
    let Run { ended, stderr, .. } = preview(&["-f", "-", "--default-binding", "off"], &list(&documents))?;
    assert_eq!(ended, ExitStatus::Refused);
    let refused: Vec<_> = stderr.lines().filter(|line| line.starts_with("refused: ")).collect();
    assert_eq!(refused.len(), 1, "{stderr}");
    assert!(refused[0].contains("ProjectBinding p2000/billing: BillingGroupFull: "), "{}", refused[0]);
    Ok(())
}
