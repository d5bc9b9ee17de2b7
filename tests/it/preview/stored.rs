//! Finals that earlier versions wrote, kept as they are: they verify for ever.

use std::fs;

use kubectl_billing::ExitStatus;
use serde_json::Value;

use super::{Run, run};
use crate::Result;

/// What the finals were made of, and the finals.
const WORLD: &str = "tests/it/preview/stored/before-terms.yaml";
const FINALS: &str = "tests/it/preview/stored/before-terms.json";

fn verify(number: &str, finals: &str) -> Result<Run> {
    run(&["verify", number, "-f", WORLD, "-f", "-"], finals)
}

#[test]
fn a_final_of_before_documents_recorded_terms_is_byte_identical_and_a_changed_one_is_not() -> Result {
    let finals = fs::read_to_string(FINALS)?;
    for number in ["main-1", "idle-1"] {
        let Run { ended, stdout, stderr } = verify(number, &finals)?;
        assert!(ended == ExitStatus::Ok && stdout.contains("byte-identical"), "{stdout}{stderr}");
    }
    let mut changed: Value = serde_json::from_str(&finals)?;
    for item in changed["items"].as_array_mut().into_iter().flatten() {
        item["status"]["document"]["dueAt"] = "2027-01-01T00:00:00Z".into();
    }
    for number in ["main-1", "idle-1"] {
        assert_eq!(verify(number, &changed.to_string())?.ended, ExitStatus::Refused, "{number}");
    }
    Ok(())
}
