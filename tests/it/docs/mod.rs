//! The reference knows everything that a user can meet: reasons, metrics, flags, labels.

mod github;
mod links;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use billing_domain::closing::HoldReason;
use billing_operator::metrics::Metrics;
use billing_operator::settings::Settings;
use clap::{CommandFactory, Parser};

use crate::Result;
use crate::monitoring::sampled_of_meter;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The files of the domain whose `as_str` makes reasons.
const REASONS: [&str; 4] = [
    "crates/domain/src/closing.rs",
    "crates/domain/src/tenancy/membership.rs",
    "crates/domain/src/problem.rs",
    "crates/meter/src/recipe.rs",
];

#[derive(Parser)]
struct Operator {
    #[command(flatten)]
    _settings: Settings,
}

#[derive(Parser)]
struct Meter {
    #[command(flatten)]
    _settings: billing_meter::settings::Settings,
}

#[test]
fn the_reference_has_every_reason_of_a_condition() -> Result {
    let reasons = reasons()?;
    // The ways in which they are found still work.
    for known in [
        "Bound",
        "InvoiceSeriesTaken",
        "SettlingIn",
        "TooManyMoves",
        "PayerGone",
        "OlderPrimary",
        "Issuing",
        "KindNotServed",
        "OutOfRange",
    ] {
        assert!(reasons.contains(known), "{known} is not found in the code: {reasons:?}");
    }
    check(reasons)
}

#[test]
fn the_reference_has_every_metric() -> Result {
    let names = |text: &str| -> BTreeSet<String> {
        text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next().map(str::to_owned)).collect()
    };
    let operator = names(&Metrics::new().exposition.encode_prometheus()?);
    let meter = names(&sampled_of_meter().exposition.encode_prometheus()?);
    // What both tell of their work is told once.
    let is_shared = |name: &String| operator.contains(&name.replacen("billing_meter", "billing_operator", 1));
    check(meter.into_iter().filter(|name| !is_shared(name)).collect())?;
    check(operator)
}

#[test]
fn the_reference_has_every_flag() -> Result {
    for command in [Operator::command(), Meter::command()] {
        let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
        check(shown.filter_map(|argument| Some(format!("--{}", argument.get_long()?))).collect())?;
    }
    Ok(())
}

#[test]
fn the_reference_has_every_label_and_annotation() -> Result {
    let source = fs::read_to_string(Path::new(ROOT).join("crates/api/src/labels.rs"))?;
    check(literals(&source).filter(|text| text.starts_with("billing-operator.io/")).collect())
}

/// What the glossary says carries a term is in the code, letter for letter.
#[test]
fn the_glossary_names_what_there_is() -> Result {
    let glossary = fs::read_to_string(Path::new(ROOT).join("docs/glossary.md"))?;
    let code = code()?;
    let names = carriers(&glossary);
    assert!(names.len() > 100, "more than these carry a term: {names:?}");
    let missing = missing(&names, &code);
    assert!(missing.is_empty(), "docs/glossary.md names {missing:?}, and the code has no such thing");
    // A name that nothing has is found.
    let made_up = carriers("| term | what it means | `Ledger`, `NoSuchThing::no_such_member` |");
    assert_eq!(self::missing(&made_up, &code), ["NoSuchThing", "no_such_member"]);
    Ok(())
}

/// The identifiers in the last column of tables with three columns: `Type`, `Type::member`, `function`.
fn carriers(glossary: &str) -> Vec<String> {
    let rows = glossary.lines().filter(|line| line.starts_with('|') && line.matches(" | ").count() == 2);
    let column = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit(" | ").next());
    let code = column.flat_map(|column| column.split('`').skip(1).step_by(2));
    let names = code.filter(|code| !code.contains('*')).flat_map(|code| code.split("::"));
    names.map(str::to_owned).collect()
}

fn missing(names: &[String], code: &BTreeSet<String>) -> Vec<String> {
    names.iter().filter(|name| !code.contains(*name)).cloned().collect()
}

/// Every word of the code.
fn code() -> Result<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    for folder in ["src", "crates"] {
        for file in
            sources(&Path::new(ROOT).join(folder))?.iter().filter(|file| file.extension().is_some_and(|e| e == "rs"))
        {
            let text = fs::read_to_string(file)?;
            let split = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.extend(split.map(str::to_owned));
        }
    }
    Ok(words)
}

/// Every one of these names must stand in the reference, as code.
fn check(names: BTreeSet<String>) -> Result {
    assert!(names.len() > 5, "there are more than these: {names:?}");
    let reference = fs::read_to_string(Path::new(ROOT).join("docs/reference.md"))?;
    let missing: Vec<&String> = names.iter().filter(|name| !reference.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/reference.md lacks {missing:?}");
    Ok(())
}

/// The reasons that the code can give a condition.
fn reasons() -> Result<BTreeSet<String>> {
    let mut reasons: BTreeSet<String> = HoldReason::ALL.iter().map(|reason| reason.as_str().to_owned()).collect();
    for file in REASONS {
        let source = fs::read_to_string(Path::new(ROOT).join(file))?;
        let names = source.lines().filter(|line| line.contains("=> \"")).flat_map(literals);
        reasons.extend(names.filter(|name| name.chars().all(char::is_alphanumeric)));
    }
    let folders =
        ["crates/planning/src", "crates/meter/src", "src"].map(|folder| sources(&Path::new(ROOT).join(folder)));
    for file in folders.into_iter().collect::<Result<Vec<_>>>()?.concat() {
        let source = fs::read_to_string(file)?;
        // What the tests of a file make up comes last in it.
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let conditions = ["DesiredCondition::yes(", "DesiredCondition::no("].map(|call| code.split(call).skip(1));
        reasons.extend(conditions.into_iter().flatten().filter_map(given_reason));
        let readiness = ["Readiness::ready(", "Readiness::waiting(", "Readiness::stalled("];
        reasons.extend(readiness.iter().flat_map(|call| code.split(call).skip(1)).filter_map(literal));
    }
    Ok(reasons)
}

/// The second argument of a call whose arguments begin here, where both are literals: the type, then the reason.
fn given_reason(arguments: &str) -> Option<String> {
    let (type_, reason) = arguments.split_once(',')?;
    literal(type_)?;
    literal(reason)
}

/// The first argument of a call whose arguments begin here, where it is a literal.
fn literal(arguments: &str) -> Option<String> {
    Some(arguments.split(',').next()?.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

/// The string literals of a text without escapes.
fn literals(source: &str) -> impl Iterator<Item = String> {
    source.split('"').skip(1).step_by(2).map(str::to_owned)
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(sources(&path)?),
            false if path.file_name().is_some_and(|name| name != "tests.rs") => found.push(path),
            false => {}
        }
    }
    Ok(found)
}
