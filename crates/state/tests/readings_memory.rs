//! What metered records take with all of their readings, measured in a process of its own.
//!
//! `cargo test --package billing-state --test readings_memory -- --nocapture` measures what
//! docs/metered-usage.md says.
#![allow(clippy::unwrap_used, reason = "a measurement stops when its data is wrong")]

use std::{env, fs};

use billing_api::UsageRecord;
use billing_state::{ObservedState, Observes};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

/// So many records, unless the environment says how many: of fewer, what an allocator rounds up counts more than the readings.
const RECORDS: usize = 1000;

/// The most that a reading may take, in bytes: its time, and a difference of some thousands with six decimals.
const MOST: usize = 10;

/// The memory of this process that is resident, in bytes.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// A record of January with so many readings, the last at its end. Each is up to 4000 more than the one before, to six decimals.
fn record(number: usize, readings: usize) -> UsageRecord {
    let start: DateTime<Utc> = "2027-01-01T00:00:00Z".parse().unwrap();
    let step = TimeDelta::hours(744) / i32::try_from(readings).unwrap();
    let mut millionths = 0_u64;
    let reading = |at: usize| -> Value {
        millionths += ((number * 31 + at) as u64).wrapping_mul(2_654_435_761) % 4_000_000_000;
        let quantity = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
        let at = billing_api::Time(start + step * i32::try_from(at).unwrap());
        json!({ "at": at, "quantity": quantity })
    };
    let readings: Vec<_> = (1..=readings).map(reading).collect();
    serde_json::from_value(json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "UsageRecord",
        "metadata": {
            "name": format!("requests-{number}"), "namespace": "acme", "generation": 1,
            "uid": format!("{number:08x}-0000-4000-8000-000000000000"), "creationTimestamp": billing_api::Time(start),
        },
        "spec": {
            "project": format!("project-{}", number % 100), "service": { "name": "ingress", "type": "Requests" }, "quantity": "1",
            "start": billing_api::Time(start), "readings": readings,
        },
    }))
    .unwrap()
}

/// How much a state with so many records grows this process by.
fn grown(records: usize, readings: usize) -> (ObservedState, usize) {
    let before = resident();
    let mut state = ObservedState::new();
    for number in 0..records {
        state.observe(record(number, readings));
    }
    let known = Observes::<UsageRecord>::observed_keys(&state).len();
    assert_eq!(known, records);
    (state, resident().saturating_sub(before))
}

#[test]
fn all_readings_of_a_month_take_a_few_bytes_each() {
    let records = env::var("BILLING_METERED_RECORDS").ok().map_or(RECORDS, |text| text.parse().unwrap());
    let mut kept = Vec::new(); // so that no state has room that another left
    let mut of = |readings: usize| {
        let (state, bytes) = grown(records, readings);
        println!("{records} records with {readings} readings each: {:.1} MiB", bytes as f64 / f64::from(1 << 20));
        kept.push(state);
        bytes
    };
    of(1); // what the first one of all takes is not the readings'
    let [one, many, most] = [1, 124, 744].map(&mut of);
    assert!(one <= many && many <= most, "{one} {many} {most}");
    assert!(most - one <= 744 * MOST * records, "{} bytes a reading", (most - one) / 744 / records);
}
