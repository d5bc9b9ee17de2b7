//! Conditions: what an object's status says about it, merged so that nothing changes needlessly.

use chrono::{DateTime, Utc};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// The most characters that `metav1.Condition` allows in a message.
const MAX_MESSAGE: usize = 32768;

/// The reason of a condition: what the operator has to write for the object is refused by the API server.
pub const WRITE_REFUSED: &str = "WriteRefused";

/// A condition as a plan wants it; the merge adds times and generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesiredCondition {
    /// The condition's type, for example `Ready`.
    pub type_: &'static str,
    /// Whether it holds; `None` is `Unknown`.
    pub status: Option<bool>,
    /// A documented word for why, in CamelCase.
    pub reason: &'static str,
    /// A sentence for people: which object, and what to do.
    pub message: String,
}

impl DesiredCondition {
    /// The condition that holds.
    pub fn yes(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, status: Some(true), reason, message: message.into() }
    }

    /// The condition that does not hold.
    pub fn no(type_: &'static str, reason: &'static str, message: impl Into<String>) -> Self {
        Self { type_, status: Some(false), reason, message: message.into() }
    }

    fn status_text(&self) -> &'static str {
        match self.status {
            Some(true) => "True",
            Some(false) => "False",
            None => "Unknown",
        }
    }
}

/// How far the operator is with an object that people apply, in kstatus' words, for tools that wait for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    stage: Stage,
    reason: &'static str,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ready,
    Waiting,
    Stalled,
}

impl Readiness {
    /// What was asked for is done: nobody waits any more.
    pub fn ready(reason: &'static str, message: impl Into<String>) -> Self {
        Self { stage: Stage::Ready, reason, message: message.into() }
    }

    /// It needs nobody, only time.
    pub fn waiting(reason: &'static str, message: impl Into<String>) -> Self {
        Self { stage: Stage::Waiting, reason, message: message.into() }
    }

    /// Only a change by somebody helps: whoever waits for it waits in vain.
    pub fn stalled(reason: &'static str, message: impl Into<String>) -> Self {
        Self { stage: Stage::Stalled, reason, message: message.into() }
    }

    /// Its documented word for why.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// Its sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// `Ready`; and `Stalled`, with the same reason and message, only while somebody has to act.
    pub fn conditions(self) -> impl Iterator<Item = DesiredCondition> {
        let Self { stage, reason, message } = self;
        let stalled = (stage == Stage::Stalled).then(|| DesiredCondition::yes("Stalled", reason, message.clone()));
        let ready = match stage {
            Stage::Ready => DesiredCondition::yes("Ready", reason, message),
            Stage::Waiting | Stage::Stalled => DesiredCondition::no("Ready", reason, message),
        };
        std::iter::once(ready).chain(stalled)
    }
}

/// The conditions to write: the desired ones, in their order, at `generation`.
///
/// * The transition time moves only when the status of a type changes; it is in whole seconds.
/// * If nothing differs, the answer is `existing` itself, item for item, so `==` tells whether a
///   write is due. A different order is not a difference.
/// * A type that is not desired any more is dropped: nobody but the operator writes status, so it is
///   the operator's own, about something that no longer is.
pub fn merge(
    existing: &[Condition],
    desired: &[DesiredCondition],
    generation: Option<i64>,
    now: DateTime<Utc>,
) -> Vec<Condition> {
    let merged: Vec<_> = desired
        .iter()
        .map(|condition| merge_one(find(existing, condition.type_), condition, generation, now))
        .collect();
    let same = merged.len() == existing.len() && merged.iter().all(|condition| existing.contains(condition));
    if same { existing.to_vec() } else { merged }
}

/// The condition of this type, if it is there.
pub fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether the condition of this type is there and `True`.
pub fn holds(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|condition| condition.status == "True")
}

/// The list in which one condition is as `desired`, or gone, and every other stays as it is: for those who know only their own.
pub fn replace(
    existing: &[Condition],
    type_: &str,
    desired: Option<DesiredCondition>,
    generation: Option<i64>,
    now: DateTime<Utc>,
) -> Vec<Condition> {
    let mut all: Vec<_> = existing.iter().filter(|known| known.type_ != type_).cloned().collect();
    all.extend(desired.map(|desired| merge_one(find(existing, type_), &desired, generation, now)));
    all
}

/// How a message about the first of several ends: nothing, or `, and 3 more`.
pub fn and_more(others: usize) -> String {
    match others {
        0 => String::new(),
        more => format!(", and {more} more"),
    }
}

