//! The chart where something is already, or where others bring it: each works, or is refused with the way out.

use std::{fs, path::Path, path::PathBuf, time::Duration};

use billing_operator::integrity::Built;
use billing_test_harness::{ControlPlane, Options, User, wait_until};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    copies,
    install::{self, CHART, NAMESPACE, RELEASE, said},
    rendered::{Rendered, helm, template},
};
use crate::Result;

/// Enough for anything here on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

fn start() -> Result<ControlPlane> {
    Ok(ControlPlane::start(&Options::default())?)
}

/// `helm install`, and what it says when it is refused.
fn install(control_plane: &ControlPlane, release: &str, namespace: &str, chart: &str, more: &[&str]) -> Result<String> {
    let namespace = format!("--namespace={namespace}");
    let args = [&["install", release, chart, &namespace, "--create-namespace"], more].concat();
    Ok(install::helm(control_plane, &args)?)
}

fn refused(installed: Result<String>, why: &str) -> Result<String> {
    let said = installed.err().ok_or_else(|| format!("not refused: {why}"))?.to_string();
    if said.contains(why) { Ok(said) } else { Err(format!("{why} is not in: {said}").into()) }
}

fn uninstall(control_plane: &ControlPlane, release: &str, namespace: &str) -> Result {
    install::helm(control_plane, &["uninstall", release, &format!("--namespace={namespace}")])?;
    Ok(())
}

fn get<T: DeserializeOwned>(control_plane: &ControlPlane, resource: &str, name: &str) -> Result<T> {
    let text = control_plane.kubectl_ok(User::Admin, &["get", resource, name, "--output=json"])?;
    Ok(serde_json::from_str(&text)?)
}

/// What an operator with this account, and its probe, finds wrong with definitions, policies and bindings.
fn deviations(control_plane: &ControlPlane, namespace: &str, account: &str) -> Result<Vec<String>> {
    let user = format!("system:serviceaccount:{namespace}:{account}");
    let built = Built::new(&user, &format!("{user}-probe"))?;
    let mut found = Vec::new();
    for name in built.definitions() {
        found.extend(
            built.definition_deviation(name, get(control_plane, "customresourcedefinition", name).ok().as_ref()),
        );
    }
    for name in built.policies() {
        let (policy, binding) = ("validatingadmissionpolicy", "validatingadmissionpolicybinding");
        found.extend(built.policy_deviation(name, get(control_plane, policy, name).ok().as_ref()));
        found.extend(built.binding_deviation(name, get(control_plane, binding, name).ok().as_ref()));
    }
    Ok(found.into_iter().map(|one| format!("{} {}", one.object, one.what)).collect())
}

fn assert_whole(control_plane: &ControlPlane, namespace: &str, account: &str) -> Result {
    assert_eq!(deviations(control_plane, namespace, account)?, Vec::<String>::new());
    Ok(())
}

/// The release that definitions and policies belong to.
fn owner(control_plane: &ControlPlane) -> Result<String> {
    let owner = |resource: &str, name: &str| -> Result<String> {
        let object: Value = get(control_plane, resource, name)?;
        let annotations = &object["metadata"]["annotations"];
        let text = |name: &str| annotations[name].as_str().unwrap_or_default().to_owned();
        Ok(format!("{}/{}", text("meta.helm.sh/release-namespace"), text("meta.helm.sh/release-name")))
    };
    let (definition, policy) = (
        owner("customresourcedefinition", "invoices.billing-operator.io")?,
        owner("validatingadmissionpolicy", "billing-operator-books")?,
    );
    assert_eq!(definition, policy);
    Ok(policy)
}

