//! Two clusters: one is measured, the other bills. Nobody reaches the one that bills over the end of a month.

use std::time::Duration;

use billing_test_harness::{Proxy, User};
use serde_json::json;

use crate::servers::prometheus;
use crate::stage::{Clock, METER, Stage, oracle, requests, said, stage, start};
use crate::{Result, data};

const HOUR: i64 = 3600;

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_over_the_end_of_a_month_loses_nothing_and_doubles_nothing() -> Result {
    let billing = stage().await?;
    let billing = billing.as_ref().ok_or("no stage")?;
    // Elsewhere there are no projects, and nobody bills.
    let elsewhere = Stage::start("").await?;
    let prometheus = prometheus()?;
    elsewhere.create_server("main", json!({"url": prometheus.url()})).await?;
    let token = billing.control_plane.service_account_token("billing-system", "west")?;
    let proxy = Proxy::start(&billing.control_plane, &token)?;
    let there = proxy.kubeconfig(&billing.control_plane, "billing")?;
    let clock = Clock::late();
    clock.set(data::BEGIN + 25 * HOUR);
    elsewhere.create_meter(requests("main", json!({"maxWait": "1h"}))).await?;
    let meter = start(&elsewhere.kubeconfig()?, Some((&there, "west")), &clock).await?;
    elsewhere.wait_through(data::BEGIN + 24 * HOUR).await?;

    // Nobody answers from now on, until hours after the month is over.
    proxy.halt_after(0);
    clock.set(data::END + HOUR);
    tokio::time::sleep(Duration::from_secs(8)).await;
    let before = billing.records().await?;
    assert!(before.values().all(|record| record["spec"]["end"].is_null()), "{before:?}");
    proxy.resume();
    elsewhere.wait_through(data::END).await?;
    drop(meter);

    let records = billing.records().await?;
    assert_eq!(said(&records), oracle("http_requests_total", "Increase", 1, 6)?);
    for (name, record) in &records {
        assert!(name.starts_with(&format!("{METER}-west-")), "{name}");
        assert_eq!(record["spec"]["cluster"], "west");
    }
    assert!(elsewhere.records().await?.is_empty());
    // The account makes usage and ends it, and nothing else.
    let check = |verb: &str, resource: &str| -> Result<bool> {
        let arguments =
            ["auth", "can-i", verb, resource, "-n", "acme", "--as=system:serviceaccount:billing-system:west"];
        Ok(billing.control_plane.kubectl(User::ClusterAdmin, &arguments)?.status.success())
    };
    assert!(
        check("create", "usagerecords.billing-operator.io")? && check("patch", "usagerecords.billing-operator.io")?
    );
    for (verb, resource) in [
        ("delete", "usagerecords.billing-operator.io"),
        ("update", "usagerecords.billing-operator.io"),
        ("get", "invoices.billing-operator.io"),
        ("get", "secrets"),
        ("create", "meters.billing-operator.io"),
    ] {
        assert!(!check(verb, resource)?, "{verb} {resource}");
    }
    Ok(())
}

/// Meters of one name in two clusters have records of their own, and none touches the other's.
#[tokio::test(flavor = "multi_thread")]
async fn meters_of_one_name_in_two_clusters_do_not_meet() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("no stage")?;
    let prometheus = prometheus()?;
    stage.create_server("main", json!({"url": prometheus.url()})).await?;
    let token = stage.control_plane.service_account_token("billing-system", "west")?;
    let there = stage.control_plane.kubeconfig_for("west", &token)?;
    let clock = Clock::late();
    for cluster in ["west", "east"] {
        stage.create_meter(requests("main", json!({}))).await?;
        let meter = start(&stage.kubeconfig()?, Some((&there, cluster)), &clock).await?;
        stage.wait_through(data::END).await?;
        drop(meter);
        stage.forget_meter().await?;
    }
    let records = stage.records().await?;
    let of = |cluster: &str| {
        let of = |(name, record): (&String, &serde_json::Value)| {
            (record["spec"]["cluster"] == cluster).then(|| (name.clone(), record.clone()))
        };
        said(&records.iter().filter_map(of).collect())
    };
    assert_eq!(records.len(), 10);
    assert_eq!(of("west"), of("east"));
    Ok(())
}
