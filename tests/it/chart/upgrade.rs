//! Upgrades from an older chart, with every way to bring its values along.

use std::fs;

use billing_operator::settings::Settings;
use billing_test_harness::{ControlPlane, Options, User};
use clap::{Args, Command};
use serde_json::{Value, json};

use super::{
    copies,
    install::{self, CHART, NAMESPACE, RELEASE},
    values::OLDER,
};
use crate::Result;

/// What somebody set when they installed the older chart.
const SET: &str = "operator.hours=exact,operator.logLevel=debug";

fn helm(control_plane: &ControlPlane, args: &[&str]) -> Result {
    install::helm(control_plane, &[args, &[&format!("--namespace={NAMESPACE}")]].concat())?;
    Ok(())
}

/// The variables of the operator's container that have a value.
fn environment(control_plane: &ControlPlane) -> Result<Vec<(String, String)>> {
    let args = ["get", "deployment", RELEASE, "--output=json", &format!("--namespace={NAMESPACE}")];
    let deployment: Value = serde_json::from_str(&control_plane.kubectl_ok(User::Admin, &args)?)?;
    let variables =
        deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array().ok_or("no environment")?;
    let given = variables.iter().filter(|variable| variable["valueFrom"].is_null());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(given.map(|variable| (text(&variable["name"]), text(&variable["value"]))).collect())
}

/// The variables are what the operator takes, and say this.
fn assert_runs_with(control_plane: &ControlPlane, what: &str, hours: &str) -> Result {
    let command = Settings::augment_args(Command::new("billing-operator"));
    let mut arguments = vec!["billing-operator".to_owned()];
    let environment = environment(control_plane)?;
    for (variable, value) in &environment {
        assert!(!value.is_empty(), "{what}: {variable} is empty");
        let known = command.get_arguments().find(|it| it.get_env().is_some_and(|name| name == variable.as_str()));
        let flag = known.and_then(clap::Arg::get_long).ok_or_else(|| format!("{variable} is not read"))?;
        arguments.push(format!("--{flag}={value}"));
    }
    command.try_get_matches_from(&arguments).map_err(|error| format!("{what}: {error}"))?;
    let value = |name: &str| environment.iter().find(|(variable, _)| variable == name).map(|(_, value)| value.as_str());
    assert_eq!(value("BILLING_OPERATOR_AUDIT_INTERVAL"), Some("24h"), "{what}");
    assert_eq!(value("BILLING_OPERATOR_HOURS"), Some(hours), "{what}");
    Ok(())
}

#[test]
fn an_upgrade_brings_the_values_of_an_older_chart_along_in_every_way() -> Result {
    let older = copies::with_values_of("upgrade", &fs::read_to_string(OLDER)?)?;
    let schema = older.join("values.schema.json");
    fs::write(schema, json!({ "type": "object" }).to_string())?;
    let older = older.to_string_lossy();
    let control_plane = ControlPlane::start(&Options::default())?;
    helm(&control_plane, &["install", RELEASE, &older, "--create-namespace", "--set", SET])?;
    let all = "--history-max=0"; // the first revision stays
    for (flags, hours) in [
        (&["--reuse-values"][..], "exact"),
        (&["--reuse-values", "--set", "operator.logLevel=info"], "exact"),
        (&["--reset-then-reuse-values"], "exact"),
        (&["--reset-then-reuse-values", "--set", "operator.logLevel=info"], "exact"),
        (&[], "exact"), // Helm reuses what was set when nothing is
        (&["--set", "operator.logLevel=info"], "ceil"),
        (&["--reset-values"], "ceil"),
        // A null takes away what is set with it, and Helm goes on with what was set before.
        (&["--reuse-values", "--set", "operator.hours=null,metrics=null"], "exact"),
    ] {
        helm(&control_plane, &[&["upgrade", RELEASE, CHART, all], flags].concat())?;
        assert_runs_with(&control_plane, &flags.join(" "), hours)?;
        helm(&control_plane, &["rollback", RELEASE, "1", all])?;
    }
    Ok(())
}
