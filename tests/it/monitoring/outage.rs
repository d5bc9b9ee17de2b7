//! What the operator says when it cannot work: cut off from the API server, without a token that is accepted, without a watch.

use std::{collections::BTreeMap, fs};

use billing_test_harness::{Operator, User};
use serde_json::{Value, json};

use super::server::{shipped_rules, test_rules};
use crate::{
    Result,
    chart::install::{NAMESPACE, RELEASE, said},
    support::{LIMIT, World, wait},
};

/// How long the API server may be silent here.
const SILENCE_LIMIT: &str = "--silence-limit=4s";

/// Waits until `/readyz` answers with this status and says this.
async fn readyz(port: u16, status: u16, says: &str) -> Result<String> {
    let what = format!("/readyz answers {status} and says {says:?}");
    let mut last = String::new();
    let waited = wait(&what, LIMIT * 2, async || {
        let (found, text) = Operator::http(port, "/readyz").ok_or("the operator does not answer")?;
        last.clone_from(&text);
        Ok((found == status && text.contains(says)).then_some(text))
    })
    .await;
    waited.map_err(|error| format!("{error}; it said {last:?}").into())
}

/// The lines of the operator's log from a byte on that are for people: warnings and errors.
fn warnings(operator: &Operator, from: usize) -> Result<Vec<String>> {
    let log = fs::read(operator.log())?;
    let text = String::from_utf8_lossy(&log[from..]).into_owned();
    let told = text.lines().filter(|line| line.contains(" WARN ") || line.contains(" ERROR "));
    Ok(told.map(str::to_owned).collect())
}

