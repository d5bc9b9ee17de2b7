//! The alerts about the meter: each fires when it should, and not before. No cluster.

use serde_json::{Value, json};

use super::server::{shipped_rules, test_rules};
use crate::Result;

/// Whether an alert fires after so many minutes of a series.
fn fires(alert: &str, minutes: u64, (name, labels, values): (&str, &str, &str)) -> Result<bool> {
    let series = json!({ "series": format!("{name}{{namespace=\"billing-system\",{labels}}}"), "values": values });
    let silent = json!({ "eval_time": format!("{minutes}m"), "alertname": alert, "exp_alerts": [] });
    let test = json!({ "interval": "1m", "input_series": [series], "alert_rule_test": [silent] });
    let tests = json!({ "rule_files": ["rules.json"], "evaluation_interval": "1m", "tests": [test] });
    match test_rules(&shipped_rules()?, &tests) {
        Ok(()) => Ok(false),
        Err(error) if error.to_string().contains(alert) => Ok(true),
        Err(error) => Err(error),
    }
}

#[test]
fn each_alert_of_the_meter_fires_for_its_cause_and_for_nothing_else() -> Result {
    let through = |values| ("billing_meter_observed_through_timestamp_seconds", "meter=\"volumes\"", values);
    assert!(!fires("BillingMeterBehind", 120, through("0+60x200"))?, "it looks");
    assert!(!fires("BillingMeterBehind", 15, through("0x200"))?, "it has not looked for a moment");
    assert!(fires("BillingMeterBehind", 30, through("0x200"))?);
    let skipped = |values| ("billing_meter_objects_skipped", "meter=\"volumes\",reason=\"MissingField\"", values);
    assert!(!fires("BillingMeterSkips", 50, skipped("2x200"))?);
    assert!(fires("BillingMeterSkips", 70, skipped("2x200"))?);
    assert!(!fires("BillingMeterSkips", 70, skipped("0x200"))?);
    let due = |values| ("billing_meter_window_due_timestamp_seconds", "meter=\"requests\"", values);
    assert!(!fires("BillingMeterWindowLate", 60, due("0x200"))?, "it may take an hour");
    assert!(fires("BillingMeterWindowLate", 70, due("0x200"))?);
    assert!(!fires("BillingMeterWindowLate", 120, due("0+60x200"))?);
    let skipped = |values| ("billing_meter_series_skipped", "meter=\"requests\",reason=\"ProjectUnknown\"", values);
    assert!(fires("BillingMeterSeriesSkipped", 10, skipped("1x200"))?);
    assert!(!fires("BillingMeterSeriesSkipped", 10, skipped("0x200"))?);
    let built = |values| ("billing_meter_build_info", "version=\"0.1.0\"", values);
    assert!(!fires("BillingMeterSilent", 60, built("1x200"))?);
    assert!(fires("BillingMeterSilent", 60, built("1x10"))?);
    Ok(())
}

/// Who runs no meter hears nothing of it.
#[test]
fn without_a_meter_there_is_no_alert_about_one() -> Result {
    let rendered = crate::chart::rendered::Rendered::with(&[], &["metrics.prometheusRule.enabled=true"])?;
    let rules: Value = rendered.only("PrometheusRule")?["spec"].clone();
    assert!(!rules.to_string().contains("BillingMeter"));
    Ok(())
}
