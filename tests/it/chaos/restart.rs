//! An operator that starts where everything is settled has nothing to write.

use std::time::Duration;

use super::{proxied::Proxied, reference::Reference, scenario::Scenario};
use crate::{
    Result,
    support::{LIMIT, wait},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_everything_settled_writes_nothing() -> Result {
    let mut world = Proxied::start(&[])?;
    for scenario in Scenario::ALL {
        Reference::of(&world, scenario).await?;
    }
    for crash in [true, false] {
        if crash {
            world.world.operator.kill9();
        } else {
            assert_eq!(world.world.operator.terminate(Duration::from_secs(30))?, 0, "the exit code");
        }
        world.proxy.forget();
        world.world.restart_operator()?;
        wait_looked_at(&world, "project", 4.0).await?;
        wait_looked_at(&world, "group", 5.0).await?;
        wait_looked_at(&world, "usage", 4.0).await?;
        world.wait_quiet().await?;
        assert_eq!(world.proxy.writes(), [], "nothing is written");
    }
    Ok(())
}

/// Waits until the operator has looked at so many keys.
async fn wait_looked_at(world: &Proxied, controller: &str, keys: f64) -> Result {
    wait(&format!("every {controller} is looked at"), LIMIT, async || {
        let looks = world.metric("billing_operator_reconciles_total", &format!("controller=\"{controller}\""))?;
        Ok((looks >= keys).then_some(()))
    })
    .await
}
