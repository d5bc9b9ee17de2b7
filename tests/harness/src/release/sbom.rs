//! What a program is built of, as a bill of materials (CycloneDX 1.6): every crate with its version, digest and licence, and which uses
//! which.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};

use crate::{
    Error, Result,
    licences::{below, metadata},
};

const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");

/// The bill of a package's program, as JSON. The same sources give the same bytes.
///
/// # Errors
/// Cargo fails, or `Cargo.lock` cannot be read.
pub fn bill_of_materials(package: &str) -> Result<String> {
    let lock = fs::read_to_string(LOCK).map_err(Error::file(Path::new(LOCK)))?;
    let bill = Bill { built: below(package)?, metadata: metadata()?, digests: digests(&lock) };
    let mut text = serde_json::to_string_pretty(&bill.document(package)).unwrap_or_default();
    text.push('\n');
    Ok(text)
}

struct Bill {
    /// Name and version of all that is built in.
    built: BTreeSet<String>,
    metadata: Value,
    /// The digests of crates of others, by name and version.
    digests: BTreeMap<String, String>,
}

impl Bill {
    fn document(&self, package: &str) -> Value {
        let packages = self.metadata["packages"].as_array().into_iter().flatten();
        let mut components: Vec<Value> =
            packages.filter(|found| self.built.contains(&named(found))).map(|found| self.component(found)).collect();
        let own = components.iter().position(|component| component["name"] == package);
        let mut own = own.map(|index| components.remove(index)).unwrap_or_default();
        own["type"] = json!("application");
        json!({
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": { "lifecycles": [{ "phase": "build" }], "component": own },
            "components": components,
            "dependencies": self.dependencies(),
        })
    }

    fn component(&self, found: &Value) -> Value {
        let named = named(found);
        let mut component = json!({
            "type": "library",
            "bom-ref": reference(&named),
            "name": found["name"],
            "version": found["version"],
            "purl": reference(&named),
            "licenses": [{ "expression": expression(found["license"].as_str().unwrap_or("NOASSERTION")) }],
        });
        if let Some(digest) = self.digests.get(&named) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": digest }]);
        }
        if let Some(url) = found["repository"].as_str() {
            component["externalReferences"] = json!([{ "type": "vcs", "url": url }]);
        }
        component
    }

    /// Which crate uses which, of those that are built in.
    fn dependencies(&self) -> Vec<Value> {
        let packages = self.metadata["packages"].as_array().into_iter().flatten();
        let names: BTreeMap<&str, String> =
            packages.filter_map(|found| Some((found["id"].as_str()?, named(found)))).collect();
        let built = |id: &Value| names.get(id.as_str()?).filter(|named| self.built.contains(*named));
        let nodes = self.metadata["resolve"]["nodes"].as_array().into_iter().flatten();
        let edges = nodes.filter_map(|node| {
            let used = node["deps"].as_array()?.iter().filter(|used| is_normal(used));
            let used: BTreeSet<String> =
                used.filter_map(|used| built(&used["pkg"])).map(|used| reference(used)).collect();
            Some(json!({ "ref": reference(built(&node["id"])?), "dependsOn": used }))
        });
        edges.collect()
    }
}

/// Whether a crate is used in what runs, and not only by tests or while building.
fn is_normal(used: &Value) -> bool {
    used["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"].is_null())
}

fn named(found: &Value) -> String {
    let text = |key: &str| found[key].as_str().unwrap_or_default();
    format!("{} {}", text("name"), text("version"))
}

/// The name of a crate that tools for bills of materials share.
fn reference(named: &str) -> String {
    format!("pkg:cargo/{}", named.replace(' ', "@"))
}

/// A licence as an expression of SPDX. Old crates write `MIT/Apache-2.0`.
fn expression(licence: &str) -> String {
    licence.replace('/', " OR ")
}

/// The digests in `Cargo.lock`, by name and version.
fn digests(lock: &str) -> BTreeMap<String, String> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(&format!("{key} = \"")))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let blocks = lock.split("[[package]]").skip(1);
    let found = blocks.filter_map(|block| {
        Some((format!("{} {}", value(block, "name")?, value(block, "version")?), value(block, "checksum")?))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::{bill_of_materials, digests, expression};

    #[test]
    fn every_crate_that_is_built_in_is_on_the_bill_with_version_digest_and_licence() {
        let bill: Value = serde_json::from_str(&bill_of_materials("billing-operator").unwrap()).unwrap();
        let components = bill["components"].as_array().unwrap();
        let find = |name: &str| components.iter().find(|component| component["name"] == name);
        let tokio = find("tokio").unwrap();
        assert_eq!(tokio["licenses"][0]["expression"], "MIT");
        assert_eq!(tokio["hashes"][0]["content"].as_str().unwrap().len(), 64);
        assert!(find("billing-domain").unwrap()["hashes"].is_null(), "ours has no archive");
        assert_eq!(find("jsonschema"), None, "it is the plugin's");
        assert_eq!(find("rcgen"), None, "it is the tests'");
        assert_eq!(bill["metadata"]["component"]["name"], "billing-operator");
        assert_eq!(bill["metadata"]["component"]["type"], "application");
    }

    #[test]
    fn every_reference_of_a_bill_is_a_component_of_it() {
        let bill: Value = serde_json::from_str(&bill_of_materials("kubectl-billing").unwrap()).unwrap();
        let components = bill["components"].as_array().unwrap().iter().chain([&bill["metadata"]["component"]]);
        let known: BTreeSet<_> = components.map(|component| component["bom-ref"].as_str().unwrap()).collect();
        let dependencies = bill["dependencies"].as_array().unwrap();
        let refs: BTreeSet<_> = dependencies.iter().map(|node| node["ref"].as_str().unwrap()).collect();
        assert_eq!(refs, known);
        let used = dependencies.iter().flat_map(|node| node["dependsOn"].as_array().unwrap());
        assert!(used.clone().all(|used| known.contains(used.as_str().unwrap())));
        assert!(used.count() > known.len());
    }

    #[test]
    fn licences_are_expressions_and_digests_those_of_the_lock_file() {
        assert_eq!(expression("MIT/Apache-2.0"), "MIT OR Apache-2.0");
        let lock = "[[package]]\nname = \"a\"\nversion = \"1\"\nchecksum = \"ff\"\n\n[[package]]\nname = \"b\"\nversion = \"2\"\n";
        assert_eq!(digests(lock).into_iter().collect::<Vec<_>>(), [("a 1".to_owned(), "ff".to_owned())]);
    }
}
