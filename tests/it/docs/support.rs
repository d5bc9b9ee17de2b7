//! What the support matrix says is what the tests run on.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use billing_test_harness::assets::KUBERNETES;

use super::ROOT;
use crate::Result;

/// What is pinned of a program, by the row that tells it: the file, and what stands before the version in it.
const PINS: [(&str, &str, &str); 5] = [
    ("Kubernetes", "tests/tools/kubernetes/go.mod", "k8s.io/kubernetes v"),
    ("etcd", "tests/tools/etcd/go.mod", "go.etcd.io/etcd/server/v3 v"),
    ("Helm", "tests/tools/helm/go.mod", "helm.sh/helm/v4 v"),
    ("krew", "tests/tools/krew/go.mod", "sigs.k8s.io/krew v"),
    ("Rust", "Cargo.toml", "rust-version = \""),
];

fn read(path: &str) -> Result<String> {
    Ok(fs::read_to_string(Path::new(ROOT).join(path))?)
}

#[test]
fn the_versions_in_the_matrix_are_those_that_are_pinned() -> Result {
    let matrix = read("docs/support-matrix.md")?;
    for (program, file, before) in PINS {
        let text = read(file)?;
        let pinned = version_after(&text, before).ok_or_else(|| format!("{file} pins no {program}"))?;
        let row = format!("| {program} | {pinned}");
        assert!(matrix.contains(&row), "docs/support-matrix.md: {file} has {program} {pinned}: write \"{row} …\"");
    }
    Ok(())
}

#[test]
fn the_releases_in_the_matrix_are_those_that_the_rules_are_tried_on() -> Result {
    let rules = read("tests/it/rules/mod.rs")?;
    let played = rules.split("check(Some(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let tested: BTreeSet<_> = played.chain([KUBERNETES]).map(str::to_owned).collect();
    assert!(tested.len() > 2, "{tested:?}");
    let matrix = read("docs/support-matrix.md")?;
    let supported: BTreeSet<_> = releases(&matrix).map(str::to_owned).collect();
    assert_eq!(supported, tested);
    // The chart refuses what is older than the oldest of them.
    let oldest = tested.first().map(|release| format!("kubeVersion: \">={release}.0-0\"")).unwrap_or_default();
    assert!(read("charts/billing-operator/Chart.yaml")?.contains(&oldest), "{oldest}");
    Ok(())
}

#[test]
fn a_version_that_is_not_the_pinned_one_is_noticed() {
    assert_eq!(version_after("x\n\thelm.sh/helm/v4 v4.3.1 // indirect", "helm.sh/helm/v4 v"), Some("4.3.1"));
    assert_eq!(version_after("no such thing", "helm.sh/helm/v4 v"), None);
    assert_eq!(releases("| 1.36 | all |\n| 1.33 and older | none |\n| 1.9 | x |").collect::<Vec<_>>(), ["1.36", "1.9"]);
}

fn version_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split([' ', '"', '\n']).next()
}

/// The rows that are about one release and no more.
fn releases(matrix: &str) -> impl Iterator<Item = &str> {
    let rows = matrix.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.filter(|cell| cell.starts_with("1.") && cell.chars().all(|c| c.is_ascii_digit() || c == '.'))
}
