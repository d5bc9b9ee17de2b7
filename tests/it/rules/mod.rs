//! What the API server accepts and refuses: the table in `cases/`, and that every rule and clause in it matters.

mod fuzz;
mod mutants;
mod server;
pub(crate) mod table;

use crate::Result;
use server::Server;

/// The admission policies of the chart.
const POLICIES: [&str; 14] = [
    "billing-operator-billinggroup",
    "billing-operator-billingperiod",
    "billing-operator-books",
    "billing-operator-credit",
    "billing-operator-creditnote",
    "billing-operator-invoice",
    "billing-operator-metadata",
    "billing-operator-meter",
    "billing-operator-operator",
    "billing-operator-organization",
    "billing-operator-probe",
    "billing-operator-projectbinding",
    "billing-operator-quota",
    "billing-operator-usagerecord",
];

/// Asks every case of a server that plays `version`.
async fn check(version: Option<&str>) -> Result {
    let cases = table::cases()?;
    let server = Server::start(version, &cases).await?;
    let (bare, ruled): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.without_rules);
    let mut failures = server.failures(&ruled).await?;
    server.take_rules_away(&cases).await?;
    failures.extend(server.failures(&bare).await?);
    assert!(failures.is_empty(), "{} of {} cases:\n{}", failures.len(), cases.len(), failures.join("\n"));
    Ok(())
}

#[tokio::test]
async fn the_table_holds() -> Result {
    check(None).await
}

#[tokio::test]
async fn the_table_holds_on_1_35() -> Result {
    check(Some("1.35")).await
}

#[tokio::test]
async fn the_table_holds_on_1_34() -> Result {
    check(Some("1.34")).await
}

/// What changes nothing passes, whoever sends it.
#[tokio::test]
async fn everything_may_be_rewritten_as_it_is() -> Result {
    let server = Server::start(None, &table::cases()?).await?;
    let (rewritten, refused) = server.rewrite_everything().await?;
    assert!(refused.is_empty(), "{}", refused.join("\n"));
    let none: Vec<_> = rewritten.iter().filter(|(_, many)| **many == 0).collect();
    assert!(none.is_empty(), "the world lacks {none:?}");
    Ok(())
}

#[tokio::test]
async fn every_clause_of_a_policy_matters() -> Result {
    let cases = table::cases()?;
    let server = Server::start(None, &cases).await?;
    let survivors = mutants::policies(&server, &cases).await?;
    assert!(survivors.is_empty(), "no case noticed:\n{}", survivors.join("\n"));
    Ok(())
}

#[tokio::test]
async fn every_rule_of_a_definition_matters() -> Result {
    let cases = table::cases()?;
    let server = Server::start(None, &cases).await?;
    let survivors = mutants::definitions(&server, &cases).await?;
    assert!(survivors.is_empty(), "no case noticed:\n{}", survivors.join("\n"));
    Ok(())
}
