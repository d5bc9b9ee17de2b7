//! What a cluster gives to every object, and a file cannot know.
//!
//! What an object already has, because it was read from a cluster, it keeps.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff;
use kube::{Resource, ResourceExt};
use sha2::{Digest, Sha256};

use billing_domain::{Timestamp, Uid};

/// Gives an object a UID, a creation time and a generation, where it has none; its version is empty, as no server has
/// counted it. Nothing is being deleted before it is there.
pub fn fill_server_fields<K: Resource<DynamicType = ()>>(object: &mut K, created: Timestamp) {
    if !is_stored(object) {
        object.meta_mut().deletion_timestamp = None;
    }
    let uid = derived_uid(&K::kind(&()), object.namespace().as_deref(), &object.name_any());
    let metadata = object.meta_mut();
    metadata.uid.get_or_insert_with(|| uid.to_string());
    metadata.generation.get_or_insert(1);
    metadata.resource_version.get_or_insert_default();
    if metadata.creation_timestamp.is_none() {
        metadata.creation_timestamp = jiff::Timestamp::from_second(created.timestamp()).ok().map(Time);
    }
}

/// Whether an object was read from a cluster.
pub fn is_stored<K: Resource>(object: &K) -> bool {
    object.meta().uid.is_some()
}

/// The UID of an object that no cluster has made: the first half of the SHA-256 of `kind/namespace/name` (`kind/name`
/// where there is no namespace) as a UUID of version 8, so that the same manifest has the same UID everywhere.
pub(super) fn derived_uid(kind: &str, namespace: Option<&str>, name: &str) -> Uid {
    let path = match namespace {
        Some(namespace) => format!("{kind}/{namespace}/{name}"),
        None => format!("{kind}/{name}"),
    };
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(path)[..16]);
    let version = 0xf << 76;
    let variant = 0b11 << 62;
    Uid(u128::from_be_bytes(bytes) & !version & !variant | 8 << 76 | 0b10 << 62)
}

#[cfg(test)]
mod tests {
    use super::derived_uid;

    #[test]
    fn derived_uids_are_documented() {
        // printf BillingGroup/acme/main | sha256sum
        assert_eq!(
            derived_uid("BillingGroup", Some("acme"), "main").to_string(),
            "0726acbf-6b75-869a-ad5b-aa553a2becf6"
        );
        assert_eq!(derived_uid("PriceList", None, "default").to_string(), "18d4b2a4-2914-8943-a65c-30e2617f6c82");
    }
}
