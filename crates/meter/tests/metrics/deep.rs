//! An object deeper than a decoder of JSON goes does not stop the watch of its kind.

use std::time::Instant;

use billing_api::{Meter, UsageRecord};
use billing_test_harness::User;
use kube::Api;
use kube::api::{ListParams, PostParams};
use serde_json::json;

use crate::Result;
use crate::stage::{Clock, LIMIT, METER, stage};

const KIND: &str = r#"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: trees.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Tree, plural: trees}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: trees}
rules: [{apiGroups: [example.com], resources: [trees], verbs: [list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: trees}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: trees}
subjects: [{kind: ServiceAccount, name: billing-operator-billing-meter, namespace: billing-system}]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_of_200_levels_is_measured_and_so_are_the_others() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("no stage")?;
    stage.control_plane.apply(User::ClusterAdmin, KIND)?;
    let crd = ["wait", "--for=condition=Established", "crd/trees.example.com", "--timeout=60s"];
    stage.control_plane.kubectl_ok(User::ClusterAdmin, &crd)?;
    let deep = format!("{}1{}", "{\"a\":".repeat(200), "}".repeat(200));
    for (name, spec) in [("deep", deep.as_str()), ("flat", "{}")] {
        let tree = format!(
            "{{\"apiVersion\":\"example.com/v1\",\"kind\":\"Tree\",\"metadata\":{{\"name\":\"{name}\",\"namespace\":\"shop\"}},\"spec\":{spec}}}"
        );
        stage.control_plane.kubectl_with(User::ClusterAdmin, &["create", "-f", "-"], &tree)?;
    }
    let meter = json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "Meter", "metadata": {"name": METER},
        "spec": {
            "resource": {"group": "example.com", "version": "v1", "kind": "Tree"},
            "service": {"name": "object.metadata.name", "type": "'Tree'"},
        },
    });
    stage.cluster::<Meter>().create(&PostParams::default(), &serde_json::from_value(meter)?).await?;
    let running = stage.meter(&Clock::late()).await?;
    let records: Api<UsageRecord> = Api::namespaced(stage.client.clone(), "acme");
    let begun = Instant::now();
    loop {
        let mut names: Vec<_> =
            records.list(&ListParams::default()).await?.into_iter().map(|record| record.spec.service.name).collect();
        names.sort();
        if names == ["deep", "flat"] {
            break;
        }
        assert!(begun.elapsed() < LIMIT, "{names:?}: {:?}", stage.cluster::<Meter>().get(METER).await?.status);
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    drop(running);
    stage.control_plane.kubectl_ok(User::ClusterAdmin, &["delete", "crd", "trees.example.com", "--wait=false"])?;
    Ok(())
}
