//! What it takes to run a command: exactly the rights that docs/cli.md says.
//!
//! Every right is a group of people: who has it impersonates a member. So one right is taken away by leaving one group out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use billing_test_harness::User;
use serde_json::{Value, json};

use super::{ORGANIZATION, billing_with, organization};
use crate::Result;
use crate::support::command::Run;
use crate::support::{LIMIT, Scene, wait};
use kubectl_billing::ExitStatus;

/// Every command of the table, as it is run here. What would change something is tried.
const RUNS: [(&str, &[&str]); 32] = [
    ("status", &[]),
    ("whoami", &[]),
    ("group list", &[]),
    ("group get", &["main"]),
    ("group create", &["tried", "--dry-run=server"]),
    ("group update", &["main", "--company", "Other", "--dry-run=server"]),
    ("group rename", &["main", "Other", "--dry-run=server"]),
    ("group set-primary", &["shop", "--dry-run=server"]),
    ("group delete", &["empty", "--dry-run=server"]),
    ("group assign", &["main", "cli-shop", "--dry-run=server"]),
    ("group events", &["main"]),
    ("project list", &[]),
    ("project history", &["cli-web"]),
    // The API server cannot try a binding in a namespace that it only tried.
    ("project create", &["cli-made-{n}", "--group", "main"]),
    ("invoice list", &[]),
    ("invoice get", &["clia-1"]),
    ("invoice lines", &["clia-1"]),
    ("invoice download", &["clia-1", "--format", "csv"]),
    ("invoice pay", &["clia-1", "--reference", "R1", "--dry-run=server"]),
    ("credit list", &[]),
    ("credit claim", &["main", "WELCOME-2026-ABCDEFGH", "--dry-run=server"]),
    ("credit-note list", &[]),
    ("credit-note get", &["outage"]),
    ("credit-note download", &["outage", "--format", "csv"]),
    ("credit-note create", &["clia-1", "--full", "--reason", "x", "--dry-run=server"]),
    ("usage list", &[]),
    ("export", &["--format", "csv", "--period", "2026-10", "-o", "-"]),
    ("usage import", &["-f", "-", "--map", "tests/it/cli/meter.yaml", "--dry-run=server"]),
    ("meter test", &["-f", "examples/meters/fee.yaml"]),
    ("report", &["-o", "/dev/null"]),
    ("explain", &["clia-1"]),
    ("verify", &["clia-1"]),
];

const EVENT: &str = r#"{"specversion": "1.0", "id": "1", "source": "/rights", "type": "com.example.calls", "subject": "cli-web",
    "time": "2026-10-01T12:00:00Z", "data": {"service": "api", "end": "2026-10-01T13:00:00Z"}}"#;

/// The organization of commands that would change what others read, or that need a group without terms.
const OTHER: &str = "cli-rights";

/// Where a command is run.
fn organization_of(command: &str) -> &'static str {
    if matches!(command, "project create" | "group delete") { OTHER } else { ORGANIZATION }
}

/// A right, as the page writes it: `patch projectbindings (project)`.
type Right = String;

/// The table of the page: each command with its rights.
fn table() -> Result<BTreeMap<String, Vec<Right>>> {
    let page = fs::read_to_string("docs/cli.md")?;
    let table =
        page.split("| command | rights |\n| --- | --- |\n").nth(1).ok_or("docs/cli.md has no table of rights")?;
    let rows = table.lines().take_while(|line| line.starts_with('|'));
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        let command = cells.next()?.trim_matches('`').to_owned();
        let rights = cells.next()?.split(", ").filter(|right| !right.is_empty()).map(str::to_owned).collect();
        Some((command, rights))
    };
    Ok(rows.filter_map(row).collect())
}

/// The group of people who have a right.
fn group(right: &str) -> String {
    let word: String = right.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    format!("cli-{}", word.trim_end_matches('-'))
}

