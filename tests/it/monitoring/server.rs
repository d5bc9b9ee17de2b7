//! A Prometheus that scrapes an operator and evaluates the alerts of the chart; and promtool.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use billing_test_harness::{
    Operator, free_port,
    prometheus::{self, Server},
};
use serde_json::{Value, json};

use crate::Result;
use crate::chart::install::NAMESPACE;
use crate::chart::rendered::Rendered;

/// The rules of the chart, those about the meter included, as Prometheus reads them.
pub fn shipped_rules() -> Result<Value> {
    let rendered = Rendered::with(&[], &["metrics.prometheusRule.enabled=true", "meter.enabled=true"])?;
    Ok(rendered.only("PrometheusRule")?["spec"].clone())
}

/// Checks rules with promtool; the error is what it says.
pub fn check_rules(rules: &Value) -> Result {
    let folder = Folder::new("rules")?;
    let file = folder.write("rules.json", rules)?;
    promtool(&["check", "rules", &file], "").map(drop)
}

/// Checks metrics in Prometheus' own text with promtool; the error is what it says.
pub fn check_metrics(text: &str) -> Result {
    promtool(&["check", "metrics"], text).map(drop)
}

/// Runs unit tests of alerts; the error is what promtool says.
pub fn test_rules(rules: &Value, tests: &Value) -> Result {
    let folder = Folder::new("tests")?;
    folder.write("rules.json", rules)?;
    let file = folder.write("tests.json", tests)?;
    promtool(&["test", "rules", &file], "").map(drop)
}

fn promtool(arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new(prometheus::promtool()?)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    if output.status.success() { Ok(said) } else { Err(format!("promtool {}: {said}", arguments.join(" ")).into()) }
}

/// A folder for files of Prometheus, which goes with this.
struct Folder(PathBuf);

impl Folder {
    fn new(purpose: &str) -> Result<Self> {
        let unique = free_port()?; // never the same twice in one process
        let path = std::env::temp_dir().join(format!("billing-{purpose}-{}-{unique}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// JSON is YAML, which Prometheus reads.
    fn write(&self, name: &str, content: &Value) -> Result<String> {
        let path = self.0.join(name);
        fs::write(&path, content.to_string())?;
        Ok(path.display().to_string())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A running Prometheus.
pub struct Prometheus(Server);

impl Prometheus {
    /// Starts one that scrapes the operator on `operator` every second, as one of the chart's namespace, and waits until it is
    /// ready.
    pub fn start(operator: u16) -> Result<Self> {
        let target = json!({ "targets": [format!("127.0.0.1:{operator}")], "labels": { "namespace": NAMESPACE } });
        // JSON is YAML.
        let config = json!({
            "global": { "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s" },
            "rule_files": ["rules.json"],
            "scrape_configs": [{ "job_name": "billing-operator", "static_configs": [target] }],
        });
        let rules = [("rules.json", shipped_rules()?.to_string())];
        Ok(Self(Server::prometheus(&config.to_string(), &rules, "")?))
    }

    /// What the API answers under this path.
    pub fn ask(&self, path: &str) -> Result<Value> {
        let text = Operator::http_get(self.0.port(), &format!("/api/v1/{path}")).ok_or("Prometheus does not answer")?;
        Ok(serde_json::from_str::<Value>(&text)?["data"].take())
    }
}
