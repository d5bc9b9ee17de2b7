//! What goes wrong: each has a condition or a count that names the place, and stops nothing else.

use billing_api::Meter;
use billing_test_harness::User;
use chrono::TimeDelta;
use k8s_openapi::api::{core::v1::PersistentVolumeClaim, rbac::v1::ClusterRole};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::stage::{LIMIT, QUIET, Stage, condition, stage, volumes};
use crate::{Result, support::wait};

#[tokio::test]
async fn what_is_wrong_with_a_meter_is_said_with_the_place_and_other_meters_go_on() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    let meter = stage.meter().await?;
    stage.create_meter("good", volumes()).await?;
    let cases = [
        ("syntax", json!({"when": "object.status.phase =="}), "spec.when: line 1, column"),
        ("names", json!({"quantity": "bytesof(object)"}), "spec.quantity: bytesof is not known"),
        ("deep", json!({"tags": {"a": "!".repeat(400)}}), "spec.tags[a]: "),
        (
            "brackets",
            json!({"service": {"name": "(".repeat(60)}}),
            "spec.service.name: its brackets are more than 24 deep",
        ),
    ];
    for (name, change, words) in cases {
        let mut spec = volumes();
        for (field, value) in change.as_object().ok_or("fields")? {
            match value {
                Value::Object(inner) => inner.iter().for_each(|(key, value)| spec[field][key] = value.clone()),
                value => spec[field] = value.clone(),
            }
        }
        stage.create_meter(name, spec).await?;
        let meter = stage.wait_ready(name, "Invalid").await?;
        let (status, _, message) = condition(&meter, "Stalled").ok_or("it is stalled")?;
        assert!(status == "True" && message.contains(words), "{name}: {message}");
    }
    stage.claim("shop", "data", "1Gi").await?;
    stage.wait_records(&[("data", "1", false)]).await?;
    // Mended, it measures as the good one does.
    stage.patch_meter("syntax", volumes()).await?;
    stage.wait_ready("syntax", "Measuring").await?;
    stage.wait_records(&[("data", "1", false), ("data", "1", false)]).await?;
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn an_object_that_cannot_be_recorded_is_counted_and_named_and_stops_no_other() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    let mut spec = volumes();
    spec["quantity"] = json!("object.metadata.labels['size']");
    spec["when"] = json!("object.status.phase == 'Bound'");
    stage.create_meter("volumes", spec).await?;
    for (name, size) in [("bad-text", "many"), ("bad-zero", "0"), ("good", "2")] {
        stage.claim("shop", name, "1Gi").await?;
        stage.resize("shop", name, size).await?;
    }
    stage.claim("lab", "bad-bare", "1Gi").await?;
    let meter = stage.meter().await?;
    stage.wait_records(&[("good", "2", false)]).await?;
    let told = |meter: &Meter| meter.status.as_ref().is_some_and(|status| status.skipped_objects == Some(2));
    // It is said with the next minute.
    stage.clock.pass(TimeDelta::minutes(1));
    wait("the next minute", LIMIT, async || {
        let meters: Api<Meter> = stage.cluster();
        Ok(told(&meters.get("volumes").await?).then_some(()))
    })
    .await?;
    let told = stage.wait_meter("volumes", "what was skipped", told).await?;
    let skipped = told.status.ok_or("a status")?.skipped;
    let said: Vec<_> = skipped.iter().map(|it| (it.reason.as_str(), it.count, it.example.as_str())).collect();
    assert_eq!(said, [("MissingField", 1, "lab/bad-bare"), ("OutOfRange", 1, "shop/bad-text")]);
    assert!(skipped[1].message.contains("spec.quantity: \"many\" is not a decimal"), "{skipped:?}");
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn what_the_meter_may_not_read_is_said_with_the_role_that_lets_it() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    let meter = stage.meter().await?;
    let pods = json!({
        "resource": {"group": "", "version": "v1", "kind": "ServiceAccount"},
        "when": "object.metadata.name == 'billed'",
        "service": {"name": "object.metadata.name", "type": "'Account'"},
    });
    stage.create_meter("accounts", pods).await?;
    let told = stage.wait_ready("accounts", "Forbidden").await?;
    let (status, reason, message) = condition(&told, "Forbidden").ok_or("a condition")?;
    assert_eq!((&*status, &*reason), ("True", "RoleMissing"));
    let rule = "{apiGroups: [\"\"], resources: [serviceaccounts], verbs: [list, watch]}";
    assert!(
        message.contains(rule) && message.contains("billing-operator.io/aggregate-to-meter: \"true\""),
        "{message}"
    );
    // The role is applied as it says.
    let roles: Api<ClusterRole> = stage.cluster();
    let mut role = roles.get("metered-kinds").await?;
    let added = json!({"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["list", "watch"]});
    role.rules.get_or_insert_default().push(serde_json::from_value(added)?);
    roles.replace("metered-kinds", &PostParams::default(), &role).await?;
    stage.control_plane.kubectl_ok(User::ClusterAdmin, &["create", "serviceaccount", "billed", "--namespace=shop"])?;
    let told = stage.wait_ready("accounts", "Measuring").await?;
    assert_eq!(condition(&told, "Forbidden"), None, "the condition is gone with its cause");
    stage.wait_records(&[("billed", "1", false)]).await?;
    meter.kill();
    Ok(())
}

/// A kind of somebody else, with phases.
const DATABASES: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: databases.databases.example.com}
spec:
  group: databases.example.com
  scope: Namespaced
  names: {kind: Database, plural: databases, singular: database, listKind: DatabaseList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"#;

fn databases() -> Value {
    json!({
        "resource": {"group": "databases.example.com", "version": "v1", "kind": "Database"},
        "when": "has(object.status) && object.status.phase in ['Running', 'Upgrading']",
        "service": {"name": "object.metadata.name", "type": "'PostgreSQL'", "plan": "object.spec.plan"},
        "quantity": "object.spec.replicas",
    })
}

async fn database(stage: &Stage, name: &str, phase: &str) -> Result {
    let manifest = format!(
        "apiVersion: databases.example.com/v1\nkind: Database\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{plan: Hobbyist, replicas: 2}}\nstatus: {{phase: {phase}}}\n"
    );
    // The definition takes a moment to be served.
    wait("the database is taken", LIMIT, async || Ok(Some(stage.control_plane.apply(User::ClusterAdmin, &manifest)?)))
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_kind_that_is_not_served_is_looked_for_again_and_one_that_goes_takes_its_records_along() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    let meter = stage.meter().await?;
    stage.create_meter("databases", databases()).await?;
    let told = stage.wait_ready("databases", "KindNotServed").await?;
    let (_, _, message) = condition(&told, "Ready").ok_or("a condition")?;
    assert!(message.contains("no kind Database of databases.example.com/v1"), "{message}");

    stage.control_plane.apply(User::ClusterAdmin, DATABASES)?;
    database(stage, "main", "Creating").await?;
    stage.wait_ready("databases", "Measuring").await?;
    tokio::time::sleep(QUIET).await;
    assert_eq!(stage.records().await?.len(), 0);
    database(stage, "main", "Running").await?;
    stage.wait_records(&[("main", "2", false)]).await?;
    database(stage, "main", "Upgrading").await?;
    tokio::time::sleep(QUIET).await;
    stage.wait_records(&[("main", "2", false)]).await?;

    let definition = ["delete", "customresourcedefinition", "databases.databases.example.com"];
    stage.control_plane.kubectl_ok(User::ClusterAdmin, &definition)?;
    stage.wait_records(&[("main", "2", true)]).await?;
    stage.wait_ready("databases", "KindNotServed").await?;
    // It comes back, and with it what is recorded.
    stage.control_plane.apply(User::ClusterAdmin, DATABASES)?;
    database(stage, "other", "Running").await?;
    stage.wait_records(&[("main", "2", true), ("other", "2", false)]).await?;
    meter.kill();
    stage.control_plane.kubectl_ok(User::ClusterAdmin, &definition)?;
    Ok(())
}

#[tokio::test]
async fn a_kind_without_namespaces_needs_a_label_that_names_the_project() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    let meter = stage.meter().await?;
    let nodes = json!({
        "resource": {"group": "", "version": "v1", "kind": "Node"},
        "service": {"name": "object.metadata.name", "type": "'Node'"},
    });
    stage.create_meter("nodes", nodes).await?;
    let told = stage.wait_ready("nodes", "ProjectRequired").await?;
    assert!(condition(&told, "Stalled").is_some_and(|(_, _, message)| message.contains("spec.project.label")));
    stage.patch_meter("nodes", json!({"project": {"label": "example.com/project"}})).await?;
    stage.wait_ready("nodes", "Measuring").await?;
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn a_project_that_leaves_its_organization_is_not_recorded_any_more() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    let meter = stage.meter().await?;
    stage.create_meter("volumes", volumes()).await?;
    stage.claim("lab", "data", "1Gi").await?;
    stage.wait_records(&[("data", "1", false)]).await?;
    let labelled = |organization: Value| {
        Patch::Merge(json!({"metadata": {"labels": {"billing-operator.io/organization": organization}}}))
    };
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = stage.cluster();
    namespaces.patch("lab", &PatchParams::default(), &labelled(Value::Null)).await?;
    stage.wait_records(&[("data", "1", true)]).await?;
    namespaces.patch("lab", &PatchParams::default(), &labelled(json!("acme"))).await?;
    stage.wait_records(&[("data", "1", true), ("data", "1", false)]).await?;
    let claims: Api<PersistentVolumeClaim> = stage.api("lab");
    claims.delete("data", &DeleteParams::default()).await?;
    stage.wait_records(&[("data", "1", true), ("data", "1", true)]).await?;
    meter.kill();
    Ok(())
}
