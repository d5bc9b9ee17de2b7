//! What finals already bill.

use std::collections::{HashMap, HashSet};

use super::name::Name;
use super::period::Period;

/// What is on a final of the organization already, by the name of the usage record. It is not billed again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Billed {
    periods: HashMap<Name, Vec<Period>>,
    events: HashSet<Name>,
}

impl Billed {
    /// A final bills this period of a record of running hours.
    pub fn add_period(&mut self, record: Name, period: Period) {
        self.periods.entry(record).or_default().push(period);
    }

    /// A final bills this record of single units.
    pub fn add_event(&mut self, record: Name) {
        self.events.insert(record);
    }

    /// The periods of a record of running hours that finals bill.
    pub fn periods(&self, record: &str) -> &[Period] {
        self.periods.get(record).map_or(&[], Vec::as_slice)
    }

    /// Whether a final bills this record of single units.
    pub fn has_event(&self, record: &str) -> bool {
        self.events.contains(record)
    }
}
