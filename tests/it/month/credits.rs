//! Credits on a real API server: what invoices use of them, and codes that are redeemed once.

use std::collections::BTreeSet;

use billing_api::{BillingGroup, Credit, CreditCode, Invoice, PriceList, ReservationState};
use billing_state::code_name;
use futures::future::try_join_all;
use kube::{
    ResourceExt,
    api::{ListParams, VersionMatch},
};
use serde_json::{Value, json};

use super::stage::{awaited, back, document, final_of, make, priced, terms, total, written};
use crate::{
    Result,
    support::{LIMIT, Scene, World, open_month, reason, wait},
};

/// How many try to redeem one code at once.
const CLAIMS: usize = 32;

/// Waits for a credit that stands so.
async fn wait_credit(scene: &Scene<'_>, organization: &str, name: &str, stands: &str) -> Result<Credit> {
    let fits = |credit: &Credit| {
        let status = credit.status.as_ref();
        status.is_some_and(|status| reason(&status.conditions, "Ready") == Some(stands))
    };
    scene.wait_object(organization, name, &format!("{name} is {stands}"), fits).await
}

/// `sequence amount state` of every reservation.
fn reservations(credit: &Credit) -> Vec<String> {
    let reservations = credit.status.iter().flat_map(|status| &status.reservations);
    let shown = reservations.map(|known| {
        let sequence = known.invoice.split('-').next_back().unwrap_or_default();
        let state = if known.state == ReservationState::Consumed { "Consumed" } else { "Reserved" };
        format!("{sequence} {} {state}", &*known.amount)
    });
    shown.collect()
}

/// What an invoice used of credits.
fn used(invoice: &Invoice) -> Vec<String> {
    let lines = written(invoice).into_iter().flat_map(|document| &document.lines);
    let of_credits = lines.filter(|line| line.source.as_ref().is_some_and(|source| source.kind == "Credit"));
    of_credits.map(|line| format!("{} {}", &*line.total, line.description)).collect()
}

