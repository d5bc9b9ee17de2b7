//! Tax and the minimum charge, on estimates and finals.

use std::time::Duration;

use billing_api::{BillingGroup, Document, GroupVatId, Invoice, InvoiceIssuer, LineType, VatIdState};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::stage::{awaited, back, change, document, domain, final_of, held, make, message, total, written};
use crate::{
    Result,
    support::{Scene, World, open_month},
};

/// What a Finnish company would have, without a rule for consumers in the Union.
fn rules() -> Value {
    json!([
        { "name": "Finland", "countries": ["FI"], "category": "S", "rate": "25.5" },
        { "name": "EU", "countries": ["EU"], "buyer": "Business", "category": "AE", "reason": "Reverse charge" },
        { "name": "Export", "category": "O", "reason": "Outside the scope of EU VAT" },
    ])
}

/// An issuer in Finland with what is special about it.
pub(super) async fn issuer(scene: &Scene<'_>, name: &str, special: Value) -> Result {
    let mut spec = json!({ "legalName": "Provider Oy", "grace": "0s", "address": { "countryCode": "FI" } });
    special.as_object().into_iter().flatten().for_each(|(field, value)| spec[field] = value.clone());
    make::<InvoiceIssuer>(scene, name, spec).await.map(drop)
}

/// A group that is billed by an issuer from the month before on, for a single charge of 100.00, in a country and with a VAT id.
fn billed_by(issuer: &str, country: &str, vat_id: Option<&str>) -> Value {
    let charge = json!({ "name": "Setup", "type": "ExtraCharge", "amount": { "amount": "100", "currency": "USD" } });
    let mut spec = json!({
        "billingAddress": { "countryCode": country },
        "terms": { "firstPeriod": back(1).to_string(), "issuer": issuer, "charges": [charge] },
    });
    if let Some(vat_id) = vat_id {
        spec["vatId"] = json!(vat_id);
    }
    spec
}

/// `category rate % of base: amount (reason)` of every tax on a document.
fn taxes(document: &Document) -> Vec<String> {
    let shown = |tax: &billing_api::TaxSubtotal| {
        let reason = tax.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{:?} {} % of {}: {}{reason}", tax.category, &*tax.rate, &*tax.base, &*tax.amount)
    };
    document.taxes.iter().map(shown).collect()
}

fn vat_id(group: &BillingGroup) -> Option<&GroupVatId> {
    group.status.as_ref()?.vat_id.as_ref()
}

async fn patch_group(scene: &Scene<'_>, organization: &str, spec: Value) -> Result {
    let patch = Patch::Merge(json!({ "spec": spec }));
    scene.api::<BillingGroup>(organization).patch("main", &PatchParams::default(), &patch).await?;
    Ok(())
}

