//! While projects are being bound to a group, what is written of it gathers.
//!
//! Hundreds of projects bound at once are a few writes of the group, not hundreds; one that comes alone waits for nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;

use billing_domain::{Timestamp, Uid};

/// After a first write of new members, the second waits this long, and each one after it a second longer …
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(2);

/// … up to this.
const MAX_PAUSE: TimeDelta = TimeDelta::seconds(4);

/// An estimate is written this long after the first project came, or after the estimate before.
const ESTIMATE_PAUSE: TimeDelta = TimeDelta::seconds(10);

/// Projects are on their way to a group: among its members, or about to be, and not in the ledger yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoalescingState {
    since: Timestamp,
    /// When new members may be written next.
    members_from: Timestamp,
    /// How long the pause before that was.
    pause: TimeDelta,
}

impl CoalescingState {
    /// The first project has come.
    pub fn started(now: Timestamp) -> Self {
        Self { since: now, members_from: now, pause: TimeDelta::zero() }
    }

    /// The same, after new members were written.
    pub fn with_members_written(self, now: Timestamp) -> Self {
        let pause = (self.pause + TimeDelta::seconds(1)).clamp(FIRST_PAUSE, MAX_PAUSE);
        Self { members_from: now.checked_add_signed(pause).unwrap_or(now), pause, ..self }
    }

    /// Until when new members wait; `None` when they are to be written now.
    pub fn members_delayed_until(&self, now: Timestamp) -> Option<Timestamp> {
        Some(self.members_from).filter(|from| now < *from)
    }

    /// Until when an estimate waits that was computed as of `written`; `None` when it is to be written now.
    pub fn estimate_delayed_until(&self, written: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let from = written.max(self.since).checked_add_signed(ESTIMATE_PAUSE)?;
        Some(from).filter(|from| now < *from)
    }
}

/// The groups that projects are on their way to. A restart forgets it, and writes once more than it had to.
#[derive(Debug, Default)]
pub struct CoalescingStates(Mutex<HashMap<Uid, CoalescingState>>);

impl CoalescingStates {
    /// What is known of a group.
    pub fn of(&self, group: Uid) -> Option<CoalescingState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&group).copied()
    }

    /// What is known of a group now.
    pub fn set(&self, group: Uid, coalescing: Option<CoalescingState>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match coalescing {
            Some(coalescing) => drop(known.insert(group, coalescing)),
            None => drop(known.remove(&group)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::at;

    fn second(second: i64) -> Timestamp {
        at("2026-11-21T12:00:00Z") + TimeDelta::seconds(second)
    }

    #[test]
    fn new_members_are_written_at_once_and_then_ever_later() {
        let mut coalescing = CoalescingState::started(second(0));
        let mut writes = Vec::new();
        for now in 0..20 {
            if coalescing.members_delayed_until(second(now)).is_none() {
                writes.push(now);
                coalescing = coalescing.with_members_written(second(now));
            }
        }
        assert_eq!(writes, [0, 2, 5, 9, 13, 17]);
    }

    #[test]
    fn an_estimate_waits_from_the_first_project_or_the_last_write_on() {
        let coalescing = CoalescingState::started(second(0));
        assert_eq!(coalescing.estimate_delayed_until(second(-900), second(0)), Some(second(10)));
        assert_eq!(coalescing.estimate_delayed_until(second(-900), second(10)), None);
        assert_eq!(coalescing.estimate_delayed_until(second(10), second(11)), Some(second(20)));
    }
}
