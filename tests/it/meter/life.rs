//! What becomes of objects, and of the time in which nobody looks.

use billing_api::Meter;
use billing_meter::records::{FINALIZER, METER_LABEL, OBJECT_LABEL, RUNNING_LABEL};
use chrono::{Datelike, SubsecRound, TimeDelta, Utc};
use k8s_openapi::api::core::v1::{Namespace, Node, PersistentVolumeClaim};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use operator_kit::clock::LocalTime;
use serde_json::json;

use super::stage::{LIMIT, QUIET, Stage, spans, stage, volumes};
use crate::{Result, support::wait};

/// A meter of volumes whose size is a label, which can be changed without a storage class.
fn sized() -> serde_json::Value {
    let mut spec = volumes();
    spec["quantity"] = json!("gib('size' in object.metadata.labels ? object.metadata.labels['size'] : '1Gi')");
    spec["when"] = json!("has(object.metadata.labels) && object.status.phase == 'Bound'");
    spec
}

async fn sized_claim(stage: &Stage, name: &str, size: &str) -> Result<PersistentVolumeClaim> {
    stage.claim("shop", name, "1Gi").await?;
    stage.resize("shop", name, size).await?;
    Ok(stage.api("shop").get(name).await?)
}

#[tokio::test]
async fn a_volume_is_recorded_while_it_is_bound_with_what_it_is() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    let meter = stage.meter().await?;
    stage.create_meter("volumes", sized()).await?;
    stage.wait_ready("volumes", "Measuring").await?;
    stage.pending_claim("shop", "data", "1Gi").await?;
    stage.resize("shop", "data", "10Gi").await?;
    tokio::time::sleep(QUIET).await;
    assert_eq!(stage.records().await?.len(), 0, "a claim that is not bound costs nothing");

    let claim = stage.phase("shop", "data", "Bound").await?;
    let records = stage.wait_records(&[("data", "10", false)]).await?;
    let (record, uid) = (&records[0], claim.uid().ok_or("a uid")?);
    assert_eq!(record.name_any(), format!("volumes-{}-{}", &uid[..8], record.spec.start.0.timestamp()));
    assert_eq!(*record.spec.project, *"shop");
    assert_eq!(
        (record.spec.service.kind.as_str(), record.spec.service.plan.as_deref()),
        ("Block storage", Some("fast"))
    );
    assert_eq!(record.spec.tags["claim"], "data");
    let labels = record.labels();
    assert_eq!((&*labels[METER_LABEL], &*labels[OBJECT_LABEL], &*labels[RUNNING_LABEL]), ("volumes", &*uid, "true"));
    let made = Utc::now() - record.spec.start.0;
    assert!(made < TimeDelta::minutes(1), "it began when it was bound");

    stage.resize("shop", "data", "20Gi").await?;
    let records = stage.wait_records(&[("data", "10", true), ("data", "20", false)]).await?;
    assert_eq!(records[0].spec.end, Some(records[1].spec.start), "one goes over into the other");
    assert!(!records[0].labels().contains_key(RUNNING_LABEL));
    stage.phase("shop", "data", "Lost").await?;
    stage.wait_records(&[("data", "10", true), ("data", "20", true)]).await?;
    stage.phase("shop", "data", "Bound").await?;
    stage.wait_records(&[("data", "10", true), ("data", "20", true), ("data", "20", false)]).await?;
    stage.delete_claim("shop", "data").await?;
    let records = stage.wait_records(&[("data", "10", true), ("data", "20", true), ("data", "20", true)]).await?;
    assert!(records.windows(2).all(|pair| pair[0].spec.end <= Some(pair[1].spec.start)), "no second twice");
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn a_volume_that_comes_bound_is_recorded_from_its_creation_and_an_old_one_from_now() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    sized_claim(stage, "fresh", "1Gi").await?;
    stage.create_meter("volumes", sized()).await?;
    let meter = stage.meter().await?;
    let records = stage.wait_records(&[("fresh", "1", false)]).await?;
    let claim: PersistentVolumeClaim = stage.api("shop").get("fresh").await?;
    let created = claim.creation_timestamp().ok_or("a creation")?.0;
    assert_eq!(records[0].spec.start.0.timestamp(), created.as_second());
    meter.kill();

    // For a Meter that begins an hour later it was there before.
    stage.clock.pass(TimeDelta::hours(1));
    let begun = stage.clock.now().trunc_subsecs(0);
    stage.create_meter("later", sized()).await?;
    let meter = stage.meter().await?;
    let records = stage.wait_records(&[("fresh", "1", false), ("fresh", "1", false)]).await?;
    assert!(records[1].spec.start.0 >= begun);
    meter.kill();
    Ok(())
}