fn log_length(operator: &Operator) -> Result<usize> {
    Ok(usize::try_from(fs::metadata(operator.log())?.len())?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_cut_off_says_so_once_and_an_alert_fires_for_as_long_as_it_lasts() -> Result {
    let mut world = World::start(&[SILENCE_LIMIT])?;
    let port = world.port;
    let well = Recorded::of(port)?;
    let begun = log_length(&world.operator)?;
    world.control_plane.stop_apiserver();
    let said = readyz(port, 503, "API server: the API server has not been heard of for").await?;
    assert!(said.contains("Connection refused"), "the cause: {said}");
    assert_eq!(Operator::http(port, "/healthz").map(|(status, _)| status), Some(200), "a restart does not help");
    let told = warnings(&world.operator, begun)?;
    assert!((1..=2).contains(&told.len()), "{told:#?}");
    assert!(told[0].contains("the API server cannot be reached; trying again"), "{told:#?}");
    let cut_off = Recorded::of(port)?;
    let fails = |recorded: &Recorded| recorded.value("billing_operator_api_errors_total", r#"status="transport""#);
    assert!(fails(&cut_off) > fails(&well), "failed calls are counted");

    world.control_plane.start_apiserver()?;
    readyz(port, 200, "ok").await?;
    let log = fs::read_to_string(world.operator.log())?;
    assert!(log[begun..].contains("the API server answers again"), "its end is told");
    fires_for_the_whole_outage(&well, &cut_off)
}

/// What was recorded goes on for twenty hours: the gauges as they were last, the counters at the same rate.
fn fires_for_the_whole_outage(well: &Recorded, cut_off: &Recorded) -> Result {
    let hour = 60;
    let series = |recorded: &Recorded, failing: bool| -> Vec<Value> {
        let alerted = ["billing_operator_api_", "billing_operator_watch_last", "billing_operator_build_info"];
        let of_alerts = recorded.0.iter().filter(|(name, _)| alerted.iter().any(|prefix| name.starts_with(prefix)));
        of_alerts
            .map(|(name, value)| {
                let (from, step) = match name.contains("_timestamp_seconds") {
                    // Tests begin at the epoch.
                    true => (0.0, if failing { 0 } else { 60 }),
                    false => (*value, u64::from(failing && name.contains("transport"))),
                };
                json!({ "series": labelled(name), "values": format!("{from}+{step}x{}", 20 * hour) })
            })
            .collect()
    };
    let expects = |alert: &str, at: u64, labels: Option<Value>| json!({ "eval_time": format!("{at}m"), "alertname": alert, "exp_alerts": labels.map(|labels| json!([labels])).unwrap_or(json!([])) });
    let test = |series: Vec<Value>, alerts: Vec<Value>| json!({ "interval": "1m", "input_series": series, "alert_rule_test": alerts });
    let annotations = annotations("BillingApiServerUnreachable")?;
    let critical = || Some(json!({ "exp_labels": { "severity": "critical" }, "exp_annotations": annotations }));
    let outage = vec![
        expects("BillingApiServerUnreachable", 4, None),
        expects("BillingApiServerUnreachable", hour, critical()),
        expects("BillingApiServerUnreachable", 20 * hour, critical()),
        expects("BillingOperatorSilent", 20 * hour, None),
    ];
    let healthy: Vec<_> = ["BillingApiServerUnreachable", "BillingApiCallsFail", "BillingWatchStalled"]
        .map(|alert| expects(alert, 20 * hour, None))
        .into();
    let tests = json!({
        "rule_files": ["rules.json"],
        "evaluation_interval": "1m",
        "tests": [test(series(cut_off, true), outage), test(series(well, false), healthy)],
    });
    test_rules(&shipped_rules()?, &tests)?;

    // The other two alerts of an outage fire, too; what they say is as long as there are watches.
    for alert in ["BillingApiCallsFail", "BillingWatchStalled"] {
        let silent = test(series(cut_off, true), vec![expects(alert, 20 * hour, None)]);
        let tests = json!({ "rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": [silent] });
        let error = test_rules(&shipped_rules()?, &tests).err().ok_or_else(|| format!("{alert} does not fire"))?;
        assert!(error.to_string().contains(alert), "{error}");
    }
    Ok(())
}

/// What an alert of the chart says.
fn annotations(alert: &str) -> Result<Value> {
    let rules = shipped_rules()?;
    let found = rules["groups"][0]["rules"].as_array().into_iter().flatten().find(|rule| rule["alert"] == alert);
    Ok(found.ok_or_else(|| format!("no alert {alert}"))?["annotations"].clone())
}

/// A series as Prometheus has it that scrapes the release.
fn labelled(name: &str) -> String {
    match name.split_once('{') {
        Some((name, labels)) => format!(r#"{name}{{namespace="billing-system",{labels}"#),
        None => format!(r#"{name}{{namespace="billing-system"}}"#),
    }
}

/// The samples of an operator at one moment, by name and labels.
struct Recorded(BTreeMap<String, f64>);

impl Recorded {
    fn of(port: u16) -> Result<Self> {
        let text = Operator::http_get(port, "/metrics").ok_or("no metrics")?;
        let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Ok(Self(samples.collect()))
    }

    fn value(&self, name: &str, labels: &str) -> f64 {
        let of_metric = self.0.iter().filter(|(series, _)| series.split('{').next() == Some(name));
        of_metric.filter(|(series, _)| series.contains(labels)).map(|(_, value)| value).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_accepted_is_told() -> Result {
    let world = World::shared();
    let kubeconfig = world.control_plane.kubeconfig_for("nobody", "nonsense")?;
    let port = billing_test_harness::free_port()?;
    let (account, listen) = (format!("--kubeconfig={}", kubeconfig.display()), format!("--listen=127.0.0.1:{port}"));
    let log = world.control_plane.folder().join("nobody.log");
    let program = env!("CARGO_BIN_EXE_billing-operator");
    let operator = Operator::start(program, &kubeconfig, log, &["run", &account, &listen, SILENCE_LIMIT], &[])?;
    readyz(port, 503, "401 Unauthorized: the token or certificate of the operator's account is not accepted").await?;
    let told = warnings(&operator, 0)?;
    assert!((1..=2).contains(&told.len()), "{told:#?}");
    assert!(Recorded::of(port)?.value("billing_operator_api_errors_total", r#"status="401""#) > 0.0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_refused_is_named_with_its_cause() -> Result {
    let world = World::start(&[])?;
    let asked = ["get", "clusterrole", RELEASE, "-o", "json"];
    let mut role: Value = serde_json::from_str(&world.control_plane.kubectl_ok(User::ClusterAdmin, &asked)?)?;
    role["metadata"]["resourceVersion"] = json!(null);
    let mut without = role.clone();
    for rule in without["rules"].as_array_mut().ok_or("no rules")? {
        let resources = rule["resources"].as_array_mut().ok_or("no resources")?;
        resources.retain(|resource| resource != "pricelists");
    }
    replace(&world, &without)?;
    let account = format!("--as=system:serviceaccount:{NAMESPACE}:{RELEASE}");
    wait("the right is gone", LIMIT, async || {
        let asked = ["auth", "can-i", "watch", "pricelists.billing-operator.io", &account];
        let answer = world.control_plane.kubectl(User::ClusterAdmin, &asked)?;
        Ok(answer.stdout.starts_with(b"no").then_some(()))
    })
    .await?;
    let token = world.control_plane.service_account_token(NAMESPACE, RELEASE)?;
    let kubeconfig = world.control_plane.kubeconfig_for("refused", &token)?;
    let port = billing_test_harness::free_port()?;
    let (account, listen) = (format!("--kubeconfig={}", kubeconfig.display()), format!("--listen=127.0.0.1:{port}"));
    let log = world.control_plane.folder().join("refused.log");
    let program = env!("CARGO_BIN_EXE_billing-operator");
    let operator = Operator::start(program, &kubeconfig, log, &["run", &account, &listen, SILENCE_LIMIT], &[])?;
    let said = readyz(port, 503, "watches: the first list of pricelists is not complete yet").await?;
    let said = if said.contains("forbidden") { said } else { readyz(port, 503, "forbidden").await? };
    assert!(said.contains(r#"cannot watch resource "pricelists""#), "{said}");
    assert_eq!(Recorded::of(port)?.value("billing_operator_watch_last_event_timestamp_seconds", "pricelists"), 0.0);
    wait("it was tried again", LIMIT, async || {
        let tries = Recorded::of(port)?.value("billing_operator_watch_restarts_total", r#"resource="pricelists""#);
        Ok((tries >= 3.0).then_some(()))
    })
    .await?;
    let told = warnings(&operator, 0)?;
    let of_watch = |line: &&String| line.contains("the watch of pricelists failed; trying again");
    assert_eq!(told.iter().filter(of_watch).count(), 1, "{told:#?}");

    replace(&world, &role)?;
    readyz(port, 200, "ok").await?;
    let log = fs::read_to_string(operator.log())?;
    assert!(log.contains("over: the watch of pricelists failed"), "{log}");
    Ok(())
}

fn replace(world: &World, object: &Value) -> Result {
    let args = ["replace", "--filename=-"];
    let replaced = world.control_plane.kubectl_with(User::ClusterAdmin, &args, &object.to_string())?;
    if replaced.status.success() { Ok(()) } else { Err(said(&replaced).into()) }
}
