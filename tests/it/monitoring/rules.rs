//! The alerts and the dashboard of the chart: they are about metrics that exist, and each alert has its runbook. No cluster.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use billing_operator::metrics::Metrics;
use chrono::DateTime;
use operator_kit::queue::{Outcome, QueueHealth};
use serde_json::{Value, json};

use super::server::{check_metrics, check_rules, shipped_rules};
use crate::Result;
use crate::chart::install::CHART;
use crate::chart::rendered::{EVERYTHING, Rendered};

/// Where the chart says that the runbooks are.
const RUNBOOKS: &str = "https://example.com/billing-operator/blob/main/docs/runbooks.md";

/// All metrics, each with a sample: what has none is not encoded. That none is left out, another test sees.
fn sampled() -> Metrics {
    let metrics = Metrics::new();
    let Metrics { work, billing, exposition: _, finance: _ } = &metrics;
    billing.invoices([("Final", 1)]);
    billing.held_invoices([("Unpriced", 1)]);
    billing.unbilled_records([("Unpriced", 1)]);
    billing.refused_writes([("group", 1)]);
    billing.audited(0, DateTime::UNIX_EPOCH);
    work.reconciled("group", Outcome::Done, Duration::from_millis(3));
    work.queue("group", QueueHealth::default());
    work.failed("group", "refused");
    work.api_write("invoices/status".to_owned(), "update");
    work.api_error("get", "503".to_owned());
    work.watch_begins("invoices");
    work.watch_restart("invoices");
    metrics
}

/// The metrics of the meter, each with a sample.
pub fn sampled_of_meter() -> billing_meter::metrics::Metrics {
    let metrics = billing_meter::metrics::Metrics::new();
    metrics.opened("volumes");
    metrics.ended("volumes");
    let skipped = [(billing_meter::recipe::FaultReason::MissingField, 1)].into();
    metrics.reading_written("requests");
    metrics.unanswered("requests");
    metrics.due("requests", DateTime::UNIX_EPOCH);
    let uncounted = [(billing_meter::recipe::FaultReason::ProjectUnknown, 1)].into();
    metrics.window_recorded("requests", DateTime::UNIX_EPOCH, 1, uncounted);
    let counts = billing_meter::world::Counts { open: 1, skipped, through: Some(DateTime::UNIX_EPOCH) };
    metrics.show(&[("volumes".to_owned(), counts)].into(), 0);
    metrics
}

/// Every name that a sample of the operator can have.
fn sample_names() -> Result<BTreeSet<String>> {
    names_in(&sampled().exposition.encode_prometheus()?)
}

fn names_in(text: &str) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|line| line.split_once(' ')) else { continue };
        names.insert(name.to_owned());
        if kind == "histogram" {
            names.extend(["bucket", "count", "sum"].map(|part| format!("{name}_{part}")));
        }
    }
    Ok(names)
}

/// The metrics of the operator and the meter that an expression names.
fn named(expression: &str) -> Vec<&str> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("billing_operator_") || word.starts_with("billing_meter_")).collect()
}

/// The metrics of these expressions that do not exist.
fn unknown<'a>(expressions: &[&'a str]) -> Result<Vec<&'a str>> {
    let mut names = sample_names()?;
    names.extend(names_in(&sampled_of_meter().exposition.encode_prometheus()?)?);
    Ok(expressions.iter().flat_map(|expression| named(expression)).filter(|name| !names.contains(*name)).collect())
}

fn alerts(rules: &Value) -> Result<Vec<&Value>> {
    Ok(rules["groups"][0]["rules"].as_array().ok_or("no rules")?.iter().collect())
}

fn text<'a>(value: &'a Value, what: &str) -> Result<&'a str> {
    value.as_str().ok_or_else(|| format!("no {what}").into())
}

#[test]
fn alerts_are_about_metrics_that_exist() -> Result {
    let rules = shipped_rules()?;
    let expressions: Vec<_> = alerts(&rules)?.into_iter().filter_map(|alert| alert["expr"].as_str()).collect();
    assert_eq!(unknown(&expressions)?, [""; 0]);
    assert!(expressions.iter().all(|expression| !named(expression).is_empty()), "{expressions:?}");
    // One that does not exist is found; a counter is named by its samples.
    assert_eq!(
        unknown(&["sum(billing_operator_errors) > billing_operator_errors_total"])?,
        ["billing_operator_errors"]
    );
    Ok(())
}

#[test]
fn prometheus_understands_the_alerts() -> Result {
    check_rules(&shipped_rules()?)?;
    // It would tell of one that it does not.
    let mut broken = shipped_rules()?;
    broken["groups"][0]["rules"][0]["expr"] = json!("sum by (reason (billing_operator_held_invoices)");
    assert!(check_rules(&broken).is_err());
    Ok(())
}

/// The anchors of a page, as they are made of its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter_map(|line| line.strip_prefix("## "));
    headings.map(|heading| heading.to_lowercase().replace(' ', "-")).collect()
}

