//! A real Prometheus scrapes a running operator and evaluates the alerts of the chart.

use serde_json::Value;

use super::server::{Prometheus, check_metrics};
use crate::Result;
use crate::support::{LIMIT, World, wait};

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_the_operator_and_evaluates_the_alerts() -> Result {
    let world = World::shared();
    let text = billing_test_harness::Operator::http_get(world.port, "/metrics").ok_or("no metrics")?;
    check_metrics(&text)?;

    let prometheus = Prometheus::start(world.port)?;
    // It asks for OpenMetrics first, and is strict about it.
    wait("the operator is scraped", LIMIT, async || {
        let targets = prometheus.ask("targets?state=active")?;
        let target = &targets["activeTargets"][0];
        match target["health"].as_str() {
            Some("up") => Ok(Some(())),
            Some("down") => Err(target.to_string().into()),
            _ => Ok(None),
        }
    })
    .await?;
    let evaluated = wait("every alert is evaluated", LIMIT, async || {
        let rules = prometheus.ask("rules")?;
        let rules = rules["groups"][0]["rules"].as_array().cloned().unwrap_or_default();
        let done = !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown");
        Ok(done.then_some(rules))
    })
    .await?;
    assert_eq!(evaluated.len(), 16);
    let wrong: Vec<_> = evaluated.iter().filter(|rule| rule["health"] != "ok").map(Value::to_string).collect();
    assert_eq!(wrong, [""; 0]);
    // The operator is well: it is heard of, and so are the API server and every watch. (The first look may come before the first
    // scrape.)
    let well = ["BillingOperatorSilent", "BillingApiServerUnreachable", "BillingWatchStalled", "BillingAccountUnknown"];
    wait("no alert is about to fire", LIMIT, async || {
        let rules = prometheus.ask("rules")?;
        let rules = rules["groups"][0]["rules"].as_array().cloned().unwrap_or_default();
        let active: Vec<_> = rules.iter().filter(|rule| rule["state"] != "inactive").collect();
        let wrong = active.iter().find(|rule| well.iter().any(|name| rule["name"] == *name));
        wrong.map_or(Ok(Some(())), |rule| Err(rule.to_string().into()))
    })
    .await?;
    let version = prometheus.ask("query?query=billing_operator_build_info")?;
    assert_eq!(version["result"][0]["metric"]["version"], env!("CARGO_PKG_VERSION"), "{version}");
    Ok(())
}
