//! Objects as the API server has them, for printing: whether or not they fit our types, nothing of them is lost.

use kube::Resource;
use kube::api::ListParams;
use kube::core::DynamicObject;
use operator_kit::paging::Pages;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Place};
use crate::error::{CommandError, Request};
use crate::progress::Progress;

/// How many objects come in one answer; of invoices, which are large, fewer.
const PAGE: u32 = 500;
const PAGE_OF_INVOICES: u32 = 50;

/// The objects of a kind that `params` select.
///
/// # Errors
/// The API server refused, or did not answer.
pub async fn list<K>(cluster: &Cluster, place: &Place, params: ListParams) -> Result<Vec<Value>, CommandError>
where
    K: Resource<DynamicType = ()>,
{
    let page = if K::kind(&()).starts_with("Invoice") { PAGE_OF_INVOICES } else { PAGE };
    let mut pages = Pages::new(cluster.objects::<K>(place), params, page);
    let mut progress = Progress::of(format!("reading {}", K::plural(&())));
    let mut found = Vec::new();
    while let Some(page) =
        pages.next().await.map_err(|error| CommandError::of(request::<K>("list", place, None), error))?
    {
        found.extend(page.into_iter().map(value::<K>));
        progress.note(found.len());
    }
    Ok(found)
}

/// An object by its name.
///
/// # Errors
/// It is not there, or the API server refused, or did not answer.
pub async fn get<K>(cluster: &Cluster, place: &Place, name: &str) -> Result<Value, CommandError>
where
    K: Resource<DynamicType = ()>,
{
    let found = cluster.objects::<K>(place).get(name).await;
    found.map(value::<K>).map_err(|error| CommandError::of(request::<K>("get", place, Some(name)), error))
}

/// An object by its name, if it is there.
///
/// # Errors
/// The API server refused, or did not answer.
pub async fn find<K>(cluster: &Cluster, place: &Place, name: &str) -> Result<Option<Value>, CommandError>
where
    K: Resource<DynamicType = ()>,
{
    let found = cluster.objects::<K>(place).get_opt(name).await;
    let found = found.map_err(|error| CommandError::of(request::<K>("get", place, Some(name)), error))?;
    Ok(found.map(value::<K>))
}

/// What is asked of the API server, in words.
pub fn request<K>(verb: &'static str, place: &Place, name: Option<&str>) -> Request
where
    K: Resource<DynamicType = ()>,
{
    let namespace = match place {
        Place::Everywhere => None,
        Place::Namespace(namespace) => Some(namespace.clone()),
    };
    Request { verb, plural: K::plural(&()).into_owned(), namespace, name: name.map(str::to_owned) }
}

/// An object as it is printed. The items of a list do not say what they are.
fn value<K: Resource<DynamicType = ()>>(object: DynamicObject) -> Value {
    let DynamicObject { types: _, metadata, data } = object;
    let mut value = json!({ "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": metadata });
    if let (Some(fields), Value::Object(data)) = (value.as_object_mut(), data) {
        fields.extend(data);
    }
    value
}

/// The text that a path of names leads to: `/spec/period`; empty where there is none.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The name of an object.
pub fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// The condition of an object of one type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array)?;
    conditions.iter().find(|condition| condition["type"] == kind)
}
