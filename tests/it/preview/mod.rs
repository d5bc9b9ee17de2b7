//! `kubectl billing preview`: manifests in, refusals and invoices out.
//!
//! `cases/<sentence>.yaml` are manifests; the first line of each names the arguments. What the command prints is kept
//! beside it as `.txt`. After a change that is meant, `UPDATE=1 cargo test --test it preview` writes those anew.

mod closed_months;
mod objects;
mod operator;
mod rules;
mod stored;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use billing_test_harness::User;
use kubectl_billing::ExitStatus;
use serde_json::{Value, json};

use crate::Result;
use crate::support::World;
use crate::support::command::{Run, run};

/// Previews manifests.
fn preview(arguments: &[&str], stdin: &str) -> Result<Run> {
    run(&[&["preview"], arguments].concat(), stdin)
}

/// Compares a text with the file that keeps it, or writes that anew.
fn check_golden(path: &Path, text: &str) -> Result<(), String> {
    if std::env::var_os("UPDATE").is_some() {
        return fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()));
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected == text {
        return Ok(());
    }
    Err(format!("{} says\n{expected}\nand should say\n{text}", path.display()))
}

/// Runs the manifests of a file with the arguments in its first line.
fn check_case(path: &Path) -> Result<(), String> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let arguments = text.lines().next().and_then(|line| line.strip_prefix("# args: ")).ok_or("no arguments")?;
    let arguments: Vec<_> = ["-f", "-"].into_iter().chain(arguments.split_whitespace()).collect();
    let Run { ended, stdout, stderr } = preview(&arguments, &text).map_err(|error| format!("{name}: {error}"))?;
    check_golden(&path.with_extension("txt"), &format!("{ended:?}\n{stderr}\n{stdout}"))
}

