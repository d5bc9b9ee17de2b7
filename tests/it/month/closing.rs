//! Months that are over become final, the oldest first.

use billing_api::{BillingGroup, Invoice, InvoiceIssuer, PaymentState, PriceList};
use billing_domain::Month;
use billing_test_harness::User;
use chrono::{Duration, TimeDelta};
use kube::ResourceExt;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::stage::{
    awaited, back, database, document, domain, final_of, is_final, later, lines, make, ready, revision, terms, total,
};
use crate::{
    Result,
    support::{Scene, World, open_month},
};

#[tokio::test(flavor = "multi_thread")]
async fn three_months_close_in_order_with_usage_applied_before_and_after_the_group() -> Result {
    let scene = World::shared().scene().await?;
    let sender = json!({
        "electronicAddress": { "scheme": "0216", "value": "003712345671" }, "language": "fi",
        "contact": { "name": "Accounts", "email": "accounts@late.example" },
        "document": { "color": "#0B5FFF", "footer": "Helsinki" },
    });
    let mut issuer = json!({ "legalName": "Late Ltd", "vatId": "FI1", "grace": "20s", "paymentTermDays": 7 });
    merge(&mut issuer, &sender);
    make::<InvoiceIssuer>(&scene, "close-late", issuer).await?;
    awaited(&scene, "close", "close-shop", "main").await?;
    let (first, second, third) = (back(3), back(2), back(1));
    let ten_hours = database("close-shop", "ten", first.start(), Some(later(first.start(), 10)));
    scene.usage("close", "before", ten_hours).await?;
    let receiver = json!({
        "registration": "Company 1", "buyerReference": "4711", "purchaseOrder": "PO-42", "language": "de-CH",
        "electronicAddress": { "scheme": "EM", "value": "invoices@acme.example" },
    });
    let mut spec = json!({
        "displayName": "Acme", "vatId": "GB1",
        "terms": { "firstPeriod": first.to_string(), "issuer": "close-late" },
    });
    merge(&mut spec, &receiver);
    scene.group("close", "main", spec).await?;
    // Across midnight of a month's end: 22:30 to 01:30 are 2 hours in the one month and 1 in the other.
    let night = third.start() - TimeDelta::minutes(90);
    scene.usage("close", "after", domain("close-shop", later(second.start(), 5))).await?;
    scene.usage("close", "night", database("close-shop", "night", night, Some(night + TimeDelta::hours(3)))).await?;
    let settling = |invoice: &Invoice| is_final(invoice) || ready(invoice) == Some("SettlingIn");
    scene.wait_invoice("close", "main", first, "settles", settling).await?;

    let mut finals = Vec::new();
    for month in [first, second, third] {
        finals.push(final_of(&scene, "close", "main", month).await?);
    }
    assert_eq!(lines(&finals[0]), ["before 10 0.26"]);
    assert_eq!(lines(&finals[1]), ["after 1 12.50", "night 2 0.05"]);
    assert_eq!(lines(&finals[2]), ["night 1 0.03"]);
    assert_eq!(finals.iter().map(total).collect::<Vec<_>>(), ["0.26", "12.55", "0.03"]);
    check_chain(&scene, "close", "main", &finals).await?;
    for invoice in &finals {
        let document = document(invoice)?;
        assert_eq!(document.seller.legal_name, "Late Ltd");
        assert_eq!(
            (document.buyer.display_name.as_deref(), document.buyer.vat_id.as_deref()),
            (Some("Acme"), Some("GB1"))
        );
        assert!(holds(&json!(document.seller), &sender) && holds(&json!(document.buyer), &receiver));
        let (issued, due) = (document.issued_at.ok_or("issuedAt")?, document.due_at.ok_or("dueAt")?);
        assert_eq!(due.0 - issued.0, Duration::days(7));
        assert_eq!((document.as_of, document.inputs.price_lists.len()), (None, 1));
        let payment = invoice.status.as_ref().and_then(|status| status.payment.as_ref());
        assert_eq!(payment.map(|payment| payment.state), Some(PaymentState::Due));
    }
    let open =
        scene.wait_invoice("close", "main", open_month(), "is open", |invoice| ready(invoice) == Some("Open")).await?;
    assert!(open.name_any().ends_with("-4"));
    Ok(())
}

