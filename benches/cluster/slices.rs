//! Invoices with more lines than one object holds: what their slices cost when estimates are written first, and when one line is new.

use std::time::Instant;

use billing_api::{InvoiceSlice, PriceList, Time};
use billing_domain::Month;
use chrono::{TimeDelta, Utc};
use kube::api::{Api, ListParams, PostParams};
use serde_json::{Value, json};

use crate::{
    Result,
    bench::Bench,
    load::{each, namespace, paid_project, usage},
};

const ORGANIZATION: &str = "acme";

/// Records of each group, and hours with a price of their own: each record has a line for each of them.
const RECORDS: usize = 10;
const PRICES: i64 = 500;

/// Makes so many groups with 5,000 lines each.
pub async fn run(groups: usize) -> Result {
    let mut bench = Bench::new().await?;
    prepare(&bench, groups).await?;
    let (before, begun) = (bench.processor_time()?, Instant::now());
    bench.start_operator(&["--finalise=false"])?;
    bench.wait_metric("billing_operator_invoices", r#"phase="Estimate""#, 2 * groups).await?;
    bench.wait_quiet().await?;
    let (written, all, own) = (begun.elapsed(), bench.processor_time()? - before, bench.operator_time()?);
    let (creates, stored) = (creates(&bench)?, stored(&bench).await?);
    let (_, most) = bench.memory()?;
    println!("\n{groups} estimates of {} lines in {stored} slices", RECORDS as i64 * PRICES);
    println!("  written within    {written:>8.1?}   processor time of all {all:.1?}, of the operator {own:.1?}");
    println!("  creates           {creates:>8}   {:.3} a slice (goal: at most 1.05)", creates as f64 / stored as f64);
    println!("  memory at most    {most:>8.1} MiB");

    let (before, begun) = (bench.operator_time()?, Instant::now());
    let month = Month::of(Utc::now()).prev();
    let service = json!({ "name": "a-new-one", "type": "PostgreSQL", "plan": "Hobbyist" });
    let (start, end) = (Time(month.start()), Time(month.start() + TimeDelta::hours(1)));
    let spec = json!({ "project": "p-0", "service": service, "start": start, "end": end });
    usage(&bench.admin, ORGANIZATION, "a-new-one", spec).await?;
    bench.wait_quiet().await?;
    let (of_one, more) = (bench.operator_time()? - before, self::creates(&bench)? - creates);
    println!(
        "  one line more     {more:>8} creates, processor time of the operator {of_one:.2?} within {:.1?}",
        begun.elapsed()
    );
    bench.stop_operator()
}

/// How many slices the operator sent.
fn creates(bench: &Bench) -> Result<usize> {
    bench.metric("billing_operator_api_writes_total", r#"resource="invoiceslices",verb="create""#)
}

/// How many there are.
async fn stored(bench: &Bench) -> Result<usize> {
    let slices = Api::<InvoiceSlice>::namespaced(bench.admin.clone(), ORGANIZATION);
    Ok(slices.list_metadata(&ListParams::default()).await?.items.len())
}

async fn prepare(bench: &Bench, groups: usize) -> Result {
    let admin = &bench.admin;
    let lists = Api::<PriceList>::all(admin.clone());
    let mut list = lists.get("default").await?;
    for hour in 0..PRICES {
        list.spec.entries.push(serde_json::from_value(hourly_price(hour))?);
    }
    lists.replace("default", &PostParams::default(), &list).await?;
    namespace(admin, ORGANIZATION, ORGANIZATION).await?;
    each(0..groups, |number| async move { prepare_group(bench, number).await }).await
}

fn hourly_price(hour: i64) -> Value {
    let start = Month::of(Utc::now()).prev().start();
    json!({
        "name": format!("hour-{hour}"), "type": "Hourly", "unit": "Hour", "unitPrice": format!("0.{:03}", 100 + hour),
        "validFrom": Time(start + TimeDelta::hours(hour)), "validUntil": Time(start + TimeDelta::hours(hour + 1)),
    })
}

async fn prepare_group(bench: &Bench, number: usize) -> Result {
    let (admin, project, payer) = (&bench.admin, format!("p-{number}"), format!("group-{number}"));
    let month = Month::of(Utc::now()).prev();
    paid_project(admin, ORGANIZATION, &project, &payer, month).await?;
    for record in 0..RECORDS {
        let service = json!({ "name": format!("service-{record}"), "type": "Hourly" });
        let (start, end) = (Time(month.start()), Time(month.start() + TimeDelta::hours(PRICES)));
        let spec = json!({ "project": project, "service": service, "start": start, "end": end });
        usage(admin, ORGANIZATION, &format!("r-{number}-{record}"), spec).await?;
    }
    Ok(())
}
