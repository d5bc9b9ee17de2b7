//! The operator's memory with much usage and many bindings.

use std::time::Instant;

use billing_api::Time;
use billing_domain::Month;
use chrono::{TimeDelta, Utc};
use serde_json::json;

use crate::{
    Result,
    bench::Bench,
    bindings::{payer, prepare},
    load::{bind, each, usage},
};

/// Binds so many projects and writes so many records, and measures an operator that finds them.
pub async fn run(bindings: usize, records: usize) -> Result {
    let mut bench = Bench::new().await?;
    prepare(&bench, bindings).await?;
    bench.start_operator(&[])?;
    let admin = &bench.admin;
    each(0..bindings, |number| async move { bind(admin, &format!("p-{number}"), &payer(number)).await.map(drop) })
        .await?;
    bench.wait_metric("billing_operator_api_writes_total", r#"resource="projectbindings/status""#, bindings).await?;
    bench.wait_quiet().await?;
    bench.stop_operator()?;

    let admin = &bench.admin;
    each(0..records, |number| async move {
        let start = Month::of(Utc::now()).start() + TimeDelta::minutes((number % 500) as i64);
        let service = json!({ "name": format!("db-{number}"), "type": "PostgreSQL", "plan": "Hobbyist" });
        let end = Time(start + TimeDelta::minutes(90));
        let spec = json!({
            "project": format!("p-{}", number % bindings), "service": service, "start": Time(start), "end": end
        });
        usage(admin, "acme", &format!("r-{number}"), spec).await
    })
    .await?;
    let begun = Instant::now();
    bench.start_operator(&[])?;
    let ready = begun.elapsed();
    bench.wait_quiet().await?;
    let settled = bench.memory()?;
    bench.stop_operator()?;
    bench.start_operator(&[])?;
    bench.wait_quiet().await?;
    let restarted = bench.memory()?;
    println!("\nmemory with {records} usage records and {bindings} bindings (goal: at most 100 MiB)");
    println!("  ready after         {ready:>8.1?}");
    println!(
        "  first start         {:>8.1} MiB, at most {:.1} MiB while the estimates were written",
        settled.0, settled.1
    );
    println!("  start when settled  {:>8.1} MiB, at most {:.1} MiB", restarted.0, restarted.1);
    Ok(())
}
