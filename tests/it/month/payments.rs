//! What is to be paid, and what is late.

use billing_api::{BillingGroup, Invoice, PaymentState};
use kube::ResourceExt;
use serde_json::{Value, json};

use super::stage::{awaited, back, domain, final_of, terms};
use crate::{
    Result,
    support::{LIMIT, Scene, World, wait},
};

/// An organization whose group has a final invoice over 12.50, which is due at once.
async fn final_invoice(scene: &Scene<'_>, organization: &str, mut spec: Value) -> Result<Invoice> {
    let shop = format!("{organization}-shop");
    awaited(scene, organization, &shop, "main").await?;
    scene.usage(organization, "domain", domain(&shop, back(1).start())).await?;
    spec["terms"]["firstPeriod"] = back(1).to_string().into();
    scene.group(organization, "main", spec).await?;
    final_of(scene, organization, "main", back(1)).await
}

fn state(invoice: &Invoice) -> Option<PaymentState> {
    Some(invoice.status.as_ref()?.payment.as_ref()?.state)
}

/// What the condition `PastDue` says.
fn invoice_past_due(invoice: &Invoice) -> Option<&str> {
    let mut conditions = invoice.status.iter().flat_map(|status| &status.conditions);
    conditions.find(|condition| condition.type_ == "PastDue").map(|condition| condition.message.as_str())
}

fn group_past_due(group: &BillingGroup) -> Option<&str> {
    let mut conditions = group.status.iter().flat_map(|status| &status.conditions);
    conditions.find(|condition| condition.type_ == "PastDue").map(|condition| condition.message.as_str())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_and_its_group_say_that_it_is_past_due_until_it_is_paid() -> Result {
    let scene = World::shared().scene().await?;
    let invoice = final_invoice(&scene, "overdue", terms(json!({ "paymentTermDays": 0 }))).await?;
    let number = invoice.name_any();
    let late = |invoice: &Invoice| invoice_past_due(invoice).is_some();
    let invoice = scene.wait_object("overdue", &number, "the invoice is past due", late).await?;
    let status = invoice.status.as_ref().ok_or("a status")?;
    let due = status.document.as_ref().and_then(|document| document.due_at).ok_or("dueAt")?;
    assert_eq!((state(&invoice), status.overdue_since), (Some(PaymentState::Due), Some(due)));
    let what = format!("invoice {number} for 12.50 USD has been past due since {due}");
    assert!(invoice_past_due(&invoice).is_some_and(|said| said.starts_with(&what)), "{:?}", status.conditions);
    let late = |group: &BillingGroup| group_past_due(group) == Some(&what);
    scene.wait_group("overdue", "main", "names the invoice", late).await?;
    assert_eq!(scene.metric("billing_operator_receivables", "")?, 0.0, "it is not for everybody");
    let amount = scene.finance_metric("billing_operator_receivables", "currency=\"USD\",days_overdue=\"1-30\"")?;
    assert!(amount >= 12.5, "{amount}");

    let paid = json!({ "state": "Paid", "at": "2026-01-02T03:04:05Z", "reference": "RF18" });
    let api = scene.api::<Invoice>("overdue");
    let patch = kube::api::Patch::Merge(json!({ "status": { "payment": paid } }));
    api.patch_status(&number, &Default::default(), &patch).await?;
    let settled = |invoice: &Invoice| invoice_past_due(invoice).is_none();
    let invoice = scene.wait_object("overdue", &number, "the invoice is not late any more", settled).await?;
    let status = invoice.status.as_ref().ok_or("a status")?;
    assert_eq!((state(&invoice), status.overdue_since), (Some(PaymentState::Paid), None));
    assert_eq!(status.conditions.len(), 1, "the others stay: {:?}", status.conditions);
    scene.wait_group("overdue", "main", "has nothing late", |group| group_past_due(group).is_none()).await?;
    Ok(())
}

/// Somebody pays while the operator is away: the mark goes when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_paid_while_the_operator_was_away_is_not_late_when_it_is_back() -> Result {
    let mut world = World::start(&[])?;
    let scene = world.scene().await?;
    let number = final_invoice(&scene, "away", terms(json!({ "paymentTermDays": 0 }))).await?.name_any();
    let late = |invoice: &Invoice| invoice_past_due(invoice).is_some();
    scene.wait_object("away", &number, "the invoice is past due", late).await?;
    let api = scene.api::<Invoice>("away");
    world.operator.kill9();
    let patch = kube::api::Patch::Merge(json!({ "status": { "payment": { "state": "Waived" } } }));
    api.patch_status(&number, &Default::default(), &patch).await?;
    world.restart_operator()?;
    wait("the invoice is not late any more", LIMIT, async || {
        let invoice = api.get(&number).await?;
        let status = invoice.status.clone().ok_or("a status")?;
        Ok((invoice_past_due(&invoice).is_none() && status.overdue_since.is_none()).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_is_to_pay_says_so_at_once() -> Result {
    let scene = World::shared().scene().await?;
    let method = |method: &str| json!({ "paymentMethod": { "type": method }, "terms": { "paymentTermDays": 0 } });
    let free = final_invoice(&scene, "free", method("NoPaymentExpected")).await?;
    assert_eq!(state(&free), Some(PaymentState::NoPaymentExpected));
    let market = final_invoice(&scene, "market", method("AzureMarketplace")).await?;
    assert_eq!(state(&market), Some(PaymentState::PartnerMetering));
    Ok(())
}
