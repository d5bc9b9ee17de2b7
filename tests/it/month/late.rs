//! Late and corrected usage: finals stay, and the open month says the difference.

use billing_api::{
    BillingGroup, Credit, Invoice, Line, LineType, ProjectBinding, Time, UsageRecord, labels::BINDING_NAME,
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
fn adjustments(invoice: &Invoice) -> Vec<String> {
    let lines = written(invoice).into_iter().flat_map(|document| &document.lines);
    let shown = |line: &Line| {
        let record = line.source.as_ref().map_or("", |source| source.name.as_str());
        line.adjusts.as_ref().map(|adjusts| format!("{} {record} {}", adjusts.period.as_str(), line.total.as_str()))
    };
    lines.filter_map(shown).collect()
}

/// The lines that say what goes from one invoice to the next.
fn carried(invoice: &Invoice) -> Vec<String> {
    let lines = written(invoice).into_iter().flat_map(|document| &document.lines);
    let forward = lines.filter(|line| line.kind == LineType::OtherEvent && line.adjusts.is_none());
    forward.map(|line| format!("{} {}", line.total.as_str(), line.description)).collect()
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
    assert_eq!(carried(&open), [format!("{less} Carried forward to the next invoice")]);
    assert_eq!((total(&open), document(&open)?.carried_forward.as_deref()), ("0.00", Some(less.as_str())));
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
    assert_eq!((total(&second), adjustments(&second).len()), ("0.00", 2));
    let begins = format!("-{} Brought forward from {}", left.as_str(), second.name_any());
    let fits = |invoice: &Invoice| carried(invoice).first() == Some(&begins) && adjustments(invoice).is_empty();
    let open = scene.wait_invoice(organization, "main", open_month(), "begins with it", fits).await?;
    let rest = Decimal::new(1250, 2) - left.parse::<Decimal>()?;
    assert_eq!(total(&open), rest.max(Decimal::new(0, 2)).to_string());
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
    assert_eq!(credit.spec.origin.map(|origin| origin.invoice), Some(second.name_any().as_str().into()));
    scene.wait_gone::<BillingGroup>(organization, "main").await?;
    Ok(())
}
