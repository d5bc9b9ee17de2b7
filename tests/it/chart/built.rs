//! The operator knows the policies of the chart in a normal form, which is made from the chart.

use std::{collections::BTreeMap, env, fs, path::Path};

use billing_operator::integrity::forms;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::ResourceExt;
use serde_json::Value;

use super::rendered::Rendered;
use crate::Result;

/// `UPDATE=1` writes them.
#[test]
fn the_operator_was_built_with_the_policies_of_the_chart() -> Result {
    let rendered = Rendered::with(&[], &[])?;
    let mut built = BTreeMap::new();
    for policy in rendered.all("ValidatingAdmissionPolicy") {
        let policy: ValidatingAdmissionPolicy = serde_json::from_value(policy.clone())?;
        built.insert(policy.name_any(), forms::policy(&policy));
    }
    let mut text = serde_json::to_string_pretty(&built)?;
    text.push('\n');
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/integrity/policies.json");
    if env::var_os("UPDATE").is_some() {
        fs::write(&file, &text)?;
    }
    let stale = "src/integrity/policies.json is not the chart's: run `make generate`";
    assert!(fs::read_to_string(&file).unwrap_or_default() == text, "{stale}");
    Ok(())
}

#[test]
fn each_policy_of_the_chart_has_the_binding_that_the_operator_expects() -> Result {
    let rendered = Rendered::with(&[], &[])?;
    let bindings = rendered.all("ValidatingAdmissionPolicyBinding").map(|binding| {
        let binding: ValidatingAdmissionPolicyBinding = serde_json::from_value(binding.clone())?;
        Ok((binding.name_any(), forms::binding(&binding)))
    });
    let bindings: BTreeMap<String, Value> = bindings.collect::<Result<_>>()?;
    let policies = rendered.all("ValidatingAdmissionPolicy").filter_map(|policy| policy["metadata"]["name"].as_str());
    let expected: BTreeMap<_, _> = policies.map(|name| (name.to_owned(), forms::binding_of(name))).collect();
    assert_eq!(bindings, expected);
    Ok(())
}
