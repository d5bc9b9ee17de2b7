//! Two operators that close the same months of many groups at once, with credits.

use std::collections::{BTreeMap, BTreeSet};

use billing_api::{BillingGroup, Credit, CreditNote, Invoice, ReservationState};
use billing_domain::{Currency, Money};
use futures::future::try_join_all;
use kube::{ResourceExt, api::PostParams};
use serde_json::json;

use super::stage::{back, document, domain, final_of, held, is_final, resume, suspended, terms, total};
use crate::{
    Result,
    support::{LIMIT, Scene, World, reason, start_operator, wait},
};

/// How many groups are closed at once, each with a project of its own.
const GROUPS: usize = 12;

/// The organization.
const RIVALS: &str = "rivals";

/// The credits of every group, in the order of use, and what remains of each after two months of 12.50.
const CREDITS: [(&str, &str, &str); 3] = [("a", "5", "0.00"), ("b", "10", "0.00"), ("c", "20", "10.00")];

fn group(at: usize) -> String {
    format!("group-{at}")
}

/// A group of which two months are over, with something to pay in each, and its credits.
async fn prepare_group(scene: &Scene<'_>, at: usize) -> Result {
    let (group, shop) = (group(at), format!("{RIVALS}-{at}"));
    scene.project(RIVALS, &shop).await?;
    scene.bind(&shop, &group).await?;
    for month in [back(2), back(1)] {
        scene.usage(RIVALS, &format!("{group}-{month}"), domain(&shop, month.start())).await?;
    }
    for (name, amount, _) in CREDITS {
        let amount = json!({ "amount": amount, "currency": "USD" });
        let spec = json!({ "billingGroup": group, "type": "Promotion", "amount": amount });
        scene.credit(RIVALS, &format!("{group}-{name}"), spec).await?;
    }
    let spec = terms(json!({ "firstPeriod": back(2).to_string(), "issuer": RIVALS }));
    scene.group(RIVALS, &group, spec).await?;
    Ok(())
}

fn usd(text: &str) -> Result<Money> {
    let currency: Currency = "USD".parse()?;
    Ok(Money::parse_plain(text, currency)?)
}

/// What finals say that they used, by credit and invoice.
fn used(finals: &[Invoice]) -> Result<BTreeMap<(String, String), Money>> {
    let mut used = BTreeMap::new();
    for invoice in finals {
        for line in &document(invoice)?.lines {
            let Some(source) = line.source.as_ref().filter(|source| source.kind == "Credit") else { continue };
            let amount = usd(line.total.trim_start_matches('-'))?;
            let twice = used.insert((source.name.to_string(), invoice.name_any()), amount);
            assert_eq!(twice, None, "{} uses {} once", invoice.name_any(), &*source.name);
        }
    }
    Ok(used)
}

/// What credits say that finals used of them, by credit and invoice, without what came to nothing.
fn consumed(credits: &[Credit]) -> Result<BTreeMap<(String, String), Money>> {
    let mut consumed = BTreeMap::new();
    for credit in credits {
        for known in credit.status.iter().flat_map(|status| &status.reservations) {
            assert_eq!(known.state, ReservationState::Consumed, "{}: {known:?}", credit.name_any());
            let amount = usd(&known.amount)?;
            if !amount.is_zero() {
                consumed.insert((credit.name_any(), known.invoice.to_string()), amount);
            }
        }
    }
    Ok(consumed)
}

