//! The house: which crate may stand on which, of ours and of others.
//!
//! Cargo refuses circles; this refuses every arrow that is not drawn here. Direct dependencies are read from `cargo metadata`, all
//! that follow from them from `cargo tree`, crate by crate, because a workspace as a whole unifies features.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::Result;

/// The crates, each with those of ours that it may use.
const ARROWS: [(&str, &[&str]); 13] = [
    ("billing-domain", &[]),
    ("billing-api", &[]),
    ("billing-documents", &["billing-domain", "billing-api"]),
    ("billing-einvoice", &["billing-domain", "billing-api", "billing-documents"]),
    ("billing-pdf", &["billing-domain", "billing-api", "billing-documents"]),
    ("billing-state", &["billing-domain", "billing-api", "billing-documents"]),
    ("billing-planning", &["billing-domain", "billing-api", "billing-documents", "billing-state"]),
    ("operator-kit", &[]),
    ("billing-reads", &["billing-api", "operator-kit"]),
    ("billing-meter", &["billing-api", "billing-planning", "operator-kit"]),
    (
        "kubectl-billing",
        &[
            "billing-domain",
            "billing-api",
            "billing-documents",
            "billing-einvoice",
            "billing-meter",
            "billing-pdf",
            "billing-state",
            "billing-planning",
            "billing-reads",
            "operator-kit",
        ],
    ),
    (
        "billing-operator",
        &[
            "billing-domain",
            "billing-api",
            "billing-documents",
            "billing-state",
            "billing-planning",
            "billing-reads",
            "operator-kit",
        ],
    ),
    ("billing-test-harness", &[]),
];

/// What must not be anywhere below a crate, and why not.
const FORBIDDEN: [(&str, &[&str], &str); 10] = [
    (
        "billing-domain",
        &["serde", "serde_json", "kube-core", "k8s-openapi", "tokio", "schemars"],
        "no wire, no runtime",
    ),
    ("billing-api", &["kube-client", "tokio", "hyper"], "no client"),
    ("billing-documents", &["kube-client", "tokio", "hyper"], "no client"),
    ("billing-einvoice", &["kube-client", "tokio", "hyper", "typst"], "no client, no network, and no pages"),
    ("billing-pdf", &["kube-client", "tokio", "hyper"], "no client, and no network"),
    ("billing-state", &["kube-client", "tokio", "hyper"], "no client"),
    (
        "billing-planning",
        &["kube", "kube-client", "kube-runtime", "tokio", "hyper", "clap"],
        "decisions reach no cluster",
    ),
    ("operator-kit", &["clap", "rust_decimal"], "arguments are the binaries', money is the domain's"),
    (
        "billing-operator",
        &["cel", "jsonschema", "csv", "parquet", "quick-xml", "kube-cel", "typst", "en16931"],
        "what only the plugin and the meter need",
    ),
    (
        "billing-meter",
        &["jsonschema", "csv", "parquet", "quick-xml", "kube-cel", "typst", "en16931"],
        "what only the plugin needs",
    ),
];

/// A workspace as `cargo metadata` has it: for each package, what it uses when it is built.
type Uses = BTreeMap<String, BTreeSet<String>>;

