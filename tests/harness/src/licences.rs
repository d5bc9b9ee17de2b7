//! The licences of what is built into a program, which go with it wherever it goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::{Error, Result};

/// What the names of files with licences begin with.
const FILES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// The licence of fonts, in a crate of ours that has some of others.
const OF_FONTS: &str = "fonts/OFL.txt";

/// What a crate of ours says of the work of others that is in it.
const NOTICE: &str = "NOTICE.txt";

/// What we build programs for.
const TARGETS: [&str; 2] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/// Of every crate of others below `packages`: its name, version and licence; and then the texts, each once, with the crates that it is
/// for.
///
/// # Errors
/// Cargo fails, or a text cannot be read.
pub fn third_party(packages: &[&str]) -> Result<String> {
    let built = packages.iter().map(|package| below(package)).collect::<Result<Vec<_>>>()?;
    let built: BTreeSet<String> = built.into_iter().flatten().collect();
    let metadata = metadata()?;
    let mut listed = BTreeSet::new();
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for found in metadata["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        let named = format!("{} {}", text("name"), text("version"));
        if !built.contains(&named) {
            continue;
        }
        let folder = PathBuf::from(text("manifest_path")).parent().map(Path::to_owned).unwrap_or_default();
        if found["source"].is_null() {
            let fonts = folder.join(OF_FONTS);
            if fonts.is_file() {
                let named = format!("fonts of {named}");
                listed.insert(format!("{named}: OFL-1.1"));
                texts.entry(fs::read_to_string(&fonts).map_err(Error::file(&fonts))?).or_default().insert(named);
            }
            let notice = folder.join(NOTICE);
            if notice.is_file() {
                texts
                    .entry(fs::read_to_string(&notice).map_err(Error::file(&notice))?)
                    .or_default()
                    .insert(text("name"));
            }
            continue;
        }
        listed.insert(format!("{named}: {}", text("license")));
        for licence in licences_in(&folder)? {
            texts.entry(licence).or_default().insert(named.clone());
        }
    }
    let mut all = format!("What {} is built of, and under which licences.\n\n", packages.join(", "));
    listed.iter().for_each(|line| all.push_str(&format!("{line}\n")));
    for (text, crates) in texts {
        let crates: Vec<_> = crates.into_iter().collect();
        all.push_str(&format!("\n{}\n{}\n\n{}\n", "-".repeat(80), crates.join(", "), text.trim_end()));
    }
    Ok(all)
}

/// Name and version of all that is built into a package, on any of the platforms that we build for.
pub(crate) fn below(package: &str) -> Result<BTreeSet<String>> {
    let named = |line: &str| {
        let (name, rest) = line.split_once(' ')?;
        Some(format!("{name} {}", rest.split(' ').next()?.trim_start_matches('v')))
    };
    let mut all = BTreeSet::new();
    for target in TARGETS {
        let fixed = ["-e", "normal", "--locked", "--prefix", "none", "--format", "{p}"];
        let tree = cargo(&[&["tree", "-p", package, "--target", target], &fixed[..]].concat())?;
        all.extend(tree.lines().filter_map(named));
    }
    Ok(all)
}

/// What Cargo says of every package that is built on any of these platforms. It fetches what a build on this one did not need.
pub(crate) fn metadata() -> Result<Value> {
    let mut args = vec!["metadata", "--format-version=1", "--locked"];
    args.extend(TARGETS.iter().flat_map(|target| ["--filter-platform", target]));
    let metadata = cargo(&args)?;
    Ok(serde_json::from_str(&metadata).unwrap_or_default())
}

fn licences_in(folder: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::file(folder))? {
        let path = entry.map_err(Error::file(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if FILES.iter().any(|file| name.starts_with(file)) && path.is_file() {
            texts.push(String::from_utf8_lossy(&fs::read(&path).map_err(Error::file(&path))?).into_owned());
        }
    }
    Ok(texts)
}

fn cargo(arguments: &[&str]) -> Result<String> {
    let program = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let output =
        Command::new(&program).args(arguments).current_dir(root).output().map_err(Error::spawn(program.as_str()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let command = format!("cargo {}", arguments.join(" "));
    Err(Error::Command { command, stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::third_party;

    #[test]
    fn every_crate_of_others_is_listed_with_its_licence_and_its_text() {
        let text = third_party(&["billing-operator"]).unwrap();
        let line = |name: &str| text.lines().find(|line| line.starts_with(&format!("{name} "))).map(str::to_owned);
        assert!(line("tokio").is_some_and(|line| line.ends_with(": MIT")), "{:?}", line("tokio"));
        assert_eq!(line("billing-domain"), None, "ours is in LICENSE");
        assert_eq!(line("jsonschema"), None, "it is the plugin's");
        assert!(text.contains("Permission is hereby granted, free of charge"));
        let text = third_party(&["kubectl-billing"]).unwrap();
        assert!(text.lines().any(|line| line.starts_with("fonts of billing-pdf ") && line.ends_with(": OFL-1.1")));
        assert!(text.contains("SIL OPEN FONT LICENSE") && text.contains("© CEN"));
    }
}