/// The role of a right, and its bindings to the group of those who have it.
fn role(right: &str) -> Result<Vec<Value>> {
    let (rule, scope) =
        right.strip_suffix(')').and_then(|right| right.split_once(" (")).unwrap_or((right, "organization"));
    let (verb, resource) = rule.split_once(' ').ok_or_else(|| format!("{right:?} is no right"))?;
    let api_group = if matches!(resource, "events" | "namespaces") { "" } else { billing_api::GROUP };
    let name = group(right);
    let api = "rbac.authorization.k8s.io/v1";
    let role = json!({
        "apiVersion": api, "kind": "ClusterRole", "metadata": { "name": name },
        "rules": [{ "apiGroups": [api_group], "resources": [resource], "verbs": [verb] }],
    });
    let mut binding = json!({
        "apiVersion": api, "kind": "RoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name }],
    });
    match scope {
        "cluster" => binding["kind"] = json!("ClusterRoleBinding"),
        "project" => binding["metadata"]["namespace"] = json!("cli-shop"),
        "organization" => binding["metadata"]["namespace"] = json!(ORGANIZATION),
        other => return Err(format!("{right:?}: nobody knows the scope {other}").into()),
    }
    let mut other = binding.clone();
    if scope == "organization" {
        other["metadata"]["namespace"] = json!(OTHER);
    }
    Ok(vec![role, binding, other])
}

/// Runs a command as somebody who has these rights.
async fn run_with(scene: &Scene<'_>, command: &str, rights: &[&Right], serial: usize) -> Result<Run> {
    let (_, arguments) =
        RUNS.iter().find(|(name, _)| *name == command).ok_or_else(|| format!("{command} is not run"))?;
    let groups: Vec<String> = rights.iter().map(|right| format!("--as-group={}", group(right))).collect();
    let serial = serial.to_string();
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("{n}", &serial)).collect();
    let words = command.split(' ').chain(arguments.iter().map(String::as_str));
    let words: Vec<&str> = words.chain(["--as", "somebody"]).chain(groups.iter().map(String::as_str)).collect();
    billing_with(scene, organization_of(command), &words, EVENT).await
}

#[test]
fn the_page_has_every_command_that_reaches_a_cluster() -> Result {
    let run: BTreeSet<String> = RUNS.iter().map(|(command, _)| (*command).to_owned()).collect();
    assert_eq!(table()?.into_keys().collect::<BTreeSet<_>>(), run);
    let without = ["preview", "code", "rates import", "version", "completion"];
    let known: BTreeSet<String> = run.into_iter().chain(without.map(str::to_owned)).collect();
    let missing: Vec<String> = commands().into_iter().filter(|command| !known.contains(command)).collect();
    assert!(missing.is_empty(), "docs/cli.md does not say what {missing:?} takes");
    Ok(())
}

/// Every command, by its words.
fn commands() -> Vec<String> {
    let root = <kubectl_billing::Arguments as clap::CommandFactory>::command();
    let shown = root.get_subcommands().filter(|command| !command.is_hide_set());
    let words = shown.flat_map(|command| {
        let verbs: Vec<String> =
            command.get_subcommands().map(|verb| format!("{} {}", command.get_name(), verb.get_name())).collect();
        if verbs.is_empty() { vec![command.get_name().to_owned()] } else { verbs }
    });
    words.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_takes_exactly_the_rights_that_the_page_says() -> Result {
    let scene = organization().await?;
    scene.organization(OTHER).await?;
    for group in ["main", "empty"] {
        scene.group(OTHER, group, json!({})).await?;
    }
    let table = table()?;
    let rights: BTreeSet<&Right> = table.values().flatten().collect();
    let mut objects = Vec::new();
    for right in &rights {
        objects.extend(role(right)?);
    }
    let roles = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    scene.control_plane.apply(User::ClusterAdmin, &roles.to_string())?;
    let mut failures = Vec::new();
    let mut serial = 0;
    for (command, rights) in &table {
        let all: Vec<&Right> = rights.iter().collect();
        // The API server learns of new roles a moment later.
        wait(&format!("{command} is done with {rights:?}"), LIMIT, async || {
            serial += 1;
            let Run { ended, stderr, .. } = run_with(&scene, command, &all, serial).await?;
            if ended == ExitStatus::Ok { Ok(Some(())) } else { Err(format!("{ended:?}: {stderr}").into()) }
        })
        .await?;
        for taken in rights {
            serial += 1;
            let fewer: Vec<&Right> = rights.iter().filter(|right| *right != taken).collect();
            let Run { ended, stderr, .. } = run_with(&scene, command, &fewer, serial).await?;
            if ended == ExitStatus::Ok {
                failures.push(format!("{command} needs no {taken}: {stderr}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}
