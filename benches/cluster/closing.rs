//! A month of many groups becomes final.

use std::time::{Duration, Instant};

use billing_api::{BillingGroup, Invoice, InvoicePhase, Time};
use billing_domain::Month;
use chrono::{TimeDelta, Utc};
use kube::{Api, ResourceExt, api::ListParams, api::PostParams};
use serde_json::json;

use crate::{
    Result,
    bench::Bench,
    load::{each, namespace, paid_project, usage},
};

const ORGANIZATIONS: usize = 10;
const RECORDS: usize = 3;

/// Estimates first, then the same operator with leave to make them final.
pub async fn run(groups: usize) -> Result {
    let mut bench = Bench::new().await?;
    prepare(&bench, groups).await?;
    bench.start_operator(&["--finalise=false"])?;
    bench.wait_metric("billing_operator_invoices", r#"phase="Estimate""#, 2 * groups).await?;
    bench.wait_quiet().await?;
    bench.stop_operator()?;

    let begun = Instant::now();
    bench.start_operator(&[])?;
    let ready = begun.elapsed();
    bench.wait_metric("billing_operator_invoices", r#"phase="Final""#, groups).await?;
    let closed = begun.elapsed() - ready;
    bench.wait_quiet().await?;
    let (writes, events) = bench.writes()?;
    bench.stop_operator()?;
    let bare = bare(&bench, groups, writes).await?;
    let ratio = closed.as_secs_f64() / bare.as_secs_f64();
    println!("\nclosing a month of {groups} groups with {RECORDS} records each, in {ORGANIZATIONS} organizations");
    println!("  final within      {closed:>8.1?}   (ready before, after {ready:.1?})");
    println!("  bare cost         {bare:>8.1?}   final / bare = {ratio:.2} (goal: at most 1.3)");
    println!("  writes per group  {:>8.2}   {events} Events besides", writes as f64 / groups as f64);
    Ok(())
}

fn organization(number: usize) -> String {
    format!("org-{}", number % ORGANIZATIONS)
}

async fn prepare(bench: &Bench, groups: usize) -> Result {
    let admin = &bench.admin;
    each(
        0..ORGANIZATIONS,
        |number| async move { namespace(admin, &organization(number), &organization(number)).await },
    )
    .await?;
    each(0..groups, |number| async move { prepare_group(bench, number).await }).await
}

async fn prepare_group(bench: &Bench, number: usize) -> Result {
    let (admin, organization, project) = (&bench.admin, organization(number), format!("p-{number}"));
    let month = Month::of(Utc::now()).prev();
    paid_project(admin, &organization, &project, &format!("group-{number}"), month).await?;
    for record in 0..RECORDS {
        let service = json!({ "name": format!("db-{record}"), "type": "PostgreSQL", "plan": "Hobbyist" });
        let (start, end) = (Time(month.start()), Time(month.end() - TimeDelta::hours(1)));
        let spec = json!({ "project": project, "service": service, "start": start, "end": end });
        usage(admin, &organization, &format!("r-{number}-{record}"), spec).await?;
    }
    Ok(())
}

/// As many status writes as the operator sent: one of an invoice with its document for each group, the rest of groups.
async fn bare(bench: &Bench, groups: usize, writes: usize) -> Result<Duration> {
    let invoices = Api::<Invoice>::all(bench.account.clone()).list(&ListParams::default()).await?.items;
    let document = |invoice: &Invoice| invoice.status.as_ref().and_then(|status| status.document.clone());
    let finals: Vec<_> = invoices.iter().filter(|invoice| phase(invoice) == Some(InvoicePhase::Final)).collect();
    let estimates: Vec<_> = invoices.iter().filter(|invoice| phase(invoice) == Some(InvoicePhase::Estimate)).collect();
    // Estimates take the lines of the finals, which are what the operator wrote.
    let as_final = |(estimate, last): (&&Invoice, &&Invoice)| {
        let (mut invoice, mut document) = ((*estimate).clone(), document(last)?);
        document.number = estimate.name_any().as_str().into();
        document.issued_at = None;
        document.as_of = Some(Time(Utc::now()));
        invoice.status.get_or_insert_default().document = Some(document);
        Some(invoice)
    };
    let invoices: Vec<Invoice> = estimates.iter().zip(&finals).filter_map(as_final).take(groups).collect();
    let objects = Api::<BillingGroup>::all(bench.account.clone()).list(&ListParams::default()).await?.items;
    let rounds = writes.saturating_sub(invoices.len()).div_ceil(groups.max(1));
    let mut left = writes.saturating_sub(invoices.len());
    let begun = Instant::now();
    each(invoices, |invoice| async move {
        let api = Api::<Invoice>::namespaced(bench.account.clone(), &invoice.namespace().unwrap_or_default());
        api.replace_status(&invoice.name_any(), &PostParams::default(), &invoice).await?;
        Ok(())
    })
    .await?;
    let shares: Vec<_> = objects
        .into_iter()
        .map(|object| {
            let share = rounds.min(left);
            left -= share;
            (object, share)
        })
        .collect();
    each(shares, |(object, share)| async move { touch(bench, object, share).await }).await?;
    Ok(begun.elapsed())
}

async fn touch(bench: &Bench, mut object: BillingGroup, times: usize) -> Result {
    let api = Api::<BillingGroup>::namespaced(bench.account.clone(), &object.namespace().unwrap_or_default());
    for time in 0..times {
        object.status.get_or_insert_default().observed_generation = Some(1_000 + time as i64);
        object = api.replace_status(&object.name_any(), &PostParams::default(), &object).await?;
    }
    Ok(())
}

fn phase(invoice: &Invoice) -> Option<InvoicePhase> {
    invoice.status.as_ref().and_then(|status| status.phase)
}
