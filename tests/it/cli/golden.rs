//! What commands print, kept in files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{ORGANIZATION, billing, ok, organization};
use crate::Result;
use crate::month::stage::back;
use crate::support::command::Run;
use crate::support::open_month;

/// The commands that only read, each with the name of its file.
const COMMANDS: [(&str, &[&str]); 14] = [
    ("status", &["status"]),
    ("whoami", &["whoami"]),
    ("group-list", &["group", "list"]),
    ("group-get", &["group", "get", "main"]),
    ("project-list", &["project", "list"]),
    ("project-history", &["project", "history", "cli-web"]),
    ("invoice-list", &["invoice", "list"]),
    ("invoice-get", &["invoice", "get", "clia-1"]),
    ("invoice-lines", &["invoice", "lines", "clia-1"]),
    ("credit-list", &["credit", "list"]),
    ("credit-note-list", &["credit-note", "list"]),
    ("credit-note-get", &["credit-note", "get", "outage"]),
    ("usage-list", &["usage", "list"]),
    ("usage-unbilled", &["usage", "list", "--unbilled"]),
];

/// A text without what differs from run to run, each replaced by something as long.
fn steady(text: &str) -> String {
    let text = text.replace(&back(1).to_string(), "<last->").replace(&open_month().to_string(), "<this->");
    let mut steady = String::new();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let skipped = [time(rest, "NNNN-NN-NNTNN:NN:NN.NNNNNNZ"), time(rest, "NNNN-NN-NNTNN:NN:NNZ")]
            .into_iter()
            .chain([
                time(rest, "<last->-NNTNN:NN:NNZ"),
                time(rest, "<this->-NNTNN:NN:NN.NNNNNNZ"),
                time(rest, "<this->-NNTNN:NN:NNZ"),
            ])
            .flatten()
            .next();
        match skipped {
            Some(length) => {
                steady.push_str(&format!("{:-<length$}", "<time"));
                rest = &rest[length..];
            }
            None => {
                steady.push(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    steady
}

/// The length of a time of this form that a text begins with.
fn time(text: &str, form: &str) -> Option<usize> {
    let fits = |(c, form): (char, char)| if form == 'N' { c.is_ascii_digit() } else { c == form };
    (text.len() >= form.len() && text.is_char_boundary(form.len()) && text.chars().zip(form.chars()).all(fits))
        .then_some(form.len())
}

fn check(name: &str, text: &str) -> Result<(), String> {
    let path = Path::new("tests/it/cli/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        return fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()));
    }
    match fs::read_to_string(&path).unwrap_or_default() {
        expected if expected == text => Ok(()),
        expected => Err(format!("{} says\n{expected}\nand should say\n{text}", path.display())),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_commands_print_is_kept() -> Result {
    let scene = organization().await?;
    let mut failures = Vec::new();
    for (name, arguments) in COMMANDS {
        let Run { ended, stdout, stderr } = billing(&scene, ORGANIZATION, arguments).await?;
        let text =
            format!("$ kubectl billing {} -n {ORGANIZATION}\n{stdout}{stderr}[{ended:?}]\n", arguments.join(" "));
        failures.extend(check(&format!("{name}.txt"), &steady(&text)).err());
        let too_wide = stdout.lines().filter(|line| line.chars().count() > 80);
        failures.extend(too_wide.map(|line| format!("{name}: wider than 80 columns: {line}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// Every text in a value, numbers and the like included.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Null => {}
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, found)),
        other => drop(found.insert(other.to_string())),
    }
}

/// Whether a cell is a text of the objects, several of them, or the beginning of one that was cut.
fn is_in(cell: &str, texts: &BTreeSet<String>) -> bool {
    let whole = |text: &str| texts.contains(text);
    let cut = cell.strip_suffix('…').is_some_and(|cut| texts.iter().any(|text| text.starts_with(cut)));
    whole(cell) || cut || cell.split(',').all(whole)
}

#[test]
fn a_cell_that_is_in_no_object_is_found() {
    let texts = BTreeSet::from(["Online shop".to_owned(), "1.66".to_owned()]);
    assert!(is_in("1.66", &texts) && is_in("Online…", &texts) && is_in("1.66,Online shop", &texts));
    assert!(!is_in("1.67", &texts) && !is_in("shop…", &texts) && !is_in("1.66,x", &texts));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_of_a_table_is_in_the_objects() -> Result {
    let scene = organization().await?;
    for (name, arguments) in COMMANDS {
        let json = |text: String| serde_json::from_str::<Value>(&text);
        let objects = json(ok(&scene, ORGANIZATION, &[arguments, &["-o", "json"]].concat()).await?)?;
        let mut found = BTreeSet::new();
        texts(&objects, &mut found);
        let csv = ok(&scene, ORGANIZATION, &[arguments, &["-o", "csv", "--no-headers"]].concat()).await?;
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(csv.as_bytes());
        for record in reader.records() {
            for cell in record?.iter().filter(|cell| !cell.is_empty()) {
                assert!(is_in(cell, &found), "{name}: {cell:?} is in no object");
            }
        }
        // Nothing but what the API server has: every object has its kind and version.
        let items = objects["items"].as_array().cloned().unwrap_or_else(|| vec![objects.clone()]);
        assert!(!items.is_empty(), "{name}");
        for object in items {
            let said = (object["apiVersion"].as_str(), object["kind"].as_str());
            assert!(said.0.is_some() && said.1.is_some_and(|kind| kind != "List"), "{name}: {object}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn yaml_names_and_templates_are_of_the_same_objects() -> Result {
    let scene = organization().await?;
    let list = ["invoice", "list", "--sort-by", ".metadata.name"];
    let json: Value = serde_json::from_str(&ok(&scene, ORGANIZATION, &[&list[..], &["-o", "json"]].concat()).await?)?;
    let yaml = ok(&scene, ORGANIZATION, &[&list[..], &["-o", "yaml"]].concat()).await?;
    assert_eq!(serde_saphyr::from_str::<Value>(&yaml)?, json);
    let names = ok(&scene, ORGANIZATION, &[&list[..], &["-o", "name"]].concat()).await?;
    assert_eq!(names.lines().next(), Some("invoice.billing-operator.io/clia-1"));
    let totals =
        ok(&scene, ORGANIZATION, &[&list[..], &["-o", "jsonpath={.items[*].status.document.total}"]].concat()).await?;
    assert_eq!(totals, "0.83 12.50 12.50 0.00");
    let everywhere =
        ok(&scene, ORGANIZATION, &["invoice", "get", "clia-1", "-o", "jsonpath={.status.document.total}"]).await?;
    assert_eq!(everywhere, "0.83");
    // The whole document, to the byte: what the API server has is what is printed.
    let invoice: Value =
        serde_json::from_str(&ok(&scene, ORGANIZATION, &["invoice", "get", "clia-1", "-o", "json"]).await?)?;
    assert_eq!(invoice["status"]["document"], json["items"][0]["status"]["document"]);
    Ok(())
}
