//! `kubectl billing explain` and `verify`: how an invoice came about, and whether it is right.

mod late;
mod records;

use std::fs;
use std::path::Path;

use billing_api::{Document, Invoice, InvoiceSlice};
use billing_documents::document::document_digest;
use billing_documents::verify::{Finding, verify_document};
use billing_test_harness::User;
use kube::ResourceExt;
use kubectl_billing::ExitStatus;
use serde_json::{Value, json};

use crate::Result;
use crate::month::stage::{awaited, back, database, document, domain, final_of, later, terms};
use crate::preview::check_block;
use crate::support::command::{Run, run};
use crate::support::{Scene, World};

/// Runs a command about an organization of a cluster.
pub async fn ask(scene: &Scene<'_>, organization: &str, arguments: &[&str]) -> Result<Run> {
    let kubeconfig = scene.control_plane.kubeconfig(User::ClusterAdmin).display().to_string();
    let arguments = [arguments, &["-n", organization, "--kubeconfig", &kubeconfig]].concat();
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    // Commands have a runtime of their own.
    let command = move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), "");
    tokio::task::spawn_blocking(command).await?
}

/// The invoices of the example, as the operator writes them.
fn example() -> Result<String> {
    let Run { ended, stdout: invoices, stderr: said } = run(&["preview", "-f", "examples/acme", "-o", "json"], "")?;
    if ended == ExitStatus::Ok { Ok(invoices) } else { Err(said.into()) }
}

#[test]
fn an_invoice_of_the_example_is_explained_line_by_line() -> Result {
    let Run { ended, stdout: explained, .. } = run(&["explain", "aadb8-3", "-f", "-"], &example()?)?;
    assert_eq!(ended, ExitStatus::Ok);
    let golden = Path::new("tests/it/explain/aadb8-3.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(golden, &explained)?;
    }
    assert_eq!(explained, fs::read_to_string(golden)?);
    Ok(())
}

#[test]
fn one_line_is_found_by_its_id_or_by_its_record() -> Result {
    let example = example()?;
    let all: Value = serde_json::from_str(&run(&["explain", "aadb8-3", "-f", "-", "-o", "json"], &example)?.stdout)?;
    let line = &all["lines"][2];
    let id = line["id"].as_str().unwrap_or_default();
    for wanted in [id, &id[..6], "acme-shop-orders-20260801"] {
        let Run { stdout: one, .. } = run(&["explain", "aadb8-3", wanted, "-f", "-", "-o", "json"], &example)?;
        let one: Value = serde_json::from_str(&one)?;
        assert_eq!(one["lines"], json!([line]), "{wanted}");
    }
    let Run { ended, stderr: said, .. } = run(&["explain", "aadb8-3", "nobody", "-f", "-"], &example)?;
    assert_eq!(ended, ExitStatus::Failed);
    assert!(said.contains("invoice aadb8-3 has no line nobody"), "{said}");
    Ok(())
}

#[test]
fn an_invoice_that_is_not_there_is_an_error_that_names_it() -> Result {
    let Run { ended, stderr: said, .. } = run(&["explain", "aadb8-99", "-f", "-"], &example()?)?;
    assert_eq!(ended, ExitStatus::Failed);
    assert!(said.contains("there is no invoice aadb8-99 in the files"), "{said}");
    Ok(())
}

#[test]
fn the_example_is_verified_back_to_the_first_invoice() -> Result {
    let of_itself = "From what it records\n  aadb8-3: correct\n  aadb8-2: correct\n  aadb8-1: correct\n";
    let Run { ended, stdout: said, .. } = run(&["verify", "aadb8-3", "-f", "-", "--document-only"], &example()?)?;
    assert_eq!((ended, &*said), (ExitStatus::Ok, of_itself));
    // Without the records there is nothing to compare with, and nothing wrong.
    let Run { ended, stdout: said, .. } = run(&["verify", "aadb8-3", "-f", "-"], &example()?)?;
    let nothing = "aadb8-3: not compared: BillingGroup shop was deleted, or is not among the records that were read";
    assert_eq!(
        (ended, said),
        (ExitStatus::Ok, format!("{of_itself}\nFrom the records as they are now\n  {nothing}\n"))
    );
    Ok(())
}

/// What a verification prints of the records, with the manifests of the example beside its invoices.
fn verified(arguments: &[&str], records: &str) -> Result<Run> {
    let records = format!("{records}\n---\n{}", example()?);
    run(&[&["verify", "aadb8-3", "-f", "examples/acme", "-f", "-"], arguments].concat(), &records)
}

