//! Invoices that are issued again: for the buyer as he is now, and in the place of the ones before.

use billing_api::{BillingGroup, Credit, CreditNote, Document, Invoice, PaymentState};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::credit_notes::{ask, issued};
use super::stage::{back, database, document, domain, final_of, is_final, later, terms, total, written};
use super::tax::issuer;
use kubectl_billing::ExitStatus;

use crate::explain::ask as plugin;
use crate::support::command::Run;
use crate::{
    Result,
    support::{LIMIT, Scene, World, open_month, reason, wait},
};

/// What a Finnish company has: reverse charge for businesses of the Union, and nothing for consumers outside of Finland.
fn rules() -> Value {
    json!([
        { "name": "Finland", "countries": ["FI"], "category": "S", "rate": "25.5" },
        { "name": "EU", "countries": ["EU"], "buyer": "Business", "category": "AE", "reason": "Reverse charge" },
    ])
}

/// An organization whose group has a final invoice of a domain (12.50) and a database of ten hours (0.26), with Finnish tax.
async fn billed(scene: &Scene<'_>, organization: &str) -> Result<Invoice> {
    issuer(scene, organization, json!({ "taxRules": rules(), "reverseChargeRequires": "Format" })).await?;
    scene.organization(organization).await?;
    billed_in(scene, organization).await
}

/// The same, of an organization that is there.
async fn billed_in(scene: &Scene<'_>, organization: &str) -> Result<Invoice> {
    let shop = format!("{organization}-shop");
    scene.project(organization, &shop).await?;
    scene.bind(&shop, "main").await?;
    let start = back(1).start();
    scene.usage(organization, "domain", domain(&shop, start)).await?;
    scene.usage(organization, "db", database(&shop, "db", start, Some(later(start, 10)))).await?;
    let mut spec = terms(json!({ "firstPeriod": back(1).to_string(), "issuer": organization }));
    spec["company"] = "Exmaple GmbH".into();
    spec["billingAddress"] = json!({ "countryCode": "FI" });
    scene.group(organization, "main", spec).await?;
    final_of(scene, organization, "main", back(1)).await
}

/// The buyer's real country, his VAT id and his name.
async fn correct(scene: &Scene<'_>, organization: &str) -> Result {
    let spec = json!({ "company": "Example GmbH", "billingAddress": { "countryCode": "DE" }, "vatId": "DE136695976" });
    let group: BillingGroup = scene.patch(organization, "main", json!({ "spec": spec })).await?;
    let seen = |known: &BillingGroup| {
        known.status.as_ref().and_then(|status| status.observed_generation) == group.metadata.generation
    };
    scene.wait_group(organization, "main", "has seen who pays", seen).await.map(drop)
}

/// Asks for a note in full that lets the invoice be issued again.
async fn ask_again(scene: &Scene<'_>, organization: &str, name: &str, invoice: &str) -> Result {
    ask(scene, organization, name, json!({ "invoice": invoice, "full": true, "reissue": true })).await.map(drop)
}

/// Waits until a note says so of the invoice that is issued again.
async fn says(scene: &Scene<'_>, organization: &str, name: &str, what: &str) -> Result<CreditNote> {
    let fits = |note: &CreditNote| {
        note.status.as_ref().is_some_and(|status| reason(&status.conditions, "Reissued") == Some(what))
    };
    scene.wait_object(organization, name, &format!("{name}: {what}"), fits).await
}

/// The invoice that was issued again because of a note.
async fn again(scene: &Scene<'_>, organization: &str, name: &str) -> Result<Invoice> {
    let note = says(scene, organization, name, "Reissued").await?;
    let document = note.status.as_ref().and_then(|status| status.document.as_ref()).ok_or("a document")?;
    let number = document.reissued_as.as_ref().ok_or("a number")?;
    let invoice: Invoice = scene.api(organization).get(number).await?;
    assert!(is_final(&invoice));
    Ok(invoice)
}

