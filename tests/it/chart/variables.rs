//! An environment variable that is empty is one that is not set.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use billing_operator::settings::Settings;
use clap::Args;

use crate::Result;

/// Where nobody answers, which the operator does not ask before it says how it is set up.
const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: 'http://127.0.0.1:9'}}]
users: [{name: nobody, user: {}}]
contexts: [{name: none, context: {cluster: none, user: nobody}}]
current-context: none
";

/// The variables of the operator.
fn variables() -> Vec<String> {
    let command = Settings::augment_args(clap::Command::new("billing-operator"));
    command.get_arguments().filter_map(|it| Some(it.get_env()?.to_string_lossy().into_owned())).collect()
}

/// How an operator says that it is set up, which is the first that it says; or its error.
fn set_up(arguments: &[&str], variables: &[(&str, &str)]) -> Result<String> {
    let kubeconfig = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("nobody.kubeconfig");
    fs::write(&kubeconfig, KUBECONFIG)?;
    let mut operator = Command::new(env!("CARGO_BIN_EXE_billing-operator"))
        .args(arguments)
        .arg(format!("--kubeconfig={}", kubeconfig.display()))
        .env_clear()
        .envs(variables.iter().copied())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(operator.stderr.take().ok_or("no log")?).lines().map_while(|line| line.ok());
    let found = lines.find(|line| line.contains("settings=") || line.starts_with("error:"));
    operator.kill()?;
    operator.wait()?;
    let line = found.ok_or("the operator does not say how it is set up")?;
    Ok(line.split_once("settings=").map_or(line.clone(), |(_, settings)| settings.to_owned()))
}

#[test]
fn empty_variables_are_none() -> Result {
    let names = variables();
    assert!(names.len() > 15, "{names:?}");
    for command in [&[][..], &["run"]] {
        let unset = set_up(command, &[])?;
        assert!(unset.contains("audit_interval: 86400s"), "{unset}");
        let empty: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert_eq!(set_up(command, &empty)?, unset);
        // A value is one.
        let set = set_up(command, &[("BILLING_OPERATOR_AUDIT_INTERVAL", "12h"), ("BILLING_OPERATOR_HOURS", "")])?;
        assert_eq!(set, unset.replace("audit_interval: 86400s", "audit_interval: 43200s"));
        let wrong = set_up(command, &[("BILLING_OPERATOR_AUDIT_INTERVAL", " ")])?;
        assert!(wrong.contains("invalid value"), "{wrong}");
    }
    Ok(())
}
