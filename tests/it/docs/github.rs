//! What GitHub reads: forms that it can show, owners of what exists, and a workflow that does what we do.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::ROOT;
use crate::Result;

fn read(path: &str) -> Result<String> {
    fs::read_to_string(Path::new(ROOT).join(path)).map_err(|error| format!("{path}: {error}").into())
}

#[test]
fn the_workflow_runs_what_must_pass() -> Result {
    let workflow: Value = serde_saphyr::from_str(&read(".github/workflows/ci.yml")?)?;
    let steps = workflow["jobs"]["ci"]["steps"].as_array().ok_or("the job has steps")?;
    assert!(steps.iter().any(|step| step["run"] == ".ci/run"), "{steps:?}");
    assert_eq!(workflow["permissions"]["contents"], "read");
    Ok(())
}

#[test]
fn issue_forms_are_forms() -> Result {
    for form in ["bug", "feature"] {
        let faults = faults(&serde_saphyr::from_str(&read(&format!(".github/ISSUE_TEMPLATE/{form}.yml"))?)?);
        assert!(faults.is_empty(), "{form}: {faults:?}");
    }
    let config: Value = serde_saphyr::from_str(&read(".github/ISSUE_TEMPLATE/config.yml")?)?;
    assert_eq!(config["blank_issues_enabled"], false, "a fault of security does not belong into an issue");
    let broken =
        serde_saphyr::from_str("{name: A, body: [{type: input, id: a}, {type: text, id: b, attributes: {label: B}}]}")?;
    assert_eq!(faults(&broken), ["no description", "a has no label", "text is no type of GitHub's"]);
    Ok(())
}

/// What GitHub would not show of a form.
fn faults(form: &Value) -> Vec<String> {
    let mut faults: Vec<String> =
        ["name", "description"].iter().filter(|key| form[**key].is_null()).map(|key| format!("no {key}")).collect();
    for field in form["body"].as_array().into_iter().flatten() {
        let (kind, id) = (field["type"].as_str().unwrap_or_default(), field["id"].as_str().unwrap_or_default());
        if !["markdown", "input", "textarea", "dropdown", "checkboxes"].contains(&kind) {
            faults.push(format!("{kind} is no type of GitHub's"));
        } else if kind != "markdown" && field["attributes"]["label"].is_null() {
            faults.push(format!("{id} has no label"));
        }
    }
    faults
}

#[test]
fn owners_are_named_for_what_exists() -> Result {
    let owners = read(".github/CODEOWNERS")?;
    let paths: Vec<&str> =
        owners.lines().filter(|line| line.starts_with('/')).filter_map(|line| line.split(' ').next()).collect();
    assert!(paths.len() > 3, "{paths:?}");
    let missing: Vec<_> =
        paths.iter().filter(|path| !Path::new(ROOT).join(path.trim_start_matches('/')).exists()).collect();
    assert!(missing.is_empty(), "{missing:?}");
    Ok(())
}
