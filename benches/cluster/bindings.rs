//! Many bindings from apply to effective, and a restart with all of them.

use std::time::{Duration, Instant};

use billing_api::{ProjectBinding, labels::BINDING_NAME};
use kube::{Api, ResourceExt, api::ListParams, api::PostParams};
use serde_json::json;

use crate::{
    Result,
    bench::Bench,
    load::{CONCURRENT_REQUESTS, bind, create, each, group, namespace},
};

const GROUPS: usize = 20;

/// So many groups share the bindings.
pub fn payer(number: usize) -> String {
    format!("group-{}", number % GROUPS)
}

/// Makes the organization, its groups, and so many projects.
pub async fn prepare(bench: &Bench, projects: usize) -> Result {
    namespace(&bench.admin, "acme", "acme").await?;
    each(0..GROUPS, |number| async move { group(&bench.admin, "acme", &payer(number), json!({})).await }).await?;
    each(0..projects, |number| async move { namespace(&bench.admin, "acme", &format!("p-{number}")).await }).await
}

/// Binds so many projects, and measures until each binding is in force.
pub async fn run(count: usize) -> Result {
    let mut bench = Bench::new().await?;
    prepare(&bench, count).await?;
    namespace(&bench.admin, "bare", "bare").await?;
    bench.start_operator(&[])?;
    bench.wait_quiet().await?;

    let (before, events_before) = bench.writes()?;
    let (begun, worked_before) = (Instant::now(), bench.processor_time()?);
    let updates = r#"resource="projectbindings/status""#;
    let apply = each(0..count, |number| {
        let admin = &bench.admin;
        async move { bind(admin, &format!("p-{number}"), &payer(number)).await.map(drop) }
    });
    apply.await?;
    let applied = begun.elapsed();
    let effective = bench.wait_metric("billing_operator_api_writes_total", updates, count).await?.duration_since(begun);
    let worked = bench.processor_time()? - worked_before;
    bench.wait_quiet().await?;
    let (after, events_after) = bench.writes()?;
    check_effective(&bench, count).await?;
    let (writes, events) = (after - before, events_after - events_before);
    let of_groups = bench.metric("billing_operator_api_writes_total", r#"resource="billinggroups/status""#)?;
    let of_invoices = bench.metric("billing_operator_api_writes_total", r#"resource="invoices/status""#)?;
    let (memory, _) = bench.memory()?;

    let restart = restart(&mut bench, count).await?;
    bench.stop_operator()?;
    let (bare, worked_bare) = bare(&bench, count, writes).await?;
    let per_binding = writes as f64 / count as f64;
    let ratio = effective.as_secs_f64() / bare.as_secs_f64();
    println!("\n{count} bindings into {GROUPS} groups, {CONCURRENT_REQUESTS} applied at once");
    println!("  applied within      {applied:>8.1?}");
    println!("  effective within    {effective:>8.1?}");
    println!("  bare cost           {bare:>8.1?}   effective / bare = {ratio:.2} (goal: at most 1.5)");
    let ratio = worked.as_secs_f64() / worked_bare.as_secs_f64();
    println!("  processor time      {worked:>8.1?}   bare {worked_bare:.1?}, ratio {ratio:.2}");
    println!("  writes per binding  {per_binding:>8.3}   (goal: at most 2.1); {events} Events besides");
    println!("    since the start: {of_groups} of groups, {of_invoices} of estimates");
    println!("  memory              {memory:>8.1} MiB");
    println!("  restart: {restart}");
    Ok(())
}

async fn check_effective(bench: &Bench, count: usize) -> Result {
    let bindings = Api::<ProjectBinding>::all(bench.admin.clone()).list(&ListParams::default()).await?;
    let ready = |binding: &&ProjectBinding| {
        let conditions = binding.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        conditions.iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
    };
    let ready = bindings.iter().filter(ready).count();
    if ready == count { Ok(()) } else { Err(format!("only {ready} of {count} bindings are ready").into()) }
}

/// Starts the operator again, and says how long it took to look at everything and what it wrote.
async fn restart(bench: &mut Bench, count: usize) -> Result<String> {
    bench.stop_operator()?;
    let begun = Instant::now();
    bench.start_operator(&[])?;
    let ready = begun.elapsed();
    let looks = |controller: &str| format!("controller=\"{controller}\"");
    bench.wait_metric("billing_operator_reconciles_total", &looks("project"), count).await?;
    let looked = bench.wait_metric("billing_operator_reconciles_total", &looks("group"), GROUPS).await? - begun;
    bench.wait_quiet().await?;
    let (writes, events) = bench.writes()?;
    Ok(format!(
        "ready after {ready:.1?}, everything looked at after {looked:.1?}, {writes} writes and {events} Events (goal: 0)"
    ))
}

/// The same writes by plain clients: as many bindings, ledgers and statuses, and what is left of `writes` as further
/// statuses. One client applies while another does the operator's part. Answers with the time that it took, and the processor
/// time.
async fn bare(bench: &Bench, count: usize, writes: usize) -> Result<(Duration, Duration)> {
    each(0..count, |number| async move { namespace(&bench.admin, "bare", &format!("bare-{number}")).await }).await?;
    group(&bench.admin, "bare", "main", json!({})).await?;
    let rest = writes.saturating_sub(2 * count);
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (begun, worked_before) = (Instant::now(), bench.processor_time()?);
    let apply = async {
        let sender = sender;
        each(0..count, |number| {
            let sender = &sender;
            async move {
                let binding = bind(&bench.admin, &format!("bare-{number}"), "main").await?;
                sender.send((number, binding)).map_err(Into::into)
            }
        })
        .await
    };
    let bound = futures::stream::unfold(receiver, |mut receiver| async move {
        let bound = receiver.recv().await?;
        Some((bound, receiver))
    });
    let write = async {
        use futures::{StreamExt, TryStreamExt};
        bound
            .map(|(number, binding)| write_bare(bench, binding, number < rest))
            .buffer_unordered(CONCURRENT_REQUESTS)
            .try_collect()
            .await
    };
    let (_, ()) = tokio::try_join!(apply, write)?;
    Ok((begun.elapsed(), bench.processor_time()? - worked_before))
}

async fn write_bare(bench: &Bench, mut binding: ProjectBinding, twice: bool) -> Result {
    let name = binding.namespace().unwrap_or_default();
    let uid = "11111111-1111-4111-8111-111111111111";
    let segment = json!({
        "from": "2026-01-01T00:00:00Z", "billingGroup": "main", "billingGroupUID": uid, "projectUID": uid, "default": false
    });
    create(&bench.account, "bare", "ProjectLedger", json!({ "name": name }), json!({ "segments": [segment] })).await?;
    let bindings = Api::<ProjectBinding>::namespaced(bench.account.clone(), &name);
    for round in 0..=usize::from(twice) {
        let status = json!({
            "organization": "bare", "billingGroup": "main", "since": format!("2026-01-01T00:00:0{round}Z"),
            "observedGeneration": 1,
            "conditions": [condition("Accepted"), condition("Ready")],
        });
        binding.status = Some(serde_json::from_value(status)?);
        binding = bindings.replace_status(BINDING_NAME, &PostParams::default(), &binding).await?;
    }
    Ok(())
}

fn condition(kind: &str) -> serde_json::Value {
    json!({
        "type": kind, "status": "True", "reason": "Bound", "message": "main pays", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}
