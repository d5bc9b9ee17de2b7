//! What pages and examples tell people to type can be typed.

use std::fs;

use billing_api::crds;
use clap::Parser;
use kubectl_billing::print::jsonpath::Path;
use serde_json::Value;

use crate::Result;

/// The words of a command of a shell, up to a pipe, a redirection or a comment. Quotes keep words together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (c, quote) {
            ('\'' | '"', None) => (quote, begun) = (Some(c), true),
            (_, Some(open)) if c == open => quote = None,
            ('|' | '>' | '<' | '#' | ';' | ')', None) => break,
            (c, None) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (c, _) => {
                word.push(c);
                begun = true;
            }
        }
    }
    words.extend(begun.then_some(word));
    words
}

/// The commands in the code of a page: lines that begin with one, with those that go on below.
fn commands(page: &str) -> Vec<String> {
    let code = page.split("```").skip(1).step_by(2).collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let typed = code.lines().map(|line| line.trim_start().trim_start_matches("$ "));
    typed.filter(|line| line.starts_with("kubectl billing ")).map(str::to_owned).collect()
}

/// Why a command cannot be typed.
fn refused(command: &str) -> Option<String> {
    let words = words(command.trim_start_matches("kubectl billing "));
    let parsed = kubectl_billing::Arguments::try_parse_from(["kubectl-billing".to_owned()].into_iter().chain(words));
    match parsed {
        // To ask for help is no error.
        Err(error) if error.use_stderr() => Some(format!("{command}: {error}")),
        _ => None,
    }
}

#[test]
fn every_command_on_a_page_can_be_typed() -> Result {
    let mut found = Vec::new();
    let mut pages = vec!["README.md".into(), "examples/README.md".into()];
    // Those of the API have none: they are made from the definitions.
    for entry in fs::read_dir("docs")? {
        pages.extend(Some(entry?.path()).filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    }
    for page in pages {
        found.extend(commands(&fs::read_to_string(&page)?));
    }
    assert!(found.len() > 30, "only {} commands", found.len());
    let refused: Vec<_> = found.iter().filter_map(|command| refused(command)).collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    // One that cannot be typed is found.
    assert!(self::refused("kubectl billing group frobnicate main").is_some());
    Ok(())
}

/// The examples in the commands' own help can be typed, too.
#[test]
fn every_example_of_the_help_can_be_typed() {
    let root = <kubectl_billing::Arguments as clap::CommandFactory>::command();
    let mut commands: Vec<_> = root.get_subcommands().cloned().collect();
    let mut typed = 0;
    while let Some(command) = commands.pop() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines().map(str::trim).filter(|line| line.starts_with("kubectl billing ")) {
            typed += 1;
            assert_eq!(refused(line), None);
        }
        commands.extend(command.get_subcommands().cloned());
    }
    assert!(typed > 30, "only {typed} examples");
}

fn yaml(path: &str) -> Result<Value> {
    Ok(serde_saphyr::from_str(&fs::read_to_string(path)?)?)
}

#[test]
fn the_plugins_of_k9s_call_commands_that_exist() -> Result {
    let plugins = yaml("examples/k9s/plugins.yaml")?;
    let plugins = plugins["plugins"].as_object().ok_or("no plugins")?;
    let plurals: Vec<String> = crds::all().into_iter().map(|definition| definition.spec.names.plural).collect();
    let mut shortcuts = std::collections::BTreeSet::new();
    for (name, plugin) in plugins {
        let command = plugin["args"][1].as_str().ok_or("no command")?.replace(" 2>&1", "");
        assert_eq!(refused(&command), None, "{name}");
        for scope in plugin["scopes"].as_array().ok_or("no scopes")? {
            assert!(plurals.iter().any(|plural| scope == plural), "{name}: {scope}");
            let key = format!("{} {scope}", plugin["shortCut"]);
            assert!(shortcuts.insert(key), "{name}: another plugin has the same key");
        }
    }
    Ok(())
}

#[test]
fn the_views_of_k9s_have_columns_that_exist() -> Result {
    let views = yaml("examples/k9s/views.yaml")?;
    for (resource, view) in views["views"].as_object().ok_or("no views")? {
        let plural = resource.strip_prefix("billing-operator.io/v1alpha1/").ok_or("another group")?;
        let definition = crds::all().into_iter().find(|definition| definition.spec.names.plural == plural);
        let version =
            definition.and_then(|definition| definition.spec.versions.into_iter().next()).ok_or("no such kind")?;
        let printed: Vec<String> = version
            .additional_printer_columns
            .unwrap_or_default()
            .iter()
            .map(|column| column.name.to_uppercase())
            .collect();
        for column in view["columns"].as_array().ok_or("no columns")? {
            let column = column.as_str().unwrap_or_default();
            match column.split_once(':') {
                Some((_, path)) => drop(path.parse::<Path>()?),
                None => {
                    let known =
                        ["NAME", "NAMESPACE", "AGE"].contains(&column) || printed.iter().any(|name| name == column);
                    assert!(known, "{resource}: no column {column}");
                }
            }
        }
    }
    Ok(())
}
