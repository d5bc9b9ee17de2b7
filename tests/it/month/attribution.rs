//! Whose cost a month is when its project moved.

use billing_api::{Attribution, BillingPeriod, Invoice};
use billing_domain::Month;
use serde_json::json;

use super::{
    as_operator::bound_at,
    stage::{back, database, document, final_of, later, lines, resume, suspended, terms, written},
};
use crate::{
    Result,
    support::{Scene, World, open_month, start_operator},
};

/// An organization with the groups `old` and `new`, and a project that moved on the 11th of the month before, while a
/// database ran for the whole of it. Nothing is final yet.
async fn moved(scene: &Scene<'_>, organization: &str) -> Result {
    let (project, month) = (format!("{organization}-shop"), back(1));
    suspended(scene, organization).await?;
    scene.organization(organization).await?;
    for group in ["old", "new"] {
        let spec = terms(json!({ "firstPeriod": month.to_string(), "issuer": organization }));
        scene.group(organization, group, spec).await?;
    }
    scene.bare_project(organization, &project).await?;
    scene.usage(organization, "db", database(&project, "db", month.start(), Some(month.end()))).await?;
    bound_at(scene, organization, &project, &[(month.start(), "old"), (later(month.start(), 240), "new")]).await?;
    scene.wait_invoice(organization, "new", month, "bills the database", |invoice| !lines(invoice).is_empty()).await?;
    resume(scene, organization).await
}

fn hours_of(month: Month) -> i64 {
    (month.end() - month.start()).num_hours()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_group_that_has_the_project_at_the_end_pays_for_the_whole_month() -> Result {
    let scene = World::shared().scene().await?;
    moved(&scene, "attribution-end").await?;
    let new = final_of(&scene, "attribution-end", "new", back(1)).await?;
    let old = final_of(&scene, "attribution-end", "old", back(1)).await?;
    assert_eq!(document(&new)?.lines[0].quantity.as_deref(), Some(hours_of(back(1)).to_string().as_str()));
    assert!(lines(&old).is_empty() && document(&old)?.projects.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn prorated_each_group_pays_for_its_own_part_and_the_month_keeps_that() -> Result {
    let mut world = World::start(&["--attribution=prorated", "--hours=exact"])?;
    {
        let scene = world.scene().await?;
        moved(&scene, "prorated").await?;
        let old = final_of(&scene, "prorated", "old", back(1)).await?;
        let new = final_of(&scene, "prorated", "new", back(1)).await?;
        assert_eq!(lines(&old), ["db 240 6.24"]);
        let rest = hours_of(back(1)) - 240;
        assert_eq!(document(&new)?.lines[0].quantity.as_deref(), Some(rest.to_string().as_str()));
        for invoice in [&old, &new] {
            assert_eq!((document(invoice)?.attribution, document(invoice)?.projects.len()), (Attribution::Prorated, 1));
        }
        assert_eq!(document(&old)?.lines[0].end, document(&new)?.lines[0].start);
        assert_ne!(document(&old)?.lines[0].id, document(&new)?.lines[0].id);
        open_month_is_split(&scene).await?;
    }
    // The month keeps how it was closed when the setting changes.
    world.operator.kill9();
    let kubeconfig = world.control_plane.folder().join("operator.kubeconfig");
    let (operator, port) =
        start_operator(&world.control_plane, &kubeconfig, "month-end", &["--attribution=month-end", "--hours=exact"])?;
    (world.operator, world.port) = (operator, port);
    let scene = world.scene().await?;
    let period: BillingPeriod = scene.cluster().get(&back(1).to_string()).await?;
    assert_eq!(period.spec.attribution, Attribution::Prorated);
    scene.group("prorated", "late", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    let late = final_of(&scene, "prorated", "late", back(1)).await?;
    assert_eq!(document(&late)?.attribution, Attribution::Prorated);
    let by_end =
        |invoice: &Invoice| written(invoice).is_some_and(|document| document.attribution == Attribution::MonthEnd);
    scene.wait_invoice("prorated", "late", open_month(), "is attributed by the new setting", by_end).await?;
    Ok(())
}

/// A move in the open month splits what runs at the instant of the ledger's new segment.
async fn open_month_is_split(scene: &Scene<'_>) -> Result {
    scene.project("prorated", "prorated-moving").await?;
    scene.bind("prorated-moving", "old").await?;
    scene.wait_ready("prorated-moving").await?;
    // Since before the month, so that each part is at least a second long; and by exact hours, as no hour may begin in the new part.
    let usage = database("prorated-moving", "moving", later(open_month().start(), -30), None);
    scene.usage("prorated", "moving", usage).await?;
    bills_something(scene, "old").await?;
    scene.rebind("prorated-moving", "new").await?;
    bills_something(scene, "new").await?;
    let segments = scene.segments("prorated", "prorated-moving").await?;
    let part = |invoice: &Invoice| written(invoice).and_then(|document| document.lines.first().cloned());
    let ended = |invoice: &Invoice| part(invoice).is_some_and(|line| line.end == Some(segments[1].from));
    scene.wait_invoice("prorated", "old", open_month(), "ends with the move", ended).await?;
    let begun = |invoice: &Invoice| part(invoice).is_some_and(|line| line.start == Some(segments[1].from));
    scene.wait_invoice("prorated", "new", open_month(), "begins with the move", begun).await?;
    Ok(())
}

/// Waits until the open month of a group bills something.
async fn bills_something(scene: &Scene<'_>, group: &str) -> Result {
    scene.wait_invoice("prorated", group, open_month(), "has a line", |invoice| !lines(invoice).is_empty()).await?;
    Ok(())
}