/// Waits until every group knows that its two months are final, and paid by credits whole.
async fn finals(scene: &Scene<'_>) -> Result<Vec<Invoice>> {
    let mut finals = Vec::new();
    for at in 0..GROUPS {
        for month in [back(2), back(1)] {
            let invoice = final_of(scene, RIVALS, &group(at), month).await?;
            assert_eq!(total(&invoice), "0.00", "{}", invoice.name_any());
            finals.push(invoice);
        }
        let knows = |known: &BillingGroup| {
            let last = known.status.as_ref().and_then(|status| status.last_final.as_ref());
            last.is_some_and(|last| last.sequence == 2)
        };
        scene.wait_group(RIVALS, &group(at), "knows its finals", knows).await?;
    }
    Ok(finals)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_close_many_groups_with_credits_and_use_nothing_twice() -> Result {
    let world = World::start(&[])?;
    let kubeconfig = world.control_plane.folder().join("operator.kubeconfig");
    let (_second, _) = start_operator(&world.control_plane, &kubeconfig, "second", &[])?;
    let scene = world.scene().await?;
    suspended(&scene, RIVALS).await?;
    scene.organization(RIVALS).await?;
    try_join_all((0..GROUPS).map(|at| prepare_group(&scene, at))).await?;
    for at in 0..GROUPS {
        held(&scene, RIVALS, &group(at), back(2), "Suspended").await?;
    }
    resume(&scene, RIVALS).await?;
    let finals = finals(&scene).await?;

    let all = scene.api::<Invoice>(RIVALS).list(&Default::default()).await?.items;
    let numbers: BTreeSet<_> = all.iter().filter(|invoice| is_final(invoice)).map(ResourceExt::name_any).collect();
    assert_eq!(numbers, finals.iter().map(ResourceExt::name_any).collect(), "one final for every group and month");
    let credits = scene.api::<Credit>(RIVALS).list(&Default::default()).await?.items;
    assert_eq!(used(&finals)?, consumed(&credits)?, "what finals use is what credits say, to the cent");
    for at in 0..GROUPS {
        for (name, _, left) in CREDITS {
            let credit = credits.iter().find(|credit| credit.name_any() == format!("{}-{name}", group(at)));
            let status = credit.and_then(|credit| credit.status.as_ref()).ok_or("a status")?;
            assert_eq!(status.remaining.as_deref(), Some(left), "{name} of {}", group(at));
        }
    }
    give_all_back(&scene, &finals).await
}

/// Takes all finals back at once: each credit goes back once for each invoice that used it.
async fn give_all_back(scene: &Scene<'_>, finals: &[Invoice]) -> Result {
    let ask = |invoice: &Invoice| {
        let number = invoice.name_any();
        let note = json!({
            "apiVersion": "billing-operator.io/v1alpha1", "kind": "CreditNote", "metadata": { "name": number },
            "spec": { "invoice": number, "full": true, "reason": "Outage" },
        });
        async move {
            let notes = scene.api::<CreditNote>(RIVALS);
            Ok::<_, crate::Error>(notes.create(&PostParams::default(), &serde_json::from_value(note)?).await?)
        }
    };
    try_join_all(finals.iter().map(ask)).await?;
    for invoice in finals {
        let done = |note: &CreditNote| {
            note.status.as_ref().is_some_and(|status| reason(&status.conditions, "CreditsReturned") == Some("Returned"))
        };
        scene.wait_object(RIVALS, &invoice.name_any(), "gives its credits back", done).await?;
    }
    let credits = scene.api::<Credit>(RIVALS).list(&Default::default()).await?.items;
    let mut returned = BTreeMap::new();
    for credit in &credits {
        let Some(origin) = &credit.spec.origin else { continue };
        let amount = credit.spec.amount.as_ref().map(|amount| usd(&amount.amount)).transpose()?.ok_or("an amount")?;
        let of = origin.credit.as_ref().map(ToString::to_string).unwrap_or_default();
        let twice = returned.insert((of, origin.invoice.to_string()), amount);
        assert_eq!(twice, None, "{} gives back what another does", credit.name_any());
    }
    assert_eq!(returned, used(finals)?, "what is given back is what was used");
    // The open month of every group finds 35.00 again.
    wait("every group has all of its credit again", LIMIT, async || {
        let groups = scene.api::<BillingGroup>(RIVALS).list(&Default::default()).await?.items;
        let whole = |known: &BillingGroup| {
            known.status.as_ref().is_some_and(|status| status.credits_remaining.as_deref() == Some("35.00"))
        };
        Ok(groups.iter().all(whole).then_some(()))
    })
    .await
}
