//! The life of one object for one Meter: what was seen of it, which records run, and what is to be written next.
//!
//! Pure. What happens is entered with its [`Moment`]; [`Life::plan`] says what to write, and what was written is entered again.
//!
//! Guarantees, whatever is entered and wherever the process is killed between two writes:
//! * no second is in two records of the object;
//! * no second is recorded in which nobody saw that the object costs something;
//! * while somebody looks, every second is recorded in which it does, with what it costs then.
//!
//! Records are named by their start in whole seconds, so two of one object never begin in the same second: the second begins a
//! second later.

use std::collections::BTreeMap;

use billing_api::Service;
use chrono::{DateTime, TimeDelta, Utc};

/// A point in time in whole seconds.
pub type Timestamp = DateTime<Utc>;

/// An object that is first seen this soon after it was made has been as it is since it was made.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// When nothing was heard for longer, nobody looked.
pub const LAPSE: TimeDelta = TimeDelta::minutes(2);

/// When something was seen, and what that is worth.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The server's time.
    pub now: Timestamp,
    /// Until when every change was seen; absent for a Meter that never looked.
    pub through: Option<Timestamp>,
    /// When the object was made.
    pub created: Timestamp,
    /// How long an object must cost something before it is recorded.
    pub minimum: TimeDelta,
}

impl Moment {
    /// Since when an object that is now seen to cost something has done so.
    fn begin(&self, is_new: bool) -> Timestamp {
        let is_fresh = self.now - self.created <= FRESH;
        let came_unseen = self.through.is_some_and(|through| self.created > through);
        if is_new && (is_fresh || came_unseen) { self.created.min(self.now) } else { self.now }
    }

    /// Until when an object that is now seen to cost it no longer did.
    fn end(&self) -> Timestamp {
        self.through.filter(|through| self.now - *through > LAPSE).unwrap_or(self.now)
    }
}

/// What a record says, but for its times: while this stays, the record runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The organization, in whose namespace the record is.
    pub organization: String,
    /// The project.
    pub project: String,
    /// The service.
    pub service: Service,
    /// How many of it.
    pub quantity: String,
}

/// What an object costs, and the tags of a record that begins now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What decides whether another record begins.
    pub cost: Cost,
    /// What does not.
    pub tags: BTreeMap<String, String>,
}

/// What an object costs now.
#[derive(Clone, Debug)]
struct Entered {
    target: Target,
    since: Timestamp,
    /// When it has cost something for the minimum.
    due: Timestamp,
}

/// A record that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its name, in the namespace of the organization that it is of.
    pub name: String,
    /// What it says.
    pub cost: Cost,
    /// Its first second.
    pub start: Timestamp,
    /// When what it says was no longer so, once that is known; the API server is not told yet.
    ends: Option<Timestamp>,
}

impl Running {
    /// A record of which nothing is known but that it runs.
    pub fn new(name: String, cost: Cost, start: Timestamp) -> Self {
        Self { name, cost, start, ends: None }
    }

    /// Its end: it lasts for a second at least.
    fn end(&self) -> Option<Timestamp> {
        Some(self.ends?.max(self.start + TimeDelta::seconds(1)))
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A record begins.
    Open {
        /// What it says.
        target: Target,
        /// Its first second.
        start: Timestamp,
    },
    /// A record ends.
    End {
        /// The namespace.
        organization: String,
        /// The record.
        name: String,
        /// The first second in which it no longer runs.
        at: Timestamp,
    },
}

/// What is to be written, one after the other, and when to look again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The writes.
    pub steps: Vec<Step>,
    /// When there will be more to do.
    pub wake: Option<Timestamp>,
}

/// What is known of one object.
#[derive(Debug, Default)]
pub struct Life {
    entered: Option<Entered>,
    /// When what it cost before was no longer so.
    left: Option<Timestamp>,
    /// Whether it was seen before and judged.
    judged: bool,
    /// The records that run, by their starts.
    running: Vec<Running>,
    /// No record begins earlier: an older one has the name, or lasts until then.
    not_before: Option<Timestamp>,
}

