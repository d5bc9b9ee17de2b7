//! A month of one large organization becomes final: what the operator needs of memory for it.

use std::time::Instant;

use billing_api::Time;
use billing_domain::Month;
use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::{
    Result,
    bench::Bench,
    load::{each, namespace, paid_project, usage},
};

const ORGANIZATION: &str = "acme";
const GROUPS: usize = 20;

/// Closes the month of so many records, in [`GROUPS`] groups.
pub async fn run(records: usize) -> Result {
    let mut bench = Bench::new().await?;
    prepare(&bench, records).await?;
    let begun = Instant::now();
    bench.start_operator(&[])?;
    let ready = begun.elapsed();
    bench.wait_metric("billing_operator_invoices", r#"phase="Final""#, GROUPS).await?;
    let closed = begun.elapsed();
    bench.wait_quiet().await?;
    let (own, (_, most)) = (bench.operator_time()?, bench.memory()?);
    bench.stop_operator()?;
    println!("\nclosing a month of {records} records in {GROUPS} groups of one organization");
    println!("  final within      {closed:>8.1?}   (ready after {ready:.1?}), processor time {own:.1?}");
    println!("  memory at most    {most:>8.1} MiB   (goal: at most 256 MiB)");
    Ok(())
}

async fn prepare(bench: &Bench, records: usize) -> Result {
    let admin = &bench.admin;
    let month = Month::of(Utc::now()).prev();
    namespace(admin, ORGANIZATION, ORGANIZATION).await?;
    each(0..GROUPS, |number| async move {
        paid_project(admin, ORGANIZATION, &format!("p-{number}"), &format!("group-{number}"), month).await
    })
    .await?;
    each(0..records, |number| async move {
        let start = month.start() + TimeDelta::minutes((number % 500) as i64);
        let service = json!({ "name": format!("db-{number}"), "type": "PostgreSQL", "plan": "Hobbyist" });
        let end = Time(start + TimeDelta::minutes(90));
        let spec =
            json!({ "project": format!("p-{}", number % GROUPS), "service": service, "start": Time(start), "end": end });
        usage(admin, ORGANIZATION, &format!("r-{number}"), spec).await
    })
    .await
}