#[test]
fn definitions_that_somebody_applied_are_adopted_or_left_to_them() -> Result {
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    let control_plane = start()?;
    control_plane.kubectl_ok(User::ClusterAdmin, &["apply", &format!("--filename={crds}")])?;
    refused(install(&control_plane, RELEASE, NAMESPACE, CHART, &[]), "invalid ownership metadata")?;

    // Left to them: the release has the rest.
    install(&control_plane, RELEASE, NAMESPACE, CHART, &["--set", "crds.install=false"])?;
    assert_whole(&control_plane, NAMESPACE, RELEASE)?;

    // Adopted, by the release that is there.
    let namespace = format!("--namespace={NAMESPACE}");
    let upgrade = ["upgrade", RELEASE, CHART, &namespace, "--set", "crds.install=true"];
    refused(install::helm(&control_plane, &upgrade).map_err(Into::into), "invalid ownership metadata")?;
    install::helm(&control_plane, &[&upgrade[..], &["--take-ownership", "--force-conflicts"]].concat())?;
    assert_eq!(owner(&control_plane)?, format!("{NAMESPACE}/{RELEASE}"));
    assert_whole(&control_plane, NAMESPACE, RELEASE)?;
    // From now on an upgrade is one.
    install::helm(&control_plane, &["upgrade", RELEASE, CHART, &namespace])?;
    Ok(())
}

#[test]
fn definitions_that_somebody_applied_are_adopted_by_an_install() -> Result {
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
    let control_plane = start()?;
    control_plane.kubectl_ok(User::ClusterAdmin, &["apply", "--server-side", &format!("--filename={crds}")])?;
    install(&control_plane, RELEASE, NAMESPACE, CHART, &["--take-ownership", "--force-conflicts"])?;
    assert_eq!(owner(&control_plane)?, format!("{NAMESPACE}/{RELEASE}"));
    assert_whole(&control_plane, NAMESPACE, RELEASE)
}

#[test]
fn a_cluster_has_one_release_and_another_takes_over_when_that_is_gone() -> Result {
    let control_plane = start()?;
    install(&control_plane, RELEASE, NAMESPACE, CHART, &[])?;

    // While it is there, nothing lets a second one in.
    let way_out = "release billing-operator in namespace billing-system is it: upgrade that one, or uninstall it";
    for more in [&[][..], &["--take-ownership"], &["--set", "crds.install=false,policies.install=false"]] {
        refused(install(&control_plane, "second", "elsewhere", CHART, more), way_out)?;
    }
    let elsewhere = ["get", "deployments", "--namespace=elsewhere", "--output=name"];
    assert_eq!(control_plane.kubectl_ok(User::Admin, &elsewhere)?, "");
    assert_eq!(owner(&control_plane)?, format!("{NAMESPACE}/{RELEASE}"));

    // What it left is taken over by who says so, and knows the new account.
    uninstall(&control_plane, RELEASE, NAMESPACE)?;
    refused(install(&control_plane, "second", "elsewhere", CHART, &[]), "invalid ownership metadata")?;
    install(&control_plane, "second", "elsewhere", CHART, &["--take-ownership"])?;
    assert_eq!(owner(&control_plane)?, "elsewhere/second");
    assert_whole(&control_plane, "elsewhere", "second-billing-operator")?;
    assert!(!deviations(&control_plane, NAMESPACE, RELEASE)?.is_empty(), "the account of before is nobody");
    Ok(())
}

/// A chart that has ours as a dependency, with these values.
fn umbrella(name: &str, alias: Option<&str>, values: &Value) -> Result<PathBuf> {
    let folder = copies::folder(name)?;
    copies::copy_chart(&folder.join("charts/billing-operator"))?;
    let known = alias.unwrap_or("billing-operator");
    let dependency = json!({
        "name": "billing-operator", "version": env!("CARGO_PKG_VERSION"), "alias": alias, "condition": format!("{known}.enabled"),
    });
    let chart = json!({
        "apiVersion": "v2", "name": "platform", "version": "1.0.0", "dependencies": [dependency],
    });
    fs::write(folder.join("Chart.yaml"), serde_saphyr::to_string(&chart)?)?;
    fs::write(folder.join("values.yaml"), json!({ known: values, "global": { "team": "platform" } }).to_string())?;
    Ok(folder)
}

fn rendered(umbrella: &Path) -> Result<Rendered> {
    let namespace = format!("--namespace={NAMESPACE}");
    Rendered::of(&helm(&["template", "platform", &umbrella.to_string_lossy(), &namespace])?)
}

