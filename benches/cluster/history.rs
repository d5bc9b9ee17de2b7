//! What closed months cost: a restart, a record of the month that runs, and the end of a month, with few and with many months that
//! are final behind every group.

use std::time::{Duration, Instant};

use billing_api::{PriceList, Time};
use billing_domain::Month;
use chrono::{TimeDelta, Utc};
use kube::{Api, api::PostParams};
use serde_json::json;

use crate::{
    Result,
    bench::Bench,
    load::{each, namespace, paid_project, percentile, usage},
};

const ORGANIZATIONS: usize = 2;
const GROUPS: usize = 40;

/// Of each group in each month.
const RECORDS: usize = 10;

/// The finals among the invoices that the operator counts.
const FINAL: &str = r#"phase="Final""#;

/// So many records of the month that runs are written one by one.
const NEW_RECORDS: usize = 40;

/// Closes all but the last of `months` months of every group, and then measures. The last one waits for a price.
pub async fn run(months: usize) -> Result {
    let mut bench = Bench::new().await?;
    let finals = GROUPS * (months - 1);
    prepare(&bench, months).await?;
    bench.start_operator(&[])?;
    bench.wait_metric("billing_operator_invoices", FINAL, finals).await?;
    bench.wait_quiet().await?;
    bench.stop_operator()?;

    let lists = bench.lists().await?;
    let begun = Instant::now();
    bench.start_operator(&[])?;
    let ready = begun.elapsed();
    let began = bench.wait_log("starting to work", 2).await? - begun;
    let read = bench.wait_log("the final invoices of all organizations are read", 2).await? - begun;
    bench.wait_quiet().await?;
    let (worked, lists) = (bench.operator_time()?, bench.lists().await? - lists);
    let (writes, _) = bench.writes()?;
    let (resident, most) = bench.memory()?;

    let (before, mut times) = (bench.operator_time()?, Vec::new());
    for number in 0..NEW_RECORDS {
        times.push(new_record(&bench, number).await?);
    }
    times.sort();
    bench.wait_quiet().await?;
    let of_a_record = (bench.operator_time()? - before) / u32::try_from(NEW_RECORDS)?;

    let before = bench.operator_time()?;
    let begun = Instant::now();
    price(&bench).await?;
    let closed = bench.wait_metric("billing_operator_invoices", FINAL, GROUPS * months).await? - begun;
    bench.wait_quiet().await?;
    let of_a_final = (bench.operator_time()? - before) / u32::try_from(GROUPS)?;
    bench.stop_operator()?;

    println!(
        "\n{finals} finals of {} months behind {GROUPS} groups, {} records",
        months - 1,
        GROUPS * RECORDS * months
    );
    println!(
        "  restart: ready after     {ready:>8.2?}, work begins after {began:.2?}, all finals are read after {read:.2?}"
    );
    println!("    writes                 {writes:>8} (goal: 0)");
    println!("    processor time         {worked:>8.2?}   lists {lists}");
    println!("    memory                 {resident:>8.1} MiB, at most {most:.1} MiB");
    let (half, most) = (percentile(&times, 50), percentile(&times, 99));
    println!("  a record to its line     {half:>8.2?} (p50), {most:.2?} (p99), processor time {of_a_record:.1?}");
    println!("  the end of a month       {closed:>8.2?}, processor time of a final {of_a_final:.1?}");
    Ok(())
}

fn organization(number: usize) -> String {
    format!("org-{}", number % ORGANIZATIONS)
}

async fn prepare(bench: &Bench, months: usize) -> Result {
    let admin = &bench.admin;
    each(
        0..ORGANIZATIONS,
        |number| async move { namespace(admin, &organization(number), &organization(number)).await },
    )
    .await?;
    each(0..GROUPS, |number| async move { prepare_group(bench, number, months).await }).await
}

async fn prepare_group(bench: &Bench, number: usize, months: usize) -> Result {
    let (admin, organization, project) = (&bench.admin, organization(number), format!("p-{number}"));
    let periods: Vec<Month> =
        std::iter::successors(Some(Month::of(Utc::now()).prev()), |month| Some(month.prev())).take(months).collect();
    let (Some(last), Some(first)) = (periods.first(), periods.last()) else { return Err("no months".into()) };
    paid_project(admin, &organization, &project, &format!("group-{number}"), *first).await?;
    for month in &periods {
        for record in 0..RECORDS {
            let kind = if month == last && record == 0 { "Unpriced" } else { "PostgreSQL" };
            let service = json!({ "name": format!("db-{record}"), "type": kind, "plan": "Hobbyist" });
            let (start, end) = (Time(month.start()), Time(month.end() - TimeDelta::hours(1)));
            let spec = json!({ "project": project, "service": service, "start": start, "end": end });
            usage(admin, &organization, &format!("r-{number}-{month}-{record}"), spec).await?;
        }
    }
    Ok(())
}

/// Writes a record, and waits until its group's estimate is written.
async fn new_record(bench: &Bench, number: usize) -> Result<Duration> {
    let written = r#"resource="invoices/status""#;
    let before = bench.metric("billing_operator_api_writes_total", written)?;
    let service = json!({ "name": format!("new-{number}"), "type": "PostgreSQL", "plan": "Hobbyist" });
    let start = Time(Month::of(Utc::now()).start());
    let spec = json!({ "project": format!("p-{}", number % GROUPS), "service": service, "start": start });
    let begun = Instant::now();
    usage(&bench.admin, &organization(number), &format!("new-{number}"), spec).await?;
    let done = bench.wait_metric("billing_operator_api_writes_total", written, before + 1).await?;
    Ok(done - begun)
}

/// Adds the price that the last month waits for.
async fn price(bench: &Bench) -> Result {
    let entry = json!({ "name": "unpriced", "type": "Unpriced", "unit": "Hour", "unitPrice": "0.01", "validFrom": "2020-01-01T00:00:00Z" });
    let lists = Api::<PriceList>::all(bench.admin.clone());
    let mut list = lists.get("default").await?;
    list.spec.entries.push(serde_json::from_value(entry)?);
    lists.replace("default", &PostParams::default(), &list).await?;
    Ok(())
}
