//! What catalogues of charts show of it (Artifact Hub): made from the definitions, the examples and the changelog.

use std::{collections::BTreeSet, env, fs, path::Path};

use billing_api::crds;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::install::CHART;
use crate::Result;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The kinds that people write, each of which has an example.
const APPLIED: [&str; 8] = [
    "BillingGroup",
    "Credit",
    "CreditNote",
    "ExchangeRates",
    "InvoiceIssuer",
    "PriceList",
    "ProjectBinding",
    "UsageRecord",
];

fn read(path: &str) -> Result<String> {
    Ok(fs::read_to_string(Path::new(ROOT).join(path))?)
}

/// `UPDATE=1` writes them, below what people keep up in the file.
#[test]
fn the_charts_metadata_is_current() -> Result {
    let file = Path::new(CHART).join("Chart.yaml");
    let text = fs::read_to_string(&file)?;
    let (kept, _) = text.split_once("annotations:\n").ok_or("Chart.yaml has annotations")?;
    let current = format!("{kept}annotations:\n{}", annotations()?);
    if env::var_os("UPDATE").is_some() {
        fs::write(&file, &current)?;
    }
    assert!(fs::read_to_string(&file)? == current, "Chart.yaml's annotations are stale: run `make generate`");
    Ok(())
}

#[test]
fn every_kind_is_listed_and_every_kind_that_people_write_has_an_example() -> Result {
    let listed: BTreeSet<String> = of("crds")?.iter().map(|entry| text(entry, "name")).collect();
    let files = fs::read_dir(Path::new(CHART).join("files/crds"))?.map(|entry| {
        let definition: Value = serde_saphyr::from_str(&fs::read_to_string(entry?.path())?)?;
        Ok(text(&definition["metadata"], "name"))
    });
    assert_eq!(listed, files.collect::<Result<_>>()?);
    let shown: Vec<_> = of("crdsExamples")?.iter().map(|example| text(example, "kind")).collect();
    assert_eq!(shown, APPLIED);
    Ok(())
}

#[test]
fn the_changes_are_those_at_the_top_of_the_changelog() -> Result {
    let changes = of("changes")?;
    let changelog = read("CHANGELOG.md")?;
    let newest = changelog.split("\n## ").nth(1).ok_or("the changelog has a version")?;
    assert_eq!(changes.len(), newest.lines().filter(|line| line.starts_with("- ")).count());
    let first = newest.lines().find_map(|line| line.strip_prefix("- ")).unwrap_or_default();
    let told = text(&changes[0], "description");
    assert!(told.split(' ').take(5).eq(first.split(' ').take(5)), "{told} is not {first}");
    let known = ["added", "changed", "deprecated", "removed", "fixed", "security"];
    assert!(changes.iter().all(|change| known.contains(&text(change, "kind").as_str())), "{changes:?}");
    Ok(())
}

#[test]
fn the_images_are_those_that_the_chart_runs_and_the_links_are_there() -> Result {
    let values: Value = serde_saphyr::from_str(&fs::read_to_string(Path::new(CHART).join("values.yaml"))?)?;
    let chart = chart()?;
    let version = text(&chart, "appVersion");
    assert_eq!((version.as_str(), text(&chart, "version").as_str()), (env!("CARGO_PKG_VERSION"), version.as_str()));
    let [image] = &of("images")?[..] else { return Err("there is one image".into()) };
    assert_eq!(text(image, "image"), format!("{}:{version}", text(&values["image"], "repository")));
    assert_eq!(image["platforms"], json!(["linux/amd64", "linux/arm64"]));
    assert!(of("links")?.len() >= 3);
    let icon = text(&chart, "icon");
    let (_, path) = icon.split_once("/raw/main/").ok_or("the icon is a file of the repository")?;
    assert!(read(path)?.starts_with("<svg xmlns="), "{path}");
    Ok(())
}

#[test]
fn a_changelog_is_read_by_its_headings_up_to_the_next_version() {
    let log = "# C\n\n## [2]\n\n### Added\n\n- One\n  thing. And more.\n- [Two](two.md): `a`.\n\n### Fixed\n\n- Three\n\n## [1]\n\n- Old\n";
    let expected = [("added", "One thing."), ("added", "Two: `a`."), ("fixed", "Three")]
        .map(|(kind, what)| json!({"kind": kind, "description": what}));
    assert_eq!(changes(log), expected);
}

/// The chart's metadata.
fn chart() -> Result<Value> {
    Ok(serde_saphyr::from_str(&fs::read_to_string(Path::new(CHART).join("Chart.yaml"))?)?)
}

