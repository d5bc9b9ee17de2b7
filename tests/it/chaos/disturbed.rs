//! A second operator, an API server that goes away, an answer that never comes, an end on request.

use std::time::Duration;

use serde_json::json;

use super::{proxied::Proxied, reference::Reference, scenario::Scenario};
use crate::{
    Result,
    support::{Scene, World, start_operator},
};

#[tokio::test(flavor = "multi_thread")]
async fn two_operators_at_once_end_as_one_does() -> Result {
    let world = Proxied::start(&[])?;
    let mut references = Vec::new();
    for scenario in Scenario::ALL {
        references.push((scenario, Reference::of(&world, scenario).await?));
    }
    let kubeconfig = world.proxy.kubeconfig(&world.control_plane, "second")?;
    let _second = start_operator(&world.control_plane, &kubeconfig, "second", &[])?;
    let scene = world.scene().await?;
    for round in 1..=3 {
        for (scenario, reference) in &references {
            let organization = format!("{}-{round}", scenario.name());
            reference.prepare(&scene, *scenario, &organization).await?;
            scenario.act(&scene, &organization).await?;
            reference.wait_end(&scene, &organization).await?;
        }
    }
    // Neither goes on to undo what the other does.
    world.wait_quiet().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_away_in_between_changes_nothing() -> Result {
    let mut world = Proxied::start(&["--call-timeout=3s"])?;
    for scenario in Scenario::ALL {
        let reference = Reference::of(&world, scenario).await?;
        let organization = format!("{}-1", scenario.name());
        {
            let scene = world.scene().await?;
            reference.prepare(&scene, scenario, &organization).await?;
            world.proxy.halt_after(1);
            scenario.act(&scene, &organization).await?;
        }
        // The first write is stored, and its answer is lost together with the server.
        world.proxy.wait_halted(Duration::from_secs(60))?;
        world.world.control_plane.stop_apiserver();
        world.proxy.resume();
        world.world.control_plane.start_apiserver()?;
        reference.wait_end(&world.scene().await?, &organization).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_asked_to_end_does_so_in_order_and_loses_nothing() -> Result {
    let mut world = World::start(&[])?;
    let projects: Vec<_> = (0..40).map(|number| format!("terminate-{number}")).collect();
    {
        let scene = world.scene().await?;
        scene.organization("terminate").await?;
        scene.group("terminate", "main", json!({})).await?;
        bind_all(&scene, &projects).await?;
    }
    assert_eq!(world.operator.terminate(Duration::from_secs(30))?, 0, "the exit code");
    world.restart_operator()?;
    let scene = world.scene().await?;
    for project in &projects {
        scene.wait_ready(project).await?;
        assert_eq!(scene.payers("terminate", project).await?, ["main"], "{project}");
    }
    let mut members = projects.clone();
    members.sort();
    assert_eq!(scene.members("terminate", "main").await?, members);
    Ok(())
}

async fn bind_all(scene: &Scene<'_>, projects: &[String]) -> Result {
    for project in projects {
        scene.project("terminate", project).await?;
        scene.bind(project, "main").await?;
    }
    Ok(())
}
