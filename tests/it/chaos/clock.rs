//! The operator's clock is five minutes off: every time that money depends on is the API server's.

use std::time::Duration;

use billing_api::ProjectBinding;
use billing_domain::Timestamp;
use chrono::{TimeDelta, Utc};

use super::{
    scenario::{Scenario, shop},
    snapshot::invoices,
};
use crate::{
    Result,
    support::{LIMIT, Scene, World, prepare, start_operator, wait},
};

/// How exactly the API server's clock is known: its answers tell whole seconds.
const TOLERANCE: TimeDelta = TimeDelta::seconds(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_fast_or_slow_does_not_move_money() -> Result {
    let (control_plane, kubeconfig) = prepare()?;
    let (operator, port) = start_operator(&control_plane, &kubeconfig, "fast", &["--local-clock-offset=300"])?;
    let mut world = World { operator, port, control_plane };
    check_times(&world.scene().await?, "fast").await?;
    check_offset(&world, -300.0)?;

    assert_eq!(world.operator.terminate(Duration::from_secs(30))?, 0, "the exit code");
    let slow = start_operator(&world.control_plane, &kubeconfig, "slow", &["--local-clock-offset=-300"])?;
    (world.operator, world.port) = slow;
    check_times(&world.scene().await?, "slow").await?;
    check_offset(&world, 300.0)
}

/// The operator knows by how much it is wrong.
fn check_offset(world: &World, expected: f64) -> Result {
    let offset = world.metric("billing_operator_clock_offset_seconds", "")?;
    assert!((offset - expected).abs() < 1.5, "the clock is off by {offset} s, and should be by {expected} s");
    Ok(())
}

/// Binds and closes, and compares all times with those between which it was done; the API server has our clock.
async fn check_times(scene: &Scene<'_>, organization: &str) -> Result {
    let begun = Utc::now();
    Scenario::Close.prepare(scene, organization).await?;
    Scenario::Close.act(scene, organization).await?;
    let binding = scene.wait_ready(&shop(organization)).await?;
    let documents = wait("two months are final, and the open one has an estimate", LIMIT, async || {
        let invoices = invoices(scene, organization).await?;
        let documents: Vec<_> = invoices.into_iter().filter_map(|invoice| invoice.status?.document).collect();
        let finals = documents.iter().filter(|document| document.issued_at.is_some()).count();
        Ok((documents.len() == 3 && finals == 2).then_some(documents))
    })
    .await?;
    let ended = Utc::now();

    let check = |what: &str, time: Timestamp| {
        let fits = begun - TOLERANCE <= time && time <= ended + TOLERANCE;
        assert!(fits, "{organization}: {what} is {time}, which is not between {begun} and {ended}");
    };
    for segment in scene.segments(organization, &shop(organization)).await? {
        check("the ledger's instant", segment.from.0);
    }
    for document in documents {
        let instant = document.issued_at.or(document.as_of).ok_or("a document without an instant")?;
        check("the document's instant", instant.0);
    }
    check_binding(&binding, check)
}

fn check_binding(binding: &ProjectBinding, check: impl Fn(&str, Timestamp)) -> Result {
    let since = binding.status.as_ref().and_then(|status| status.since).ok_or("a binding without an instant")?;
    check("the binding's instant", since.0);
    Ok(())
}
