//! What is applied twice changes nothing, whatever applies it, and nobody who compares finds a difference.

use std::{collections::BTreeMap, fs, path::PathBuf};

use billing_test_harness::{ControlPlane, Options, User, wait_until};
use serde_json::{Map, Value, json};

use super::{
    install::{NAMESPACE, said},
    rendered::{Rendered, template},
};
use crate::{Result, support::LIMIT};

/// Everything of the chart but what needs the definitions of the Prometheus operator.
const VALUES: [&str; 3] = [
    "export.enabled=true",
    "export.volume.persistentVolumeClaim.claimName=invoices",
    "networkPolicy.egress.enabled=true",
];

/// Kinds whose lists are merged by a key, also by Argo CD, which knows Kubernetes' own. All other lists are compared as a whole.
const MERGED_BY_KEY: [&str; 3] = ["CronJob", "Deployment", "Service"];

/// The manifests of the examples: folders, and files of one example each.
const EXAMPLES: [&str; 6] = ["acme", "globex", "initech", "tax.yaml", "currencies.yaml", "credit-note.yaml"];

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// The manifests of an example, one document after the other.
fn manifests(name: &str) -> Result<String> {
    let path = example(name);
    if path.is_file() {
        return Ok(fs::read_to_string(path)?);
    }
    let mut files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let texts = files.iter().map(|file| Ok(fs::read_to_string(file)?)).collect::<Result<Vec<_>>>()?;
    Ok(texts.join("\n---\n"))
}

fn documents(manifests: &str) -> Result<Vec<Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifests)?;
    Ok(documents.into_iter().filter(|object| !object.is_null()).collect())
}

fn kubectl(control_plane: &ControlPlane, args: &[&str], input: &str) -> Result<String> {
    let output = control_plane.kubectl_with(User::ClusterAdmin, args, input)?;
    if output.status.success() { Ok(String::from_utf8(output.stdout)?) } else { Err(said(&output).into()) }
}

/// The objects of manifests, as they are on the API server.
fn live(control_plane: &ControlPlane, manifests: &str) -> Result<Vec<Value>> {
    let list: Value =
        serde_json::from_str(&kubectl(control_plane, &["get", "--output=json", "--filename=-"], manifests)?)?;
    Ok(list["items"].as_array().ok_or("no list")?.clone())
}

/// Each object with its version.
fn versions(objects: &[Value]) -> BTreeMap<String, Value> {
    objects.iter().map(|object| (named(object), object["metadata"]["resourceVersion"].clone())).collect()
}

fn named(object: &Value) -> String {
    let metadata = &object["metadata"];
    format!("{} {}/{}", object["kind"], metadata["namespace"], metadata["name"])
}

/// Applies manifests, again and again until they are accepted: a definition or a policy needs a moment.
fn apply(control_plane: &ControlPlane, args: &[&str], manifests: &str) -> Result<String> {
    let args = [&["apply", "--filename=-"], args].concat();
    let mut refused = String::new();
    let applied = wait_until("the manifests are applied", LIMIT, || match kubectl(control_plane, &args, manifests) {
        Ok(said) => Some(said),
        Err(error) => {
            refused = error.to_string();
            None
        }
    });
    applied.map_err(|error| format!("{error}: {refused}").into())
}

/// Applies manifests twice with kubectl's own merge; the second time nothing may change.
fn twice_by_the_client(control_plane: &ControlPlane, what: &str, manifests: &str) -> Result {
    apply(control_plane, &[], manifests)?;
    let again = apply(control_plane, &[], manifests)?;
    let changed: Vec<_> = again.lines().filter(|line| !line.ends_with(" unchanged")).collect();
    assert!(changed.is_empty() && !again.is_empty(), "{what}: {changed:?}");
    Ok(())
}

/// Applies manifests twice on the server's side; the second time nothing may be written.
fn twice_on_the_server(control_plane: &ControlPlane, what: &str, manifests: &str) -> Result {
    let args = ["--server-side", "--field-manager=kustomize-controller", "--force-conflicts"];
    apply(control_plane, &args, manifests)?;
    let before = versions(&live(control_plane, manifests)?);
    apply(control_plane, &args, manifests)?;
    assert_eq!(versions(&live(control_plane, manifests)?), before, "{what}");
    Ok(())
}

