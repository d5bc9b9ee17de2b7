//! The meter is killed after each of its writes, the API server goes and comes back: what is recorded is the same.

use billing_api::UsageRecord;
use chrono::TimeDelta;
use operator_kit::clock::LocalTime;
use serde_json::json;

use super::stage::{LIMIT, QUIET, Stage, spans, stage, start, volumes};
use crate::{Result, support::wait};

/// A meter of volumes whose size is a label.
fn sized() -> serde_json::Value {
    let mut spec = volumes();
    spec["quantity"] = json!("gib(object.metadata.labels['size'])");
    spec["when"] =
        json!("has(object.metadata.labels) && 'size' in object.metadata.labels && object.status.phase == 'Bound'");
    spec
}

/// A volume that is made, grows and goes, each with the meter at work; killed after so many writes, if it comes to that.
async fn volume_that_grows(stage: &Stage, killed_after: usize) -> Result<(Vec<UsageRecord>, bool)> {
    let (proxy, kubeconfig) = stage.proxied()?;
    stage.create_meter("volumes", sized()).await?;
    proxy.halt_after(killed_after);
    let mut meter = start(&kubeconfig, stage.clock.clone()).await?;
    let mut killed = false;
    let expected: [&[(&str, &str, bool)]; 3] = [
        &[("data", "1", false)],
        &[("data", "1", true), ("data", "2", false)],
        &[("data", "1", true), ("data", "2", true)],
    ];
    for (step, expected) in expected.iter().enumerate() {
        match step {
            0 => {
                stage.claim("shop", "data", "1Gi").await?;
                stage.resize("shop", "data", "1Gi").await?;
            }
            1 => stage.resize("shop", "data", "2Gi").await?,
            _ => stage.delete_claim("shop", "data").await?,
        }
        // Until everything is as it should be, or everything is held back.
        wait("records or a halt", LIMIT, async || {
            let records = stage.records().await?;
            let said: Vec<_> =
                records.iter().map(|it| (&*it.spec.service.name, &*it.spec.quantity, it.spec.end.is_some())).collect();
            Ok((said == *expected || (!killed && proxy.halted())).then_some(()))
        })
        .await?;
        if !killed && proxy.halted() {
            killed = true;
            meter.kill();
            proxy.resume();
            meter = start(&kubeconfig, stage.clock.clone()).await?;
        }
        stage.wait_records(expected).await?;
    }
    meter.kill();
    let forbidden: Vec<_> = proxy.calls().into_iter().filter(|call| call.status == 403).collect();
    assert_eq!(forbidden, [], "its account has the rights that it needs");
    Ok((stage.records().await?, killed))
}

#[tokio::test]
async fn killed_after_each_write_it_records_the_same() -> Result {
    for killed_after in 1.. {
        let stage = stage().await?;
        let stage = stage.as_ref().ok_or("a stage")?;
        let begun = stage.clock.now();
        let (records, killed) = volume_that_grows(stage, killed_after).await?;
        let spans = spans(&records, begun);
        let [first, second] = spans["data"][..] else { return Err(format!("{spans:?}").into()) };
        assert_eq!(first.1, Some(second.0), "killed after {killed_after} writes: no second is lost or doubled");
        if !killed {
            // The finalizer, the first status, and the two records with their ends.
            assert!(killed_after > 6, "only {} writes were seen", killed_after - 1);
            return Ok(());
        }
        assert!(killed_after < 20, "it comes to an end");
    }
    Ok(())
}

#[tokio::test]
async fn a_restart_writes_nothing() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    stage.create_meter("volumes", sized()).await?;
    let (proxy, kubeconfig) = stage.proxied()?;
    let meter = start(&kubeconfig, stage.clock.clone()).await?;
    for name in ["a", "b", "c"] {
        stage.claim("shop", name, "1Gi").await?;
        stage.resize("shop", name, "1Gi").await?;
    }
    wait("three records run", LIMIT, async || Ok((stage.records().await?.len() == 3).then_some(()))).await?;
    stage.wait_ready("volumes", "Measuring").await?;
    tokio::time::sleep(QUIET).await;
    meter.kill();
    proxy.forget();
    let meter = start(&kubeconfig, stage.clock.clone()).await?;
    wait("it reads the objects again", LIMIT, async || {
        Ok(proxy.calls().iter().any(|call| format!("{call:?}").contains("persistentvolumeclaims")).then_some(()))
    })
    .await?;
    tokio::time::sleep(QUIET * 2).await;
    assert_eq!(proxy.writes(), []);
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn the_api_server_is_restarted_and_everything_goes_on() -> Result {
    let mut guard = stage().await?;
    let stage = guard.as_mut().ok_or("a stage")?;
    stage.create_meter("volumes", sized()).await?;
    let meter = stage.meter().await?;
    stage.claim("shop", "before", "1Gi").await?;
    stage.resize("shop", "before", "1Gi").await?;
    stage.wait_records(&[("before", "1", false)]).await?;
    stage.control_plane.stop_apiserver();
    tokio::time::sleep(QUIET).await;
    stage.control_plane.start_apiserver()?;
    let stage: &Stage = stage;
    wait("the API server takes a claim", LIMIT, async || Ok(Some(stage.claim("shop", "after", "1Gi").await?))).await?;
    stage.resize("shop", "after", "3Gi").await?;
    stage.wait_records(&[("before", "1", false), ("after", "3", false)]).await?;
    stage.delete_claim("shop", "before").await?;
    stage.wait_records(&[("before", "1", true), ("after", "3", false)]).await?;
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn the_records_are_compared_with_the_objects_again_and_again() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    stage.create_meter("volumes", sized()).await?;
    let meter = stage.meter().await?;
    stage.claim("shop", "data", "1Gi").await?;
    stage.resize("shop", "data", "1Gi").await?;
    let records = stage.wait_records(&[("data", "1", false)]).await?;
    // Somebody ends a record whose object is still there: it is recorded anew.
    let api: kube::Api<UsageRecord> = stage.api("acme");
    let end = billing_api::Time(records[0].spec.start.0 + TimeDelta::seconds(1));
    let patch = kube::api::Patch::Merge(json!({"spec": {"end": end}}));
    let name = records[0].metadata.name.as_deref().ok_or("a name")?;
    api.patch(name, &kube::api::PatchParams::default(), &patch).await?;
    let records = stage.wait_records(&[("data", "1", true), ("data", "1", false)]).await?;
    assert!(records[1].spec.start >= end);
    meter.kill();
    Ok(())
}
