//! The job that exports invoices into a volume.

use clap::Parser;
use serde_json::{Value, json};

use super::install::RELEASE;
use super::rendered::{EVERYTHING, Rendered};
use crate::Result;

const ENABLED: [&str; 2] = ["export.enabled=true", "export.volume.persistentVolumeClaim.claimName=invoices"];

/// The specification of the job's pod.
fn pod(rendered: &Rendered) -> Result<&Value> {
    Ok(&rendered.only("CronJob")?["spec"]["jobTemplate"]["spec"]["template"]["spec"])
}

fn arguments(rendered: &Rendered) -> Result<Vec<String>> {
    let arguments = pod(rendered)?["containers"][0]["args"].as_array().ok_or("no arguments")?;
    Ok(arguments.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

#[test]
fn its_command_is_what_the_plugin_understands() -> Result {
    let all = Rendered::with(&[], &ENABLED)?;
    let expected = [
        "export",
        "--all-namespaces",
        "--format=parquet",
        "--period=2026-01..this",
        "--with-estimates",
        "--output=/export",
    ];
    assert_eq!(arguments(&all)?, expected);
    let one = Rendered::with(&[EVERYTHING], &[])?;
    let expected = [
        "export",
        "--namespace=acme",
        "--format=focus-1.4",
        "--encoding=csv",
        "--period=2025-12..last",
        "--final-only",
        "--output=/export",
    ];
    assert_eq!(arguments(&one)?, expected);
    let e_invoices = Rendered::with(&[], &[&ENABLED[..], &["export.format=ubl", "export.profile=peppol"]].concat())?;
    let expected = [
        "export",
        "--all-namespaces",
        "--format=ubl",
        "--profile=peppol",
        "--period=2026-01..this",
        "--final-only",
        "--output=/export",
    ];
    assert_eq!(arguments(&e_invoices)?, expected);
    for rendered in [&all, &one, &e_invoices] {
        assert_eq!(pod(rendered)?["containers"][0]["command"], json!(["/kubectl-billing"]));
        let arguments = arguments(rendered)?;
        let line = std::iter::once("kubectl-billing").chain(arguments.iter().map(String::as_str));
        kubectl_billing::Arguments::try_parse_from(line)?;
    }
    Ok(())
}

#[test]
fn it_writes_into_its_volume_alone_and_as_nobody() -> Result {
    let rendered = Rendered::with(&[], &ENABLED)?;
    let pod = pod(&rendered)?;
    assert_eq!(pod["volumes"], json!([{ "name": "export", "persistentVolumeClaim": { "claimName": "invoices" } }]));
    let container = &pod["containers"][0];
    assert_eq!(container["volumeMounts"], json!([{ "name": "export", "mountPath": "/export" }]));
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    assert_eq!(
        (&pod["securityContext"]["runAsNonRoot"], &pod["securityContext"]["fsGroup"]),
        (&json!(true), &json!(65532))
    );
    let operator = &rendered.operators("Deployment")?["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], operator["image"]);
    assert_eq!(rendered.only("CronJob")?["spec"]["concurrencyPolicy"], "Forbid");
    Ok(())
}

/// The Service of the metrics, and the rules of the network, are about the operator's pod.
#[test]
fn nobody_takes_its_pod_for_the_operator() -> Result {
    let rendered = Rendered::with(&[EVERYTHING], &[])?;
    let labels = &rendered.only("CronJob")?["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"];
    for selector in [
        &rendered.operators("Service")?["spec"]["selector"],
        &rendered.operators("Deployment")?["spec"]["selector"]["matchLabels"],
    ] {
        let selector = selector.as_object().ok_or("no selector")?;
        assert!(selector.iter().any(|(label, value)| labels[label] != *value), "{labels} has all of {selector:?}");
    }
    Ok(())
}

#[test]
fn it_may_read_invoices_and_notes_of_one_organization_or_of_all() -> Result {
    let name = format!("{RELEASE}-export");
    let rendered = Rendered::with(&[], &ENABLED)?;
    let rules = &rendered.named("ClusterRole", &name)?["rules"];
    let read = |resources: &[&str], verb: &str| json!({ "apiGroups": ["billing-operator.io"], "resources": resources, "verbs": [verb] });
    assert_eq!(*rules, json!([read(&["creditnotes", "invoices"], "list"), read(&["invoiceslices"], "get")]));
    assert_eq!(pod(&rendered)?["serviceAccountName"], *name);
    rendered.named("ServiceAccount", &name)?;
    assert_eq!(rendered.named("ClusterRoleBinding", &name)?["subjects"][0]["name"], *name);

    let one = Rendered::with(&[EVERYTHING], &[])?;
    let binding = one.named("RoleBinding", "billing-export")?;
    assert_eq!(binding["metadata"]["namespace"], "acme");
    assert!(one.named("ClusterRoleBinding", "billing-export").is_err());
    Ok(())
}