fn remaining(credit: &Credit) -> &str {
    credit.status.as_ref().and_then(|status| status.remaining.as_deref()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_of_400_pays_250_in_one_month_and_the_rest_in_the_next() -> Result {
    let scene = World::shared().scene().await?;
    awaited(&scene, "credited", "credited-shop", "main").await?;
    let entries = json!([{
        "name": "event", "type": "Event", "unit": "Unit", "unitPrice": "250", "validFrom": "2020-01-01T00:00:00Z",
    }]);
    make::<PriceList>(&scene, "credited", json!({ "currency": "USD", "entries": entries })).await?;
    for (name, month) in [("one", back(2)), ("two", back(1)), ("three", open_month())] {
        scene.usage("credited", name, priced("credited-shop", "Event", month.start())).await?;
    }
    let amount = json!({ "amount": "400", "currency": "USD" });
    let spec = json!({ "billingGroup": "main", "type": "Purchase", "amount": amount });
    scene.credit("credited", "prepaid", spec).await?;
    wait_credit(&scene, "credited", "prepaid", "BillingGroupNotFound").await?;
    let euros = json!({ "amount": "1000", "currency": "EUR" });
    scene.credit("credited", "euros", json!({ "billingGroup": "main", "type": "Other", "amount": euros })).await?;

    let agreed = json!({ "firstPeriod": back(2).to_string(), "priceList": "credited" });
    scene.group("credited", "main", terms(agreed)).await?;
    let first = final_of(&scene, "credited", "main", back(2)).await?;
    assert_eq!(total(&first), "0.00");
    assert_eq!(used(&first), ["-250.00 prepaid: credit (Purchase), 150.00 USD remain"]);
    let second = final_of(&scene, "credited", "main", back(1)).await?;
    assert_eq!(total(&second), "100.00");
    assert_eq!(used(&second), ["-150.00 prepaid: credit (Purchase), 0.00 USD remain"]);

    // The version that a final names is the one in which its part was reserved.
    for (invoice, reserved) in [(&first, "1 250.00 Reserved"), (&second, "2 150.00 Reserved")] {
        let [named] = document(invoice)?.inputs.credits.as_slice() else { return Err("one credit is named".into()) };
        let then = ListParams::default().at(&named.resource_version).matching(VersionMatch::Exact);
        let credits = scene.api::<Credit>("credited").list(&then).await?.items;
        let credit = credits.iter().find(|credit| credit.uid().as_deref() == Some(named.uid.as_str()));
        let known = credit.map(reservations).unwrap_or_default();
        assert_eq!((named.name.as_str(), known.last().map(String::as_str)), ("prepaid", Some(reserved)));
    }

    let exhausted = wait_credit(&scene, "credited", "prepaid", "Exhausted").await?;
    assert_eq!(reservations(&exhausted), ["1 250.00 Consumed", "2 150.00 Consumed"]);
    assert_eq!(remaining(&exhausted), "0.00");
    let mismatch = wait_credit(&scene, "credited", "euros", "CurrencyMismatch").await?;
    assert_eq!(remaining(&mismatch), "1000.00");

    // The open month shows what it would use, and reserves nothing.
    let amount = json!({ "amount": "300", "currency": "USD" });
    scene.credit("credited", "more", json!({ "billingGroup": "main", "type": "Other", "amount": amount })).await?;
    let shown = |invoice: &Invoice| total(invoice) == "0.00" && !used(invoice).is_empty();
    let open = scene.wait_invoice("credited", "main", open_month(), "uses the credit", shown).await?;
    assert_eq!(used(&open), ["-250.00 more: credit (Other), 50.00 USD remain"]);
    let more = wait_credit(&scene, "credited", "more", "Usable").await?;
    assert_eq!((reservations(&more), remaining(&more)), (Vec::new(), "300.00"));
    let says = |group: &BillingGroup| {
        group.status.as_ref().is_some_and(|status| status.credits_remaining.as_deref() == Some("300.00"))
    };
    scene.wait_object("credited", "main", "says what remains", says).await?;

    let kept = scene.delete::<Credit>("credited", "prepaid").await;
    let refusal = kept.expect_err("a credit on invoices is kept").to_string();
    assert!(refusal.contains("is used by invoices and cannot be deleted"), "{refusal}");
    scene.delete::<Credit>("credited", "more").await?;
    let without = |invoice: &Invoice| total(invoice) == "250.00";
    scene.wait_invoice("credited", "main", open_month(), "goes on without the credit", without).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_of_one_code_exactly_one_wins() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("claims").await?;
    scene.group("claims", "main", json!({})).await?;
    let code = "WELCOME-2026-QX7RT2";
    let worth = json!({ "type": "Trial", "amount": { "amount": "20", "currency": "USD" } });
    make::<CreditCode>(&scene, &code_name(code), worth).await?;
    let names: Vec<_> = (0..CLAIMS).map(|number| format!("claim-{number}")).collect();
    let claim = json!({ "billingGroup": "main", "code": code });
    try_join_all(names.iter().map(|name| scene.credit("claims", name, claim.clone()))).await?;

    let settled = wait("every claim is settled", LIMIT, async || {
        let credits = scene.api::<Credit>("claims").list(&Default::default()).await?.items;
        let stands = |credit: &Credit| {
            let status = credit.status.as_ref()?;
            reason(&status.conditions, "Ready").map(str::to_owned)
        };
        let states: Option<Vec<_>> = credits.iter().map(stands).collect();
        let won = |states: &Vec<String>| states.len() == CLAIMS && states.iter().any(|state| state == "Usable");
        Ok(states.filter(won).map(|states| (credits, states)))
    })
    .await?;
    let (credits, states) = settled;
    assert_eq!(states.iter().filter(|state| *state == "Usable").count(), 1, "{states:?}");
    assert_eq!(states.iter().filter(|state| *state == "CodeInvalid").count(), CLAIMS - 1, "{states:?}");
    let conditions = credits.iter().flat_map(|credit| &credit.status).flat_map(|status| &status.conditions);
    let said: BTreeSet<_> = conditions.map(|known| known.message.as_str()).collect();
    let lost = "the code is not valid: unknown, used, expired or not for this organization";
    assert_eq!(said, BTreeSet::from([lost, "the invoices of billing group main use the credit"]));
    let worth: BTreeSet<_> =
        credits.iter().filter(|credit| remaining(credit) == "20.00").map(ResourceExt::uid).collect();
    let redeemed: CreditCode = scene.cluster().get(&code_name(code)).await?;
    let by = redeemed.status.and_then(|status| status.redeemed_by).ok_or("nobody redeemed it")?;
    assert_eq!(worth, BTreeSet::from([Some(by.uid.to_string())]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_is_not_valid_reads_the_same_whatever_is_wrong_and_costs_nothing() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("guesses").await?;
    scene.group("guesses", "main", json!({})).await?;
    let worth = |more: Value| {
        let mut spec = json!({ "type": "Trial", "amount": { "amount": "20", "currency": "USD" } });
        spec.as_object_mut().into_iter().zip(more.as_object().cloned()).for_each(|(spec, more)| spec.extend(more));
        spec
    };
    let others = json!({ "organization": "somebody-else" });
    let over = json!({ "redeemUntil": "2020-01-01T00:00:00Z" });
    for (code, spec) in [("NOT-YOURS-AAAAAAAA", others), ("TOO-LATE-AAAAAAAAA", over)] {
        make::<CreditCode>(&scene, &code_name(code), worth(spec)).await?;
    }
    let mut said = BTreeSet::new();
    for (name, code) in
        [("late", "TOO-LATE-AAAAAAAAA"), ("theirs", "NOT-YOURS-AAAAAAAA"), ("unknown", "NO-SUCH-CODE-AAAAAAA")]
    {
        scene.credit("guesses", name, json!({ "billingGroup": "main", "code": code })).await?;
        let refused = wait_credit(&scene, "guesses", name, "CodeInvalid").await?;
        let conditions = refused.status.iter().flat_map(|status| &status.conditions);
        said.extend(conditions.map(|condition| condition.message.clone()));
        assert_eq!(remaining(&refused), "");
    }
    assert_eq!(said.len(), 1, "{said:?}");

    // A code that comes into being later counts from then on.
    make::<CreditCode>(&scene, &code_name("NO-SUCH-CODE-AAAAAAA"), worth(json!({ "organization": "guesses" }))).await?;
    let usable = wait_credit(&scene, "guesses", "unknown", "Usable").await?;
    assert_eq!(remaining(&usable), "20.00");
    for code in ["NOT-YOURS-AAAAAAAA", "TOO-LATE-AAAAAAAAA"] {
        let untouched: CreditCode = scene.cluster().get(&code_name(code)).await?;
        assert!(untouched.status.and_then(|status| status.redeemed_by).is_none(), "{code} is spent");
    }
    Ok(())
}
