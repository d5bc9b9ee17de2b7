//! Random requests: on our kinds, their subresources and namespaces, with metadata and fields of others of their kind.

use billing_api as api;
use serde_json::{Value, json};

use super::invariants::Snapshot;

/// Who asks: whoever has rights that a platform gives away. (The platform itself, and who may reassign, may do what the
/// invariants exclude.)
const USERS: [(&str, u64); 7] =
    [("tenant", 24), ("manager", 3), ("developer", 2), ("onboarder", 2), ("meter", 2), ("provider", 2), ("finance", 2)];

/// Namespaces in which new objects are tried.
const NAMESPACES: [&str; 6] = ["acme", "shop", "lab", "den", "globex", "foreign"];

/// Keys of labels and annotations.
const KEYS: [&str; 8] = [
    api::labels::CONFIRM_DELETE_ANNOTATION,
    api::labels::ORGANIZATION_LABEL,
    api::labels::DEFAULT_BINDING_LABEL,
    api::labels::DEFAULT_ANNOTATION,
    api::labels::DEDICATED_ANNOTATION,
    api::labels::FINAL_LABEL,
    "billing-operator.io/anything",
    "example.com/team",
];

/// A request.
pub struct FuzzRequest {
    /// Who asks.
    pub user: &'static str,
    /// What for: `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub operation: &'static str,
    /// The resource.
    pub resource: String,
    /// Its subresource.
    pub subresource: Option<&'static str>,
    /// The namespace, if the resource has one.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The object, or the patch.
    pub body: Value,
}

/// Makes requests; the same from the same seed and snapshots.
pub struct Generator {
    state: u64,
    made: u64,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { state: seed, made: 0 }
    }

    /// A number below `bound` (SplitMix64).
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = self.below(u64::try_from(items.len()).ok()?);
        items.get(usize::try_from(at).ok()?)
    }

    fn chance(&mut self, in_hundred: u64) -> bool {
        self.below(100) < in_hundred
    }

    fn user(&mut self) -> &'static str {
        let mut at = self.below(USERS.iter().map(|(_, weight)| weight).sum());
        for (user, weight) in USERS {
            if at < weight {
                return user;
            }
            at -= weight;
        }
        "tenant"
    }

    /// The next request, about what there is.
    pub fn request(&mut self, now: &Snapshot) -> FuzzRequest {
        self.made += 1;
        let user = self.user();
        let resources: Vec<_> = now.resources().collect();
        // Namespaces are where most of the harm begins.
        let resource = match self.chance(15) {
            true => "namespaces".to_owned(),
            false => self.one_of(&resources).map(|one| (*one).to_owned()).unwrap_or_default(),
        };
        // Most of what is elsewhere the roles refuse, which is tried often enough.
        let elsewhere = self.chance(20);
        let is_near = |object: &&Value| elsewhere || object["metadata"]["namespace"] != "globex";
        let objects: Vec<_> = now.of(&resource).filter(is_near).collect();
        let target = self.one_of(&objects).map(|object| (*object).clone()).unwrap_or_else(|| json!({ "metadata": {} }));
        let another = self.one_of(&objects).map(|object| (*object).clone()).unwrap_or_default();
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let (mut namespace, mut name) = (
            text(&target["metadata"]["namespace"]),
            text(&target["metadata"]["name"]).unwrap_or_else(|| "nobody".to_owned()),
        );
        let (operation, subresource, body) = match self.below(100) {
            0..20 => {
                name = format!("fuzz-{}", self.made);
                if namespace.is_some() {
                    namespace = self.one_of(&NAMESPACES).map(|name| (*name).to_owned());
                }
                if self.chance(30) && resource == "projectbindings" {
                    name = api::labels::BINDING_NAME.to_owned();
                }
                ("create", None, self.created(&target, namespace.as_deref(), &name))
            }
            20..40 => {
                let mut changed = target.clone();
                merge(&mut changed, &self.change(&another, &name));
                ("update", self.subresource(&resource), changed)
            }
            40..88 => ("patch", self.subresource(&resource), self.change(&another, &name)),
            // A project that goes takes what could be tried in it along.
            88..98 if resource == "namespaces" && self.chance(90) => {
                ("patch", self.subresource(&resource), self.change(&another, &name))
            }
            88..98 => ("delete", None, Value::Null),
            _ => ("deletecollection", None, Value::Null),
        };
        FuzzRequest { user, operation, resource, subresource, namespace, name, body }
    }

    fn subresource(&mut self, resource: &str) -> Option<&'static str> {
        match (resource, self.below(100)) {
            ("namespaces", 0..15) => Some("status"),
            ("namespaces", 15..35) => Some("finalize"),
            ("namespaces", _) => None,
            (_, 0..30) => Some("status"),
            _ => None,
        }
    }

    /// An object like another, under a name of its own.
    fn created(&mut self, like: &Value, namespace: Option<&str>, name: &str) -> Value {
        let mut metadata = json!({ "name": name });
        if let Some(namespace) = namespace {
            metadata["namespace"] = namespace.into();
        }
        if self.chance(60) {
            merge(&mut metadata, &self.metadata(name));
        }
        let mut object = json!({ "apiVersion": like["apiVersion"], "kind": like["kind"], "metadata": metadata, "spec": like["spec"] });
        if self.chance(10) {
            object["status"] = like["status"].clone();
        }
        object
    }

    /// A merge patch: of metadata, of spec, or of status, with what another object of the kind has.
    fn change(&mut self, another: &Value, name: &str) -> Value {
        let mut change = json!({});
        if self.chance(70) {
            change["metadata"] = self.metadata(name);
        }
        for part in ["spec", "status"] {
            if self.chance(35) {
                change[part] = self.part(&another[part]);
            }
        }
        change
    }

    /// Some fields of a part of an object; now and then one goes, or all of them.
    fn part(&mut self, of: &Value) -> Value {
        if self.chance(5) {
            return Value::Null;
        }
        let fields = of.as_object().cloned().unwrap_or_default();
        let mut part = json!({});
        for (key, value) in fields {
            match self.below(10) {
                0 => part[key] = Value::Null,
                1..5 => part[key] = value,
                _ => {}
            }
        }
        part
    }

    fn metadata(&mut self, name: &str) -> Value {
        let mut metadata = json!({});
        for texts in ["labels", "annotations"] {
            if self.chance(50) {
                let key = self.one_of(&KEYS).copied().unwrap_or_default();
                let values = [json!(name), json!("acme"), json!("globex"), json!("false"), Value::Null];
                metadata[texts] = json!({ key: self.one_of(&values).cloned().unwrap_or_default() });
            }
        }
        if self.chance(20) {
            let lists = [json!(["example.com/hold"]), json!([]), Value::Null, json!(["kubernetes"])];
            metadata["finalizers"] = self.one_of(&lists).cloned().unwrap_or_default();
        }
        if self.chance(10) {
            let uid = format!("00000000-0000-4000-8000-{:012x}", self.made);
            let owner = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid });
            metadata["ownerReferences"] = json!([owner]);
        }
        metadata
    }
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    super::super::table::merge(target, patch);
}
