//! The chart on an API server: installed, upgraded, uninstalled, installed again.

use std::time::Duration;

use billing_test_harness::{ControlPlane, Options, User, wait_until};
use serde_json::{Value, json};

use super::{
    install::{self, CHART, NAMESPACE, RELEASE, said},
    rendered::{EVERYTHING, Rendered},
};
use crate::Result;

/// Enough for anything here on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// An organization with a group, and a namespace where the restricted Pod Security Standard is enforced.
const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: acme, labels: {billing-operator.io/organization: acme}}
---
apiVersion: billing-operator.io/v1alpha1
kind: BillingGroup
metadata: {name: main, namespace: acme}
spec: {displayName: Acme}
---
apiVersion: v1
kind: Namespace
metadata: {name: restricted, labels: {pod-security.kubernetes.io/enforce: restricted}}
";

fn start() -> Result<ControlPlane> {
    let control_plane = ControlPlane::start(&Options { controller_manager: true, ..Options::default() })?;
    install::install(&control_plane)?;
    let apply = || control_plane.apply(User::ClusterAdmin, OBJECTS).ok();
    wait_until("the definitions are served", LIMIT, apply)?;
    Ok(control_plane)
}

/// Waits until a ledger that nobody but the operator may write is refused.
fn wait_until_guarded(control_plane: &ControlPlane) -> Result {
    let ledger = "
apiVersion: billing-operator.io/v1alpha1
kind: ProjectLedger
metadata: {name: shop, namespace: acme}
spec:
  segments:
    - {from: '2026-11-03T10:00:00Z', billingGroup: main, billingGroupUID: 11111111-1111-4111-8111-111111111111, projectUID: 33333333-3333-4333-8333-333333333333}
";
    wait_until("the policies refuse", LIMIT, || {
        let args = ["create", "--dry-run=server", "--filename=-"];
        let output = control_plane.kubectl_with(User::ClusterAdmin, &args, ledger).ok()?;
        said(&output).contains("ValidatingAdmissionPolicy 'billing-operator-operator'").then_some(())
    })?;
    Ok(())
}

fn get(control_plane: &ControlPlane, args: &[&str]) -> Result<Value> {
    let text = control_plane.kubectl_ok(User::Admin, &[&["get", "--output=json"], args].concat())?;
    Ok(serde_json::from_str(&text)?)
}

fn count(control_plane: &ControlPlane, args: &[&str]) -> Result<usize> {
    Ok(get(control_plane, args)?["items"].as_array().map_or(0, Vec::len))
}

#[test]
fn the_release_comes_and_goes_and_the_books_stay() -> Result {
    let control_plane = start()?;
    let namespace = format!("--namespace={NAMESPACE}");
    wait_until_guarded(&control_plane)?;

    // Upgraded: other values, the same books.
    let args =
        ["upgrade", RELEASE, CHART, &namespace, "--set", "operator.finalise=false,networkPolicy.egress.enabled=true"];
    install::helm(&control_plane, &args)?;
    let deployment = get(&control_plane, &["deployment", RELEASE, &namespace])?;
    let variables = &deployment["spec"]["template"]["spec"]["containers"][0]["env"];
    assert!(variables.to_string().contains(r#""BILLING_OPERATOR_FINALISE","value":"false""#), "{variables}");
    assert_eq!(count(&control_plane, &["networkpolicies", &namespace])?, 1);
    wait_until_guarded(&control_plane)?;

    // Uninstalled: the operator is gone, what guards the books is not.
    install::helm(&control_plane, &["uninstall", RELEASE, &namespace])?;
    assert_eq!(count(&control_plane, &["deployments", &namespace])?, 0);
    assert_eq!(count(&control_plane, &["clusterroles", "--selector=app.kubernetes.io/name=billing-operator"])?, 0);
    let ours = "--selector=app.kubernetes.io/name=billing-operator";
    assert_eq!(count(&control_plane, &["customresourcedefinitions", ours])?, billing_api::crds::all().len());
    assert_eq!(count(&control_plane, &["validatingadmissionpolicies", ours])?, 14);
    assert_eq!(count(&control_plane, &["validatingadmissionpolicybindings", ours])?, 14);
    assert_eq!(get(&control_plane, &["billinggroup", "main", "--namespace=acme"])?["spec"]["displayName"], "Acme");
    wait_until_guarded(&control_plane)?;

    // Installed again: it takes over what stayed.
    install::install(&control_plane)?;
    assert_eq!(count(&control_plane, &["deployments", &namespace])?, 1);
    assert_eq!(get(&control_plane, &["billinggroup", "main", "--namespace=acme"])?["spec"]["displayName"], "Acme");
    Ok(())
}

#[test]
fn the_api_server_finds_no_fault_with_what_the_chart_makes() -> Result {
    let control_plane = start()?;
    the_policies_are_sound(&control_plane)?;
    the_pod_is_restricted(&control_plane, &[])?;
    the_pod_is_restricted(&control_plane, &[EVERYTHING])
}

/// kube-controller-manager checks the types of every expression against the definitions.
fn the_policies_are_sound(control_plane: &ControlPlane) -> Result {
    let policies = wait_until("the policies are checked", LIMIT, || {
        let policies = get(control_plane, &["validatingadmissionpolicies"]).ok()?["items"].as_array()?.clone();
        let is_checked = |policy: &Value| {
            policy["status"]["observedGeneration"] == policy["metadata"]["generation"]
                && policy["status"].get("typeChecking").is_some()
        };
        policies.iter().all(is_checked).then_some(policies)
    })?;
    assert_eq!(policies.len(), 14);
    for policy in policies {
        assert_eq!(policy["status"]["typeChecking"], json!({}), "{}", policy["metadata"]["name"]);
    }
    Ok(())
}

/// There is no node, so the pods are judged as the API server would when the deployment, or the job, made them.
fn the_pod_is_restricted(control_plane: &ControlPlane, files: &[&str]) -> Result {
    let rendered = Rendered::with(files, &[])?;
    let jobs = rendered.all("CronJob").map(|job| &job["spec"]["jobTemplate"]["spec"]["template"]);
    for template in std::iter::once(&rendered.operators("Deployment")?["spec"]["template"]).chain(jobs) {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "pod", "namespace": "restricted", "labels": template["metadata"]["labels"]},
            "spec": template["spec"],
        });
        let args = ["create", "--dry-run=server", "--filename=-"];
        let output = control_plane.kubectl_with(User::Admin, &args, &pod.to_string())?;
        assert!(output.status.success(), "{}", said(&output));
        assert!(!said(&output).contains("Warning"), "{}", said(&output));
    }
    Ok(())
}