/// What finance says of the group's VAT id.
async fn find(scene: &Scene<'_>, organization: &str, state: VatIdState, reference: &str) -> Result {
    let patch = Patch::Merge(json!({ "status": { "vatId": { "state": state, "reference": reference } } }));
    scene.api::<BillingGroup>(organization).patch_status("main", &PatchParams::default(), &patch).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn vat_is_on_the_final_invoice() -> Result {
    let scene = World::shared().scene().await?;
    issuer(&scene, "tax-vat", json!({ "taxRules": rules() })).await?;
    scene.organization("tax-vat").await?;
    scene.group("tax-vat", "main", billed_by("tax-vat", "FI", None)).await?;
    let invoice = final_of(&scene, "tax-vat", "main", back(1)).await?;
    let document = document(&invoice)?;
    assert_eq!(taxes(document), ["S 25.5 % of 100.00: 25.50"]);
    assert_eq!((&*document.subtotal, &*document.tax, &*document.total), ("100.00", "25.50", "125.50"));
    let balance = |group: &BillingGroup| {
        let status = group.status.as_ref();
        status.and_then(|status| status.estimated_balance.as_deref()) == Some("100.00")
    };
    scene.wait_group("tax-vat", "main", "has a balance before tax", balance).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn reverse_charge_waits_for_a_confirmed_id_and_ends_with_another_one() -> Result {
    let scene = World::shared().scene().await?;
    issuer(&scene, "tax-eu", json!({ "taxRules": rules() })).await?;
    scene.organization("tax-eu").await?;
    scene.group("tax-eu", "main", billed_by("tax-eu", "DE", Some("136 695 976"))).await?;
    let invoice = held(&scene, "tax-eu", "main", back(1), "NoTaxRule").await?;
    assert!(message(&invoice).contains("needs the VAT id confirmed"), "{}", message(&invoice));
    assert_eq!((total(&invoice), &document(&invoice)?.taxes[..]), ("100.00", &[][..]), "the estimate goes on");
    let expected = GroupVatId {
        value: "DE136695976".to_owned(),
        country: Some("DE".to_owned()),
        state: VatIdState::Unconfirmed,
        reference: None,
    };
    scene.wait_group("tax-eu", "main", "has a VAT id", |group| vat_id(group) == Some(&expected)).await?;

    // The operator writes the status again and again while finance confirms, and nothing is lost.
    let busy = async {
        for number in 0..20 {
            patch_group(&scene, "tax-eu", json!({ "displayName": format!("Acme {number}") })).await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    };
    tokio::try_join!(busy, find(&scene, "tax-eu", VatIdState::Confirmed, "VIES 123"))?;
    let confirmed =
        GroupVatId { state: VatIdState::Confirmed, reference: Some("VIES 123".to_owned()), ..expected.clone() };
    let settled = |group: &BillingGroup| {
        let observed = group.status.as_ref().and_then(|status| status.observed_generation);
        observed == group.metadata.generation && vat_id(group) == Some(&confirmed)
    };
    scene.wait_group("tax-eu", "main", "keeps the confirmation", settled).await?;
    let invoice = final_of(&scene, "tax-eu", "main", back(1)).await?;
    assert_eq!(taxes(document(&invoice)?), ["AE 0 % of 100.00: 0.00 (Reverse charge)"]);
    assert_eq!(document(&invoice)?.buyer.vat_id.as_deref(), Some("DE136695976"));

    // Another id is another question; a wrong one makes a consumer, for whom there is no rule.
    patch_group(&scene, "tax-eu", json!({ "vatId": "DE129273398" })).await?;
    let void = |group: &BillingGroup| {
        vat_id(group).is_some_and(|id| id.state == VatIdState::Unconfirmed && id.reference.is_none())
    };
    scene.wait_group("tax-eu", "main", "waits for finance again", void).await?;
    held(&scene, "tax-eu", "main", open_month(), "NoTaxRule").await?;
    find(&scene, "tax-eu", VatIdState::Invalid, "VIES 124").await?;
    let says = |invoice: &Invoice| message(invoice).contains("matches a consumer in DE");
    scene.wait_invoice("tax-eu", "main", open_month(), "is a consumer's", says).await?;
    assert_eq!(taxes(document(&final_of(&scene, "tax-eu", "main", back(1)).await?)?).len(), 1, "the final stays");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_added_releases_the_invoice_that_waits_for_it() -> Result {
    let scene = World::shared().scene().await?;
    issuer(&scene, "tax-late", json!({ "taxRules": rules() })).await?;
    scene.organization("tax-late").await?;
    scene.group("tax-late", "main", billed_by("tax-late", "SE", None)).await?;
    let invoice = held(&scene, "tax-late", "main", back(1), "NoTaxRule").await?;
    assert!(message(&invoice).contains("matches a consumer in SE; add one"), "{}", message(&invoice));
    assert!(document(&invoice)?.tax_note.as_deref().is_some_and(|note| note.contains("not known")));
    let mut rules = rules();
    let sweden = json!({ "name": "Sweden", "countries": ["SE"], "buyer": "Consumer", "category": "S", "rate": "25" });
    rules.as_array_mut().ok_or("a list")?.insert(0, sweden);
    change::<InvoiceIssuer>(&scene, "tax-late", json!({ "taxRules": rules })).await?;
    let invoice = final_of(&scene, "tax-late", "main", back(1)).await?;
    assert_eq!(taxes(document(&invoice)?), ["S 25 % of 100.00: 25.00"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_little_is_rounded_to_zero_and_an_issuer_without_rules_says_that_it_taxes_nothing() -> Result {
    let scene = World::shared().scene().await?;
    let minimum = json!([{ "amount": "20", "currency": "USD" }, { "amount": "1", "currency": "EUR" }]);
    issuer(&scene, "tax-small", json!({ "minimumCharge": minimum })).await?;
    awaited(&scene, "tax-small", "tax-small-shop", "main").await?;
    scene.usage("tax-small", "domain", domain("tax-small-shop", back(1).start())).await?;
    let spec = json!({ "terms": { "firstPeriod": back(1).to_string(), "issuer": "tax-small" } });
    scene.group("tax-small", "main", spec).await?;
    let invoice = final_of(&scene, "tax-small", "main", back(1)).await?;
    let document = written(&invoice).ok_or("a document")?;
    let rounding = document.lines.last().ok_or("a line")?;
    assert_eq!((rounding.kind, &*rounding.total), (LineType::Rounding, "-12.50"));
    assert_eq!(rounding.description, "12.50 USD is below the minimum charge of 20.00 USD");
    assert_eq!(&*document.total, "0.00");
    assert_eq!(document.tax_note.as_deref(), Some("No tax is charged: the issuer taxes nothing."));
    Ok(())
}
