//! Metered records: a month waits for their last readings, not for ever, and what is read later is late usage.

use billing_api::{Invoice, InvoiceIssuer, PriceList, Time, UsageRecord, labels::METER_LABEL};
use billing_domain::{Month, Timestamp};
use kube::ResourceExt;
use kubectl_billing::ExitStatus;
use serde_json::{Value, json};

use super::late::adjustments;
use super::stage::{awaited, back, change, document, final_of, held, later, lines, make, message, terms};
use crate::{
    Result,
    explain::ask,
    support::{Scene, World, command::Run, open_month, reason},
};

/// A metered record of requests, which begins with a month.
fn requests(project: &str, month: Month, readings: &[Value]) -> Value {
    json!({
        "project": project, "service": { "name": "ingress", "type": "Requests" },
        "start": Time(month.start()), "readings": readings,
    })
}

fn reading(at: Timestamp, quantity: &str) -> Value {
    json!({ "at": Time(at), "quantity": quantity })
}

/// A reading is added, as a meter does it.
async fn read(scene: &Scene<'_>, organization: &str, readings: &[Value]) -> Result<UsageRecord> {
    scene.patch(organization, "r", json!({ "spec": { "readings": readings } })).await
}

/// A group whose closed month waits for the last reading of a record, which counted 10 so far, at 0.10 each.
async fn waiting(scene: &Scene<'_>, organization: &str) -> Result<(Vec<Value>, Invoice)> {
    let (project, month) = (format!("{organization}-shop"), back(1));
    let issuer = json!({ "legalName": "Patient Ltd", "grace": "0s", "readingsWait": "240h" });
    make::<InvoiceIssuer>(scene, organization, issuer).await?;
    let entry = json!({
        "name": "requests", "type": "Requests", "unit": "Unit", "unitPrice": "0.1", "validFrom": "2020-01-01T00:00:00Z",
    });
    make::<PriceList>(scene, organization, json!({ "currency": "USD", "entries": [entry] })).await?;
    awaited(scene, organization, &project, "main").await?;
    let readings = vec![reading(later(month.start(), 5), "10")];
    scene.usage(organization, "r", requests(&project, month, &readings)).await?;
    let label = json!({ "metadata": { "labels": { METER_LABEL: "ingress" } } });
    scene.patch::<UsageRecord>(organization, "r", label).await?;
    let agreed = json!({ "firstPeriod": month.to_string(), "issuer": organization, "priceLists": [organization] });
    scene.group(organization, "main", terms(agreed)).await?;
    let invoice = held(scene, organization, "main", month, "AwaitingReading").await?;
    Ok((readings, invoice))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_waits_for_the_reading_at_its_end() -> Result {
    let scene = World::shared().scene().await?;
    let (mut readings, invoice) = waiting(&scene, "read-in-time").await?;
    let end = back(1).end();
    let words = format!("usage r of Meter ingress has no reading at {}, only until ", Time(end));
    assert!(message(&invoice).starts_with(&words), "{}", message(&invoice));
    assert_eq!(lines(&invoice), ["r 10 1.00"]);

    readings.push(reading(end, "25.5"));
    read(&scene, "read-in-time", &readings).await?;
    let last = final_of(&scene, "read-in-time", "main", back(1)).await?;
    assert_eq!(lines(&last), ["r 25.5 2.55"]);
    let line = document(&last)?.lines.first().ok_or("a line")?;
    let pair = line.readings.as_ref().ok_or("readings")?;
    assert_eq!((&pair.from, pair.to.as_ref().map(|to| (to.at, &*to.quantity))), (&None, Some((Time(end), "25.5"))));
    assert_eq!((line.start, line.end), (Some(Time(back(1).start())), Some(Time(end))));
    let conditions = &last.status.as_ref().ok_or("a status")?.conditions;
    assert_eq!(reason(conditions, "ReadingsComplete"), None);
    let Run { ended, stdout, stderr } = ask(&scene, "read-in-time", &["verify", &last.name_any()]).await?;
    assert_eq!(ended, ExitStatus::Ok, "{stdout}{stderr}");
    assert!(stdout.contains("byte-identical"), "{stdout}");
    let Run { stdout, .. } = ask(&scene, "read-in-time", &["explain", &last.name_any()]).await?;
    assert!(stdout.contains(&format!("read 25.5 at {}", Time(end))), "{stdout}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_wait_it_is_final_without_the_last_reading_and_what_comes_then_is_late_usage() -> Result {
    let scene = World::shared().scene().await?;
    let (mut readings, _) = waiting(&scene, "read-late").await?;
    change::<InvoiceIssuer>(&scene, "read-late", json!({ "readingsWait": "0s" })).await?;
    let last = final_of(&scene, "read-late", "main", back(1)).await?;
    let number = last.name_any();
    assert_eq!(lines(&last), ["r 10 1.00"]);
    let conditions = &last.status.as_ref().ok_or("a status")?.conditions;
    assert_eq!(reason(conditions, "ReadingsComplete"), Some("ReadingsMissing"));
    let told = conditions.iter().find(|condition| condition.type_ == "ReadingsComplete").ok_or("a condition")?;
    assert!(told.message.contains("usage r of Meter ingress has no reading at "), "{}", told.message);
    let Run { ended, stdout, stderr } = ask(&scene, "read-late", &["verify", &number]).await?;
    assert_eq!(ended, ExitStatus::Ok, "{stdout}{stderr}");
    assert!(stdout.contains("byte-identical"), "{stdout}");

    readings.push(reading(back(1).end(), "25"));
    read(&scene, "read-late", &readings).await?;
    let expected = [format!("{} r 1.50", back(1))];
    let open = scene
        .wait_invoice("read-late", "main", open_month(), "bills what was read late", |invoice| {
            adjustments(invoice) == expected
        })
        .await?;
    let line = document(&open)?.lines.iter().find(|line| line.adjusts.is_some()).ok_or("a line")?;
    assert_eq!(line.adjusts.as_ref().and_then(|adjusts| adjusts.invoice.as_deref()), Some(number.as_str()));
    assert_eq!(line.readings.as_ref().and_then(|pair| Some(&*pair.to.as_ref()?.quantity)), Some("25"));
    assert_eq!(final_of(&scene, "read-late", "main", back(1)).await?, last, "the final stays");
    let Run { ended, stdout, .. } = ask(&scene, "read-late", &["verify", &number, "-o", "json"]).await?;
    assert_eq!(ended, ExitStatus::Ok, "{stdout}");
    assert!(stdout.contains("RecordReadLate"), "{stdout}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_metered_record_with_a_price_for_running_time_holds_its_month() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "read-hourly", "read-hourly-shop", "main").await?;
    let month = back(1);
    let mut spec = requests("read-hourly-shop", month, &[reading(month.end(), "1")]);
    spec["service"] =
        json!({ "name": "db", "type": "PostgreSQL", "plan": "Hobbyist", "cloud": "google-europe-north1" });
    scene.usage("read-hourly", "r", spec).await?;
    scene.group("read-hourly", "main", terms(json!({ "firstPeriod": month.to_string() }))).await?;
    let invoice = held(&scene, "read-hourly", "main", month, "Unpriced").await?;
    assert!(message(&invoice).contains("is metered, and the entry "), "{}", message(&invoice));
    let says = |record: &UsageRecord| {
        let conditions = record.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        reason(conditions, "Billable") == Some("PricedByTime")
    };
    scene.wait_object::<UsageRecord>("read-hourly", "r", "says so", says).await?;
    Ok(())
}