fn merge(into: &mut Value, fields: &Value) {
    for (name, value) in fields.as_object().into_iter().flatten() {
        into[name] = value.clone();
    }
}

fn holds(object: &Value, fields: &Value) -> bool {
    fields.as_object().is_some_and(|fields| fields.iter().all(|(name, value)| object[name] == *value))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_month_is_invoiced_at_zero_with_its_number() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("close-empty").await?;
    scene.group("close-empty", "main", terms(json!({ "firstPeriod": back(2).to_string() }))).await?;
    let finals = [
        final_of(&scene, "close-empty", "main", back(2)).await?,
        final_of(&scene, "close-empty", "main", back(1)).await?,
    ];
    for invoice in &finals {
        let document = document(invoice)?;
        assert_eq!((&*document.subtotal, &*document.tax, &*document.total), ("0.00", "0.00", "0.00"));
        assert!(document.lines.is_empty() && document.projects.is_empty() && document.slices.is_empty());
        // What nobody said is not on it.
        assert_eq!(json!(document.buyer), json!({ "billingGroup": "main", "paymentMethod": "Card" }));
        let payment = invoice.status.as_ref().and_then(|status| status.payment.as_ref());
        assert_eq!(payment.map(|payment| payment.state), Some(PaymentState::NothingDue));
    }
    check_chain(&scene, "close-empty", "main", &finals).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_years_close_one_after_the_other() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "close-years", "close-years-shop", "main").await?;
    let first = back(24);
    scene.usage("close-years", "db", database("close-years-shop", "db", first.start(), None)).await?;
    scene.group("close-years", "main", terms(json!({ "firstPeriod": first.to_string() }))).await?;

    final_of(&scene, "close-years", "main", back(1)).await?;
    let mut finals = Vec::new();
    for month in first.through(back(1)) {
        let invoice = final_of(&scene, "close-years", "main", month).await?;
        let hours = (month.end() - month.start()).num_hours();
        assert_eq!(lines(&invoice).len(), 1);
        assert_eq!(document(&invoice)?.lines[0].quantity.as_deref(), Some(hours.to_string().as_str()), "{month}");
        finals.push(invoice);
    }
    assert_eq!(finals.len(), 24);
    check_chain(&scene, "close-years", "main", &finals).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_period_out_of_reach_is_said_and_makes_nothing() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("close-reach").await?;
    scene.group("close-reach", "main", terms(json!({ "firstPeriod": "2006-10" }))).await?;
    scene
        .wait_group("close-reach", "main", "says that the period is too early", |group| {
            super::records::group_ready(group) == Some("FirstPeriodTooEarly")
        })
        .await?;
    let periods = scene.cluster::<billing_api::BillingPeriod>().list(&Default::default()).await?;
    assert!(periods.items.iter().all(|period| period.name_any().as_str() > "2020"), "no period of 2006 is made");
    let month = back(1).to_string();
    scene.patch::<BillingGroup>("close-reach", "main", terms_patch(json!({ "firstPeriod": month }))).await?;
    final_of(&scene, "close-reach", "main", back(1)).await?;
    Ok(())
}