/// Until three hours into the next month.
fn to_the_end_of_the_month() -> TimeDelta {
    let now = Utc::now();
    let next = if now.month() == 12 { (now.year() + 1, 1) } else { (now.year(), now.month() + 1) };
    let next = chrono::NaiveDate::from_ymd_opt(next.0, next.1, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
    next.map_or(TimeDelta::zero(), |next| next.and_utc() - now) - TimeDelta::hours(1)
}

#[tokio::test]
async fn three_hours_in_which_nobody_looks_over_a_months_end_bill_nothing_that_nobody_saw() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    stage.clock.pass(to_the_end_of_the_month());
    let begun = stage.clock.now().trunc_subsecs(0);
    stage.create_meter("volumes", sized()).await?;
    let meter = stage.meter().await?;
    for name in ["gone", "grown", "kept"] {
        sized_claim(stage, name, "1Gi").await?;
    }
    stage.wait_records(&[("gone", "1", false), ("grown", "1", false), ("kept", "1", false)]).await.or_else(
        |error| {
            // In whichever order they were bound.
            if error.to_string().contains("kept") { Ok(Vec::new()) } else { Err(error) }
        },
    )?;
    let told = stage
        .wait_meter("volumes", "it says until when it looked", |meter| {
            meter.status.as_ref().is_some_and(|status| status.observed_through.is_some())
        })
        .await?;
    meter.kill();
    let through = told.status.and_then(|status| status.observed_through).ok_or("a time")?.0;

    stage.delete_claim("shop", "gone").await?;
    stage.resize("shop", "grown", "5Gi").await?;
    stage.clock.pass(TimeDelta::hours(3));
    let back = stage.clock.now().trunc_subsecs(0);
    let meter = stage.meter().await?;
    let what = "what changed meanwhile ends, and what is as it was runs on";
    let records = wait(what, LIMIT, async || {
        let records = stage.records().await?;
        let running: Vec<_> = records.iter().filter(|record| record.spec.end.is_none()).collect();
        let names: Vec<_> = running.iter().map(|record| record.spec.service.name.as_str()).collect();
        Ok((records.len() == 4 && names == ["kept", "grown"]).then_some(records))
    })
    .await?;
    let spans = spans(&records, begun);
    let second = |time: chrono::DateTime<Utc>| (time - begun).num_seconds();
    let ended = |(start, _): &(i64, Option<i64>)| Some(second(through).max(start + 1));
    assert_eq!(spans["gone"], [(spans["gone"][0].0, ended(&spans["gone"][0]))], "it ends where somebody looked last");
    assert_eq!(spans["grown"][0].1, ended(&spans["grown"][0]));
    assert!(spans["grown"][1].0 >= second(back), "what it costs since is billed since it was seen");
    assert_eq!(spans["kept"].len(), 1);
    assert!(back.month() != begun.month(), "a month ended meanwhile");
    let events: Api<k8s_openapi::api::events::v1::Event> = stage.api("default");
    wait("an event tells of it", LIMIT, async || {
        let events = events.list(&kube::api::ListParams::default()).await?;
        let told = events.items.iter().filter(|event| event.reason.as_deref() == Some("Gap"));
        let notes: Vec<_> = told.filter_map(|event| event.note.clone()).collect();
        Ok(notes.iter().any(|note| note.contains("2 records end at")).then_some(()))
    })
    .await?;
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn what_comes_while_nobody_looks_is_recorded_from_its_creation() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    stage.create_meter("volumes", sized()).await?;
    let meter = stage.meter().await?;
    let told = |meter: &Meter| meter.status.as_ref().is_some_and(|status| status.observed_through.is_some());
    stage.wait_meter("volumes", "it says until when it looked", told).await?;
    meter.kill();
    tokio::time::sleep(QUIET).await;
    let claim = sized_claim(stage, "new", "2Gi").await?;
    stage.clock.pass(TimeDelta::hours(3));
    let meter = stage.meter().await?;
    let records = stage.wait_records(&[("new", "2", false)]).await?;
    let created = claim.creation_timestamp().ok_or("a creation")?.0.as_second();
    assert_eq!(records[0].spec.start.0.timestamp(), created);
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn a_short_life_is_not_recorded() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    let mut spec = sized();
    spec["minimum"] = json!("5s");
    stage.create_meter("volumes", spec).await?;
    let meter = stage.meter().await?;
    stage.wait_ready("volumes", "Measuring").await?;
    sized_claim(stage, "short", "1Gi").await?;
    let long = sized_claim(stage, "long", "1Gi").await?;
    tokio::time::sleep(QUIET).await;
    stage.delete_claim("shop", "short").await?;
    let records = stage.wait_records(&[("long", "1", false)]).await?;
    let created = long.creation_timestamp().ok_or("a creation")?.0.as_second();
    assert!(records[0].spec.start.0.timestamp() - created <= 2, "from its beginning");
    tokio::time::sleep(QUIET).await;
    assert_eq!(stage.records().await?.len(), 1);
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn a_project_pays_a_fee_while_it_is_one_and_a_node_is_of_the_project_that_it_names() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    let fee = json!({
        "resource": {"group": "", "version": "v1", "kind": "Namespace"},
        "namespaces": {"matchLabels": {"tier": "gold"}},
        "service": {"name": "object.metadata.name", "type": "'Project'"},
    });
    let nodes = json!({
        "resource": {"group": "", "version": "v1", "kind": "Node"},
        "service": {"name": "object.metadata.name", "type": "'Node'"},
        "quantity": "cores(object.status.capacity.cpu)",
        "project": {"label": "example.com/project"},
    });
    stage.create_meter("fee", fee).await?;
    stage.create_meter("nodes", nodes).await?;
    let meter = stage.meter().await?;
    let node = |name: &str, project: Option<&str>| {
        let labels = project.map(|project| json!({"example.com/project": project})).unwrap_or_default();
        serde_json::from_value::<Node>(
            json!({"metadata": {"name": name, "labels": labels}, "status": {"capacity": {"cpu": "3500m"}}}),
        )
    };
    let all: Api<Node> = stage.cluster();
    for (name, project) in [("n1", Some("lab")), ("n2", None), ("n3", Some("nowhere"))] {
        all.create(&PostParams::default(), &node(name, project)?).await?;
    }
    let records = wait("a fee and a node are recorded", LIMIT, async || {
        let mut said: Vec<_> = stage
            .records()
            .await?
            .into_iter()
            .map(|it| (it.spec.service.name, it.spec.project.to_string(), it.spec.quantity.to_string()))
            .collect();
        said.sort();
        Ok((said.len() == 2).then_some(said))
    });
    let text = |name: &str, project: &str, quantity: &str| (name.to_owned(), project.to_owned(), quantity.to_owned());
    assert_eq!(records.await?, [text("n1", "lab", "3.5"), text("shop", "shop", "1")]);
    // The clock goes on by a minute, and the meter says what it could not record.
    stage.clock.pass(TimeDelta::minutes(2));
    let namespaces: Api<Namespace> = stage.cluster();
    let gold = |value: serde_json::Value| Patch::Merge(json!({"metadata": {"labels": {"tier": value}}}));
    namespaces.patch("shop", &PatchParams::default(), &gold(json!(null))).await?;
    wait("the fee ends with the label of its project", LIMIT, async || {
        let records = stage.records().await?;
        Ok(records.iter().any(|it| it.spec.service.name == "shop" && it.spec.end.is_some()).then_some(()))
    })
    .await?;
    namespaces.patch("shop", &PatchParams::default(), &gold(json!("gold"))).await?;
    for name in ["n1", "n2", "n3"] {
        all.delete(name, &DeleteParams::default()).await?;
    }
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn a_meter_that_goes_ends_its_records_first() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    stage.create_meter("volumes", sized()).await?;
    let meter = stage.meter().await?;
    sized_claim(stage, "data", "1Gi").await?;
    stage.wait_records(&[("data", "1", false)]).await?;
    let meters: Api<Meter> = stage.cluster();
    assert!(meters.get("volumes").await?.finalizers().iter().any(|finalizer| finalizer == FINALIZER));
    meters.delete("volumes", &DeleteParams::default()).await?;
    wait("the Meter is gone", LIMIT, async || Ok(meters.get_opt("volumes").await?.is_none().then_some(()))).await?;
    stage.wait_records(&[("data", "1", true)]).await?;
    meter.kill();
    Ok(())
}

#[tokio::test]
async fn another_price_class_for_everything_begins_everything_anew() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    stage.create_meter("volumes", sized()).await?;
    let meter = stage.meter().await?;
    sized_claim(stage, "data", "1Gi").await?;
    stage.wait_records(&[("data", "1", false)]).await?;
    tokio::time::sleep(QUIET).await;
    stage.patch_meter("volumes", json!({"service": {"plan": "'slow'"}})).await?;
    let records = stage.wait_records(&[("data", "1", true), ("data", "1", false)]).await?;
    assert_eq!(records[1].spec.service.plan.as_deref(), Some("slow"));
    assert_eq!(records[0].spec.end, Some(records[1].spec.start));
    // Other tags are for records that begin.
    stage.patch_meter("volumes", json!({"tags": {"team": "'a'"}})).await?;
    tokio::time::sleep(QUIET).await;
    assert_eq!(stage.records().await?.len(), 2);
    meter.kill();
    Ok(())
}
