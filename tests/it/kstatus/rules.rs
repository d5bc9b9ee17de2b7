//! The rules of kstatus (`sigs.k8s.io/cli-utils/pkg/kstatus/status`) for custom resources: how Flux and others tell whether an object is
//! as somebody asked for it.

use serde_json::{Value, json};

/// How far an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kstatus {
    /// It is as asked for.
    Current,
    /// It will be.
    InProgress,
    /// It will not be, unless somebody does something.
    Failed,
    /// It is being deleted.
    Terminating,
}

/// How far an object is, by what it says of itself. One that says nothing is `Current`.
pub fn kstatus(object: &Value) -> Kstatus {
    if object["metadata"]["deletionTimestamp"].is_string() {
        return Kstatus::Terminating;
    }
    let (generation, observed) = (&object["metadata"]["generation"], &object["status"]["observedGeneration"]);
    if generation.is_i64() && observed.is_i64() && observed != generation {
        return Kstatus::InProgress;
    }
    let none = Vec::new();
    let conditions = object["status"]["conditions"].as_array().unwrap_or(&none);
    for condition in conditions {
        match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Reconciling"), Some("True")) => return Kstatus::InProgress,
            (Some("Stalled"), Some("True")) => return Kstatus::Failed,
            _ => {}
        }
    }
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    match ready.and_then(|ready| ready["status"].as_str()) {
        Some("False" | "Unknown") => Kstatus::InProgress,
        _ => Kstatus::Current,
    }
}

/// An object of a generation with a status of these conditions: `Ready=True`.
fn object(generation: i64, observed: Option<i64>, conditions: &[&str]) -> Value {
    let condition = |text: &&str| {
        let (kind, status) = text.split_once('=').unwrap_or_default();
        json!({ "type": kind, "status": status })
    };
    let conditions: Vec<_> = conditions.iter().map(condition).collect();
    let mut status = json!({ "conditions": conditions });
    if let Some(observed) = observed {
        status["observedGeneration"] = observed.into();
    }
    json!({ "metadata": { "generation": generation }, "status": status })
}

#[test]
fn what_an_object_says_of_itself_is_judged_in_the_order_of_kstatus() {
    let check = |object: Value, expected: Kstatus| assert_eq!(kstatus(&object), expected, "{object}");
    check(json!({ "metadata": { "generation": 1 } }), Kstatus::Current);
    check(object(1, Some(-1), &[]), Kstatus::InProgress);
    check(object(1, Some(1), &[]), Kstatus::Current);
    check(object(1, Some(1), &["Ready=True"]), Kstatus::Current);
    check(object(1, None, &["Ready=True"]), Kstatus::Current);
    check(object(1, Some(1), &["Accepted=False", "Ready=False"]), Kstatus::InProgress);
    check(object(1, Some(1), &["Ready=Unknown"]), Kstatus::InProgress);
    check(object(1, Some(1), &["Ready=False", "Stalled=True"]), Kstatus::Failed);
    check(object(1, Some(1), &["Ready=True", "Stalled=False"]), Kstatus::Current);
    check(object(1, Some(1), &["Ready=True", "Reconciling=True"]), Kstatus::InProgress);
    check(object(2, Some(1), &["Ready=False", "Stalled=True"]), Kstatus::InProgress);
    check(object(2, Some(1), &["Ready=True"]), Kstatus::InProgress);
    let mut deleted = object(1, Some(-1), &["Ready=True"]);
    deleted["metadata"]["deletionTimestamp"] = "2026-11-28T00:00:00Z".into();
    check(deleted, Kstatus::Terminating);
}