fn merge_one(
    before: Option<&Condition>,
    desired: &DesiredCondition,
    generation: Option<i64>,
    now: DateTime<Utc>,
) -> Condition {
    let status = desired.status_text();
    let last_transition_time = match before {
        Some(before) if before.status == status => before.last_transition_time.clone(),
        Some(_) | None => whole_seconds(now),
    };
    Condition {
        type_: desired.type_.to_owned(),
        status: status.to_owned(),
        reason: desired.reason.to_owned(),
        message: desired.message.chars().take(MAX_MESSAGE).collect(),
        observed_generation: generation,
        last_transition_time,
    }
}

/// Kubernetes keeps condition times in seconds; a finer one would read back as another time.
fn whole_seconds(now: DateTime<Utc>) -> Time {
    Time(Timestamp::from_second(now.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 123_456_789).expect("in range")
    }

    fn ready(message: &str) -> DesiredCondition {
        DesiredCondition::yes("Ready", "Ready", message)
    }

    #[test]
    fn a_new_condition_gets_the_time_and_the_generation() {
        let merged = merge(&[], &[ready("all is well")], Some(3), at(0));
        let condition = &merged[0];
        assert_eq!((condition.status.as_str(), condition.observed_generation), ("True", Some(3)));
        assert_eq!(condition.last_transition_time.0.to_string(), "2026-09-21T14:13:20Z");
    }

    #[test]
    fn nothing_new_is_the_identical_list() {
        let desired = [ready("all is well"), DesiredCondition::no("Accepted", "No", "why")];
        let mut existing = merge(&[], &desired, Some(3), at(0));
        existing.reverse();
        assert_eq!(merge(&existing, &desired, Some(3), at(500)), existing);
    }

    #[test]
    fn another_reason_message_or_generation_keeps_the_transition_time() {
        let existing = merge(&[], &[ready("all is well")], Some(3), at(0));
        let desired = [DesiredCondition::yes("Ready", "Settled", "still well")];
        let merged = merge(&existing, &desired, Some(4), at(500));
        assert_ne!(merged, existing);
        assert_eq!(merged[0].last_transition_time, existing[0].last_transition_time);
        assert_eq!((merged[0].reason.as_str(), merged[0].observed_generation), ("Settled", Some(4)));
    }

    #[test]
    fn another_status_moves_the_transition_time() {
        let existing = merge(&[], &[ready("all is well")], Some(3), at(0));
        let unknown = DesiredCondition { status: None, ..ready("who knows") };
        let merged = merge(&existing, &[unknown], Some(3), at(500));
        assert_eq!(merged[0].status, "Unknown");
        assert_ne!(merged[0].last_transition_time, existing[0].last_transition_time);
        assert!(!holds(&merged, "Ready") && holds(&existing, "Ready"));
    }

    #[test]
    fn what_is_not_desired_any_more_goes() {
        let both = [ready("all is well"), DesiredCondition::yes("PrimaryIgnored", "Younger", "two primaries")];
        let existing = merge(&[], &both, None, at(0));
        let merged = merge(&existing, &both[..1], None, at(1));
        assert_eq!(merged, existing[..1]);
    }

    #[test]
    fn one_condition_is_replaced_and_the_others_stay() {
        let both = [ready("all is well"), DesiredCondition::yes("PastDue", "NotPaidInTime", "pay")];
        let existing = merge(&[], &both, None, at(0));
        assert_eq!(replace(&existing, "PastDue", None, None, at(1)), existing[..1]);
        assert_eq!(replace(&existing, "PastDue", Some(both[1].clone()), None, at(1)), existing, "nothing new");
        let other = DesiredCondition::no("PastDue", "Paid", "");
        let replaced = replace(&existing, "PastDue", Some(other), Some(2), at(1));
        assert_eq!((&replaced[0], replaced[1].status.as_str()), (&existing[0], "False"));
        assert_ne!(replaced[1].last_transition_time, existing[1].last_transition_time);
    }

    #[test]
    fn only_who_waits_in_vain_is_stalled() {
        let said = |readiness: Readiness| -> Vec<_> {
            let conditions = readiness.conditions();
            conditions
                .map(|said| format!("{} {} {} {}", said.type_, said.status_text(), said.reason, said.message))
                .collect()
        };
        assert_eq!(said(Readiness::ready("Bound", "main pays")), ["Ready True Bound main pays"]);
        assert_eq!(said(Readiness::waiting("Pending", "soon")), ["Ready False Pending soon"]);
        assert_eq!(
            said(Readiness::stalled("CodeInvalid", "another code")),
            ["Ready False CodeInvalid another code", "Stalled True CodeInvalid another code"]
        );
    }

    #[test]
    fn a_message_too_long_for_the_schema_is_cut_between_characters() {
        let merged = merge(&[], &[ready(&"ü".repeat(MAX_MESSAGE + 5))], None, at(0));
        assert_eq!(merged[0].message.chars().count(), MAX_MESSAGE);
    }
}
