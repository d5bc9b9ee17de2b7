//! Objects of any kind, however deep they are.
//!
//! JSON is decoded by recursion, which ends with an error at 128 levels: one object deeper than that would stop the watch of its whole
//! kind. So an object is decoded down to [`DEPTH`] levels; what lies deeper is left out, and no expression sees it.

use std::borrow::Cow;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::api::DynamicObject;
use kube::core::{ApiResource, DynamicResourceScope};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::{Map, Value as Json};

/// How many levels of an object are seen.
pub const DEPTH: usize = 100;

/// An object of any kind, without what is deeper than [`DEPTH`] levels.
#[derive(Clone, Debug)]
pub struct Shallow(pub DynamicObject);

impl<'de> Deserialize<'de> for Shallow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Level(DEPTH).deserialize(deserializer)?;
        serde_json::from_value(json).map(Self).map_err(de::Error::custom)
    }
}

impl Resource for Shallow {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(dt: &ApiResource) -> Cow<'_, str> {
        DynamicObject::kind(dt)
    }

    fn group(dt: &ApiResource) -> Cow<'_, str> {
        DynamicObject::group(dt)
    }

    fn version(dt: &ApiResource) -> Cow<'_, str> {
        DynamicObject::version(dt)
    }

    fn api_version(dt: &ApiResource) -> Cow<'_, str> {
        DynamicObject::api_version(dt)
    }

    fn plural(dt: &ApiResource) -> Cow<'_, str> {
        DynamicObject::plural(dt)
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

/// A value of which so many levels are decoded.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    /// One level further down; `None` where nothing is seen any more.
    fn next(self) -> Option<Self> {
        self.0.checked_sub(1).map(Self)
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value in JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut found = Vec::new();
        match self.next() {
            Some(next) => {
                while let Some(item) = items.next_element_seed(next)? {
                    found.push(item);
                }
            }
            // What is ignored is passed over without recursion.
            None => while items.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(Json::Array(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let mut found = Map::new();
        while let Some(key) = fields.next_key::<String>()? {
            match self.next() {
                Some(next) => {
                    found.insert(key, fields.next_value_seed(next)?);
                }
                None => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Json::Object(found))
    }
}

#[cfg(test)]
mod tests {
    use kube::core::WatchEvent;
    use serde_json::json;

    use super::*;

    /// What a watch says of an object with so many objects in each other, and what comes after them.
    fn event(depth: usize) -> String {
        let deep = format!("{}1{}", "{\"a\":[".repeat(depth), "]}".repeat(depth));
        format!(
            "{{\"type\":\"ADDED\",\"object\":{{\"apiVersion\":\"v1\",\"kind\":\"Deep\",\"metadata\":{{\"name\":\"deep\"}},\
             \"spec\":{{\"deep\":{deep},\"size\":3,\"share\":0.5,\"none\":null,\"on\":true,\"below\":-1}}}}}}"
        )
    }

    #[test]
    fn an_object_is_read_however_deep_it_is() {
        let text = event(5000);
        assert!(serde_json::from_str::<WatchEvent<DynamicObject>>(&text).is_err(), "as kube has it, it is not");
        let Ok(WatchEvent::Added(Shallow(object))) = serde_json::from_str(&text) else { panic!("it is read") };
        assert_eq!(object.metadata.name.as_deref(), Some("deep"));
        let spec = &object.data["spec"];
        assert_eq!(
            (&spec["size"], &spec["share"], &spec["on"], &spec["below"]),
            (&json!(3), &json!(0.5), &json!(true), &json!(-1))
        );
        assert!(spec["none"].is_null() && spec["deep"]["a"][0]["a"].is_array());
    }

    #[test]
    fn what_is_not_deep_is_read_whole() {
        let text = event(20);
        let Ok(WatchEvent::Added(Shallow(shallow))) = serde_json::from_str(&text) else { panic!("it is read") };
        let Ok(WatchEvent::Added(whole)) = serde_json::from_str::<WatchEvent<DynamicObject>>(&text) else {
            panic!("read")
        };
        assert_eq!(shallow, whole);
    }
}
