//! What follows from what was observed, step by step, without a cluster.

use billing_api::Time;
use serde_json::json;

use super::*;
use crate::records::FINALIZER;

const METER: &str = "volumes";
const UID: &str = "5b6f0a51-0000-4000-8000-000000000001";

fn at(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn claims() -> MeteredResource {
    MeteredResource { group: String::new(), version: "v1".to_owned(), kind: "PersistentVolumeClaim".to_owned() }
}

/// A Meter of volumes; `told` is until when it says that it looked.
fn meter(told: Option<i64>) -> Meter {
    let mut meter: Meter = serde_json::from_value(json!({
        "metadata": {"name": METER, "generation": 1, "finalizers": [FINALIZER]},
        "spec": {
            "resource": claims(),
            "service": {"name": "object.metadata.name", "type": "'Block storage'"},
            "quantity": "object.spec.size",
        },
    }))
    .unwrap();
    meter.status = told.map(|second| serde_json::from_value(json!({"observedThrough": Time(at(second))})).unwrap());
    meter
}

fn labels(organization: &str) -> Labels {
    Labels::from([(ORGANIZATION_LABEL.to_owned(), organization.to_owned())])
}

/// A world with a project and a Meter that is at work since second 0.
fn world() -> World {
    let mut world = World::default();
    world.observe_namespace("shop", labels("acme"), at(0));
    world.observe_meter(meter(Some(0)), at(0));
    world.kind_is(&claims(), KindState::Watched { namespaced: true });
    world.list_complete(&claims(), HashSet::new(), at(0));
    world
}

fn see(world: &mut World, size: &serde_json::Value, second: i64) {
    let json = json!({"metadata": {"name": "data", "namespace": "shop", "uid": UID}, "spec": {"size": size}});
    let labels = Labels::new();
    let seen = Seen { uid: UID, label: "shop/data".to_owned(), created: at(-1000), labels: &labels, json: &json };
    let keys = world.observe_object(&claims(), &seen, at(second));
    assert_eq!(keys, [Key::Object { meter: METER.to_owned(), uid: UID.to_owned() }]);
}

fn steps(world: &mut World, second: i64) -> Vec<Step> {
    world.plan(METER, UID, at(second)).steps
}

/// Writes all that is planned, as the API server would have it; the records that it has then.
fn write(world: &mut World, second: i64) -> Vec<UsageRecord> {
    let mut records = Vec::new();
    while let Some(step) = steps(world, second).into_iter().next() {
        match step {
            Step::Open { target, start } => {
                let record = records::Writer { meter: METER, cluster: None }.record(UID, &target, start);
                world.observe_record(&record);
                records.push(record);
            }
            Step::End { organization, name, .. } => {
                world.ended(METER, UID, &organization, &name);
            }
        }
    }
    records
}

fn through(world: &World, second: i64) -> Option<i64> {
    let told = world.status(METER, at(second))?.observed_through?;
    Some((told.0 - at(0)).num_seconds())
}

#[test]
fn nothing_begins_before_the_meter_says_until_when_it_looked_and_is_held() {
    let mut world = World::default();
    world.observe_namespace("shop", labels("acme"), at(0));
    let mut untold = meter(None);
    untold.metadata.finalizers = None;
    world.observe_meter(untold, at(0));
    world.kind_is(&claims(), KindState::Watched { namespaced: true });
    see(&mut world, &json!(1), 0);
    assert_eq!(steps(&mut world, 0), [], "its objects are not listed yet");
    world.list_complete(&claims(), HashSet::new(), at(1));
    assert_eq!(steps(&mut world, 1), [], "it says nothing");
    let status = world.status(METER, at(1)).unwrap();
    assert_eq!(status.observed_through, Some(Time(at(1))));
    let mut told = meter(Some(1));
    told.metadata.finalizers = None;
    world.observe_meter(told, at(1));
    assert_eq!(steps(&mut world, 1), [], "nothing holds it");
    world.observe_meter(meter(Some(1)), at(1));
    assert_eq!(steps(&mut world, 1).len(), 1);
}

#[test]
fn until_when_somebody_looked_is_told_once_a_minute_and_not_before_all_is_written() {
    let mut world = world();
    assert!(world.status(METER, at(1)).is_some(), "its conditions are news");
    let status = world.status(METER, at(1)).unwrap();
    let with = |told: i64| {
        let mut meter = meter(Some(told));
        let known = status.clone();
        meter.status = Some(billing_api::MeterStatus { observed_through: Some(Time(at(told))), ..known });
        meter
    };
    world.observe_meter(with(0), at(1));
    world.heard(&claims(), at(50));
    assert_eq!(through(&world, 50), None, "less than a minute");
    world.heard(&claims(), at(60));
    assert_eq!(through(&world, 60), Some(60));
    see(&mut world, &json!(1), 61);
    world.heard(&claims(), at(120));
    assert_eq!(through(&world, 120), None, "a record is on its way");
    world.answered(METER, UID, Some("refused".to_owned()));
    assert_eq!(through(&world, 120), Some(120), "what is refused may be refused for long");
    world.answered(METER, UID, None);
    write(&mut world, 120);
    assert_eq!(through(&world, 120), Some(120));
}

#[test]
fn a_watch_that_is_late_brings_no_record_back() {
    let mut world = world();
    see(&mut world, &json!(1), 10);
    let records = write(&mut world, 10);
    see(&mut world, &json!(0), 20);
    write(&mut world, 20);
    assert_eq!(steps(&mut world, 20), []);
    // The watch tells of the record's beginning only now.
    world.observe_record(&records[0]);
    assert_eq!((steps(&mut world, 21), world.is_idle(METER)), (Vec::new(), true));
    // And of its end; a later one of that name would be another.
    world.forget_record(&records[0]);
    world.observe_record(&records[0]);
    assert!(!world.is_idle(METER));
}

#[test]
fn records_of_a_meter_that_is_gone_wait_for_one_of_its_name() {
    let mut world = world();
    see(&mut world, &json!(1), 10);
    let records = write(&mut world, 10);
    world.forget_meter(METER);
    assert_eq!(world.orphans(), 1);
    world.observe_meter(meter(Some(10)), at(20));
    assert_eq!((world.orphans(), world.is_idle(METER)), (0, false));
    see(&mut world, &json!(1), 21);
    world.list_complete(&claims(), HashSet::new(), at(21));
    assert_eq!(steps(&mut world, 21), [], "it runs on");
    world.forget_record(&records[0]);
    assert_eq!(steps(&mut world, 22).len(), 1, "and is begun anew when somebody ends it");
}

#[test]
fn a_meter_that_goes_ends_what_runs_where_somebody_looked_last() {
    let mut world = world();
    see(&mut world, &json!(1), 10);
    write(&mut world, 10);
    world.heard(&claims(), at(100));
    let mut going = meter(Some(60));
    going.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Default::default()));
    let keys = world.observe_meter(going, at(5000));
    assert_eq!(keys.len(), 2);
    assert!(matches!(&steps(&mut world, 5000)[..], [Step::End { at: end, .. }] if *end == at(100)));
    assert_eq!(world.watched(), BTreeMap::new(), "it needs no watch");
}