fn cargo(arguments: &[&str]) -> Result<String> {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    if !output.status.success() {
        return Err(format!("cargo {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// What each package of the workspace uses directly, tests and build scripts left out.
fn direct_uses(metadata: &str) -> Result<Uses> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let packages = metadata["packages"].as_array().ok_or("metadata lists packages")?;
    let name = |package: &Value| package["name"].as_str().unwrap_or_default().to_owned();
    let uses = |package: &Value| {
        let dependencies = package["dependencies"].as_array().cloned().unwrap_or_default();
        dependencies.iter().filter(|dependency| dependency["kind"].is_null()).map(name).collect()
    };
    Ok(packages.iter().map(|package| (name(package), uses(package))).collect())
}

/// The arrows between our crates that are not drawn, and crates that nobody has drawn.
fn stray_arrows(uses: &Uses) -> Vec<String> {
    let drawn: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let mut stray = Vec::new();
    for (package, used) in uses {
        let Some(allowed) = drawn.get(package.as_str()) else {
            stray.push(format!("{package} is not drawn: say in tests/it/house which crates it may use"));
            continue;
        };
        let ours = used.iter().filter(|used| uses.contains_key(*used));
        stray.extend(ours.filter(|used| !allowed.contains(&used.as_str())).map(|used| format!("{package} -> {used}")));
    }
    stray
}

/// Everything that is built below a crate.
fn all_below(package: &str) -> Result<BTreeSet<String>> {
    let tree = cargo(&["tree", "-p", package, "-e", "normal", "--offline", "--prefix", "none", "--format", "{p}"])?;
    Ok(tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

fn forbidden_below(below: &BTreeSet<String>, forbidden: &[&str]) -> Vec<String> {
    forbidden.iter().filter(|name| below.contains(**name)).map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_arrow_between_our_crates_is_drawn() -> Result {
    let uses = direct_uses(&cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"])?)?;
    assert_eq!(uses.len(), ARROWS.len(), "{uses:?}");
    let stray = stray_arrows(&uses);
    assert!(stray.is_empty(), "{stray:?}");
    Ok(())
}

#[test]
fn an_arrow_put_in_by_hand_is_found() -> Result {
    let mut uses = direct_uses(&cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"])?)?;
    uses.entry("kubectl-billing".to_owned()).or_default().insert("billing-operator".to_owned());
    uses.entry("billing-domain".to_owned()).or_default().insert("billing-api".to_owned());
    uses.insert("billing-console".to_owned(), BTreeSet::new());
    let stray = stray_arrows(&uses);
    assert_eq!(stray.len(), 3, "{stray:?}");
    assert!(stray.contains(&"kubectl-billing -> billing-operator".to_owned()));
    Ok(())
}

#[test]
fn below_each_crate_is_nothing_that_it_must_not_have() -> Result {
    for (package, forbidden, why) in FORBIDDEN {
        let below = all_below(package)?;
        assert!(below.contains(package), "{package} is in its own tree");
        let found = forbidden_below(&below, forbidden);
        assert!(found.is_empty(), "below {package} is {found:?}: {why}");
    }
    Ok(())
}

/// What a crate has is found when it is forbidden: the check sees through to the last dependency.
#[test]
fn what_is_deep_below_a_crate_is_found() -> Result {
    let below = all_below("billing-planning")?;
    assert_eq!(forbidden_below(&below, &["kube-client", "num-bigint", "http"]), ["num-bigint", "http"]);
    let below = all_below("billing-operator")?;
    assert_eq!(forbidden_below(&below, &["hyper", "tokio", "kubectl-billing"]), ["hyper", "tokio"]);
    Ok(())
}

/// Libraries choose no release of Kubernetes: two that chose differently could not be built together.
#[test]
fn only_what_is_run_chooses_a_release_of_kubernetes() -> Result {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--format-version=1", "--no-deps", "--offline"])?)?;
    let mut choosing = BTreeSet::new();
    for package in metadata["packages"].as_array().ok_or("packages")? {
        for dependency in package["dependencies"].as_array().ok_or("dependencies")? {
            let features = dependency["features"].as_array().cloned().unwrap_or_default();
            let chooses = features.iter().any(|feature| feature.as_str().is_some_and(|name| name.starts_with("v1_")));
            if dependency["name"] == "k8s-openapi" && dependency["kind"].is_null() && chooses {
                choosing.insert(package["name"].as_str().unwrap_or_default().to_owned());
            }
        }
    }
    let expected: BTreeSet<_> = ["billing-meter", "billing-operator", "kubectl-billing"].map(str::to_owned).into();
    assert_eq!(choosing, expected);
    Ok(())
}
