//! Usage from CloudEvents: each event once, however often it is imported.

use kube::api::ListParams;
use serde_json::{Value, json};

use super::billing_with;
use crate::Result;
use crate::month::stage::back;
use crate::support::command::Run;
use crate::support::{Scene, World};
use billing_api::UsageRecord;
use kubectl_billing::ExitStatus;

const ORGANIZATION: &str = "cli-usage";

fn event(id: &str, count: &str) -> Value {
    let start = back(1).start();
    json!({
        "specversion": "1.0", "id": id, "source": "/gateway", "type": "com.example.calls", "subject": "cli-usage-web",
        "time": start.to_rfc3339(), "data": { "service": "api", "count": count, "end": (start + chrono::TimeDelta::hours(1)).to_rfc3339() },
    })
}

async fn import(scene: &Scene<'_>, events: &[Value], more: &[&str]) -> Result<Run> {
    let lines: Vec<String> = events.iter().map(ToString::to_string).collect();
    let arguments = [&["usage", "import", "-f", "-", "--map", "tests/it/cli/meter.yaml"], more].concat();
    billing_with(scene, ORGANIZATION, &arguments, &lines.join("\n")).await
}

async fn records(scene: &Scene<'_>) -> Result<Vec<UsageRecord>> {
    Ok(scene.api::<UsageRecord>(ORGANIZATION).list(&ListParams::default()).await?.items)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_can_be_repeated() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization(ORGANIZATION).await?;
    scene.bare_project(ORGANIZATION, "cli-usage-web").await?;
    let other = json!({ "specversion": "1.0", "id": "x", "source": "/gateway", "type": "com.example.health" });
    let events = [event("1", "2.5"), event("2", "1"), other];

    let tried = import(&scene, &events, &["--dry-run=server"]).await?;
    assert_eq!(
        tried.stdout, "2 records made, 0 existed, 1 events of other types (server dry run)\n",
        "{}",
        tried.stderr
    );
    let printed = import(&scene, &events[..1], &["--dry-run=client"]).await?;
    let manifest: Value = serde_saphyr::from_str(printed.stdout.trim_start_matches("---\n"))?;
    assert_eq!(manifest["spec"]["quantity"], "2.5");
    assert_eq!(records(&scene).await?.len(), 0, "nothing is made by trying");

    assert_eq!(import(&scene, &events, &[]).await?.stdout, "2 records made, 0 existed, 1 events of other types\n");
    let made = records(&scene).await?;
    assert!(
        made.iter().all(|record| record.spec.project.as_str() == "cli-usage-web" && record.spec.tags["region"] == "eu")
    );
    assert_eq!(import(&scene, &events, &[]).await?.stdout, "0 records made, 2 existed, 1 events of other types\n");
    // Of its status the operator may have told meanwhile that nobody pays for the project.
    let given = |records: Vec<UsageRecord>| {
        let given = records.into_iter().map(|record| (record.metadata.uid, record.metadata.generation, record.spec));
        given.collect::<Vec<_>>()
    };
    assert_eq!(given(records(&scene).await?), given(made), "what exists stays as it is");

    // The same event with another content is no repetition.
    let Run { ended, stderr, .. } = import(&scene, &[event("1", "3")], &[]).await?;
    assert_eq!(ended, ExitStatus::Refused);
    assert!(stderr.contains("exists with another content"), "{stderr}");
    // One that the API server would refuse stops the import before the first record.
    let Run { ended, stderr, .. } = import(&scene, &[event("3", "1"), event("4", "0")], &[]).await?;
    assert_eq!(ended, ExitStatus::Refused);
    assert!(stderr.contains("event 2") && stderr.contains("quantity must be greater than zero"), "{stderr}");
    let Run { ended, stderr, .. } = import(&scene, &[event("3", "1"), json!({ "id": "5" })], &[]).await?;
    assert_eq!(ended, ExitStatus::Failed);
    assert!(stderr.contains("event 2: is no CloudEvent: it has no source"), "{stderr}");
    assert_eq!(records(&scene).await?.len(), 2);
    Ok(())
}
