//! An operator that starts where everything is settled has nothing to write.

use std::time::Duration;

use billing_api::Invoice;
use serde_json::json;

use super::{proxied::Proxied, reference::Reference, scenario::Scenario};
use crate::{
    Result,
    month::stage::{awaited, domain, final_of, total},
    support::{LIMIT, back, open_month, wait},
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

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_waits_for_its_own_finals_to_be_read_and_for_those_of_no_other() -> Result {
    let mut world = Proxied::start(&[])?;
    let open = open_month();
    for organization in ["held", "read"] {
        let scene = world.scene().await?;
        awaited(&scene, organization, &format!("{organization}-shop"), "main").await?;
        scene.group(organization, "main", json!({ "terms": { "firstPeriod": back(1).to_string() } })).await?;
        final_of(&scene, organization, "main", back(1)).await?;
        scene.wait_invoice(organization, "main", open, "is there", |invoice| total(invoice) == "0.00").await?;
    }
    world.wait_quiet().await?;
    world.world.operator.kill9();
    world.proxy.hold_lists("invoices", "held");
    world.proxy.forget();
    world.world.restart_operator()?;
    let scene = world.scene().await?;
    for organization in ["held", "read"] {
        scene.usage(organization, "new", domain(&format!("{organization}-shop"), open.start())).await?;
    }
    let has_it = |invoice: &Invoice| total(invoice) == "12.50";
    scene.wait_invoice("read", "main", open, "has the new record", has_it).await?;
    let of_the_other =
        |resource: &str, namespace: Option<&str>| resource == "invoices/status" && namespace == Some("held");
    let writes = world.proxy.writes();
    assert!(!writes.iter().any(|call| of_the_other(&call.resource, call.namespace.as_deref())), "{writes:?}");
    world.proxy.pass_lists();
    scene.wait_invoice("held", "main", open, "has the new record", has_it).await?;
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
