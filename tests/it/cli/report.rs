//! The bundle for a bug report: everything that a bug is about, and nobody's name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;

use super::{ORGANIZATION, billing, organization};
use crate::Result;
use kubectl_billing::ExitStatus;

/// The files of a bundle.
fn unpacked(path: &Path) -> Result<BTreeMap<String, String>> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(path)?));
    let mut files = BTreeMap::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        let name = entry.path()?.display().to_string();
        files.insert(name.trim_start_matches("billing-report/").to_owned(), text);
    }
    Ok(files)
}

/// What somebody is called in the organization that tests read.
const NAMES: [&str; 9] = [
    "cli-web",
    "cli-shop",
    "clia",
    "clib",
    "Acme Corp.",
    "Online shop",
    "a@acme.example",
    "Example Street",
    "example.com",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_bundle_has_amounts_and_no_names_unless_asked_for() -> Result {
    let scene = organization().await?;
    let write =
        async |file: &str, more: &[&str]| -> Result<BTreeMap<String, String>> {
            let path = scene.control_plane.folder().join(file);
            let output = path.display().to_string();
            let run = billing(&scene, ORGANIZATION, &[&["report", "-o", &output], more].concat()).await?;
            assert_eq!(run.ended, ExitStatus::Ok, "{}", run.stderr);
            // There are no pods here, and the bundle says so.
            assert!(run.stderr.contains(
                "not in the bundle: the operator's log and metrics: namespace billing-system has no pod of it"
            ));
            unpacked(&path)
        };
    let named = write("named.tar.gz", &["--with-names"]).await?;
    for name in NAMES {
        assert!(named.values().any(|text| text.contains(name)), "{name} is in the organization");
    }
    let hidden = write("hidden.tar.gz", &[]).await?;
    for (file, text) in &hidden {
        let found: Vec<_> = NAMES.iter().filter(|name| text.contains(**name)).collect();
        assert!(found.is_empty(), "{found:?} is in {file}");
    }
    assert_eq!(hidden.keys().collect::<Vec<_>>(), named.keys().collect::<Vec<_>>());
    let invoices = &hidden["objects/invoices.json"];
    for kept in [
        "\"total\": \"12.50\"",
        "\"currency\": \"USD\"",
        "\"type\": \"ServiceCharge\"",
        "\"digest\": \"sha256:",
        "Unpriced",
    ] {
        assert!(invoices.contains(kept), "{kept} is gone");
    }
    assert!(hidden["versions.json"].contains("\"gitVersion\": \"v1.3"), "{}", hidden["versions.json"]);
    assert!(hidden["lacking.txt"].contains("has no pod of it"));
    // The same names have the same pseudonyms: reports can be compared.
    assert_eq!(write("again.tar.gz", &[]).await?["objects/projectledgers.json"], hidden["objects/projectledgers.json"]);
    Ok(())
}
