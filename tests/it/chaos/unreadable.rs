//! An object of a later version, which this operator cannot read, stops nothing but what depends on it.

use billing_api::definition::{SCHEMA_ANNOTATION, SCHEMA_DIGEST_ANNOTATION, digest, schema_number};
use billing_api::{BillingGroup, PriceList};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Resource, ResourceExt,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::{proxied::Proxied, reference::Reference, scenario::Scenario};
use crate::{
    Result,
    support::{LIMIT, Scene, wait},
};

/// A way to pay and a unit that the definitions of a later version may have.
const LATER: [(&str, &str, &str); 2] = [
    ("billinggroups", "/properties/spec/properties/paymentMethod/properties/type/enum", "Barter"),
    ("pricelists", "/properties/spec/properties/entries/items/properties/unit/enum", "Furlong"),
];

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_cannot_be_read_stop_no_others() -> Result {
    let mut world = Proxied::start(&[])?;
    let references = [
        (Scenario::Bind, Reference::of(&world, Scenario::Bind).await?),
        (Scenario::Close, Reference::of(&world, Scenario::Close).await?),
    ];
    let scene = world.scene().await?;
    for (plural, path, value) in LATER {
        replace_by_later(&scene, plural, path, value).await?;
    }
    make_unreadable(&scene).await?;

    for restarted in [false, true] {
        if restarted {
            world.crash()?;
        }
        let scene = world.scene().await?;
        for (scenario, reference) in &references {
            let organization = format!("{}-{}", scenario.name(), if restarted { "after" } else { "before" });
            reference.prepare(&scene, *scenario, &organization).await?;
            scenario.act(&scene, &organization).await?;
            reference.wait_end(&scene, &organization).await?;
        }
        let errors = world.metric("billing_operator_errors_total", r#"reason="unreadable""#)?;
        assert!(errors >= 2.0, "both objects are counted: {errors}");
    }
    // Among the groups of its own organization, too.
    let scene = world.scene().await?;
    scene.group("strange", "main", json!({})).await?;
    scene.project("strange", "strange-shop").await?;
    scene.bind("strange-shop", "main").await?;
    scene.wait_ready("strange-shop").await?;
    assert_eq!(scene.members("strange", "main").await?, ["strange-shop"]);
    Ok(())
}

/// Replaces a definition by one of a later version, which knows one more value and says that it is whole.
async fn replace_by_later(scene: &Scene<'_>, plural: &str, values: &str, more: &str) -> Result {
    let definitions = scene.cluster::<CustomResourceDefinition>();
    let name = format!("{plural}.billing-operator.io");
    let mut later = serde_json::to_value(definitions.get(&name).await?)?;
    let path = format!("/spec/versions/0/schema/openAPIV3Schema{values}");
    let known = later.pointer_mut(&path).and_then(Value::as_array_mut).ok_or(path)?;
    known.push(more.into());
    let mut later: CustomResourceDefinition = serde_json::from_value(later)?;
    let (number, digest) = (schema_number(&later) + 1, digest(&later));
    later.annotations_mut().insert(SCHEMA_ANNOTATION.to_owned(), number.to_string());
    later.annotations_mut().insert(SCHEMA_DIGEST_ANNOTATION.to_owned(), digest);
    definitions.replace(&name, &PostParams::default(), &later).await?;
    Ok(())
}

/// Makes a group and a price list that are valid by the changed definitions.
async fn make_unreadable(scene: &Scene<'_>) -> Result {
    scene.organization("strange").await?;
    let group = object::<BillingGroup>("odd", json!({ "paymentMethod": { "type": "Barter" } }));
    create(&scene.api::<BillingGroup>("strange"), "billinggroups", group).await?;
    let entry = json!({
        "name": "rope", "type": "Rope", "unit": "Furlong", "unitPrice": "1", "validFrom": "2020-01-01T00:00:00Z"
    });
    let list = object::<PriceList>("odd", json!({ "currency": "USD", "entries": [entry] }));
    create(&scene.cluster::<PriceList>(), "pricelists", list).await
}

fn object<K: Resource<DynamicType = ()>>(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": { "name": name }, "spec": spec })
}

/// Applies what the types cannot hold, as soon as the API server knows the definition.
async fn create<K>(api: &Api<K>, what: &str, object: Value) -> Result
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    wait(&format!("the API server takes the odd one of the {what}"), LIMIT, async || {
        match api.patch(&name, &PatchParams::apply("tests"), &Patch::Apply(&object)).await {
            // What comes back cannot be read here either: it is there.
            Ok(_) | Err(kube::Error::SerdeError(_)) => Ok(Some(())),
            Err(error) => Err(error.into()),
        }
    })
    .await
}
