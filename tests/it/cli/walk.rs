//! The walk through billing groups that was published of the old CLI, with its numbers.
//!
//! The series of invoice numbers is `cf3397`, because `f3397` is claimed by another test.
//! The numbers are of a month that runs: here it is the last one, whose issuer lets nothing become final, because services must have
//! run for 32 hours whatever the date is. A project moves in the month that runs.

use serde_json::{Value, json};

use super::{billing, failed, ok};
use crate::Result;
use crate::month::stage::{back, database, later, suspended, total, written};
use crate::support::{Scene, World, open_month};
use kubectl_billing::ExitStatus;

const ORGANIZATION: &str = "cli-walk";

/// The two services of the walk, which ran so long.
async fn services(scene: &Scene<'_>, hours: i64, corrects: Option<i64>) -> Result {
    for (service, minute) in [("testservice-1", 0), ("testservice-2", 11)] {
        let start = back(1).start() + chrono::TimeDelta::hours(40) + chrono::TimeDelta::minutes(minute);
        let mut usage = database("test", service, start, Some(later(start, hours)));
        if let Some(corrected) = corrects {
            usage["replaces"] = json!(format!("{service}-{corrected}h"));
        }
        scene.usage(ORGANIZATION, &format!("{service}-{hours}h"), usage).await?;
    }
    Ok(())
}

async fn begin() -> Result<Scene<'static>> {
    let scene = World::shared().scene().await?;
    suspended(&scene, ORGANIZATION).await?;
    scene.organization(ORGANIZATION).await?;
    for project in ["test", "another-project"] {
        scene.bare_project(ORGANIZATION, project).await?;
    }
    let terms =
        |series: &str| json!({ "issuer": ORGANIZATION, "firstPeriod": back(1).to_string(), "invoiceSeries": series });
    let name = "Default billing group for";
    let group =
        |project: &str, series: &str| json!({ "displayName": format!("{name} {project}"), "terms": terms(series) });
    scene.bind("test", "test").await?;
    scene.bind("another-project", "another-project").await?;
    services(&scene, 24, None).await?;
    scene.group(ORGANIZATION, "test", group("test", "cf3397")).await?;
    scene.group(ORGANIZATION, "another-project", group("another-project", "d2831")).await?;
    for project in ["test", "another-project"] {
        scene.wait_ready(project).await?;
    }
    scene.wait_invoice(ORGANIZATION, "test", back(1), "bills", |invoice| total(invoice) == "1.24").await?;
    Ok(scene)
}

/// The rows of a table, with one space between words.
fn rows(table: &str) -> Vec<String> {
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_walk_through_billing_groups_comes_to_the_published_numbers() -> Result {
    let scene = begin().await?;
    let month = back(1).to_string();

    // group list
    let listed = ok(
        &scene,
        ORGANIZATION,
        &["group", "list", "-o", "jsonpath={range .items[*]}{.metadata.name}: {.spec.displayName}{\"\\n\"}{end}"],
    )
    .await?;
    assert_eq!(
        listed,
        "another-project: Default billing group for another-project\ntest: Default billing group for test\n"
    );

    // group assign: said before, tried, done
    let tried =
        billing(&scene, ORGANIZATION, &["group", "assign", "test", "another-project", "--dry-run=server"]).await?;
    assert_eq!(tried.stderr, "project another-project: from another-project to test\n");
    assert_eq!(tried.stdout, "projectbinding.billing-operator.io/billing changed (server dry run)\n");
    ok(&scene, ORGANIZATION, &["group", "assign", "test", "another-project"]).await?;
    scene.wait_members(ORGANIZATION, "test", &["another-project", "test"]).await?;
    scene.wait_members(ORGANIZATION, "another-project", &[]).await?;

    // group get, with projects and balances
    scene
        .wait_invoice(ORGANIZATION, "test", open_month(), "lists both projects", |invoice| {
            written(invoice).is_some_and(|document| document.projects.len() == 2)
        })
        .await?;
    let shown = rows(&ok(&scene, ORGANIZATION, &["group", "get", "test"]).await?);
    let open = open_month();
    for row in [format!("another-project 0.00 USD cf3397-2 {open}"), format!("test 1.24 USD cf3397-1 {month}")] {
        assert!(shown.contains(&row), "{row} is not in {shown:#?}");
    }

    // group rename
    ok(&scene, ORGANIZATION, &["group", "rename", "test", "My consolidated invoice"]).await?;
    let name = ok(&scene, ORGANIZATION, &["group", "list", "-o", "jsonpath={.items[1].spec.displayName}"]).await?;
    assert_eq!(name, "My consolidated invoice");

    // group delete: the other group is empty, and the consolidated one is refused, which the article deletes by mistake.
    let (ended, said) = failed(&scene, ORGANIZATION, &["group", "delete", "test"]).await?;
    assert_eq!(ended, ExitStatus::Refused);
    assert!(
        said.contains("still has 2 project(s), first of them another-project: bind them to another group first"),
        "{said}"
    );
    ok(&scene, ORGANIZATION, &["group", "delete", "another-project"]).await?;

    // project create, in a group
    ok(&scene, ORGANIZATION, &["project", "create", "third-project", "--group", "test"]).await?;
    scene.wait_members(ORGANIZATION, "test", &["another-project", "test", "third-project"]).await?;
    let history = ok(
        &scene,
        ORGANIZATION,
        &["project", "history", "another-project", "-o", "jsonpath={.spec.segments[*].billingGroup}"],
    )
    .await?;
    assert_eq!(history, "another-project test");

    // invoice list and lines, after the services ran on
    services(&scene, 32, Some(24)).await?;
    scene.wait_invoice(ORGANIZATION, "test", back(1), "follows", |invoice| total(invoice) == "1.66").await?;
    let listed = rows(&ok(&scene, ORGANIZATION, &["invoice", "list", "test", "--period", &month]).await?);
    assert_eq!(
        listed,
        [
            "NUMBER GROUP PERIOD PHASE TOTAL CURRENCY PAYMENT".to_owned(),
            format!("cf3397-1 test {month} Estimate 1.66 USD")
        ]
    );
    let lines: Value =
        serde_json::from_str(&ok(&scene, ORGANIZATION, &["invoice", "lines", "cf3397-1", "-o", "json"]).await?)?;
    let lines = lines["status"]["document"]["lines"].as_array().cloned().unwrap_or_default();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line["description"].as_str(), line["total"].as_str(), line["quantity"].as_str()))
        .collect();
    let told = |service: &str| {
        let description = format!("{service}: PostgreSQL Hobbyist google-europe-north1");
        told.contains(&(Some(&description), Some("0.83"), Some("32")))
    };
    assert!(lines.len() == 2 && told("testservice-1") && told("testservice-2"), "{lines:#?}");
    Ok(())
}
