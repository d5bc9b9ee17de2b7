//! Without an admission policy nothing guards the books: the operator waits.

use billing_test_harness::Operator;
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use kube::{
    ResourceExt,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use super::proxied::Proxied;
use crate::{
    Result,
    support::{LIMIT, Scene, wait},
};

const POLICY: &str = "billing-operator-invoice";

#[tokio::test(flavor = "multi_thread")]
async fn work_stops_while_a_policy_is_missing_and_goes_on_when_it_is_back() -> Result {
    let world = Proxied::start(&[])?;
    let scene = world.scene().await?;
    scene.organization("unguarded").await?;
    world.wait_quiet().await?;

    let taken = take_away(&scene).await?;
    wait("the operator is not ready, and says why", LIMIT, async || {
        let (status, text) = Operator::http(world.port, "/readyz").ok_or("the operator does not answer")?;
        // The comparison knows sooner than the API server stops asking the policy.
        let unasked = format!("{POLICY} not in force");
        Ok((status == 503 && text.contains(&unasked)).then_some(()))
    })
    .await?;
    world.proxy.forget();
    scene.group("unguarded", "main", json!({})).await?;
    scene.project("unguarded", "unguarded-shop").await?;
    scene.bind("unguarded-shop", "main").await?;
    world.wait_quiet().await?;
    assert_eq!(world.proxy.writes(), [], "nothing is written");

    scene.cluster().create(&PostParams::default(), &taken).await?;
    scene.wait_ready("unguarded-shop").await?;
    wait("the operator is ready again", LIMIT, async || {
        let (status, _) = Operator::http(world.port, "/readyz").ok_or("the operator does not answer")?;
        Ok((status == 200).then_some(()))
    })
    .await
}

/// Deletes the binding of the policy, and answers with what brings it back.
async fn take_away(scene: &Scene<'_>) -> Result<ValidatingAdmissionPolicyBinding> {
    let bindings = scene.cluster::<ValidatingAdmissionPolicyBinding>();
    let bound = bindings.list(&Default::default()).await?;
    let of_policy = |binding: &ValidatingAdmissionPolicyBinding| {
        binding.spec.as_ref().and_then(|spec| spec.policy_name.as_deref()) == Some(POLICY)
    };
    let mut taken = bound.items.into_iter().find(of_policy).ok_or("the policy has no binding")?;
    bindings.delete(&taken.name_any(), &DeleteParams::default()).await?;
    taken.metadata.resource_version = None;
    taken.metadata.uid = None;
    taken.metadata.managed_fields = None;
    Ok(taken)
}