#[test]
fn the_example_comes_out_byte_for_byte_from_its_records() -> Result {
    let Run { ended, stdout, stderr } = verified(&[], "")?;
    let last = invoice(&example()?, "aadb8-3")?;
    let digest = &document(&last)?.digest;
    assert!(stdout.ends_with(&format!("  aadb8-3: byte-identical, {digest}\n")), "{stdout}{stderr}");
    assert_eq!(ended, ExitStatus::Ok);
    Ok(())
}

#[test]
fn a_link_of_the_chain_that_is_missing_is_named() -> Result {
    let mut list: Value = serde_json::from_str(&example()?)?;
    let items = list["items"].as_array_mut().ok_or("no list")?;
    items.retain(|item| item["metadata"]["name"] != "aadb8-2");
    let Run { ended, stdout: said, .. } = run(&["verify", "aadb8-3", "-f", "-"], &list.to_string())?;
    assert_eq!(ended, ExitStatus::Refused);
    assert!(said.contains("aadb8-2: invoice aadb8-2 is missing"), "{said}");
    Ok(())
}

/// A document with one thing changed, and with a digest that is right again.
fn forged(document: &Document, pointer: &str, value: Value) -> Result<Document> {
    let mut changed = serde_json::to_value(document)?;
    *changed.pointer_mut(pointer).ok_or_else(|| format!("there is no {pointer}"))? = value;
    let mut forged: Document = serde_json::from_value(changed)?;
    forged.digest = document_digest(&forged)?;
    Ok(forged)
}

fn invoice(list: &str, number: &str) -> Result<Invoice> {
    let list: Value = serde_json::from_str(list)?;
    let items = list["items"].as_array().ok_or("no list")?;
    let found = items.iter().find(|item| item["metadata"]["name"] == number);
    Ok(serde_json::from_value(found.ok_or("no such invoice")?.clone())?)
}

#[test]
fn whatever_is_changed_in_a_document_is_found_even_with_a_digest_made_anew() -> Result {
    let (last, before) = (invoice(&example()?, "aadb8-3")?, invoice(&example()?, "aadb8-2")?);
    let (last, before) = (document(&last)?, document(&before)?.digest.as_str());
    let none = |_: &str| -> Option<&InvoiceSlice> { None };
    assert_eq!(verify_document(last, none, Some(before)), []);
    for (pointer, value) in [
        ("/lines/0/total", json!("460.26")),
        ("/lines/0/preDiscount", json!("460.26")),
        ("/lines/0/quantity", json!("673")),
        ("/lines/0/unitPrice", json!("0.6850")),
        ("/lines/0/count", json!("3")),
        ("/lines/0/id", last.lines[1].id.clone().into()),
        ("/lines/0/project", json!("acme-website")),
        ("/subtotal", json!("1243.45")),
        ("/total", json!("1243.45")),
        ("/tax", json!("0.01")),
        ("/categories/0/subtotal", json!("1243.45")),
        ("/projects/0/subtotal", json!("1243.45")),
        ("/previousDigest", json!("sha256:00")),
    ] {
        let findings = verify_document(&forged(last, pointer, value)?, none, Some(before));
        assert!(!findings.is_empty(), "{pointer} is not noticed");
    }
    let mut discounted = last.clone();
    discounted.discounts = serde_json::from_value(json!([{ "name": "Partner", "percent": "10" }]))?;
    discounted.digest = document_digest(&discounted)?;
    assert!(!verify_document(&discounted, none, Some(before)).is_empty());
    let mut nobodys = last.clone();
    nobodys.lines[0].project = None;
    nobodys.digest = document_digest(&nobodys)?;
    let missing = Finding::Missing(format!("the project of line {}", last.lines[0].id));
    assert!(verify_document(&nobodys, none, Some(before)).contains(&missing));
    let unsigned = Document { digest: "sha256:00".to_owned(), ..last.clone() };
    assert!(matches!(&verify_document(&unsigned, none, Some(before))[..], [Finding::Differs { .. }]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn invoices_of_a_cluster_are_explained_and_verified() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "explain", "explain-shop", "main").await?;
    let start = back(2).start();
    scene.usage("explain", "db", database("explain-shop", "db", start, Some(later(start, 744)))).await?;
    scene.usage("explain", "domain", domain("explain-shop", back(1).start())).await?;
    let agreed = json!({ "firstPeriod": back(2).to_string(), "discounts": [{ "name": "Partner", "percent": "10" }] });
    scene.group("explain", "main", terms(agreed)).await?;
    final_of(&scene, "explain", "main", back(2)).await?;
    let last = final_of(&scene, "explain", "main", back(1)).await?;

    let number = last.name_any();
    let Run { ended, stdout: explained, .. } = ask(&scene, "explain", &["explain", &number]).await?;
    assert_eq!(ended, ExitStatus::Ok);
    assert!(explained.contains("1 × 12.5 USD = 12.5 → 12.50; −10 % Partner → 11.25"), "{explained}");
    assert!(explained.contains("Partner: 10 % off services → 0.00"), "{explained}");
    let Run { ended, stdout: verified, .. } = ask(&scene, "explain", &["verify", &number]).await?;
    let (first, digest) = (number.replace("-2", "-1"), document(&last)?.digest.clone());
    let expected = format!(
        "From what it records\n  {number}: correct\n  {first}: correct\n\n\
         From the records as they are now\n  {number}: byte-identical, {digest}\n"
    );
    assert_eq!((ended, verified), (ExitStatus::Ok, expected));
    let Run { ended, stderr: said, .. } = ask(&scene, "default", &["explain", &number]).await?;
    assert_eq!(ended, ExitStatus::Failed);
    assert!(said.contains("in namespace default; name its organization with --namespace"), "{said}");
    Ok(())
}

/// A group that pays in euros for prices in dollars, with a discount.
const IN_EUROS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: initech, labels: {billing-operator.io/organization: initech}}
---
apiVersion: v1
kind: Namespace
metadata: {name: initech-web, labels: {billing-operator.io/organization: initech}}
---
apiVersion: billing-operator.io/v1alpha1
kind: InvoiceIssuer
metadata: {name: default}
spec: {legalName: Example Cloud Oy, exchangeRates: ecb}
---
apiVersion: billing-operator.io/v1alpha1
kind: PriceList
metadata: {name: default}
spec:
  currency: USD
  entries: [{name: postgresql, type: PostgreSQL, unit: Hour, unitPrice: "0.026", validFrom: "2020-01-01T00:00:00Z"}]