/// What a three-way merge would make of an object: what it was told last, what is there, what it is to be. Lists are replaced as a
/// whole (RFC 7386, as kubectl and Argo CD do with kinds that they do not know).
fn merged(last: &Value, live: &Value, desired: &Value) -> Value {
    let (Some(fields), Some(wanted)) = (live.as_object(), desired.as_object()) else { return desired.clone() };
    let gone = last.as_object().into_iter().flat_map(Map::keys).filter(|name| !wanted.contains_key(*name));
    let mut fields = fields.clone();
    for name in gone {
        fields.remove(name);
    }
    for (name, value) in wanted {
        let merged = merged(&last[name], fields.get(name).unwrap_or(&Value::Null), value);
        fields.insert(name.clone(), merged);
    }
    Value::Object(fields)
}

/// What a three-way merge would change of the objects that were applied: `InvoiceIssuer null/europe`.
fn out_of_sync(control_plane: &ControlPlane, manifests: &str) -> Result<Vec<String>> {
    let annotated = |mut object: Value| {
        // kubectl says so of every object.
        let annotations = object["metadata"]["annotations"].take();
        object["metadata"]["annotations"] = if annotations.is_null() { json!({}) } else { annotations };
        (named(&object), object)
    };
    let desired: BTreeMap<_, _> = documents(manifests)?.into_iter().map(annotated).collect();
    let mut changed = Vec::new();
    for live in live(control_plane, manifests)? {
        let kind = live["kind"].as_str().unwrap_or_default();
        let last = &live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"];
        let last: Value = serde_json::from_str(last.as_str().ok_or("never applied")?)?;
        let desired = desired.get(&named(&live)).ok_or_else(|| format!("{} is not in the manifests", named(&live)))?;
        if !MERGED_BY_KEY.contains(&kind) && merged(&last, &live, desired) != live {
            changed.push(named(&live));
        }
    }
    Ok(changed)
}

fn start() -> Result<ControlPlane> {
    let control_plane = ControlPlane::start(&Options::default())?;
    control_plane.kubectl_ok(User::ClusterAdmin, &["create", "namespace", NAMESPACE])?;
    Ok(control_plane)
}

#[test]
fn the_chart_and_the_examples_are_unchanged_when_they_are_applied_twice_and_in_sync_for_argo_cd() -> Result {
    let control_plane = start()?;
    let output = template(&[], &VALUES)?;
    Rendered::of(&output)?;
    let chart = String::from_utf8(output.stdout)?;
    let examples = EXAMPLES.map(|name| Ok((name, manifests(name)?)));
    let examples = examples.into_iter().collect::<Result<Vec<_>>>()?;
    let all: Vec<_> = [("chart", chart)].into_iter().chain(examples).collect();
    for (what, manifests) in &all {
        twice_by_the_client(&control_plane, what, manifests)?;
        assert_eq!(out_of_sync(&control_plane, manifests)?, Vec::<String>::new(), "{what}");
    }
    for (what, manifests) in &all {
        twice_on_the_server(&control_plane, what, manifests)?;
    }
    Ok(())
}

#[test]
fn what_the_api_server_writes_into_a_list_is_found() -> Result {
    let control_plane = start()?;
    let policy = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: without-scope}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  validations: [{expression: 'true'}]
";
    apply(&control_plane, &[], policy)?;
    assert_eq!(out_of_sync(&control_plane, policy)?, [r#""ValidatingAdmissionPolicy" null/"without-scope""#]);
    let again = apply(&control_plane, &[], policy)?;
    assert!(again.contains("configured"), "{again}");
    Ok(())
}

#[test]
fn a_three_way_merge_takes_away_what_was_told_before_and_leaves_what_others_wrote() {
    let last = json!({ "a": 1, "gone": 2, "inner": { "gone": 3 } });
    let live = json!({ "a": 5, "gone": 2, "inner": { "gone": 3, "others": 4 }, "list": [{ "b": 1, "added": 2 }] });
    let desired = json!({ "a": 1, "inner": {}, "list": [{ "b": 1 }] });
    let expected = json!({ "a": 1, "inner": { "others": 4 }, "list": [{ "b": 1 }] });
    assert_eq!(merged(&last, &live, &desired), expected);
}