impl Life {
    /// The object is seen, and costs this now. `judged` is whether that is known: of a project that is on its way, it is not.
    pub fn observe(&mut self, target: Option<Target>, judged: bool, moment: &Moment) {
        let is_new = !self.judged;
        self.judged |= judged;
        match (&mut self.entered, target) {
            (None, None) => {}
            (Some(entered), Some(target)) if entered.target.cost == target.cost => entered.target.tags = target.tags,
            (Some(_), None) => {
                self.entered = None;
                self.left = Some(moment.end());
            }
            (None, Some(target)) => {
                let since = moment.begin(is_new);
                self.entered = Some(Entered { target, since, due: since + moment.minimum });
                self.left = Some(moment.end());
            }
            (Some(before), Some(target)) => {
                let due = before.due;
                self.entered = Some(Entered { target, since: moment.now, due });
                self.left = Some(moment.end());
            }
        }
        self.settle(moment.end());
    }

    /// The object is gone.
    pub fn gone(&mut self, moment: &Moment) {
        self.observe(None, true, moment);
    }

    /// A record runs. While `live`, what is known of the object is up to date.
    pub fn recorded(&mut self, record: Running, live: bool) {
        let at = self.running.partition_point(|running| running.start < record.start);
        match self.running.get_mut(at) {
            Some(known) if known.name == record.name => return,
            Some(_) | None => self.running.insert(at, record),
        }
        if live && let Some(left) = self.left {
            self.settle(left);
        }
    }

    /// A record does not run any more.
    pub fn ended(&mut self, name: &str) {
        if let Some(ended) = self.running.iter().find(|running| running.name == name).and_then(Running::end) {
            self.begin_after(ended);
        }
        self.running.retain(|running| running.name != name);
    }

    /// The name of a record that begins before is taken.
    pub fn begin_after(&mut self, end: Timestamp) {
        self.not_before = self.not_before.max(Some(end));
    }

    /// Whether nothing is known that matters.
    pub fn is_over(&self) -> bool {
        self.entered.is_none() && self.running.is_empty()
    }

    /// How many records run.
    pub fn running(&self) -> usize {
        self.running.len()
    }

    /// The records that run.
    pub fn records(&self) -> impl Iterator<Item = &Running> {
        self.running.iter()
    }

    /// The records that run, and nothing else of it.
    pub fn into_running(self) -> impl Iterator<Item = Running> {
        self.running.into_iter()
    }

    /// What is to be written, by the server's time.
    pub fn plan(&self, now: Timestamp) -> Plan {
        let opening = self.entered.as_ref().filter(|entered| !self.is_current(entered));
        let is_due = |entered: &&Entered| !self.running.is_empty() || entered.due <= now;
        let wake = opening.filter(|entered| !is_due(entered)).map(|entered| entered.due);
        let opening = opening.filter(is_due).map(|entered| (entered, self.start(entered)));
        let mut steps = Vec::new();
        // What ended before is ended first. What goes over into another record is ended last: killed in between, the next look finds
        // both, and ends the older one where the newer one begins.
        let mut endings: Vec<_> = self.running.iter().filter_map(|running| Some((running.end()?, running))).collect();
        endings.sort_by_key(|(at, _)| *at);
        let (before, after): (Vec<_>, Vec<_>) =
            endings.into_iter().partition(|(at, _)| opening.as_ref().is_none_or(|(_, start)| at < start));
        steps.extend(before.into_iter().map(ending));
        steps.extend(opening.map(|(entered, start)| Step::Open { target: entered.target.clone(), start }));
        steps.extend(after.into_iter().map(ending));
        Plan { steps, wake }
    }

    /// Whether what the newest record says is so.
    fn is_current(&self, entered: &Entered) -> bool {
        self.running.last().is_some_and(|newest| newest.ends.is_none() && newest.cost == entered.target.cost)
    }

    /// When a record of this begins.
    fn start(&self, entered: &Entered) -> Timestamp {
        let after_others =
            self.running.iter().filter_map(|running| running.end().or(Some(running.start + TimeDelta::seconds(1))));
        after_others.chain(self.not_before).fold(entered.since, Timestamp::max)
    }

    /// Says of each record that is not so any more when that was: at `left`, or where the next one begins.
    fn settle(&mut self, left: Timestamp) {
        let starts: Vec<_> = self.running.iter().skip(1).map(|next| next.start).collect();
        for (running, next) in self.running.iter_mut().zip(starts) {
            running.ends.get_or_insert(next);
        }
        let Some(newest) = self.running.last_mut() else { return };
        if self.entered.as_ref().is_none_or(|entered| entered.target.cost != newest.cost) {
            newest.ends.get_or_insert(left);
        }
    }
}

/// The write that ends a record.
fn ending((at, running): (Timestamp, &Running)) -> Step {
    Step::End { organization: running.cost.organization.clone(), name: running.name.clone(), at }
}

#[cfg(test)]
mod tests;