---
apiVersion: billing-operator.io/v1alpha1
kind: ExchangeRates
metadata: {name: ecb-2026}
spec:
  source: ecb
  year: 2026
  base: EUR
  quotes: [{date: "2026-10-30", rates: {USD: "1.0850"}}, {date: "2026-11-20", rates: {USD: "1.0900"}}]
---
apiVersion: billing-operator.io/v1alpha1
kind: BillingGroup
metadata: {name: main, namespace: initech}
spec:
  primary: true
  currency: EUR
  terms: {firstPeriod: 2026-10, invoiceSeries: initech, discounts: [{name: Partner, percent: "10"}]}
---
apiVersion: billing-operator.io/v1alpha1
kind: UsageRecord
metadata: {name: db, namespace: initech}
spec: {project: initech-web, service: {name: db, type: PostgreSQL}, start: "2026-10-01T00:00:00Z"}
"#;

#[test]
fn an_invoice_in_another_currency_is_explained_and_verified() -> Result {
    let Run { ended, stdout: invoices, stderr: said } = run(&["preview", "-f", "-", "-o", "json"], IN_EUROS)?;
    assert_eq!(ended, ExitStatus::Ok, "{said}");
    let Run { stdout: explained, .. } = run(&["explain", "initech-1", "-f", "-"], &invoices)?;
    let derivation = "744 h × 0.026 USD × 1 EUR ÷ 1.085 USD = 17.828571428571… → 17.83; −10 % Partner → 16.05";
    assert!(explained.contains(derivation), "{explained}");
    let Run { ended, stdout: said, .. } = run(&["verify", "initech-1", "-f", "-", "--document-only"], &invoices)?;
    assert_eq!((ended, &*said), (ExitStatus::Ok, "From what it records\n  initech-1: correct\n"));

    let invoice = invoice(&invoices, "initech-1")?;
    let document = document(&invoice)?;
    let none = |_: &str| -> Option<&InvoiceSlice> { None };
    for (pointer, value) in [
        ("/exchangeRate/fromQuote", json!("1.0851")),
        ("/exchangeRate/toQuote", json!("1.01")),
        ("/lines/0/priceTotal", json!("17.42")),
        ("/priceSubtotal", json!("17.42")),
        ("/discounts/0/percent", json!("11")),
    ] {
        assert_ne!(verify_document(&forged(document, pointer, value)?, none, None), [], "{pointer} is not noticed");
    }
    Ok(())
}

