//! How soon an estimate follows a change of usage.

use std::time::{Duration, Instant};

use billing_api::{Invoice, Time};
use billing_domain::Month;
use chrono::Utc;
use futures::{StreamExt, TryStreamExt, stream};
use kube::{Api, api::ListParams};
use serde_json::json;

use crate::{
    Result,
    bench::Bench,
    bindings::{payer, prepare},
    load::{bind, each, percentile, usage},
};

const PROJECTS: usize = 1_000;
const CHANGES: usize = 300;

/// Changes under way at once; several may concern one group.
const CONCURRENT_REQUESTS: usize = 4;

/// Writes usage records, and measures until the invoice has the line.
pub async fn run() -> Result {
    let mut bench = Bench::new().await?;
    prepare(&bench, PROJECTS).await?;
    bench.start_operator(&[])?;
    each(0..PROJECTS, |number| {
        let admin = &bench.admin;
        async move { bind(admin, &format!("p-{number}"), &payer(number)).await.map(drop) }
    })
    .await?;
    bench.wait_metric("billing_operator_api_writes_total", r#"resource="projectbindings/status""#, PROJECTS).await?;
    bench.wait_quiet().await?;

    let changes = stream::iter(0..CHANGES).map(|number| change(&bench, number)).buffer_unordered(CONCURRENT_REQUESTS);
    let mut latencies: Vec<Duration> = changes.try_collect().await?;
    latencies.sort();
    let at = |percent| percentile(&latencies, percent);
    println!(
        "\n{CHANGES} new usage records, {CONCURRENT_REQUESTS} at once, for {PROJECTS} projects of 20 groups: from create to line"
    );
    println!("  p50 {:.2?}, p90 {:.2?}, p99 {:.2?} (goal: at most 2 s), most {:.2?}", at(50), at(90), at(99), at(100));
    Ok(())
}

/// One change: from its write to the line that it makes.
async fn change(bench: &Bench, number: usize) -> Result<Duration> {
    // Neighbours in time concern different groups, and now and then the same.
    let project = (number * 7) % PROJECTS;
    let record = format!("record-{number}");
    let invoices = Api::<Invoice>::namespaced(bench.admin.clone(), "acme");
    let open = Month::of(Utc::now());
    let params = ListParams::default().fields(&format!("spec.billingGroup={},spec.period={open}", payer(project)));
    let service = json!({ "name": record, "type": "Domain" });
    let begun = Instant::now();
    let spec = json!({ "project": format!("p-{project}"), "service": service, "start": Time(open.start()) });
    usage(&bench.admin, "acme", &record, spec).await?;
    loop {
        let invoice = invoices.list(&params).await?;
        let documents = invoice.items.iter().filter_map(|invoice| invoice.status.as_ref()?.document.as_ref());
        let mut sources = documents.flat_map(|document| &document.lines).filter_map(|line| line.source.as_ref());
        if sources.any(|source| *source.name == *record) {
            return Ok(begun.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
