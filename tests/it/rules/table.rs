//! The table as data: see `README.md`.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::Result;

/// One line of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Case {
    /// What is tried, as a sentence.
    pub name: String,
    /// Who asks.
    pub user: String,
    /// What for.
    pub operation: Operation,
    /// What is created.
    pub object: Option<Value>,
    /// What the request is about, if it exists: `resource[/subresource] [namespace/]name`.
    pub on: Option<String>,
    /// The merge patch of an update or a patch.
    pub with: Option<Value>,
    /// Whether the request is no dry run: of what changes nothing that another case looks at.
    #[serde(default)]
    pub real: bool,
    /// Whether the definition has no rules in CEL when it is asked: of what a rule refuses before a policy can.
    #[serde(default)]
    pub without_rules: bool,
    /// What must come of it.
    pub expect: Expect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// POST of `object`.
    Create,
    /// PUT of what is stored with the merge patch `with` on it.
    Update,
    /// PATCH with `with`.
    Patch,
    Delete,
    DeleteCollection,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Expect {
    Allow(Allow),
    #[serde(rename_all = "camelCase")]
    Deny {
        /// A policy's name, `crd` or `rbac`.
        deny_by: String,
        /// Words of the refusal.
        message: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Allow {
    Allow,
}

impl Case {
    /// Whether the request must be accepted.
    pub fn is_allowed(&self) -> bool {
        matches!(self.expect, Expect::Allow(_))
    }

    /// Whether the request must be refused by `who`.
    pub fn is_denied_by(&self, who: &str) -> bool {
        matches!(&self.expect, Expect::Deny { deny_by, .. } if deny_by == who)
    }

    /// The merge patch of an update or a patch.
    pub fn with(&self) -> Result<&Value> {
        self.with.as_ref().ok_or_else(|| format!("{}: needs `with`", self.name).into())
    }

    /// What an existing thing is called that the request is about.
    pub fn target(&self) -> Result<Target> {
        let on = self.on.as_deref().ok_or_else(|| format!("{}: needs `on`", self.name))?;
        let (resource, name) = on.split_once(' ').unwrap_or((on, ""));
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (resource, None),
        };
        let (namespace, name) = match name.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, name),
        };
        Ok(Target { resource: resource.to_owned(), subresource, namespace, name: name.to_owned() })
    }
}

/// An existing object, or a part of it, or all objects of a kind (no name).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub resource: String,
    pub subresource: Option<String>,
    pub namespace: Option<String>,
    pub name: String,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/rules")
}

/// Every case, by file name.
pub fn cases() -> Result<Vec<Case>> {
    let mut files: Vec<_> =
        fs::read_dir(folder().join("cases"))?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let read: Vec<Case> = serde_saphyr::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        cases.extend(read);
    }
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    if names.len() != cases.len() {
        return Err("two cases have the same name".into());
    }
    Ok(cases)
}

/// Every object of the world, in order.
pub fn world() -> Result<Vec<Value>> {
    let text = fs::read_to_string(folder().join("world.yaml"))?;
    Ok(serde_saphyr::from_multiple(&text)?)
}

/// RFC 7386: what a merge patch makes of a value.
pub fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(fields) = value {
        for (key, patch) in patch {
            if patch.is_null() {
                fields.remove(key);
            } else {
                merge(fields.entry(key.clone()).or_insert(Value::Null), patch);
            }
        }
    }
}