/// The list in an annotation of the chart.
fn of(name: &str) -> Result<Vec<Value>> {
    let annotation = text(&chart()?["annotations"], &format!("artifacthub.io/{name}"));
    Ok(serde_saphyr::from_str(&annotation)?)
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

/// The annotations as they stand in `Chart.yaml`.
fn annotations() -> Result<String> {
    let mut all = String::from(
        "  # Below this line everything is made by `make generate`: from the definitions, examples/ and CHANGELOG.md.\n  \
         artifacthub.io/license: Apache-2.0\n  artifacthub.io/operator: \"true\"\n  \
         artifacthub.io/operatorCapabilities: Deep Insights\n  artifacthub.io/category: skip-prediction\n",
    );
    let image = format!("billing-operator:{}", env!("CARGO_PKG_VERSION"));
    let lists = [
        ("links", links()),
        (
            "images",
            vec![json!({"name": "billing-operator", "image": image, "platforms": ["linux/amd64", "linux/arm64"]})],
        ),
        ("crds", kinds()),
        ("crdsExamples", examples()?),
        ("changes", changes(&read("CHANGELOG.md")?)),
    ];
    for (name, list) in lists {
        all.push_str(&format!("  artifacthub.io/{name}: |\n"));
        for line in serde_saphyr::to_string(&list)?.lines() {
            all.push_str(&format!("    {line}\n"));
        }
    }
    Ok(all)
}

fn links() -> Vec<Value> {
    let pages = [
        ("Documentation", "docs/README.md"),
        ("Support matrix", "docs/support-matrix.md"),
        ("Upgrades", "docs/operations.md#upgrade"),
        ("Threat model", "docs/threat-model.md"),
        ("Verifying a release", "docs/releases.md"),
    ];
    let url = |page: &str| format!("https://example.com/billing-operator/blob/main/{page}");
    pages.into_iter().map(|(name, page)| json!({"name": name, "url": url(page)})).collect()
}

fn kinds() -> Vec<Value> {
    let kinds = crds::all().into_iter().map(|definition| {
        let version = &definition.spec.versions[0];
        let schema = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
        let about = schema.and_then(|schema| schema.description.as_deref()).unwrap_or_default();
        json!({
            "kind": definition.spec.names.kind,
            "version": version.name,
            "name": definition.name_any(),
            "displayName": spaced(&definition.spec.names.kind),
            "description": first_sentence(about),
        })
    });
    kinds.collect()
}

/// `BillingGroup` as `Billing Group`.
fn spaced(kind: &str) -> String {
    let mut words = String::new();
    for letter in kind.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter);
    }
    words
}

fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

/// A text without its links, which lead nowhere from where it is shown.
fn plain(text: &str) -> String {
    let parts = text.split("](").enumerate();
    let texts =
        parts.map(|(index, part)| if index == 0 { part } else { part.split_once(')').map_or(part, |(_, rest)| rest) });
    texts.collect::<String>().replace('[', "")
}

/// Of each kind that people write the shortest object among the examples.
fn examples() -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    objects_below(&Path::new(ROOT).join("examples"), &mut objects)?;
    let shortest = |kind: &str| {
        let of_kind = objects
            .iter()
            .filter(|object| object["kind"] == kind && text(object, "apiVersion").starts_with("billing-operator.io/"));
        of_kind.min_by_key(|object| object.to_string().len()).cloned()
    };
    APPLIED.iter().map(|kind| shortest(kind).ok_or_else(|| format!("examples/ has no {kind}").into())).collect()
}

/// The objects in the manifests below a folder, in the order of their files' names.
fn objects_below(folder: &Path, objects: &mut Vec<Value>) -> Result {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.ends_with("k9s") {
            objects_below(&path, objects)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            objects.extend(serde_saphyr::from_multiple::<Value>(&fs::read_to_string(path)?)?);
        }
    }
    Ok(())
}

/// The first sentence of each entry of the newest version.
fn changes(changelog: &str) -> Vec<Value> {
    let newest = changelog.split("\n## ").nth(1).unwrap_or_default();
    let mut kind = String::new();
    let mut found: Vec<(String, String)> = Vec::new();
    for line in newest.lines().skip(1) {
        if let Some(heading) = line.strip_prefix("### ") {
            kind = heading.to_lowercase();
        } else if let Some(entry) = line.strip_prefix("- ") {
            found.push((kind.clone(), entry.to_owned()));
        } else if let (Some(more), Some((_, entry))) = (line.strip_prefix("  "), found.last_mut()) {
            entry.push(' ');
            entry.push_str(more);
        }
    }
    let change = |(kind, entry): (String, String)| json!({"kind": kind, "description": plain(first_sentence(&entry))});
    found.into_iter().map(change).collect()
}