#[test]
fn under_an_umbrella_it_is_the_same_chart() -> Result {
    let values = json!({ "enabled": true, "operator": { "hours": "exact" } });
    let chart = umbrella("umbrella", None, &values)?;
    let by_itself = |values: &[&str]| -> Result<Rendered> {
        let namespace = format!("--namespace={NAMESPACE}");
        let args = ["template", "platform", CHART, &namespace, "--set", &values.join(",")];
        Rendered::of(&helm(&args)?)
    };
    assert_eq!(rendered(&chart)?, by_itself(&["operator.hours=exact"])?);
    let off = umbrella("umbrella-off", None, &json!({ "enabled": false }))?;
    assert!(rendered(&off)?.objects().is_empty());
    // Values that are null there have their defaults, too.
    let nulls =
        umbrella("umbrella-nulls", None, &json!({ "operator": null, "metrics": { "port": null }, "image": null }))?;
    assert_eq!(rendered(&nulls)?, by_itself(&[])?);
    let misspelt = umbrella("umbrella-misspelt", None, &json!({ "operater": {} }))?;
    assert!(rendered(&misspelt).is_err_and(|error| error.to_string().contains("operater")));

    let control_plane = start()?;
    install(&control_plane, "platform", NAMESPACE, &chart.to_string_lossy(), &[])?;
    assert_whole(&control_plane, NAMESPACE, "platform-billing-operator")?;
    // An alias is another name for all of it.
    uninstall(&control_plane, "platform", NAMESPACE)?;
    let aliased = umbrella("umbrella-alias", Some("billing"), &values)?;
    install(&control_plane, "platform", NAMESPACE, &aliased.to_string_lossy(), &[])?;
    assert_whole(&control_plane, NAMESPACE, "platform-billing")
}

/// An overlay of kustomize on the chart as it is rendered.
fn overlay(name: &str, kustomization: &Value) -> Result<PathBuf> {
    let folder = copies::folder(name)?;
    fs::create_dir_all(folder.join("base"))?;
    fs::write(folder.join("base/billing-operator.yaml"), template(&[], &[])?.stdout)?;
    fs::write(folder.join("base/kustomization.yaml"), "resources: [billing-operator.yaml]\n")?;
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } });
    fs::write(folder.join("namespace.yaml"), namespace.to_string())?;
    let mut overlay = kustomization.clone();
    overlay["resources"] = json!(["namespace.yaml", "base"]);
    fs::write(folder.join("kustomization.yaml"), serde_saphyr::to_string(&overlay)?)?;
    Ok(folder)
}

fn apply(control_plane: &ControlPlane, folder: &Path) -> Result {
    let args = ["apply", "--server-side", "--force-conflicts", "--kustomize", &*folder.to_string_lossy()];
    let mut refused = String::new();
    let applied =
        wait_until("the overlay is applied", LIMIT, || match control_plane.kubectl_ok(User::ClusterAdmin, &args) {
            Ok(said) => Some(said),
            Err(error) => {
                refused = error.to_string();
                None
            }
        });
    applied.map(drop).map_err(|error| format!("{error}: {refused}").into())
}

#[test]
fn as_a_base_of_kustomize_it_may_get_marks_and_patches_and_no_other_name() -> Result {
    let control_plane = start()?;
    let patch =
        json!([{ "op": "add", "path": "/spec/template/spec/priorityClassName", "value": "system-cluster-critical" }]);
    let fine = overlay(
        "overlay",
        &json!({
            "labels": [{ "pairs": { "team": "platform" } }],
            "commonAnnotations": { "example.com/owner": "platform" },
            "images": [{ "name": "billing-operator", "newName": "registry.example.com/billing-operator" }],
            "patches": [{ "target": { "kind": "Deployment" }, "patch": patch.to_string() }],
        }),
    )?;
    apply(&control_plane, &fine)?;
    assert_whole(&control_plane, NAMESPACE, RELEASE)?;

    // The account moves, and the policies do not know it: the operator would say so, and bill nothing.
    let other = overlay("overlay-namespace", &json!({ "namespace": "elsewhere" }))?;
    apply(&control_plane, &other)?;
    let found = deviations(&control_plane, "elsewhere", RELEASE)?;
    assert!(
        found.iter().any(|one| one.starts_with("ValidatingAdmissionPolicy billing-operator-operator differs")),
        "{found:?}"
    );
    let prefixed = overlay("overlay-prefix", &json!({ "namePrefix": "my-" }))?;
    let output = control_plane.kubectl(User::ClusterAdmin, &["kustomize", &prefixed.to_string_lossy()])?;
    assert!(said(&output).contains("name: my-billing-operator-books"), "the policies have other names");
    Ok(())
}
