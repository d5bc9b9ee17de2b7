//! The same samples in two servers lead to the same records, and to those that another program computes in fractions.

use std::time::Duration;

use billing_test_harness::Proxy;
use serde_json::{Value, json};

use crate::servers::{prometheus, victoria_metrics};
use crate::stage::{Clock, LIMIT, oracle, requests, said, stage, start};
use crate::{Result, data};

/// What a Meter of gauges counts: megabyte hours.
fn memory(server: &str) -> Value {
    let changes = json!({"selector": "memory_megabytes", "as": "Integral", "per": "3600"});
    requests(server, changes)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_lead_to_the_same_bytes_and_to_what_the_oracle_says() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("no stage")?;
    let (prometheus, victoria) = (prometheus()?, victoria_metrics()?);
    stage.create_server("prometheus", json!({"url": prometheus.url()})).await?;
    stage.create_server("victoria", json!({"url": victoria.url(), "flavour": "VictoriaMetrics"})).await?;
    let clock = Clock::late();
    for (metric, aggregate, per, hours) in [
        ("http_requests_total", "Increase", 1, 6),
        ("http_requests_total", "Increase", 1, 1),
        ("memory_megabytes", "Integral", 3600, 6),
    ] {
        let mut written = Vec::new();
        for server in ["prometheus", "victoria"] {
            let mut spec = if aggregate == "Increase" { requests(server, json!({})) } else { memory(server) };
            spec["metrics"]["window"] = json!(format!("{hours}h"));
            stage.create_meter(spec).await?;
            let meter = stage.meter(&clock).await?;
            stage.wait_through(data::END).await?;
            meter.kill();
            written.push(stage.records().await?);
            stage.forget_meter().await?;
            stage.clear_records().await?;
        }
        let bytes: Vec<_> = written.iter().map(|records| json!(records).to_string()).collect();
        assert_eq!(bytes[0], bytes[1], "{metric}");
        let expected = oracle(metric, aggregate, per, hours)?;
        assert_eq!(said(&written[0]), expected, "{metric} every {hours} h");
        assert_eq!(expected.len(), 5, "three projects, of which two go over into the next month: {expected:?}");
        let covered = json!(expected).to_string();
        assert!(covered.contains("coverage"), "the outage is said");
    }
    Ok(())
}

/// Killed after each of its writes, and started again: what is recorded in the end is the same.
#[tokio::test(flavor = "multi_thread")]
async fn killed_after_each_write_it_goes_on_and_doubles_nothing() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("no stage")?;
    let prometheus = prometheus()?;
    stage.create_server("prometheus", json!({"url": prometheus.url()})).await?;
    stage.create_meter(requests("prometheus", json!({"window": "12h"}))).await?;
    let proxy = Proxy::start(&stage.control_plane, &stage.token)?;
    let kubeconfig = proxy.kubeconfig(&stage.control_plane, "meter-proxied")?;
    let clock = Clock::late();
    let last = data::END - 6 * 3600;
    let mut kills = 0;
    loop {
        proxy.halt_after(1);
        let meter = start(&kubeconfig, None, &clock).await?;
        let begun = std::time::Instant::now();
        while !proxy.halted() && begun.elapsed() < Duration::from_secs(15) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let was_halted = proxy.halted();
        meter.kill();
        proxy.resume();
        if !was_halted {
            break;
        }
        kills += 1;
        assert!(kills < 100, "it does not come to an end");
    }
    stage.wait_through(last).await?;
    // The finalizer, the status of each of three windows, and in each a reading of three projects.
    assert!(kills >= 13, "{kills}");
    assert_eq!(said(&stage.records().await?), until(oracle("http_requests_total", "Increase", 1, 12)?, last));
    Ok(())
}

/// What is said until then: what the windows after it say is left out.
fn until(records: std::collections::BTreeMap<String, Value>, second: i64) -> std::collections::BTreeMap<String, Value> {
    let end = json!(crate::stage::time(second));
    let before = |record: &Value| record["start"].as_str() < end.as_str();
    records.into_iter().filter(|(_, record)| before(record)).collect()
}

/// Two of them at once, as nobody should run them.
#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_double_nothing() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("no stage")?;
    let prometheus = prometheus()?;
    stage.create_server("prometheus", json!({"url": prometheus.url()})).await?;
    stage.create_meter(requests("prometheus", json!({"window": "1h", "delay": "2m"}))).await?;
    let clock = Clock::late();
    let both = [stage.meter(&clock).await?, stage.meter(&clock).await?];
    stage.wait_through(data::END).await?;
    tokio::time::sleep(LIMIT / 90).await;
    drop(both);
    assert_eq!(said(&stage.records().await?), oracle("http_requests_total", "Increase", 1, 1)?);
    Ok(())
}
