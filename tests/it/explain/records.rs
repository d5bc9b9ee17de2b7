//! `kubectl billing verify`, and the auditor, against the records of a cluster.

use billing_api::{BillingGroup, Document, Invoice, Time, UsageRecord};
use billing_documents::document::document_digest;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use kubectl_billing::ExitStatus;
use serde_json::{Value, json};

use super::ask;
use crate::Result;
use crate::month::stage::{awaited, back, database, document, domain, final_of, later, terms};
use crate::month::tampered::{kubectl, without_guard};
use crate::support::command::Run;
use crate::support::{LIMIT, Scene, World, reason, wait};

/// A final of a month with a database that runs, and a domain.
async fn closed(scene: &Scene<'_>, organization: &str) -> Result<Invoice> {
    let project = format!("{organization}-shop");
    awaited(scene, organization, &project, "main").await?;
    scene.usage(organization, "db", database(&project, "db", back(1).start(), None)).await?;
    scene.usage(organization, "domain", domain(&project, back(1).start())).await?;
    scene.group(organization, "main", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    final_of(scene, organization, "main", back(1)).await
}

/// What is told of a final: `source or field reason`, and where it is adjusted.
async fn told(scene: &Scene<'_>, organization: &str, number: &str) -> Result<(ExitStatus, Vec<String>)> {
    let Run { ended, stdout, stderr } = ask(scene, organization, &["verify", number, "-o", "json"]).await?;
    let verdict: Value = serde_json::from_str(&stdout).map_err(|error| format!("{error}: {stdout}{stderr}"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let differences = verdict["records"]["differences"].as_array().into_iter().flatten();
    let told = differences.map(|difference| {
        let what = difference["source"].as_str().or(difference["fields"][0]["field"].as_str()).unwrap_or_default();
        let adjusted = [&difference["dueOn"], &difference["adjustedOn"][0]].map(text).concat();
        format!("{what} {} {adjusted}", text(&difference["explanation"]["reason"])).trim_end().to_owned()
    });
    Ok((ended, told.collect()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_after_a_final_is_told_with_its_reason() -> Result {
    let scene = World::shared().scene().await?;
    let last = closed(&scene, "compared").await?;
    let (number, next) = (last.name_any(), last.name_any().replace("-1", "-2"));
    assert_eq!(told(&scene, "compared", &number).await?, (ExitStatus::Ok, Vec::new()));

    scene.usage("compared", "late", domain("compared-shop", later(back(1).start(), 5))).await?;
    let mut expected = vec![format!("UsageRecord late RecordLate {next}")];
    assert_eq!(told(&scene, "compared", &number).await?, (ExitStatus::Ok, expected.clone()));

    let end = json!({ "spec": { "end": Time(later(back(1).start(), 24)) } });
    scene.patch::<UsageRecord>("compared", "db", end).await?;
    expected.insert(0, format!("UsageRecord db RecordEnded {next}"));
    assert_eq!(told(&scene, "compared", &number).await?, (ExitStatus::Ok, expected.clone()));

    scene.delete::<UsageRecord>("compared", "domain").await?;
    expected.insert(0, "UsageRecord domain RecordGone".to_owned());
    let (ended, mut found) = told(&scene, "compared", &number).await?;
    found.sort();
    expected.sort();
    assert_eq!((ended, found), (ExitStatus::Ok, expected.clone()));

    let terms = json!({ "discounts": [{ "name": "Partner", "percent": "10" }] });
    scene.patch::<BillingGroup>("compared", "main", json!({ "spec": { "terms": terms } })).await?;
    let (ended, found) = told(&scene, "compared", &number).await?;
    assert_eq!(ended, ExitStatus::Ok, "{found:?}");
    assert!(found.contains(&"discounts BillingGroupChanged".to_owned()), "{found:?}");

    // All of it in words, and what a final records by itself is right.
    let Run { stdout, .. } = ask(&scene, "compared", &["verify", &number]).await?;
    assert!(stdout.starts_with(&format!("From what it records\n  {number}: correct\n")), "{stdout}");
    assert!(stdout.contains("explained; the final stays as it is"), "{stdout}");
    assert!(stdout.contains("BillingGroup main has been edited since"), "{stdout}");
    Ok(())
}

/// The document of a final that bills two domains for one, and agrees with itself.
fn forged(document: &Document) -> Result<Document> {
    let mut forged = document.clone();
    let line = forged.lines.iter_mut().find(|line| line.unit_price.as_deref() == Some("12.5")).ok_or("no domain")?;
    line.quantity = Some("2".into());
    line.count = Some("2".into());
    line.pre_discount = Some("25.00".into());
    line.total = "25.00".into();
    let more = |amount: &str| -> Result<String> {
        Ok((amount.replace('.', "").parse::<i64>()? + 1250).to_string()).map(|cents| {
            let (whole, cents) = cents.split_at(cents.len() - 2);
            format!("{whole}.{cents}")
        })
    };
    forged.projects[0].subtotal = more(&forged.projects[0].subtotal)?.into();
    forged.categories[0].subtotal = more(&forged.categories[0].subtotal)?.into();
    forged.subtotal = more(&forged.subtotal)?.into();
    forged.total = more(&forged.total)?.into();
    forged.digest = document_digest(&forged)?;
    Ok(forged)
}

/// Lets finals be changed, as a definition of nobody's would.
fn thaw(scene: &Scene<'_>) -> Result {
    let path = "/spec/versions/0/schema/openAPIV3Schema/x-kubernetes-validations";
    let patch = format!("--patch={}", json!([{ "op": "remove", "path": path }]));
    kubectl(scene, &["patch", "crd", "invoices.billing-operator.io", "--type=json", &patch]).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_auditor_tells_a_forgery_from_what_is_late() -> Result {
    let world = World::start(&["--audit-interval=1s"])?;
    let scene = world.scene().await?;
    let last = closed(&scene, "forged").await?;
    let number = last.name_any();
    let failed = |invoice: &Invoice| {
        let conditions = invoice.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        reason(conditions, "AuditFailed").map(str::to_owned)
    };
    let audited = async |since: f64| {
        let audit = async || {
            Ok(Some(world.metric("billing_operator_last_audit_timestamp_seconds", "")?).filter(|at| since < *at))
        };
        wait("another audit ended", LIMIT, audit).await
    };
    scene.usage("forged", "late", domain("forged-shop", later(back(1).start(), 5))).await?;
    assert_eq!(told(&scene, "forged", &number).await?.0, ExitStatus::Ok);
    // One may be under way that has not seen it.
    let first = audited(0.0).await?;
    audited(audited(first).await?).await?;
    assert_eq!(world.metric("billing_operator_audit_failures", "")?, 0.0);
    assert_eq!(failed(&scene.api("forged").get(&number).await?), None);

    thaw(&scene)?;
    let patch = Patch::Merge(json!({ "status": { "document": forged(document(&last)?)? } }));
    without_guard(&scene, "billing-operator-invoice", async || {
        let invoices = scene.api::<Invoice>("forged");
        Ok(invoices.patch_status(&number, &PatchParams::default(), &patch).await.map(drop)?)
    })
    .await?;
    let differs = |invoice: &Invoice| failed(invoice).as_deref() == Some("RecordsDiffer");
    scene.wait_invoice("forged", "main", back(1), "is named by the auditor", differs).await?;
    let counted = async || Ok((world.metric("billing_operator_audit_failures", "")? == 1.0).then_some(()));
    wait("the metric counts it", LIMIT, counted).await?;
    let (ended, found) = told(&scene, "forged", &number).await?;
    assert_eq!((ended, found.contains(&"UsageRecord domain".to_owned())), (ExitStatus::Refused, true), "{found:?}");
    let Run { stdout, .. } = ask(&scene, "forged", &["verify", &number]).await?;
    assert!(stdout.starts_with(&format!("From what it records\n  {number}: correct\n")), "{stdout}");
    assert!(stdout.contains("Unexplained: nothing that changed since explains it"), "{stdout}");
    Ok(())
}