#[test]
fn tax_is_explained_and_verified() -> Result {
    let arguments = ["preview", "-f", "examples/tax.yaml", "-o", "json"];
    let Run { stdout: invoices, .. } = run(&arguments, "")?;
    let Run { stdout: explained, .. } = run(&["explain", "fi-1", "-f", "-"], &invoices)?;
    assert!(explained.contains("S: 25.5 % of 100.00 = 25.50\n"), "{explained}");
    let Run { stdout: explained, .. } = run(&["explain", "us-1", "-f", "-"], &invoices)?;
    let reason = "Outside the scope of EU VAT, Article 44 of Directive 2006/112/EC";
    assert!(explained.contains(&format!("O: 0 % of 100.00 = 0.00 ({reason})\n")), "{explained}");

    let invoice = invoice(&invoices, "fi-1")?;
    let last = document(&invoice)?;
    let none = |_: &str| -> Option<&InvoiceSlice> { None };
    assert_eq!(verify_document(last, none, None), []);
    for (pointer, value) in [
        ("/tax", json!("25.51")),
        ("/taxes/0/amount", json!("25.51")),
        ("/taxes/0/base", json!("100.01")),
        ("/taxes/0/rate", json!("25")),
    ] {
        let found = verify_document(&forged(last, pointer, value)?, none, None);
        assert!(!found.is_empty(), "{pointer} is not noticed");
    }
    Ok(())
}

/// The invoices of the price pages.
fn price_pages() -> Result<String> {
    let arguments =
        ["preview", "-f", "examples/prices", "--as-of", "2026-11-21T12:00:00Z", "--period", "2026-10", "-o", "json"];
    let Run { ended, stdout: invoices, stderr: said } = run(&arguments, "")?;
    if ended == ExitStatus::Ok { Ok(invoices) } else { Err(said.into()) }
}

#[test]
fn the_price_pages_are_explained_to_the_cent() -> Result {
    let pages = price_pages()?;
    let mut explained = String::new();
    for number in ["digitalocean-1", "aws-1", "cloudflare-1", "agency-1"] {
        explained += &run(&["explain", number, "-f", "-"], &pages)?.stdout;
    }
    let golden = Path::new("tests/it/explain/prices.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(golden, &explained)?;
    }
    assert_eq!(explained, fs::read_to_string(golden)?);
    let command = "preview -f examples/prices --as-of 2026-11-21T12:00:00Z --period 2026-10 -o json | kubectl billing explain agency-1 -f -";
    check_block("docs/prices.md", command, &run(&["explain", "agency-1", "-f", "-"], &pages)?.stdout)
}

/// What a line says of its price is what its amount is judged by: each of these fields changes it, or is found to be wrong.
#[test]
fn every_field_of_a_price_is_verified() -> Result {
    let pages: Value = serde_json::from_str(&price_pages()?)?;
    for (invoice, line, field, forged) in [
        ("digitalocean-1", "Droplet", "maxPerMonth", json!("5.00")),
        ("digitalocean-1", "Droplet", "since", json!("2026-10-02T00:00:00Z")),
        ("digitalocean-1", "Volume", "count", json!("101")),
        ("digitalocean-1", "Volume", "quantity", json!("99")),
        ("digitalocean-1", "Volume", "end", json!("2026-10-16T11:00:00Z")),
        ("aws-1", "S3Put", "per", json!(900)),
        ("aws-1", "EC2", "hours", json!("Ceil")),
        ("cloudflare-1", "ClassA", "per", json!(700_000)),
        ("cloudflare-1", "ClassA", "roundUp", json!(false)),
        ("cloudflare-1", "ClassA", "before", json!("1")),
        ("cloudflare-1", "ClassB", "tier", json!({ "from": "0", "upTo": "20000000", "mode": "Graduated" })),
        ("cloudflare-1", "ClassB", "tier", json!({ "from": "0", "upTo": "10000000", "mode": "Volume" })),
        // More is free than is, at the cost of nobody who looks at one line.
        ("cloudflare-1", "ClassB", "quantity", json!("10000001")),
        ("cloudflare-1", "ClassB", "unitPrice", json!("0.000001")),
        (
            "agency-1",
            "S3Put",
            "price",
            json!({ "list": "other", "entry": "s3-put", "validFrom": "2026-01-01T00:00:00Z" }),
        ),
        ("agency-1", "S3Put", "price", json!({ "entry": "s3-put", "validFrom": "2026-01-01T00:00:00Z" })),
    ] {
        let found = |document: &Document| verify_document(document, |_| None, document.previous_digest.as_deref());
        let items = pages["items"].as_array().ok_or("a list")?;
        let invoice = items.iter().find(|item| item["metadata"]["name"] == invoice).ok_or(invoice)?;
        let mut document = invoice["status"]["document"].clone();
        let read = |value: &Value| serde_json::from_value::<Document>(value.clone());
        assert_eq!(found(&read(&document)?), [], "{field}");
        let lines = document["lines"].as_array_mut().ok_or("lines")?;
        let place = lines.iter_mut().find(|one| one["service"]["type"] == line).ok_or(line)?;
        place[field] = forged;
        let mut document = read(&document)?;
        document.digest = document_digest(&document)?;
        assert!(!found(&document).is_empty(), "{field} of {line}");
    }
    Ok(())
}