#[test]
fn each_alert_has_its_runbook_and_each_runbook_its_alert() -> Result {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks.md"))?;
    let rules = shipped_rules()?;
    let mut linked = BTreeSet::new();
    for alert in alerts(&rules)? {
        let (name, url) = (text(&alert["alert"], "name")?, text(&alert["annotations"]["runbook_url"], "runbook_url")?);
        let anchor = url.strip_prefix(RUNBOOKS).and_then(|rest| rest.strip_prefix('#')).ok_or("another page")?;
        assert_eq!(anchor, name.to_lowercase());
        assert!(["summary", "description"].iter().all(|key| alert["annotations"][key].is_string()), "{name}");
        assert!(
            page.contains(&format!("| [{name}](#{anchor}) | {} |", text(&alert["labels"]["severity"], "severity")?))
        );
        linked.insert(anchor.to_owned());
    }
    assert_eq!(anchors(&page), linked);
    Ok(())
}

#[test]
fn runbooks_can_be_kept_elsewhere() -> Result {
    let rendered = Rendered::with(&[EVERYTHING], &[])?;
    let rules = &rendered.only("PrometheusRule")?["spec"];
    for alert in alerts(rules)? {
        let url = text(&alert["annotations"]["runbook_url"], "runbook_url")?;
        assert!(url.starts_with("https://runbooks.example.com/billing#billing"), "{url}");
    }
    Ok(())
}

/// Every query of a dashboard.
fn queries(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    targets.filter_map(|target| target["expr"].as_str()).collect()
}

#[test]
fn the_dashboard_shows_metrics_that_exist_and_every_one_of_them() -> Result {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(format!("{CHART}/files/dashboard.json"))?)?;
    let queries = queries(&dashboard);
    assert_eq!(unknown(&queries)?, [""; 0]);
    let shown: BTreeSet<_> = queries.iter().flat_map(|query| named(query)).map(str::to_owned).collect();
    let base = |name: &String| !["_count", "_sum", "_bucket"].iter().any(|part| name.ends_with(part));
    let mut all: Vec<_> = sample_names()?.into_iter().filter(base).collect();
    // Of the meter, what the operator has none of: how both work is told by the same metrics.
    let of_meter = names_in(&sampled_of_meter().exposition.encode_prometheus()?)?;
    let is_its_own = |name: &String| !all.contains(&name.replacen("billing_meter_", "billing_operator_", 1));
    let its_own: Vec<_> = of_meter.into_iter().filter(|name| base(name) && is_its_own(name)).collect();
    assert!(its_own.iter().any(|name| name == "billing_meter_series_skipped"), "{its_own:?}");
    all.extend(its_own);
    let hidden: Vec<_> =
        all.iter().filter(|name| !shown.contains(*name) && !shown.contains(&format!("{name}_bucket"))).collect();
    assert_eq!(hidden, [""; 0], "it shows all that there is");
    let panels = dashboard["panels"].as_array().ok_or("no panels")?;
    let ids: BTreeSet<_> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    for panel in panels {
        let place = &panel["gridPos"];
        assert!(place["x"].as_u64().zip(place["w"].as_u64()).is_some_and(|(x, w)| x + w <= 24), "{panel}");
    }
    Ok(())
}

#[test]
fn the_dashboard_comes_where_and_as_the_sidecar_of_grafana_looks_for_it() -> Result {
    let rendered = Rendered::with(&[], &["metrics.dashboard.enabled=true"])?;
    let map = rendered.only("ConfigMap")?;
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(map["metadata"]["namespace"], "billing-system");
    let text = text(&map["data"]["billing-operator.json"], "dashboard")?;
    let (shipped, file) = (text, fs::read_to_string(format!("{CHART}/files/dashboard.json"))?);
    assert_eq!(serde_json::from_str::<Value>(shipped)?, serde_json::from_str::<Value>(&file)?);
    let everything = Rendered::with(&[EVERYTHING], &[])?;
    let map = &everything.only("ConfigMap")?["metadata"];
    assert_eq!(map["namespace"], "monitoring");
    assert_eq!(
        (&map["labels"]["dashboards"], &map["annotations"]["grafana_folder"]),
        (&json!("all"), &json!("Billing"))
    );
    Ok(())
}

/// The metrics that the reference lists for everybody.
fn listed() -> Result<BTreeSet<String>> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference.md"))?;
    let section = page.split("\n## Metrics\n").nth(1).and_then(|rest| rest.split("--finance-listen").next());
    let rows = section.ok_or("no metrics")?.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    Ok(rows.map(str::to_owned).collect())
}

#[test]
fn the_reference_lists_the_metrics_under_the_names_of_their_samples() -> Result {
    let parts = ["_count", "_sum", "_bucket"];
    let is_part = |name: &String| parts.iter().any(|part| name.ends_with(part));
    let names: BTreeSet<_> = sample_names()?.into_iter().filter(|name| !is_part(name)).collect();
    assert_eq!(listed()?, names);
    Ok(())
}

#[test]
fn promtool_finds_no_fault_with_the_metrics() -> Result {
    let metrics = sampled();
    check_metrics(&metrics.exposition.encode_prometheus()?)?;
    // It would tell of a counter without its suffix.
    let wrong =
        "# HELP billing_operator_errors Errors.\n# TYPE billing_operator_errors counter\nbilling_operator_errors 1\n";
    assert!(check_metrics(wrong).is_err());
    Ok(())
}
