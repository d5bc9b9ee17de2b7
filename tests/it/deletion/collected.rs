//! What may be deleted goes, whichever way it is deleted: Kubernetes' garbage collector, with the account and the rights that
//! it has in a cluster, takes its finalizers off.

use std::fmt::Debug;

use billing_api::{Credit, CreditCode, CreditNote, UsageRecord};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, PostParams, PropagationPolicy},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Result,
    support::{LIMIT, World, wait},
};

/// Makes an object, deletes it in each way, and waits until it is gone.
async fn check<K>(api: &Api<K>, object: Value) -> Result
where
    K: Resource<DynamicType = ()> + Clone + Serialize + DeserializeOwned + Debug,
{
    for propagation in [PropagationPolicy::Background, PropagationPolicy::Foreground, PropagationPolicy::Orphan] {
        let what = format!("{} is gone ({propagation:?})", K::kind(&()));
        let made = api.create(&PostParams::default(), &serde_json::from_value(object.clone())?).await?;
        let params = DeleteParams { propagation_policy: Some(propagation), ..DeleteParams::default() };
        api.delete(&made.name_any(), &params).await?;
        wait(&what, LIMIT, async || Ok(api.get_opt(&made.name_any()).await?.is_none().then_some(()))).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_may_be_deleted_goes_whichever_way() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("collected").await?;
    let metadata = json!({ "name": "going" });
    let service = json!({ "name": "cache", "type": "Valkey" });
    let (start, end) = ("2026-09-23T16:00:00Z", "2026-09-24T16:00:00Z");
    let usage = json!({ "project": "collected-shop", "service": service, "start": start, "end": end });
    check::<UsageRecord>(&scene.api("collected"), json!({ "metadata": metadata, "spec": usage })).await?;
    let amount = json!({ "amount": "10", "currency": "USD" });
    let credit = json!({ "billingGroup": "nobody", "type": "Trial", "amount": amount });
    check::<Credit>(&scene.api("collected"), json!({ "metadata": metadata, "spec": credit })).await?;
    let note = json!({ "invoice": "ccccc-1", "full": true, "reason": "Outage" });
    check::<CreditNote>(&scene.api("collected"), json!({ "metadata": metadata, "spec": note })).await?;
    let code = json!({ "name": "0123456789abcdef0123456789abcdef" });
    check::<CreditCode>(&scene.cluster(), json!({ "metadata": code, "spec": { "type": "Trial", "amount": amount } }))
        .await
}
