//! What the operator was built with: the definitions of its API, and the policies of its chart.

use std::collections::BTreeMap;

use billing_api::{crds, definition};
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::ResourceExt;
use serde_json::Value;

use super::forms;

/// The normal forms of the chart's policies, by name, as they are rendered for the accounts below. A test writes and compares it.
const POLICIES: &str = include_str!("policies.json");

/// The operator's account and the probe's, as the forms have them.
const BUILT_USER: &str = "'system:serviceaccount:billing-system:billing-operator'";
const BUILT_PROBE: &str = "'system:serviceaccount:billing-system:billing-operator-probe'";

/// Policies that no dry run can meet: nothing but the comparison holds them.
pub const WITHOUT_PROBE: [&str; 2] = ["billing-operator-probe", "billing-operator-quota"];

/// Something in the cluster that is not as it was built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deviation {
    /// Kind and name.
    pub object: String,
    /// Where it differs, or that it is missing.
    pub what: String,
}

/// What the operator was built with, for the accounts of its cluster.
pub struct Built {
    policies: BTreeMap<String, Value>,
    definitions: BTreeMap<String, CustomResourceDefinition>,
}

impl Built {
    /// What it was built with; `user` and `probe` are the accounts that the policies compare.
    ///
    /// # Errors
    /// The forms cannot be read, which a test rules out.
    pub fn new(user: &str, probe: &str) -> Result<Self, serde_json::Error> {
        let policies = POLICIES.replace(BUILT_PROBE, &format!("'{probe}'")).replace(BUILT_USER, &format!("'{user}'"));
        let definitions = crds::all().into_iter().map(|definition| (definition.name_any(), definition)).collect();
        Ok(Self { policies: serde_json::from_str(&policies)?, definitions })
    }

    /// The names of the policies, which are those of their bindings, too.
    pub fn policies(&self) -> impl Iterator<Item = &str> {
        self.policies.keys().map(String::as_str)
    }

    /// The names of the definitions.
    pub fn definitions(&self) -> impl Iterator<Item = &str> {
        self.definitions.keys().map(String::as_str)
    }

    /// How a policy of the cluster differs.
    pub fn policy_deviation(&self, name: &str, found: Option<&ValidatingAdmissionPolicy>) -> Option<Deviation> {
        let built = self.policies.get(name)?;
        compare("ValidatingAdmissionPolicy", name, built, found.map(forms::policy))
    }

    /// How the binding of a policy differs.
    pub fn binding_deviation(&self, name: &str, found: Option<&ValidatingAdmissionPolicyBinding>) -> Option<Deviation> {
        compare("ValidatingAdmissionPolicyBinding", name, &forms::binding_of(name), found.map(forms::binding))
    }

    /// How a definition differs. One with a higher number is of a newer operator, and whole if it has its own digest.
    pub fn definition_deviation(&self, name: &str, found: Option<&CustomResourceDefinition>) -> Option<Deviation> {
        let built = self.definitions.get(name)?;
        let is_newer = |found: &&CustomResourceDefinition| {
            definition::schema_number(found) > definition::schema_number(built) && definition::is_whole(found)
        };
        if found.as_ref().is_some_and(is_newer) {
            return None;
        }
        let form = found.map(definition::normal_form);
        compare("CustomResourceDefinition", name, &definition::normal_form(built), form)
    }
}

fn compare(kind: &str, name: &str, built: &Value, found: Option<Value>) -> Option<Deviation> {
    let what = match found {
        None => "is missing".to_owned(),
        Some(found) => format!("differs at {}", forms::first_difference(built, &found)?),
    };
    Some(Deviation { object: format!("{kind} {name}"), what })
}

#[cfg(test)]
mod tests;
