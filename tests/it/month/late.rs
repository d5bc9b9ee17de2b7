//! Late and corrected usage: finals stay, and the open month says the difference.

use billing_api::{
    BillingGroup, Credit, CreditApplication, Invoice, Line, LineType, PaymentState, ProjectBinding, Time, UsageRecord,
    labels::BINDING_NAME,
};
use kube::ResourceExt;
use rust_decimal::Decimal;
use serde_json::json;

use super::credit_notes::{ask, issued, parts};
use super::stage::{
    awaited, back, database, document, domain, final_of, held, later, lines, priced, terms, total, written,
};
use crate::{
    Result,
    support::{Scene, World, open_month, reason},
};

/// `period record total` of the lines that adjust closed months.
pub(super) fn adjustments(invoice: &Invoice) -> Vec<String> {
    let lines = written(invoice).into_iter().flat_map(|document| &document.lines);
    let shown = |line: &Line| {
        let record = line.source.as_ref().map_or("", |source| source.name.as_str());
        line.adjusts.as_ref().map(|adjusts| format!("{} {record} {}", adjusts.period.as_str(), line.total.as_str()))
    };
    lines.filter_map(shown).collect()
}

/// A group with one closed month, which has a database that runs since the first of it.
async fn closed(scene: &Scene<'_>, organization: &str) -> Result<Invoice> {
    let project = format!("{organization}-shop");
    awaited(scene, organization, &project, "main").await?;
    scene.usage(organization, "db", database(&project, "db", back(1).start(), None)).await?;
    scene.group(organization, "main", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    final_of(scene, organization, "main", back(1)).await
}

/// Waits until the open month adjusts just this.
async fn adjusted(scene: &Scene<'_>, organization: &str, expected: &[String]) -> Result<Invoice> {
    let what = format!("adjusts {expected:?}");
    scene.wait_invoice(organization, "main", open_month(), &what, |invoice| adjustments(invoice) == expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_that_arrives_late_is_in_the_open_month_and_the_final_stays() -> Result {
    let scene = World::shared().scene().await?;
    let before = closed(&scene, "late-new").await?;
    scene.usage("late-new", "domain", domain("late-new-shop", later(back(1).start(), 5))).await?;
    let expected = [format!("{} domain 12.50", back(1))];
    let open = adjusted(&scene, "late-new", &expected).await?;
    let line = document(&open)?.lines.iter().find(|line| line.adjusts.is_some()).ok_or("a line")?;
    assert!(line.description.starts_with(&format!("Late for {}: usage domain from ", back(1))), "{line:?}");
    assert_eq!((line.unit_price.as_deref(), line.quantity.as_deref()), (Some("12.5"), Some("1")));
    assert_eq!(final_of(&scene, "late-new", "main", back(1)).await?, before);

    // A purged record changes nothing on what bills it, and one that no final bills is withdrawn.
    scene.delete::<UsageRecord>("late-new", "domain").await?;
    adjusted(&scene, "late-new", &[]).await?;
    let end = json!({ "spec": { "end": Time(later(open_month().start(), 1)) } });
    scene.patch::<UsageRecord>("late-new", "db", end).await?;
    scene.delete::<UsageRecord>("late-new", "db").await?;
    scene.usage("late-new", "present", domain("late-new-shop", open_month().start())).await?;
    let open = scene
        .wait_invoice("late-new", "main", open_month(), "goes on", |invoice| lines(invoice) == ["present 1 12.50"])
        .await?;
    assert_eq!(total(&open), "12.50");
    assert_eq!(final_of(&scene, "late-new", "main", back(1)).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_that_ended_late_is_taken_back_and_what_is_below_zero_goes_forward() -> Result {
    let scene = World::shared().scene().await?;
    let before = closed(&scene, "late-end").await?;
    let end = json!({ "spec": { "end": Time(later(back(1).start(), 100)) } });
    scene.patch::<UsageRecord>("late-end", "db", end).await?;
    let less = (Decimal::from_str_exact(total(&before))? - Decimal::new(260, 2)).to_string();
    let open = adjusted(&scene, "late-end", &[format!("{} db -{less}", back(1))]).await?;
    let document_of_open = document(&open)?;
    assert_eq!((total(&open), document_of_open.amount_due().as_str()), (format!("-{less}").as_str(), "0.00"));
    assert_eq!(document_of_open.carried_forward.as_deref(), Some(less.as_str()));
    let line = document(&open)?.lines.iter().find(|line| line.adjusts.is_some()).ok_or("a line")?;
    let corrected = line.adjusts.as_ref().and_then(|adjusts| adjusts.invoice.as_deref());
    assert_eq!(corrected, Some(before.name_any().as_str()));
    assert_eq!(final_of(&scene, "late-end", "main", back(1)).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_credit_note_took_back_is_not_taken_back_again() -> Result {
    let scene = World::shared().scene().await?;
    let before = closed(&scene, "late-credited").await?;
    let line = document(&before)?.lines.first().ok_or("a line")?.id.clone();
    ask(&scene, "late-credited", "outage", parts(&before, &[(Some(&line), "8.40"), (None, "1.00")])).await?;
    issued(&scene, "late-credited", "outage").await?;
    scene.usage("late-credited", "new", domain("late-credited-shop", later(back(1).start(), 5))).await?;
    adjusted(&scene, "late-credited", &[format!("{} new 12.50", back(1))]).await?;

    let end = json!({ "spec": { "end": Time(later(back(1).start(), 100)) } });
    scene.patch::<UsageRecord>("late-credited", "db", end).await?;
    let less = (Decimal::from_str_exact(total(&before))? - Decimal::new(260 + 840, 2)).to_string();
    let expected = [format!("{} db -{less}", back(1)), format!("{} new 12.50", back(1))];
    let open = adjusted(&scene, "late-credited", &expected).await?;
    let line = document(&open)?.lines.iter().find(|line| line.adjusts.is_some()).ok_or("a line")?;
    assert!(line.description.contains(", less 8.40 credited: usage db from "), "{line:?}");

    // All of it is taken back: nothing of it is billed again, and nothing more given back.
    let full = json!({ "invoice": before.name_any(), "full": true });
    ask(&scene, "late-credited", "all", full).await?;
    issued(&scene, "late-credited", "all").await?;
    adjusted(&scene, "late-credited", &expected[1..]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_replaced_is_taken_back_and_its_replacement_billed() -> Result {
    let scene = World::shared().scene().await?;
    let before = closed(&scene, "late-replaced").await?;
    let start = back(1).start();
    let mut correction = database("late-replaced-shop", "db", start, Some(later(start, 50)));
    correction["replaces"] = "db".into();
    scene.usage("late-replaced", "db-corrected", correction).await?;
    let expected = [format!("{} db -{}", back(1), total(&before)), format!("{} db-corrected 1.30", back(1))];
    adjusted(&scene, "late-replaced", &expected).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_of_a_project_that_is_bound_only_now_is_late_and_a_restart_changes_nothing() -> Result {
    let mut world = World::start(&[])?;
    let expected = [format!("{} late-domain 12.50", back(1))];
    {
        let scene = world.scene().await?;
        closed(&scene, "late-bound").await?;
        scene.bare_project("late-bound", "late-bound-new").await?;
        scene.usage("late-bound", "late-domain", domain("late-bound-new", later(back(1).start(), 5))).await?;
        scene.bind("late-bound-new", "main").await?;
        adjusted(&scene, "late-bound", &expected).await?;
    }
    world.operator.kill9();
    let kubeconfig = world.control_plane.folder().join("operator.kubeconfig");
    let (operator, port) = crate::support::start_operator(&world.control_plane, &kubeconfig, "again", &[])?;
    (world.operator, world.port) = (operator, port);
    let scene = world.scene().await?;
    // What was closed before the restart is known again.
    scene.usage("late-bound", "next", domain("late-bound-shop", later(back(1).start(), 6))).await?;
    let both = [expected.to_vec(), vec![format!("{} next 12.50", back(1))]].concat();
    adjusted(&scene, "late-bound", &both).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_final_carries_forward_the_next_invoice_begins_with() -> Result {
    let scene = World::shared().scene().await?;
    let (organization, start) = ("late-carry", back(2).start());
    awaited(&scene, organization, "late-carry-shop", "main").await?;
    scene.usage(organization, "db", database("late-carry-shop", "db", start, Some(back(2).end()))).await?;
    // Something without a price keeps the second month open.
    scene.usage(organization, "strange", priced("late-carry-shop", "Strange", back(1).start())).await?;
    scene.usage(organization, "present", domain("late-carry-shop", open_month().start())).await?;
    scene.group(organization, "main", terms(json!({ "firstPeriod": back(2).to_string() }))).await?;
    let first = final_of(&scene, organization, "main", back(2)).await?;
    held(&scene, organization, "main", back(1), "Unpriced").await?;
    let mut correction = database("late-carry-shop", "db", start, Some(later(start, 50)));
    correction["replaces"] = "db".into();
    scene.usage(organization, "corrected", correction).await?;
    let expected = [format!("{} corrected 1.30", back(2)), format!("{} db -{}", back(2), total(&first))];
    let fits = |invoice: &Invoice| adjustments(invoice) == expected;
    scene.wait_invoice(organization, "main", back(1), "adjusts the month before", fits).await?;
    scene.delete::<UsageRecord>(organization, "strange").await?;

    let second = final_of(&scene, organization, "main", back(1)).await?;
    let left = document(&second)?.carried_forward.clone().ok_or("an amount carried forward")?;
    assert_eq!((total(&second), adjustments(&second).len()), (format!("-{}", left.as_str()).as_str(), 2));
    let payment = second.status.as_ref().and_then(|status| status.payment.as_ref()).map(|payment| payment.state);
    assert_eq!((document(&second)?.amount_due().as_str(), payment), ("0.00", Some(PaymentState::NothingDue)));
    let begins = |invoice: &Invoice| {
        let prepayments = document(invoice).map(|document| document.prepayments.clone()).unwrap_or_default();
        prepayments.iter().any(|one| (one.kind.as_str(), &*one.name) == ("Invoice", second.name_any().as_str()))
    };
    let fits = |invoice: &Invoice| begins(invoice) && adjustments(invoice).is_empty();
    let open = scene.wait_invoice(organization, "main", open_month(), "begins with it", fits).await?;
    let rest = Decimal::new(1250, 2) - left.parse::<Decimal>()?;
    assert_eq!(
        (total(&open), document(&open)?.amount_due().as_str()),
        ("12.50", rest.max(Decimal::new(0, 2)).to_string().as_str())
    );
    let known = |group: &BillingGroup| {
        let last = group.status.as_ref().and_then(|status| status.last_final.as_ref());
        last.is_some_and(|last| last.sequence == 2)
    };
    let group = scene.wait_group(organization, "main", "knows its last final", known).await?;
    let carried = group.status.and_then(|status| status.last_final?.carried_forward).ok_or("an amount")?;
    assert_eq!((carried.amount.as_str(), carried.currency.as_str()), (left.as_str(), "USD"));
    assert_eq!(Some(carried.invoice_uid.as_str()), second.uid().as_deref());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_to_a_group_that_goes_is_granted_to_the_primary_one() -> Result {
    let scene = World::shared().scene().await?;
    let (organization, project) = ("late-owed", "late-owed-shop");
    // Two months are closed, and the second carries forward: what the first billed was taken back.
    let start = back(2).start();
    awaited(&scene, organization, project, "main").await?;
    scene.usage(organization, "db", database(project, "db", start, Some(back(2).end()))).await?;
    scene.usage(organization, "strange", priced(project, "Strange", back(1).start())).await?;
    scene.group(organization, "main", terms(json!({ "firstPeriod": back(2).to_string() }))).await?;
    let first = final_of(&scene, organization, "main", back(2)).await?;
    let mut correction = database(project, "db", start, Some(later(start, 50)));
    correction["replaces"] = "db".into();
    scene.usage(organization, "corrected", correction).await?;
    let expected = [format!("{} corrected 1.30", back(2)), format!("{} db -{}", back(2), total(&first))];
    let fits = |invoice: &Invoice| adjustments(invoice) == expected;
    scene.wait_invoice(organization, "main", back(1), "adjusts the month before", fits).await?;
    scene.delete::<UsageRecord>(organization, "strange").await?;
    let second = final_of(&scene, organization, "main", back(1)).await?;
    let left = document(&second)?.carried_forward.clone().ok_or("an amount carried forward")?;

    // Nobody can have it yet.
    scene.delete::<ProjectBinding>(project, BINDING_NAME).await?;
    scene.wait_members(organization, "main", &[]).await?;
    scene.delete::<BillingGroup>(organization, "main").await?;
    let owed = |group: &BillingGroup| {
        let conditions = group.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        reason(conditions, "Ready") == Some("BalanceOwed")
    };
    scene.wait_group(organization, "main", "is owed something", owed).await?;

    scene.group(organization, "heir", json!({ "primary": true })).await?;
    let name = format!("carried-{}", second.name_any());
    let credit: Credit = scene.wait_object(organization, &name, "it is granted", |_| true).await?;
    let amount = credit.spec.amount.as_ref().ok_or("an amount")?;
    assert_eq!((amount.amount.as_str(), amount.currency.as_str()), (left.as_str(), "USD"));
    assert_eq!(credit.spec.billing_group.as_str(), "heir");
    assert_eq!(credit.spec.application, Some(CreditApplication::AfterTax));
    assert_eq!(credit.spec.origin.map(|origin| origin.invoice), Some(second.name_any().as_str().into()));
    scene.wait_gone::<BillingGroup>(organization, "main").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_month_is_settled_as_a_whole_and_what_a_credit_paid_goes_back_to_it() -> Result {
    let scene = World::shared().scene().await?;
    let (organization, project) = ("late-whole", "late-whole-shop");
    let start = back(2).start();
    awaited(&scene, organization, project, "main").await?;
    scene.usage(organization, "db", database(project, "db", start, Some(back(2).end()))).await?;
    // Something without a price keeps the second month open.
    scene.usage(organization, "strange", priced(project, "Strange", back(1).start())).await?;
    let amount = json!({ "amount": "1000", "currency": "USD" });
    let credit = json!({ "billingGroup": "main", "type": "Sponsorship", "amount": amount, "projects": [project] });
    scene.credit(organization, "sponsor", credit).await?;
    let first = back(2).to_string();
    let amount = json!({ "amount": "10", "currency": "USD" });
    let commitment = json!({ "name": "Plan", "amount": amount, "lastPeriod": first });
    let terms = terms(json!({ "firstPeriod": first, "commitment": commitment }));
    scene.group(organization, "main", terms).await?;
    let before = final_of(&scene, organization, "main", back(2)).await?;
    assert_eq!(total(&before), "0.00");
    let recorded = document(&before)?.terms.clone().ok_or("terms")?;
    assert_eq!(recorded.commitment.map(|commitment| commitment.amount.to_string()).as_deref(), Some("10.00"));

    // Of what ran, 1.30 are left. So the commitment is not reached, and its fee is money: the credit pays for services of the project.
    let mut correction = database(project, "db", start, Some(later(start, 50)));
    correction["replaces"] = "db".into();
    scene.usage(organization, "corrected", correction).await?;
    let adjusts = |invoice: &Invoice| adjustments(invoice).len() >= 4;
    scene.wait_invoice(organization, "main", back(1), "adjusts the month before", adjusts).await?;
    scene.delete::<UsageRecord>(organization, "strange").await?;
    let second = final_of(&scene, organization, "main", back(1)).await?;
    let document = document(&second)?;
    let parts: Vec<_> = document.lines.iter().filter_map(|line| Some((line.adjusts.as_ref()?.kind?, line))).collect();
    let of = |kind| parts.iter().find(|(known, _)| *known == kind).map(|(_, line)| line.total.to_string());
    assert_eq!(of(LineType::CommitmentFee).as_deref(), Some("8.70"));
    assert_eq!(total(&second), "8.70");
    assert_eq!(
        document.adjusted_invoices.iter().map(|one| one.number.as_str()).collect::<Vec<_>>(),
        [before.name_any()]
    );
    let back_to_it = document.returned_credits.first().ok_or("something goes back")?;
    assert_eq!(of(LineType::CreditConsumption), Some(back_to_it.amount.to_string()));
    assert_eq!((back_to_it.credit.as_str(), back_to_it.period.as_str()), ("sponsor", first.as_str()));

    let made: Credit = scene.wait_object(organization, &back_to_it.name, "it is given back", |_| true).await?;
    assert_eq!(*made.metadata.name.as_deref().unwrap_or_default(), format!("{}-1-sponsor", second.name_any()));
    let spec = made.spec;
    assert_eq!(spec.amount.map(|amount| amount.amount.to_string()), Some(back_to_it.amount.to_string()));
    assert_eq!((spec.billing_group.as_str(), spec.projects), ("main", Some(vec![project.into()])));
    let origin = spec.origin.ok_or("an origin")?;
    assert_eq!(origin.period.map(|period| period.to_string()), Some(first));
    assert_eq!(final_of(&scene, organization, "main", back(2)).await?, before);
    Ok(())
}
