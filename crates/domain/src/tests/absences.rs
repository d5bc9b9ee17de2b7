//! Invariants as absences: what the domain must not know.

use std::fs;
use std::path::{Path, PathBuf};

/// The files of a folder and of those in it, without tests.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with("tests") => {}
            true => found.extend(sources(&path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn the_domain_knows_no_cluster_no_wire_no_runtime_and_no_clock() {
    let forbidden = [
        "kube",
        "k8s_openapi",
        "serde",
        "schemars",
        "tokio",
        "tracing",
        "Utc::now",
        "Local::now",
        "SystemTime",
        "Instant::now",
        "std::env",
        "std::fs",
        "std::net",
        "billing_api",
        "billing_state",
        "billing_documents",
        "f64",
        "f32",
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = sources(&folder);
    assert!(sources.len() > 20, "found {sources:?}");
    for path in sources {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in forbidden {
                assert!(!code.contains(word), "{}:{}: {word}", path.display(), number + 1);
            }
        }
    }
}
