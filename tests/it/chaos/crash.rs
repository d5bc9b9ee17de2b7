//! The operator is killed after each of its writes, in turn, and started again: the books end as if nothing had happened.

use super::{proxied::Proxied, reference::Reference, scenario::Scenario, snapshot::snapshot};
use crate::{
    Result,
    support::{LIMIT, wait},
};

/// More writes than any of the scenarios has.
const MAX_WRITES: usize = 60;

/// How a run that was to be stopped went.
enum Run {
    /// The operator was stopped in the middle.
    Stopped,
    /// The end came first: there are fewer writes.
    Ended,
}

/// Runs the scenario with a crash after the first write, after the second, and so on until one comes to its end before; at
/// least so many writes must be seen. Each scenario has a world of its own: most of the time they wait, and can do so side by side.
async fn check_crashes(scenario: Scenario, least_writes: usize) -> Result {
    let mut world = Proxied::start(&[])?;
    let reference = Reference::of(&world, scenario).await?;
    for writes in 1..=MAX_WRITES {
        let organization = format!("{}-{writes}", scenario.name());
        match run_until(&world, scenario, &organization, &reference, writes).await? {
            Run::Stopped => {
                world.crash()?;
                reference.wait_end(&world.scene().await?, &organization).await?;
            }
            Run::Ended => {
                world.proxy.resume();
                assert!(writes > least_writes, "only {} writes were seen", writes - 1);
                return Ok(());
            }
        }
    }
    Err(format!("{scenario:?} takes more than {MAX_WRITES} writes").into())
}

async fn run_until(
    world: &Proxied,
    scenario: Scenario,
    organization: &str,
    reference: &Reference,
    writes: usize,
) -> Result<Run> {
    let scene = world.scene().await?;
    reference.prepare(&scene, scenario, organization).await?;
    world.proxy.halt_after(writes);
    scenario.act(&scene, organization).await?;
    wait(&format!("{organization} was stopped after {writes} writes, or has ended"), LIMIT, async || {
        let ended = snapshot(&scene, organization).await? == reference.end;
        // Asked last: the write that ended it may be the one to stop after.
        Ok(if world.proxy.halted() { Some(Run::Stopped) } else { ended.then_some(Run::Ended) })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn binding_survives_a_crash_after_each_write() -> Result {
    check_crashes(Scenario::Bind, 4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn moving_survives_a_crash_after_each_write() -> Result {
    check_crashes(Scenario::Move, 5).await
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_survives_a_crash_after_each_write() -> Result {
    check_crashes(Scenario::Leave, 1).await
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_survives_a_crash_after_each_write() -> Result {
    check_crashes(Scenario::Close, 16).await
}

#[tokio::test(flavor = "multi_thread")]
async fn adjusting_survives_a_crash_after_each_write() -> Result {
    check_crashes(Scenario::Adjust, 4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn settling_with_returned_credits_and_a_balance_survives_a_crash_after_each_write() -> Result {
    check_crashes(Scenario::Settle, 4).await
}

#[tokio::test(flavor = "multi_thread")]
async fn crediting_survives_a_crash_after_each_write() -> Result {
    check_crashes(Scenario::Credit, 9).await
}

#[tokio::test(flavor = "multi_thread")]
async fn issuing_an_invoice_again_survives_a_crash_after_each_write() -> Result {
    check_crashes(Scenario::Reissue, 16).await
}