/// `description total` of every line, and the taxes: `category rate base amount`.
fn shown(document: &Document) -> Vec<String> {
    let lines = document.lines.iter().map(|line| format!("{} {}", line.description, &*line.total));
    let tax = |tax: &billing_api::TaxSubtotal| {
        let reason = tax.reason.as_deref().unwrap_or("no reason");
        format!("{:?} {} of {}: {} ({reason})", tax.category, &*tax.rate, &*tax.base, &*tax.amount)
    };
    lines.chain(document.taxes.iter().map(tax)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_to_a_wrong_buyer_is_issued_again_to_the_right_one() -> Result {
    let scene = World::shared().scene().await?;
    let first = billed(&scene, "mistaken").await?;
    let number = first.name_any();
    assert_eq!(total(&first), "16.01", "12.76 and 25.5 % of it");
    correct(&scene, "mistaken").await?;
    ask_again(&scene, "mistaken", "wrong-country", &number).await?;
    let second = again(&scene, "mistaken", "wrong-country").await?;
    assert_eq!(second.name_any(), format!("{number}-r1"));
    let (before, now) = (document(&first)?, document(&second)?);
    let expected = [
        "db: PostgreSQL Hobbyist google-europe-north1 0.26",
        "example.com: Domain 12.50",
        "AE 0 of 12.76: 0.00 (Reverse charge)",
    ];
    assert_eq!(shown(now), expected);
    assert_eq!((&*now.total, now.buyer.company.as_deref()), ("12.76", Some("Example GmbH")));
    assert_eq!((&now.period, &now.scales, &now.projects), (&before.period, &before.scales, &before.projects));
    let ids = |document: &Document| document.lines.iter().map(|line| line.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(now), ids(before), "they are the supplies of then");

    // They name each other.
    let note = issued(&scene, "mistaken", "wrong-country").await?;
    let note = note.status.and_then(|status| status.document).ok_or("a document")?;
    let replaced = now.reissues.clone().ok_or("which it replaces")?;
    assert_eq!(
        (&*replaced.number, &replaced.digest, &*replaced.credit_note),
        (&*number, &before.digest, &*note.number)
    );
    assert_eq!(now.previous_digest.as_deref(), Some(note.digest.as_str()), "the chain goes on");
    let first: Invoice = scene.api("mistaken").get(&number).await?;
    let status = first.status.as_ref().ok_or("a status")?;
    let by = status.credited.as_ref().map(|credited| &credited.notes[0]).ok_or("a note")?;
    assert_eq!(by.reissued_as.as_deref(), Some(second.name_any().as_str()));
    assert_eq!(status.payment.as_ref().map(|payment| payment.state), Some(PaymentState::Credited));
    let payment = second.status.as_ref().and_then(|status| status.payment.as_ref());
    assert_eq!(payment.map(|payment| payment.state), Some(PaymentState::Due));

    // What comes late for the month is taxed like the invoice that counts; what was billed is not billed again.
    let late = database("mistaken-shop", "late", back(1).start(), Some(later(back(1).start(), 100)));
    scene.usage("mistaken", "late", late).await?;
    let settles = |invoice: &Invoice| total(invoice) == "2.60";
    let open = scene.wait_invoice("mistaken", "main", open_month(), "has what came late", settles).await?;
    assert_eq!(shown(document(&open)?)[1], "AE 0 of 2.60: 0.00 (Reverse charge)");

    // Once more, by the plugin: the second one is replaced by a third.
    scene.patch::<BillingGroup>("mistaken", "main", json!({ "spec": { "company": "Example SE" } })).await?;
    let second_number = second.name_any();
    let create = ["credit-note", "create", &second_number, "--full", "--reissue", "--reason", "Wrong name"];
    let Run { ended, stderr, .. } = plugin(&scene, "mistaken", &[&create[..], &["--name=wrong-name"]].concat()).await?;
    assert_eq!(ended, ExitStatus::Ok, "{stderr}");
    let third = again(&scene, "mistaken", "wrong-name").await?;
    assert_eq!(third.name_any(), format!("{number}-r2"));
    assert_eq!((total(&third), document(&third)?.buyer.company.as_deref()), ("12.76", Some("Example SE")));
    let third_number = third.name_any();
    let Run { ended, stdout, stderr } = plugin(&scene, "mistaken", &["verify", &third_number]).await?;
    assert_eq!(ended, ExitStatus::Ok, "{stdout}{stderr}");
    for number in [&third_number, &second_number, &number] {
        assert!(stdout.contains(number.as_str()), "{number} is judged, too: {stdout}");
    }
    assert!(stdout.contains(&format!("it has the lines of {second_number}, which it replaces")), "{stdout}");
    let first_of_all = document(&third)?.reissues.as_ref().and_then(|replaced| replaced.first_issued_at);
    assert_eq!(first_of_all, before.issued_at);
    assert_eq!(total(&scene.wait_invoice("mistaken", "main", open_month(), "stays", settles).await?), "2.60");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_credits_of_an_invoice_pay_the_one_that_takes_its_place() -> Result {
    let scene = World::shared().scene().await?;
    let rules = json!({ "taxRules": rules(), "reverseChargeRequires": "Format" });
    issuer(&scene, "repaid", rules).await?;
    scene.organization("repaid").await?;
    let credit = |amount: &str, application: &str| {
        let amount = json!({ "amount": amount, "currency": "USD" });
        json!({ "billingGroup": "main", "type": "Outage", "amount": amount, "application": application })
    };
    scene.credit("repaid", "rebate", credit("2.76", "BeforeTax")).await?;
    scene.credit("repaid", "advance", credit("12.00", "AfterTax")).await?;
    let first = billed_in(&scene, "repaid").await?;
    let before = document(&first)?;
    assert_eq!((&*before.subtotal, &*before.total, before.amount_due().as_str()), ("10.00", "12.55", "0.55"));
    correct(&scene, "repaid").await?;
    ask_again(&scene, "repaid", "wrong-country", &first.name_any()).await?;
    let second = again(&scene, "repaid", "wrong-country").await?;
    let now = document(&second)?;
    // Of the 12.00 that were paid in advance, 10.00 are enough now.
    assert_eq!((&*now.subtotal, &*now.total, now.amount_due().as_str()), ("10.00", "10.00", "0.00"));
    assert_eq!(now.prepaid.as_deref(), Some("10.00"));
    let payment = second.status.as_ref().and_then(|status| status.payment.as_ref());
    assert_eq!(payment.map(|payment| payment.state), Some(PaymentState::NothingDue));
    wait("what is left of the credits", LIMIT, async || {
        let credits = scene.api::<Credit>("repaid").list(&Default::default()).await?.items;
        let remaining = |name: &str| {
            let credit = credits.iter().find(|credit| credit.name_any().ends_with(name));
            credit.and_then(|credit| credit.status.as_ref()?.remaining.as_ref().map(ToString::to_string))
        };
        let left = ["cn1-rebate", "cn1-advance"].map(remaining);
        Ok((left == ["0.00", "2.00"].map(|left| Some(left.to_owned()))).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_back_that_cannot_be_issued_again() -> Result {
    let scene = World::shared().scene().await?;
    let first = billed(&scene, "unruled").await?;
    let number = first.name_any();
    // A consumer in Germany, for whom the issuer has no rule.
    let spec = json!({ "spec": { "billingAddress": { "countryCode": "DE" } } });
    let group: BillingGroup = scene.patch("unruled", "main", spec).await?;
    let seen = |known: &BillingGroup| {
        known.status.as_ref().and_then(|status| status.observed_generation) == group.metadata.generation
    };
    scene.wait_group("unruled", "main", "has seen who pays", seen).await?;
    ask_again(&scene, "unruled", "too-early", &number).await?;
    let refused = |note: &CreditNote| {
        note.status.as_ref().is_some_and(|status| reason(&status.conditions, "Ready") == Some("NoTaxRule"))
    };
    let note: CreditNote = scene.wait_object("unruled", "too-early", "it is refused", refused).await?;
    assert_eq!(note.status.and_then(|status| status.number), None);
    let first: Invoice = scene.api("unruled").get(&number).await?;
    assert_eq!(first.status.and_then(|status| status.credited), None, "nothing is taken back");

    let partly = ask(
        &scene,
        "unruled",
        "partly",
        json!({
            "invoice": number, "reissue": true, "lines": [{ "description": "Goodwill", "amount": "1" }],
        }),
    );
    let refusal = partly.await.unwrap_err().to_string();
    assert!(refusal.contains("reissue requires full"), "{refusal}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pays_in_the_place_of_a_group_that_is_gone() -> Result {
    let scene = World::shared().scene().await?;
    let first = billed(&scene, "left").await?;
    scene.group("left", "other", json!({})).await?;
    scene.rebind("left-shop", "other").await?;
    scene.wait_members("left", "main", &[]).await?;
    scene.delete::<BillingGroup>("left", "main").await?;
    scene.wait_gone::<BillingGroup>("left", "main").await?;
    ask_again(&scene, "left", "late", &first.name_any()).await?;
    let refused = |note: &CreditNote| {
        note.status.as_ref().is_some_and(|status| reason(&status.conditions, "Ready") == Some("BillingGroupGone"))
    };
    scene.wait_object("left", "late", "it is refused", refused).await.map(|_: CreditNote| ())
}

/// The auditor judges the new one beside the one that it replaces; nothing is final before it.
#[tokio::test(flavor = "multi_thread")]
async fn the_auditor_and_a_restart_find_nothing_wrong_with_it() -> Result {
    let mut world = World::start(&["--audit-interval=1s"])?;
    {
        let scene = world.scene().await?;
        let first = billed(&scene, "watched").await?;
        correct(&scene, "watched").await?;
        ask_again(&scene, "watched", "wrong-country", &first.name_any()).await?;
        again(&scene, "watched", "wrong-country").await?;
    }
    let audited = world.metric("billing_operator_last_audit_timestamp_seconds", "")?;
    let twice =
        async || Ok((world.metric("billing_operator_last_audit_timestamp_seconds", "")? > audited + 1.0).then_some(()));
    wait("it was audited again", LIMIT, twice).await?;
    assert_eq!(world.metric("billing_operator_audit_failures", "")?, 0.0);
    world.restart_operator()?;
    let scene = world.scene().await?;
    let late = database("watched-shop", "late", back(1).start(), Some(later(back(1).start(), 100)));
    scene.usage("watched", "late", late).await?;
    let settles = |invoice: &Invoice| written(invoice).is_some() && total(invoice) == "2.60";
    scene.wait_invoice("watched", "main", open_month(), "has what came late, and that alone", settles).await?;
    Ok(())
}
