//! What a group agreed with its provider, on estimates and finals.

use billing_api::{BillingGroup, Invoice, LineType};
use serde_json::json;

use super::stage::{awaited, back, database, document, domain, final_of, later, terms, written};
use crate::{
    Result,
    support::{World, open_month, reason},
};

/// `type total description` of the lines that are not services.
fn agreed(invoice: &Invoice) -> Vec<String> {
    let lines = written(invoice).into_iter().flat_map(|document| &document.lines);
    let agreed = lines.filter(|line| line.kind != LineType::ServiceCharge);
    agreed.map(|line| format!("{:?} {} {}", line.kind, &*line.total, line.description)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn discounts_charges_and_a_commitment_are_on_the_invoices_of_their_months() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "terms", "terms-shop", "main").await?;
    let start = back(2).start();
    scene.usage("terms", "db", database("terms-shop", "db", start, Some(later(start, 100)))).await?;
    scene.usage("terms", "domain", domain("terms-shop", back(1).start())).await?;
    let usd = |amount: &str| json!({ "amount": amount, "currency": "USD" });
    let (first, second) = (back(2).to_string(), back(1).to_string());
    let spec = terms(json!({
        "firstPeriod": first,
        "discounts": [{ "name": "Partner", "percent": "10" }, { "name": "Launch", "percent": "50", "lastPeriod": first }],
        "charges": [
            { "name": "Migration", "type": "ExtraCharge", "amount": usd("40"), "firstPeriod": first, "lastPeriod": first },
            { "name": "Support", "type": "SupportCharge", "percent": "4.5", "minimum": usd("5") },
        ],
        "commitment": { "name": "Plan", "amount": usd("100"), "firstPeriod": second },
    }));
    scene.group("terms", "main", spec).await?;

    let invoice = final_of(&scene, "terms", "main", back(2)).await?;
    let service = &document(&invoice)?.lines[0];
    assert_eq!((service.pre_discount.as_deref(), &*service.total), (Some("2.60"), "1.17"), "2.60 × 0.9 × 0.5");
    assert_eq!(
        agreed(&invoice),
        [
            "Multiplier 0.00 Partner: 10 % off services",
            "Multiplier 0.00 Launch: 50 % off services",
            "ExtraCharge 40.00 Migration",
            "SupportCharge 5.00 Support: 4.5 % of services 1.17 USD, at least 5.00",
        ]
    );
    assert_eq!(&*document(&invoice)?.total, "46.17");

    let invoice = final_of(&scene, "terms", "main", back(1)).await?;
    assert_eq!(
        agreed(&invoice),
        [
            "Multiplier 0.00 Partner: 10 % off services",
            "SupportCharge 5.00 Support: 4.5 % of services 11.25 USD, at least 5.00",
            "CommitmentFee 83.75 Plan: commitment 100.00 USD, spent 16.25",
        ]
    );
    assert_eq!(&*document(&invoice)?.total, "100.00");

    // The open month has its terms from its first instant on.
    let estimate = |invoice: &Invoice| written(invoice).is_some_and(|document| &*document.total == "100.00");
    scene.wait_invoice("terms", "main", open_month(), "has the commitment", estimate).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charge_for_a_month_that_is_final_is_named_and_one_that_was_billed_is_not() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "missed", "missed-shop", "main").await?;
    let last = back(1).to_string();
    let charge = |name: &str| {
        let amount = json!({ "amount": "40", "currency": "USD" });
        json!({ "name": name, "type": "ExtraCharge", "amount": amount, "firstPeriod": last, "lastPeriod": last })
    };
    let agreed = json!({ "firstPeriod": last, "charges": [charge("Migration")] });
    scene.group("missed", "main", terms(agreed)).await?;
    final_of(&scene, "missed", "main", back(1)).await?;
    let named = |group: &BillingGroup| {
        group.status.as_ref().is_some_and(|status| reason(&status.conditions, "ChargeMissed") == Some("PeriodIsFinal"))
    };
    let billed = |group: &BillingGroup| {
        group
            .status
            .as_ref()
            .is_some_and(|status| status.billed_charges.iter().any(|billed| billed.name == "Migration"))
    };
    let group = scene.wait_group("missed", "main", "its charge is billed", billed).await?;
    assert!(!named(&group));

    let late = json!({ "spec": { "terms": { "charges": [charge("Migration"), charge("Training")] } } });
    scene.patch::<BillingGroup>("missed", "main", late).await?;
    let group = scene.wait_group("missed", "main", "the charge that comes too late is named", named).await?;
    let conditions = group.status.map(|status| status.conditions).unwrap_or_default();
    let missed = conditions.iter().find(|condition| condition.type_ == "ChargeMissed");
    let message = missed.map(|condition| condition.message.as_str()).unwrap_or_default();
    assert!(message.contains("\"Training\"") && message.contains(&last), "{message}");

    let again = json!({ "spec": { "terms": { "charges": [charge("Migration")] } } });
    scene.patch::<BillingGroup>("missed", "main", again).await?;
    scene.wait_group("missed", "main", "nothing is missed any more", |group| !named(group)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commitment_over_a_term_is_settled_with_its_last_month_and_the_group_says_what_is_left() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "term", "term-shop", "main").await?;
    for (name, month) in [("first", back(2)), ("second", back(1))] {
        let start = month.start();
        scene.usage("term", name, database("term-shop", name, start, Some(later(start, 100)))).await?;
    }
    let usd = |amount: &str| json!({ "amount": amount, "currency": "USD" });
    let (first, last) = (back(2).to_string(), open_month().to_string());
    let commitment = |name: &str, last: &str| {
        json!({
            "name": name, "amount": usd("100"), "settlement": "Term", "firstPeriod": first, "lastPeriod": last,
        })
    };
    let spec = terms(json!({
        "firstPeriod": first,
        "charges": [{ "name": "Platform", "type": "ExtraCharge", "amount": usd("10"), "per": "Project" }],
        "commitment": commitment("Plan", &last),
    }));
    scene.group("term", "main", spec).await?;

    let invoice = final_of(&scene, "term", "main", back(1)).await?;
    assert_eq!(agreed(&invoice), ["ExtraCharge 10.00 Platform: 1 project at 10.00 USD each"]);
    assert_eq!(document(&invoice)?.terms.as_ref().and_then(|terms| terms.projects), Some(1));
    let progress = document(&invoice)?.commitment.clone();
    assert_eq!(
        progress.map(|progress| (progress.spent.to_string(), progress.left.to_string())),
        Some(("25.20".to_owned(), "74.80".to_owned()))
    );

    // The month that runs is the last: its estimate has what is missing, and the group says so.
    let missing = format!("CommitmentFee 64.80 Plan: commitment 100.00 USD for {first} to {last}, spent 35.20");
    let estimated = |invoice: &Invoice| agreed(invoice).contains(&missing);
    scene.wait_invoice("term", "main", open_month(), "has what is missing", estimated).await?;
    let left = |group: &BillingGroup| {
        let progress = group.status.as_ref().and_then(|status| status.commitment.as_ref());
        progress.is_some_and(|progress| &*progress.left == "64.80")
    };
    scene.wait_group("term", "main", "says what is left", left).await?;

    // A term that is over, and that nothing settled, is no term.
    let over = json!({ "spec": { "terms": { "commitment": commitment("Plan", &back(1).to_string()) } } });
    scene.patch::<BillingGroup>("term", "main", over).await?;
    let invalid = |group: &BillingGroup| {
        let conditions = group.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        reason(conditions, "Ready") == Some("TermsInvalid")
    };
    let group = scene.wait_group("term", "main", "is held", invalid).await?;
    let conditions = group.status.map(|status| status.conditions).unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready").map(|one| one.message.clone());
    let message = ready.unwrap_or_default();
    assert!(message.contains("spec.terms.commitment.lastPeriod") && message.contains(&last), "{message}");
    Ok(())
}
