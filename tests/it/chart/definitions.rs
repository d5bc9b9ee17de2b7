//! A chart cannot reach out of its folder, so it has a copy of the definitions.

use std::{collections::BTreeMap, env, fs, path::Path};

use crate::Result;

/// The files in a folder, with their contents.
fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let read = fs::read_dir(folder)?.map(|entry| {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok((name, fs::read_to_string(&path)?))
    });
    read.collect()
}

/// `UPDATE=1` copies them.
#[test]
fn the_charts_definitions_are_those_in_crds() -> Result {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (original, copy) = (root.join("crds"), root.join("charts/billing-operator/files/crds"));
    if env::var_os("UPDATE").is_some() {
        for (name, text) in files(&original)? {
            fs::write(copy.join(name), text)?;
        }
    }
    let (expected, found) = (files(&original)?, files(&copy)?);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let stale: Vec<_> = expected.iter().filter(|(name, text)| found.get(*name) != Some(text)).collect();
    assert!(stale.is_empty(), "charts/billing-operator/files/crds is stale: run `make generate`");
    Ok(())
}
