//! Writing in the operator's name what only it writes, to set up a past that tests cannot live through.

use billing_api::{BillingGroup, Time};
use billing_domain::Timestamp;
use billing_test_harness::User;
use kube::ResourceExt;
use serde_json::json;

use crate::{
    Result,
    chart::install::{NAMESPACE, RELEASE},
    support::Scene,
};

/// Writes the ledger of a project as if it had been bound to these groups at these instants.
pub async fn bound_at(scene: &Scene<'_>, organization: &str, project: &str, segments: &[(Timestamp, &str)]) -> Result {
    let namespace: k8s_openapi::api::core::v1::Namespace = scene.cluster().get(project).await?;
    let mut written = Vec::new();
    for (from, group) in segments {
        let object: BillingGroup = scene.api(organization).get(group).await?;
        written.push(json!({
            "from": Time(*from), "billingGroup": group, "billingGroupUID": object.uid(), "projectUID": namespace.uid(),
        }));
    }
    let ledger = json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "ProjectLedger",
        "metadata": { "name": project, "namespace": organization }, "spec": { "segments": written },
    });
    kubectl(scene, &["create", "--filename=-"], &ledger.to_string())
}

/// Deletes a slice of an estimate, as an operator may that is about to be killed.
pub fn delete_slice(scene: &Scene<'_>, organization: &str, slice: &str) -> Result {
    kubectl(scene, &["delete", "invoiceslice", slice, "--namespace", organization], "")
}

fn kubectl(scene: &Scene<'_>, arguments: &[&str], stdin: &str) -> Result {
    let operator = format!("--as=system:serviceaccount:{NAMESPACE}:{RELEASE}");
    let output = scene.control_plane.kubectl_with(User::Admin, &[arguments, &[&operator]].concat(), stdin)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}
