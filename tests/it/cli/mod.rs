//! `kubectl billing` on a real API server: what every command prints and changes, and what it takes to run it.
//!
//! Tests that only read share one organization; what a command prints of it is kept in `golden/`. After a change that is
//! meant, `UPDATE=1 cargo test --test it cli` writes those files anew.

mod changes;
mod golden;
mod pages;
mod report;
mod rights;
mod usage;
mod walk;

use std::sync::OnceLock;

use billing_api::labels::ORGANIZATION_LABEL;
use billing_test_harness::User;
use kubectl_billing::ExitStatus;
use serde_json::{Value, json};

use crate::Result;
use crate::month::credit_notes::{ask, issued};
use crate::month::stage::{back, database, domain, final_of, later, total};
use crate::support::command::{Run, run};
use crate::support::{Scene, World, open_month};

/// The organization that tests read, and none changes.
const ORGANIZATION: &str = "cli";

/// Runs a command about an organization as a cluster admin.
async fn billing(scene: &Scene<'_>, organization: &str, arguments: &[&str]) -> Result<Run> {
    billing_with(scene, organization, arguments, "").await
}

/// Runs a command about an organization with something on its standard input.
async fn billing_with(scene: &Scene<'_>, organization: &str, arguments: &[&str], stdin: &str) -> Result<Run> {
    let kubeconfig = scene.control_plane.kubeconfig(User::ClusterAdmin).display().to_string();
    let arguments = [arguments, &["-n", organization, "--kubeconfig", &kubeconfig]].concat();
    let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
    let stdin = stdin.to_owned();
    // Commands have a runtime of their own.
    let command = move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &stdin);
    tokio::task::spawn_blocking(command).await?
}

/// Runs a command that must succeed, and returns what it printed.
async fn ok(scene: &Scene<'_>, organization: &str, arguments: &[&str]) -> Result<String> {
    let Run { ended, stdout, stderr } = billing(scene, organization, arguments).await?;
    if ended == ExitStatus::Ok { Ok(stdout) } else { Err(format!("{arguments:?}: {ended:?}: {stdout}{stderr}").into()) }
}

/// Runs a command that must fail, and returns how it ended and what it said.
async fn failed(scene: &Scene<'_>, organization: &str, arguments: &[&str]) -> Result<(ExitStatus, String)> {
    let Run { ended, stdout, stderr } = billing(scene, organization, arguments).await?;
    if ended == ExitStatus::Ok {
        return Err(format!("{arguments:?} should have failed: {stdout}").into());
    }
    Ok((ended, stderr))
}

/// The organization `cli`: two groups with a final and an estimate each, usage that has no price, a credit, a credit note.
async fn organization() -> Result<Scene<'static>> {
    static MADE: OnceLock<Result<(), String>> = OnceLock::new();
    let made = tokio::task::spawn_blocking(|| {
        MADE.get_or_init(|| {
            let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
            runtime.block_on(make()).map_err(|error| error.to_string())
        })
    });
    made.await?.clone()?;
    World::shared().scene().await
}

async fn make() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization(ORGANIZATION).await?;
    for project in ["cli-web", "cli-shop"] {
        scene.project(ORGANIZATION, project).await?;
        scene.bind(project, if project == "cli-web" { "main" } else { "shop" }).await?;
    }
    let last = back(1).start();
    scene.usage(ORGANIZATION, "web-db", database("cli-web", "db", last, Some(later(last, 32)))).await?;
    scene.usage(ORGANIZATION, "shop-domain", domain("cli-shop", last)).await?;
    scene.usage(ORGANIZATION, "web-domain", domain("cli-web", open_month().start())).await?;
    let unpriced = json!({
        "project": "cli-web", "service": { "name": "cache", "type": "Valkey", "plan": "Hobbyist" },
        "start": format!("{}-01T00:00:00Z", open_month()), "end": format!("{}-01T01:00:00Z", open_month()),
    });
    scene.usage(ORGANIZATION, "web-cache", unpriced).await?;
    scene
        .credit(
            ORGANIZATION,
            "welcome",
            json!({
                "billingGroup": "shop", "type": "Promotion", "amount": { "amount": "20.00", "currency": "USD" },
                "startsAt": format!("{}-01T00:00:00Z", open_month()),
            }),
        )
        .await?;
    let group = |display: &str, series: &str, primary: bool| {
        json!({
            "displayName": display, "primary": primary, "company": "Acme Corp.", "vatId": "US-1", "invoiceEmails": ["a@acme.example"],
            "billingAddress": { "lines": ["12 Example Street"], "city": "Springfield", "countryCode": "US" },
            "terms": {
                "firstPeriod": back(1).to_string(), "invoiceSeries": series,
                "commitment": {
                    "name": "Plan", "amount": { "amount": "10000", "currency": "USD" }, "settlement": "Term",
                    "firstPeriod": back(1).to_string(), "lastPeriod": "2099-12",
                },
            },
        })
    };
    scene.group(ORGANIZATION, "main", group("Acme", "clia", true)).await?;
    scene.group(ORGANIZATION, "shop", group("Online shop", "clib", false)).await?;
    for name in ["main", "shop"] {
        final_of(&scene, ORGANIZATION, name, back(1)).await?;
    }
    let outage = json!({ "invoice": "clib-1", "lines": [{ "description": "Outage", "amount": "1.00" }] });
    ask(&scene, ORGANIZATION, "outage", outage).await?;
    issued(&scene, ORGANIZATION, "outage").await?;
    scene.wait_invoice(ORGANIZATION, "main", open_month(), "bills", |invoice| total(invoice) == "12.50").await?;
    scene.wait_ready("cli-web").await?;
    scene.wait_ready("cli-shop").await?;
    settled(&scene).await
}

/// Waits until everything that tests read is written.
async fn settled(scene: &Scene<'_>) -> Result {
    use billing_api::{BillingGroup, Credit, Invoice, UsageRecord};
    scene
        .wait_group(ORGANIZATION, "main", "has its balance", |group: &BillingGroup| {
            let status = group.status.clone().unwrap_or_default();
            status.estimated_balance.as_deref() == Some("12.50")
                && status.projects == Some(1)
                && status.last_final.is_some()
        })
        .await?;
    scene
        .wait_group(ORGANIZATION, "shop", "has its balance", |group: &BillingGroup| {
            let status = group.status.clone().unwrap_or_default();
            status.projects == Some(1)
                && status.last_final.is_some()
                && status.credits_remaining.as_deref() == Some("20.00")
        })
        .await?;
    scene
        .wait_object(ORGANIZATION, "web-cache", "is reported unpriced", |record: &UsageRecord| {
            record.status.as_ref().is_some_and(|status| !status.conditions.is_empty())
        })
        .await?;
    scene
        .wait_object(ORGANIZATION, "welcome", "can be used", |credit: &Credit| {
            credit.status.as_ref().is_some_and(|status| !status.conditions.is_empty())
        })
        .await?;
    scene
        .wait_object(ORGANIZATION, "clia-2", "is held", |invoice: &Invoice| {
            crate::month::stage::ready(invoice) == Some("Unpriced")
        })
        .await?;
    Ok(())
}

/// A namespace's metadata that makes it a project.
fn project_of(organization: &str) -> Value {
    json!({ "labels": { ORGANIZATION_LABEL: organization } })
}