/// The published walk-through: two services of 32 hours, 0.83 and 0.83 make 1.66, on invoice f3397-1.
#[tokio::test(flavor = "multi_thread")]
async fn the_published_example_is_billed_to_the_cent() -> Result {
    let scene = World::shared().scene().await?;
    let entry = |kind: &str| {
        json!({
            "name": kind.to_lowercase(), "type": kind, "plan": "Hobbyist", "cloud": "google-europe-north1",
            "unit": "Hour", "unitPrice": "0.026", "validFrom": "2020-01-01T00:00:00Z",
        })
    };
    make::<PriceList>(
        &scene,
        "close-golden",
        json!({ "currency": "USD", "entries": [entry("PostgreSQL"), entry("MySQL")] }),
    )
    .await?;
    awaited(&scene, "close-golden", "close-golden-test", "main").await?;
    let day = back(1).start() + TimeDelta::days(22);
    let end = day + TimeDelta::days(2) + TimeDelta::seconds(6 * 60 + 47);
    let first = TimeDelta::hours(16) + TimeDelta::minutes(13) + TimeDelta::seconds(55);
    let second = TimeDelta::hours(16) + TimeDelta::minutes(24) + TimeDelta::seconds(47);
    scene.usage("close-golden", "one", database("close-golden-test", "testservice-1", day + first, Some(end))).await?;
    let mut mysql = database("close-golden-test", "testservice-2", day + second, Some(end));
    mysql["service"]["type"] = "MySQL".into();
    scene.usage("close-golden", "two", mysql).await?;
    let wish = json!({ "invoiceSeries": "f3397", "firstPeriod": back(1).to_string(), "priceList": "close-golden" });
    scene.group("close-golden", "main", terms(wish)).await?;

    let invoice = final_of(&scene, "close-golden", "main", back(1)).await?;
    assert_eq!(invoice.name_any(), "f3397-1");
    assert_eq!(lines(&invoice), ["one 32 0.83", "two 32 0.83"]);
    assert_eq!(total(&invoice), "1.66");
    assert_eq!(document(&invoice)?.lines[0].description, "testservice-1: PostgreSQL Hobbyist google-europe-north1");
    check_chain(&scene, "close-golden", "main", &[invoice]).await
}

/// What a merge patch of terms looks like.
pub fn terms_patch(terms: Value) -> Value {
    json!({ "spec": { "terms": terms } })
}

/// Checks that these are the finals of a group from its first month on: numbered without a gap, written in order, each
/// with the digest of the one before and with its own, and the last one known to the group.
pub async fn check_chain(scene: &Scene<'_>, organization: &str, group: &str, finals: &[Invoice]) -> Result {
    let mut previous: Option<(u64, String)> = None;
    for (index, invoice) in finals.iter().enumerate() {
        let document = document(invoice)?;
        assert_eq!(invoice.name_any(), format!("{}-{}", invoice.spec.series, index + 1));
        assert_eq!(*document.number, *invoice.name_any());
        let month: Month = invoice.spec.period.parse()?;
        assert_eq!((document.period.start.0, document.period.end.0), (month.start(), month.end()));
        let (digest_before, written_before) = match &previous {
            Some((revision, digest)) => (Some(digest.as_str()), *revision),
            None => (None, 0),
        };
        assert_eq!(document.previous_digest.as_deref(), digest_before, "{}", invoice.name_any());
        assert!(revision(invoice)? > written_before, "{} was written after the one before", invoice.name_any());
        assert_eq!(digest_of(scene, organization, &invoice.name_any())?, document.digest);
        previous = Some((revision(invoice)?, document.digest.clone()));
    }
    let last = finals.last().map(ResourceExt::name_any).unwrap_or_default();
    let digest = previous.map(|(_, digest)| digest).unwrap_or_default();
    scene
        .wait_group(organization, group, &format!("knows its last final {last}"), |group| {
            let known = group.status.as_ref().and_then(|status| status.last_final.as_ref());
            known.is_some_and(|known| *known.number == *last && known.digest == digest)
        })
        .await?;
    Ok(())
}

/// The digest of a document as anybody can compute it, from what the API server says and without the operator's types.
pub fn digest_of(scene: &Scene<'_>, organization: &str, number: &str) -> Result<String> {
    let args = ["get", "invoice", number, "--namespace", organization, "--output=json"];
    let mut object: Value = serde_json::from_str(&scene.control_plane.kubectl_ok(User::ClusterAdmin, &args)?)?;
    let document = object["status"]["document"].as_object_mut().ok_or("a document")?;
    document.remove("digest");
    let hash = Sha256::digest(serde_json_canonicalizer::to_vec(document)?);
    Ok(format!("sha256:{}", hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
}