#[test]
fn every_case_is_previewed_as_it_is_written_down() -> Result {
    let mut paths = Vec::new();
    for entry in fs::read_dir("tests/it/preview/cases")? {
        let path = entry?.path();
        paths.extend(Some(path).filter(|path| path.extension().is_some_and(|extension| extension == "yaml")));
    }
    assert!(paths.len() >= 15, "only {} cases", paths.len());
    let failures: Vec<_> = paths.iter().filter_map(|path| check_case(path).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// What is said of the manifests, and not of invoices.
fn without_holds(stderr: &str) -> Vec<&str> {
    stderr.lines().filter(|line| !line.starts_with("held: ")).collect()
}

#[test]
fn a_month_alone_is_as_it_is_among_all_months() -> Result {
    let mut months = 0;
    for entry in fs::read_dir("tests/it/preview/cases")? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let manifests = fs::read_to_string(&path)?;
        let written = manifests.lines().next().and_then(|line| line.strip_prefix("# args: ")).unwrap_or_default();
        let words: Vec<_> = written.split_whitespace().filter(|word| *word != "--lines").collect();
        if words.contains(&"--period") || words.contains(&"-o") {
            continue;
        }
        let arguments = [&["-f", "-", "-o", "json"], &words[..]].concat();
        let all = preview(&arguments, &manifests)?;
        let invoices = serde_json::from_str::<Value>(&all.stdout)?["items"].as_array().cloned().unwrap_or_default();
        let mut by_month: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for object in &invoices {
            by_month.entry(object["spec"]["period"].as_str().unwrap_or_default()).or_default().push(object);
        }
        for (month, objects) in by_month {
            let alone = preview(&[&arguments[..], &["--period", month]].concat(), &manifests)?;
            let about = path.display();
            assert_eq!(without_holds(&alone.stderr), without_holds(&all.stderr), "{about}, {month}");
            assert_eq!(serde_json::from_str::<Value>(&alone.stdout)?["items"], json!(objects), "{about}, {month}");
            months += 1;
        }
    }
    assert!(months >= 20, "only {months} months");
    Ok(())
}

#[test]
fn the_example_is_previewed_as_it_is_written_down() -> Result {
    let Run { ended, stdout, stderr } = preview(&["-f", "examples/acme", "--lines"], "")?;
    check_golden(Path::new("tests/it/preview/acme.txt"), &format!("{ended:?}\n{stderr}\n{stdout}"))?;
    Ok(())
}

#[test]
fn the_example_of_taxes_is_previewed_as_it_is_written_down() -> Result {
    let arguments = ["-f", "examples/tax.yaml", "--lines", "--period", "2026-09"];
    let Run { ended, stdout, stderr } = preview(&arguments, "")?;
    check_golden(Path::new("tests/it/preview/tax.txt"), &format!("{ended:?}\n{stderr}\n{stdout}"))?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_template_prints_every_type_of_line() -> Result {
    let scene = World::shared().scene().await?;
    let printed = preview(&["-f", "examples/initech", "--period", "2026-10", "-o", "yaml"], "")?.stdout;
    let template = "--output=go-template-file=examples/invoice.tmpl";
    let arguments = ["create", "--dry-run=client", "--validate=false", "--filename=-", template];
    let output = scene.control_plane.kubectl_with(User::Admin, &arguments, &printed)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check_golden(Path::new("tests/it/preview/template.txt"), &String::from_utf8(output.stdout)?)?;
    Ok(())
}

#[test]
fn the_example_of_currencies_is_previewed_as_it_is_written_down() -> Result {
    let arguments = ["-f", "examples/currencies.yaml", "--lines", "--period", "2026-10"];
    let Run { ended, stdout, stderr } = preview(&arguments, "")?;
    check_golden(Path::new("tests/it/preview/currencies.txt"), &format!("{ended:?}\n{stderr}\n{stdout}"))?;
    Ok(())
}

#[test]
fn the_documentation_shows_what_is_printed() -> Result {
    let documentation = fs::read_to_string("docs/preview.md")?;
    let Run { stdout, stderr, .. } = preview(&["-f", "examples/acme"], "")?;
    let shown = format!("--as-of 2026-11-21T12:00:00Z\n{stderr}{stdout}```");
    assert!(documentation.contains(&shown), "docs/preview.md should show\n{shown}");
    Ok(())
}

/// The text of a block of the documentation that begins with a command, as the command prints it.
pub(crate) fn check_block(documentation: &str, command: &str, printed: &str) -> Result {
    let path = Path::new(documentation);
    let text = fs::read_to_string(path)?;
    let head = format!("```console\n$ kubectl billing {command}\n");
    let (before, rest) = text.split_once(&head).ok_or_else(|| format!("{documentation} does not run {command}"))?;
    let (_, after) = rest.split_once("```\n").ok_or("the block does not end")?;
    check_golden(path, &format!("{before}{head}{printed}```\n{after}"))?;
    Ok(())
}

#[test]
fn the_documentation_shows_every_type_of_line() -> Result {
    let arguments = ["-f", "examples/initech", "--as-of", "2026-11-21T12:00:00Z", "--period", "2026-10", "--lines"];
    let Run { ended, stdout, stderr } = preview(&arguments, "")?;
    assert_eq!((ended, &*stderr), (ExitStatus::Ok, ""));
    let types = [
        "ServiceCharge",
        "Multiplier",
        "ExtraCharge",
        "SupportCharge",
        "CommitmentFee",
        "OtherEvent",
        "CreditConsumption",
        "Rounding",
    ];
    for kind in types {
        assert!(stdout.contains(kind), "the example has no {kind}");
    }
    let command = format!("preview {}", arguments.join(" "));
    check_block("docs/lines.md", &command, &stdout)?;
    check_block("README.md", &command, &stdout)
}

#[test]
fn the_documentation_shows_the_price_pages_of_three_clouds() -> Result {
    let arguments = ["-f", "examples/prices", "--as-of", "2026-11-21T12:00:00Z", "--period", "2026-10", "--lines"];
    let Run { ended, stdout, stderr } = preview(&arguments, "")?;
    assert_eq!((ended, &*stderr), (ExitStatus::Ok, ""));
    check_block("docs/prices.md", &format!("preview {}", arguments.join(" ")), &stdout)
}

/// The manifests of an example, one after the other; read backwards if so wanted.
fn manifests(folder: &str, backwards: bool) -> Result<String> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    let texts = paths.iter().map(fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let mut manifests: Vec<&str> = texts.iter().flat_map(|text| text.split("\n---\n")).collect();
    assert!(manifests.len() > 10, "only {} manifests in {folder}", manifests.len());
    if backwards {
        manifests.reverse();
    }
    Ok(manifests.join("\n---\n"))
}

#[test]
fn documents_are_the_same_bytes_in_whatever_order_the_manifests_are_read() -> Result {
    for folder in ["examples/acme", "examples/initech"] {
        let documents =
            |backwards| -> Result<Run> { preview(&["-f", "-", "-o", "json"], &manifests(folder, backwards)?) };
        let (forwards, backwards) = (documents(false)?, documents(true)?);
        assert!(forwards.stdout.contains("\"digest\""), "{folder}: {}", forwards.stderr);
        assert_eq!(forwards.stdout, backwards.stdout, "{folder}");
    }
    Ok(())
}

#[test]
fn the_documentation_shows_how_a_closed_month_is_adjusted() -> Result {
    let manifests = fs::read_to_string("tests/it/preview/cases/late-usage.yaml")?;
    let billed = preview(&["-f", "-", "--as-of", "2026-11-15T00:00:00Z", "-o", "yaml"], &manifests)?.stdout;
    let explained = run(&["explain", "0726a-2", "-f", "-"], &billed)?.stdout;
    let adjustments: Vec<_> = explained.split("\n\n").filter(|line| line.starts_with("OtherEvent")).collect();
    assert_eq!(adjustments.len(), 2, "{explained}");
    let documentation = fs::read_to_string("docs/late-usage.md")?;
    for adjustment in adjustments {
        assert!(documentation.contains(adjustment), "docs/late-usage.md lacks\n{adjustment}");
    }
    Ok(())
}
