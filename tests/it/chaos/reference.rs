//! How a scenario goes when nothing disturbs it: what every other run is compared with.

use serde_json::Value;

use super::{
    proxied::Proxied,
    scenario::Scenario,
    snapshot::{check, snapshot},
};
use crate::{
    Result,
    support::{LIMIT, Scene, wait},
};

/// The books of an undisturbed run.
pub struct Reference {
    /// Before the scenario acts.
    pub begin: Value,
    /// In the end.
    pub end: Value,
}

impl Reference {
    /// Runs a scenario undisturbed.
    ///
    /// # Errors
    /// When it does not come to the end that it should.
    pub async fn of(world: &Proxied, scenario: Scenario) -> Result<Self> {
        let (scene, organization) = (world.scene().await?, format!("{}-0", scenario.name()));
        scenario.prepare(&scene, &organization).await?;
        world.wait_quiet().await?;
        let begin = snapshot(&scene, &organization).await?;
        scenario.act(&scene, &organization).await?;
        let ended = |seen: &Value| scenario.has_ended(seen);
        wait_snapshot(&scene, &organization, &format!("the end of {scenario:?}"), ended).await?;
        world.wait_quiet().await?;
        let end = wait_snapshot(&scene, &organization, "that lasts", ended).await?;
        check(&scene, &organization).await?;
        Ok(Self { begin, end })
    }

    /// Makes an organization in which the scenario can begin.
    ///
    /// # Errors
    /// When it is not as it was in the undisturbed run.
    pub async fn prepare(&self, scene: &Scene<'_>, scenario: Scenario, organization: &str) -> Result {
        scenario.prepare(scene, organization).await?;
        let what = format!("the organization is prepared:\n{:#}", self.begin);
        wait_snapshot(scene, organization, &what, |seen| *seen == self.begin).await.map(drop)
    }

    /// Waits until an organization's books are as in the end of the undisturbed run.
    ///
    /// # Errors
    /// Says how they differ when they never are.
    pub async fn wait_end(&self, scene: &Scene<'_>, organization: &str) -> Result {
        let what = format!("the books end as undisturbed:\n{:#}", self.end);
        wait_snapshot(scene, organization, &what, |seen| *seen == self.end).await?;
        check(scene, organization).await
    }
}

async fn wait_snapshot(
    scene: &Scene<'_>,
    organization: &str,
    what: &str,
    fit: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let mut seen = Value::Null;
    let waited = wait(what, LIMIT, async || {
        seen = snapshot(scene, organization).await?;
        Ok(fit(&seen).then_some(()))
    })
    .await;
    waited.map_err(|error| format!("{organization}: {error}\nfound: {seen:#}"))?;
    Ok(seen)
}