#[test]
fn a_project_that_comes_later_is_recorded_and_one_that_goes_ends() {
    let mut world = World::default();
    world.observe_meter(meter(Some(0)), at(0));
    see(&mut world, &json!(1), 0);
    world.list_complete(&claims(), HashSet::new(), at(0));
    assert_eq!(steps(&mut world, 0), [], "its namespace is of no organization");
    assert_eq!(world.observe_namespace("shop", labels("acme"), at(10)).len(), 1);
    assert_eq!(write(&mut world, 10).len(), 1);
    assert_eq!(world.observe_namespace("shop", labels("acme"), at(15)), [], "as it was");
    world.observe_namespace("shop", labels("globex"), at(20));
    let records = write(&mut world, 20);
    assert_eq!(records[0].metadata.namespace.as_deref(), Some("globex"));
    world.forget_namespace("shop", at(30));
    assert!(matches!(&steps(&mut world, 30)[..], [Step::End { .. }]));
    // An organization's own namespace is no project.
    assert_eq!(world.observe_namespace("shop", labels("shop"), at(40)), []);
}

#[test]
fn a_gap_is_told_once_with_what_came_of_it() {
    let mut world = world();
    see(&mut world, &json!(1), 10);
    write(&mut world, 10);
    world.heard(&claims(), at(100));
    let gone = world.known(&claims());
    world.list_complete(&claims(), gone, at(10_000));
    assert_eq!(world.take_gap(METER), Some(Gap { from: at(100), to: at(10_000), ended: 1, came: 0 }));
    assert_eq!(world.take_gap(METER), None);
    assert!(matches!(&steps(&mut world, 10_000)[..], [Step::End { at: end, .. }] if *end == at(100)));
}

#[test]
fn what_a_watch_tells_of_a_meter_from_before_our_own_write_is_passed_over() {
    let versioned = |told: Option<i64>, version: &str| {
        let mut meter = meter(told);
        meter.metadata.resource_version = Some(version.to_owned());
        meter
    };
    let mut world = World::default();
    world.observe_meter(versioned(None, "9"), at(0));
    see(&mut world, &json!(1), 0);
    world.list_complete(&claims(), HashSet::new(), at(0));
    let keys = world.observe_meter(versioned(Some(0), "10"), at(1));
    assert_eq!(keys.len(), 2, "now its records may begin");
    assert_eq!(world.observe_meter(versioned(None, "9"), at(2)), []);
    assert!(world.meter(METER).is_some_and(|meter| meter.status.is_some()));
}

#[test]
fn what_is_over_is_forgotten() {
    let mut world = world();
    see(&mut world, &json!(1), 10);
    write(&mut world, 10);
    world.forget_object(&claims(), UID, at(20));
    write(&mut world, 20);
    assert_eq!(world.object_keys(METER), []);
}

#[test]
fn faults_are_counted_by_reason_with_the_first_object_by_name() {
    let mut world = world();
    for (uid, name) in [("u2", "b"), ("u1", "a")] {
        let json = json!({"metadata": {"name": name, "namespace": "shop", "uid": uid}, "spec": {}});
        let labels = Labels::new();
        let seen = Seen { uid, label: format!("shop/{name}"), created: at(0), labels: &labels, json: &json };
        world.observe_object(&claims(), &seen, at(1));
    }
    let status = world.status(METER, at(1)).unwrap();
    assert_eq!(status.skipped_objects, Some(2));
    let [skipped] = &status.skipped[..] else { panic!("{:?}", status.skipped) };
    assert_eq!((&*skipped.reason, skipped.count, &*skipped.example), ("MissingField", 2, "shop/a"));
    assert_eq!(skipped.message, "spec.quantity: the object has no size");
    assert_eq!(world.counts()[METER].skipped[&FaultReason::MissingField], 2);
}
