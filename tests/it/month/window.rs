//! How far back closed months are settled, and how long usage is kept: on a world whose operator keeps neither for long.

use billing_api::{Invoice, UsageRecord};
use billing_domain::Month;
use billing_test_harness::chart::{CHART, NAMESPACE, RELEASE, helm};

use super::as_operator::bound_at;
use super::stage::{back, database, document, final_of, later, lines, resume, suspended, terms};
use crate::Result;
use crate::support::{Scene, World, open_month};
use serde_json::json;

const ORGANIZATION: &str = "window";
const PROJECT: &str = "window-shop";

/// Ten hours of a database from some hour of a month on.
async fn ten_hours(scene: &Scene<'_>, name: &str, month: Month, from: i64) -> Result<UsageRecord> {
    let start = later(month.start(), from);
    scene.usage(ORGANIZATION, name, database(PROJECT, name, start, Some(later(start, 10)))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn old_months_are_settled_no_more_and_old_usage_is_removed_once_it_is_billed() -> Result {
    let world = World::start(&["--late-usage-window=1", "--usage-retention=1"])?;
    // The right to remove usage comes with the setting.
    let namespace = format!("--namespace={NAMESPACE}");
    let values = ["--reset-then-reuse-values", "--set=operator.usageRetention=1", "--set=operator.lateUsageWindow=1"];
    helm(&world.control_plane, &[&["upgrade", RELEASE, CHART, &namespace], &values[..]].concat())?;
    let scene = world.scene().await?;
    suspended(&scene, ORGANIZATION).await?;
    scene.organization(ORGANIZATION).await?;
    scene.bare_project(ORGANIZATION, PROJECT).await?;
    ten_hours(&scene, "billed", back(3), 0).await?;
    ten_hours(&scene, "wrong", back(3), 20).await?;
    ten_hours(&scene, "kept", back(1), 0).await?;
    let agreed = terms(json!({ "firstPeriod": back(3).to_string(), "issuer": ORGANIZATION }));
    scene.group(ORGANIZATION, "main", agreed).await?;
    bound_at(&scene, ORGANIZATION, PROJECT, &[(back(3).start(), "main")]).await?;
    let bills = |invoice: &Invoice| lines(invoice).len() == 2;
    scene.wait_invoice(ORGANIZATION, "main", back(3), "bills both records", bills).await?;
    resume(&scene, ORGANIZATION).await?;
    let first = final_of(&scene, ORGANIZATION, "main", back(3)).await?;
    assert_eq!(lines(&first), ["billed 10 0.26", "wrong 10 0.26"]);
    let last = final_of(&scene, ORGANIZATION, "main", back(1)).await?;
    assert_eq!(lines(&last), ["kept 10 0.26"]);
    assert_eq!(document(&last)?.terms.as_ref().and_then(|terms| terms.late_usage_window), Some(1));

    ten_hours(&scene, "late", back(1), 40).await?;
    ten_hours(&scene, "too-late", back(3), 40).await?;
    let adjusts = |invoice: &Invoice| {
        document(invoice).is_ok_and(|document| document.lines.iter().any(|line| line.adjusts.is_some()))
    };
    let open = scene.wait_invoice(ORGANIZATION, "main", open_month(), "adjusts the month before", adjusts).await?;
    assert_eq!(lines(&open), ["late 10 0.26"]);
    let told = |record: &UsageRecord| record.status.as_ref().is_some_and(|status| !status.conditions.is_empty());
    let record = scene.wait_object(ORGANIZATION, "too-late", "says that it is too late", told).await?;
    let condition = &record.status.unwrap_or_default().conditions[0];
    assert_eq!(
        (condition.type_.as_str(), condition.status.as_str(), condition.reason.as_str()),
        ("Billable", "False", "TooLate")
    );
    assert!(condition.message.contains("settled no more, because that ends after 1 month"), "{}", condition.message);
    assert_eq!(world.metric("billing_operator_unbilled_records", "TooLate")?, 1.0);

    // Finals bill what is due of it, and no document looks back as far.
    scene.wait_gone::<UsageRecord>(ORGANIZATION, "billed").await?;
    scene.wait_gone::<UsageRecord>(ORGANIZATION, "wrong").await?;

    // What is not billed stays, and so does what is not old enough.
    for kept in ["too-late", "kept", "late"] {
        scene.api::<UsageRecord>(ORGANIZATION).get(kept).await?;
    }
    assert_eq!(world.metric("billing_operator_usage_records_removed_total", "")?, 2.0);
    Ok(())
}
