//! What Helm renders, as objects.

use std::{
    collections::BTreeSet,
    process::{Command, Output},
};

use billing_test_harness::assets::{self, Tool};
use serde_json::Value;

use super::install::{CHART, NAMESPACE, RELEASE, said};
use crate::Result;

/// The values of `--set`, or a values file's text by `--values`.
pub const EVERYTHING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/chart/everything.yaml");

/// Runs Helm without a cluster.
pub fn helm(args: &[&str]) -> Result<Output> {
    // No kubeconfig: a template must not ask a cluster.
    Ok(Command::new(assets::find(Tool::Helm)?).args(args).env("KUBECONFIG", "/dev/null").output()?)
}

/// The objects of a release.
#[derive(Debug, PartialEq)]
pub struct Rendered(Vec<Value>);

impl Rendered {
    /// Renders the chart with these values (`a.b=c`) on top of those in `files`.
    pub fn with(files: &[&str], values: &[&str]) -> Result<Self> {
        Self::of(&template(files, values)?)
    }

    /// Reads what `helm template` printed.
    pub fn of(output: &Output) -> Result<Self> {
        if !output.status.success() {
            return Err(said(output).into());
        }
        let objects: Vec<Value> = serde_saphyr::from_multiple(std::str::from_utf8(&output.stdout)?)?;
        Ok(Self(objects.into_iter().filter(|object| !object.is_null()).collect()))
    }

    /// All objects.
    pub fn objects(&self) -> &[Value] {
        &self.0
    }

    /// All objects of a kind.
    pub fn all<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
        let kind = Value::from(kind);
        self.0.iter().filter(move |object| object["kind"] == kind)
    }

    /// The only object of a kind.
    pub fn only(&self, kind: &str) -> Result<&Value> {
        let mut all = self.all(kind);
        match (all.next(), all.next()) {
            (Some(object), None) => Ok(object),
            (None, _) => Err(format!("no {kind}").into()),
            (Some(_), Some(_)) => Err(format!("more than one {kind}").into()),
        }
    }

    /// The object of a kind that is about the operator itself, and not about the meter or a job.
    pub fn operators(&self, kind: &str) -> Result<&Value> {
        let is_own = |object: &&Value| object["metadata"]["labels"]["app.kubernetes.io/name"] == "billing-operator";
        self.all(kind).find(is_own).ok_or_else(|| format!("no {kind} of the operator").into())
    }

    /// The object of a kind and a name.
    pub fn named(&self, kind: &str, name: &str) -> Result<&Value> {
        let mut all = self.all(kind);
        all.find(|object| object["metadata"]["name"] == name).ok_or_else(|| format!("no {kind} {name}").into())
    }

    /// The kinds that there are.
    pub fn kinds(&self) -> BTreeSet<&str> {
        self.0.iter().filter_map(|object| object["kind"].as_str()).collect()
    }

    /// The environment of the operator's container: name and value, none if it is taken from the pod.
    pub fn environment(&self) -> Result<Vec<(String, Option<String>)>> {
        let container = &self.operators("Deployment")?["spec"]["template"]["spec"]["containers"][0];
        let variables = container["env"].as_array().ok_or("no environment")?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Ok(variables.iter().filter_map(|it| Some((text(&it["name"])?, text(&it["value"])))).collect())
    }
}

/// Runs `helm template`.
pub fn template(files: &[&str], values: &[&str]) -> Result<Output> {
    let namespace = format!("--namespace={NAMESPACE}");
    let mut args = vec!["template", RELEASE, CHART, &namespace];
    args.extend(files.iter().flat_map(|file| ["--values", file]));
    args.extend(values.iter().flat_map(|value| ["--set", value]));
    helm(&args)
}
