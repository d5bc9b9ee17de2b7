//! Random requests with the rights of tenants and roles, at a world with finals: whatever is accepted, the invariants hold.
//!
//! The suite throws a sample; `make fuzz` throws 20,000. The requests follow from a seed, which a failure names
//! (`BILLING_FUZZ_SEED`); in which order those of one batch arrive does not. With a rule taken away, the same requests find the attack that the
//! rule is against.

mod generator;
mod invariants;

use std::{collections::BTreeMap, env, str::FromStr};

use futures::{StreamExt, stream};
use serde_json::json;

use super::{
    server::{Outcome, Server},
    table,
};
use crate::Result;
pub use generator::FuzzRequest;
use generator::Generator;
use invariants::Snapshot;

/// How many requests are thrown between two looks at the invariants.
const BATCH: usize = 100;

/// How many requests the suite throws.
const SAMPLE: usize = 1_500;

/// How many requests an attack has to be found with.
const ATTACK: usize = 6_000;

/// How many requests are under way at once.
const CONCURRENCY: usize = 8;

fn setting<T: FromStr>(variable: &str, default: T) -> T {
    env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// What came of so many requests.
#[derive(Debug, Default)]
struct Report {
    thrown: usize,
    /// By operation: how many were accepted.
    accepted: BTreeMap<&'static str, usize>,
    /// By who refused: how many.
    refused: BTreeMap<String, usize>,
    /// What no longer held after the last batch.
    violations: Vec<String>,
}

impl Report {
    fn breaks(&self, words: &str) -> bool {
        self.violations.iter().any(|violation| violation.contains(words))
    }
}

/// Throws requests until an invariant is broken in these words, or so many are thrown.
async fn throw(server: &Server, seed: u64, requests: usize, words: &str) -> Result<Report> {
    let mut generator = Generator::new(seed);
    let begin = Snapshot::take(server).await?;
    let mut report = Report::default();
    while report.thrown < requests && !report.breaks(words) {
        let now = Snapshot::take(server).await?;
        let batch: Vec<_> = (0..BATCH.min(requests - report.thrown)).map(|_| generator.request(&now)).collect();
        report.thrown += batch.len();
        let answers: Vec<_> = stream::iter(batch)
            .map(async |request| Ok::<_, crate::Error>((request.operation, server.send(&request).await?)))
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        for answer in answers {
            match answer? {
                (operation, Outcome::Allowed) => *report.accepted.entry(operation).or_default() += 1,
                (_, Outcome::Refused { by, .. }) => *report.refused.entry(by).or_default() += 1,
                // Not there any more, or changed by another of the batch.
                (_, Outcome::Failed(_)) => {}
            }
        }
        report.violations = begin.violations(&Snapshot::take(server).await?);
    }
    Ok(report)
}

#[tokio::test]
async fn random_requests_of_tenants_and_roles_break_no_invariant() -> Result {
    let (seed, requests) = (setting("BILLING_FUZZ_SEED", 1), setting("BILLING_FUZZ_REQUESTS", SAMPLE));
    let server = Server::start(None, &table::cases()?).await?;
    let report = throw(&server, seed, requests, "").await?;
    println!("seed {seed}: {report:?}");
    assert!(report.violations.is_empty(), "seed {seed}, after {}:\n{}", report.thrown, report.violations.join("\n"));
    // It would be no test if everything were refused, or nothing.
    for operation in ["create", "update", "patch", "delete"] {
        assert!(report.accepted.contains_key(operation), "no {operation} was accepted: {report:?}");
    }
    let policies = report.refused.keys().filter(|by| by.starts_with("billing-operator-")).count();
    assert!(policies >= 8, "few policies were met: {report:?}");
    Ok(())
}

/// Takes every clause that contains these words out of a policy, and throws until that is noticed.
async fn finds(policy: &str, clause: &str, attack: &str) -> Result {
    let server = Server::start(None, &table::cases()?).await?;
    let original = server.get("validatingadmissionpolicies", None, policy).await?;
    let validations = original["spec"]["validations"].as_array().cloned().unwrap_or_default();
    let says = |validation: &serde_json::Value| validation["expression"].as_str().unwrap_or_default().contains(clause);
    let left: Vec<_> = validations.iter().filter(|validation| !says(validation)).cloned().collect();
    assert!(left.len() < validations.len(), "{policy} has no clause {clause}");
    let taken =
        server.patch("validatingadmissionpolicies", policy, &json!({ "spec": { "validations": left } })).await?;
    assert_eq!(taken, Outcome::Allowed);
    let report = throw(&server, setting("BILLING_FUZZ_SEED", 1), ATTACK, attack).await?;
    println!("{attack}: found after {} requests: {:?}", report.thrown, report.violations);
    assert!(report.breaks(attack), "without {clause} of {policy}, {attack} is not found: {report:?}");
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_deletes_its_own_books_is_found_without_the_rule_against_it() -> Result {
    finds("billing-operator-organization", "variables.marked", "confirm-delete").await
}

#[tokio::test]
async fn a_credit_that_is_held_is_found_without_the_rule_against_it() -> Result {
    finds("billing-operator-metadata", "variables.held", "is held by").await
}

#[tokio::test]
async fn a_forged_mark_is_found_without_the_rule_against_it() -> Result {
    finds("billing-operator-metadata", "variables.marked", "bears the mark").await
}
