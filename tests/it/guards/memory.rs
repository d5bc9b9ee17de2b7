//! What others write beside what matters costs no memory.

use std::{env, fs, path::Path};

use billing_api::Credit;
use futures::{StreamExt, TryStreamExt, stream};
use kube::api::PostParams;
use serde_json::json;

use crate::{
    Result,
    support::{LIMIT, World, wait},
};

/// How many objects, unless `BILLING_HEAVY_OBJECTS` says so; each with nearly all the annotations that the API server allows, unless
/// `BILLING_HEAVY_BYTES` says less, to compare with.
const OBJECTS: usize = 300;
const ANNOTATION: usize = 250_000;

fn number(variable: &str, by_default: usize) -> Result<usize> {
    Ok(env::var(variable).map_or(Ok(by_default), |text| text.parse())?)
}

/// The memory of the operator that listens on a port, in KiB. (It runs below a shell, so it is looked for.)
fn resident_kib(port: u16) -> Result<usize> {
    let listen = format!("--listen=127.0.0.1:{port}");
    let is_it = |process: &Path| {
        let arguments = fs::read(process.join("cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        arguments.next().is_some_and(|program| program.ends_with("billing-operator"))
            && arguments.any(|one| one == *listen)
    };
    let processes = fs::read_dir("/proc")?.filter_map(|entry| Some(entry.ok()?.path()));
    let process = processes.into_iter().find(|path| is_it(path)).ok_or("the operator does not run")?;
    let status = fs::read_to_string(process.join("status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no memory is told")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_are_dropped_on_arrival_and_after_a_restart() -> Result {
    let (objects, bytes) = (number("BILLING_HEAVY_OBJECTS", OBJECTS)?, number("BILLING_HEAVY_BYTES", ANNOTATION)?);
    let mut world = World::start(&[])?;
    let before = resident_kib(world.port)?;
    {
        let scene = world.scene().await?;
        scene.organization("heavy").await?;
        let text = "x".repeat(bytes);
        let (credits, text) = (&scene.api::<Credit>("heavy"), &text);
        let claims = (0..objects).map(|number| async move {
            let metadata = json!({ "name": format!("claim-{number}"), "annotations": { "example.com/text": text } });
            let spec = json!({ "billingGroup": "main", "code": "AAAABBBBCCCCDDDD" });
            let claim = serde_json::from_value(json!({ "metadata": metadata, "spec": spec }))?;
            credits.create(&PostParams::default(), &claim).await?;
            Ok::<_, crate::Error>(())
        });
        stream::iter(claims).buffer_unordered(4).try_collect::<()>().await?;
        let last = format!("claim-{}", objects - 1);
        wait("the operator has seen the last of them", LIMIT, async || {
            let credit: Credit = scene.api("heavy").get(&last).await?;
            let observed = credit.status.is_some_and(|status| status.observed_generation == Some(1));
            Ok(observed.then_some(()))
        })
        .await?;
    }
    let written = objects * bytes / 1024;
    let grown = |now: usize| now.saturating_sub(before);
    let after = grown(resident_kib(world.port)?);
    world.restart_operator()?;
    let restarted = grown(resident_kib(world.port)?);
    println!(
        "{written} KiB of annotations: the operator grew from {before} KiB by {after} KiB, after a restart by {restarted} KiB"
    );
    let most = objects * ANNOTATION / 1024 / 3;
    assert!(after < most && restarted < most, "{written} KiB: {after} and {restarted} KiB more");
    Ok(())
}
