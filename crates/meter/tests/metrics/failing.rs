//! Servers that do not answer, or not all; windows with too few samples; Meters that cannot be followed.

use std::time::Duration;

use billing_test_harness::User;
use serde_json::json;

use crate::http::{Harm, Proxy};
use crate::servers::prometheus;
use crate::stage::{Clock, condition, oracle, requests, said, stage, through, time};
use crate::{Result, data};

const HOUR: i64 = 3600;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_asked_again_and_nothing_of_it_is_recorded() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("no stage")?;
    let prometheus = prometheus()?;
    let proxy = Proxy::start(prometheus.port())?;
    let url = format!("http://127.0.0.1:{}", proxy.port);
    stage
        .control_plane
        .apply(User::ClusterAdmin, "apiVersion: v1\nkind: Secret\nmetadata: {name: token, namespace: billing-system}\nstringData: {X-Token: \"let me in\"}\n")?;
    let server = json!({"url": url, "timeout": "3s", "flavour": "Thanos", "headersFrom": {"secret": "token"}});
    stage.create_server("proxied", server).await?;
    let clock = Clock::late();
    proxy.harm(Harm::Warnings);
    stage.create_meter(requests("proxied", json!({}))).await?;
    let meter = stage.meter(&clock).await?;
    for (harm, words) in [
        (Harm::Warnings, "the server warns: a store is away"),
        (Harm::Unavailable, "the server answers 503 Service Unavailable: unavailable: busy"),
        (Harm::BreaksOff, "MetricsServer proxied:"),
        (Harm::Short, "it is no answer of a Prometheus API"),
        (Harm::Silence, "no answer within 3 s"),
        (Harm::Page, "it is no answer of a Prometheus API: expected value"),
    ] {
        proxy.harm(harm);
        let fits = |meter: &billing_api::Meter| {
            condition(meter, "Ready").is_some_and(|(reason, message)| reason == "Unanswered" && message.contains(words))
        };
        let found = stage.wait_meter(&format!("{harm:?}"), fits).await?;
        assert_eq!(through(&found), Some(time(data::BEGIN)), "{harm:?}");
        assert!(stage.records().await?.is_empty(), "{harm:?}");
    }
    proxy.harm(Harm::None);
    stage.wait_through(data::END).await?;
    stage.wait_ready("Measuring").await?;
    drop(meter);
    assert_eq!(said(&stage.records().await?), oracle("http_requests_total", "Increase", 1, 6)?);
    let seen = proxy.seen();
    let asked = seen.last().ok_or("nothing was asked")?;
    assert!(asked.starts_with("POST /api/v1/query HTTP/1.1"), "{asked}");
    assert!(asked.contains("x-token: let me in") && asked.ends_with("&partial_response=false&dedup=true"), "{asked}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_samples_are_waited_for_and_then_recorded_with_what_is_known() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("no stage")?;
    let prometheus = prometheus()?;
    stage.create_server("main", json!({"url": prometheus.url()})).await?;
    let clock = Clock::late();
    // The window until 18:00 on 31 January has half an hour without samples.
    let gap = data::BEGIN + 24 * HOUR;
    clock.set(gap + HOUR);
    let theirs = "http_requests_total{namespace!=\"\"}";
    stage.create_meter(requests("main", json!({"maxWait": "3h", "selector": theirs}))).await?;
    let meter = stage.meter(&clock).await?;
    let found = stage.wait_meter("a gap", |meter| condition(meter, "Gap").is_some()).await?;
    assert_eq!(through(&found), Some(time(gap - 6 * HOUR)));
    let (reason, message) = condition(&found, "Gap").unwrap_or_default();
    assert_eq!(reason, "TooFewSamples");
    for words in ["from 2025-01-31T12:00:00Z to 2025-01-31T18:00:00Z", "92.", "95.00 %", "until 2025-01-31T21:00:00Z"] {
        assert!(message.contains(words), "{words}: {message}");
    }
    clock.set(gap + 3 * HOUR + 60);
    let found = stage.wait_through(gap).await?;
    assert!(condition(&found, "Gap").is_none(), "{:?}", found.status);
    let records = stage.records().await?;
    let readings: Vec<_> =
        records.values().filter_map(|record| record["spec"]["readings"].as_array()?.last().cloned()).collect();
    assert!(
        readings.iter().any(|reading| reading["coverage"].as_str().is_some_and(|share| share.starts_with("0.92"))),
        "{readings:?}"
    );
    drop(meter);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meter_that_cannot_be_followed_says_why() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("no stage")?;
    let prometheus = prometheus()?;
    let clock = Clock::late();
    let meter = stage.meter(&clock).await?;
    stage.create_meter(requests("main", json!({"selector": "rate(http_requests_total[5m])"}))).await?;
    let message = stage.wait_ready("Invalid").await?;
    assert!(message.contains("spec.metrics.selector: column 5"), "{message}");
    stage.forget_meter().await?;

    stage.create_meter(requests("main", json!({}))).await?;
    let message = stage.wait_ready("ServerMissing").await?;
    assert!(message.contains("there is no MetricsServer main"), "{message}");
    stage.create_server("main", json!({"url": prometheus.url(), "headersFrom": {"secret": "other"}})).await?;
    let message = stage.wait_ready("SecretUnreadable").await?;
    assert!(
        message.contains("may not read the Secret other in billing-system: add its name to meter.headerSecrets"),
        "{message}"
    );
    stage.forget_meter().await?;

    stage.create_server("small", json!({"url": prometheus.url(), "maxSeries": 3})).await?;
    stage.create_meter(requests("small", json!({}))).await?;
    let message = stage.wait_ready("TooManySeries").await?;
    assert!(message.contains("maxSeries of the MetricsServer allows 3"), "{message}");
    assert!(stage.records().await?.is_empty());

    // Deleted, it ends what it has not ended. (By another clock than before: time never goes back for one that runs.)
    drop(meter);
    stage.forget_meter().await?;
    stage.create_server("plain", json!({"url": prometheus.url()})).await?;
    clock.set(data::BEGIN + 7 * HOUR);
    stage.create_meter(requests("plain", json!({}))).await?;
    let meter = stage.meter(&clock).await?;
    stage.wait_through(data::BEGIN + 6 * HOUR).await?;
    let meters: kube::Api<billing_api::Meter> = stage.cluster();
    meters.delete(crate::stage::METER, &kube::api::DeleteParams::default()).await?;
    let begun = std::time::Instant::now();
    while meters.get_opt(crate::stage::METER).await?.is_some() {
        assert!(begun.elapsed() < crate::stage::LIMIT, "it is still there");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let ends: Vec<_> = stage.records().await?.into_values().map(|record| record["spec"]["end"].clone()).collect();
    assert_eq!(ends, vec![json!(time(data::BEGIN + 6 * HOUR)); 3]);

    // Made again, it goes on in records of their own, and what is recorded is not recorded again.
    clock.set(data::END + HOUR);
    stage.create_meter(requests("plain", json!({}))).await?;
    stage.wait_through(data::END).await?;
    let records = stage.records().await?;
    let again: Vec<_> = records.keys().filter(|name| name.ends_with("-2025-01-2")).collect();
    assert_eq!(again.len(), 3, "{:?}", records.keys());
    let last = |record: &serde_json::Value| {
        let last = record["spec"]["readings"].as_array()?.last()?["quantity"].as_str()?.parse::<i64>().ok()?;
        Some((record["spec"]["project"].as_str()?.to_owned(), last))
    };
    let mut sums = std::collections::BTreeMap::new();
    for (name, record) in records.iter().filter(|(name, _)| name.contains("-2025-01")) {
        let (project, last) = last(record).ok_or_else(|| format!("{name} has no reading"))?;
        *sums.entry(format!("{project} 2025-01")).or_insert(0) += last;
    }
    let expected = oracle("http_requests_total", "Increase", 1, 6)?;
    let expected = expected.iter().filter(|(name, _)| name.ends_with("-01")).filter_map(|(name, record)| {
        let quantity = record["readings"].as_array()?.last()?["quantity"].as_str()?.parse::<i64>().ok()?;
        Some((name.clone(), quantity))
    });
    assert_eq!(sums, expected.collect());
    drop(meter);
    Ok(())
}
