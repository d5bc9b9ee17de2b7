//! Usage: a service ran.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use std::sync::Arc;

use crate::name::Name;
use crate::readings::{Metering, Reading, ReadingPair};
use crate::time::period::{Period, Timestamp};
use crate::uid::Uid;

/// What ran.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Service {
    /// Its name within the project.
    pub name: Name,
    /// Its type ("PostgreSQL").
    pub kind: Name,
    /// Its plan ("Hobbyist"), where the type has plans.
    pub plan: Option<Name>,
    /// Where it ran ("google-europe-north1"), where that matters.
    pub cloud: Option<Name>,
    /// The cluster where it ran, where that is another one: services of one name in two clusters are two.
    pub cluster: Option<Name>,
}

impl Service {
    /// `<service>: <type> <plan> <cloud>`, without what it does not have.
    pub fn description(&self) -> String {
        let mut text = format!("{}: {}", self.name, self.kind);
        for part in [&self.plan, &self.cloud].into_iter().flatten() {
            text.push(' ');
            text.push_str(part);
        }
        text
    }
}

/// How far in the future something may have been read: clocks differ.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(60);

/// One usage record: a service ran over `[start, end)`, or happened at `start`, or is metered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The record's name, by which it is known on invoices.
    pub name: Name,
    /// The record's UID.
    pub uid: Uid,
    /// The project that used the service.
    pub project: Name,
    /// When the record was made, by the API server's clock.
    pub created: Timestamp,
    /// The generation of the record as it was read: it counts the changes of its spec.
    pub generation: i64,
    /// What ran.
    pub service: Arc<Service>,
    /// How much of it, at once; positive.
    pub quantity: Decimal,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; `None` while it runs. A metered record ends with its month at the latest, whether somebody said so or not.
    pub end: Option<Timestamp>,
    /// What a counter has counted since its start, where it is metered.
    pub metering: Option<Box<Metering>>,
    /// The name of the record that this one corrects: that one counts as nothing.
    pub replaces: Option<Name>,
    /// Key and value, in the order given.
    pub tags: Vec<(Name, Name)>,
}

impl Usage {
    /// Whether it is charged by what a counter has counted.
    pub fn is_metered(&self) -> bool {
        self.metering.is_some()
    }

    /// How much of it is charged for a piece of its time: of a metered record what was counted in it, of another its quantity.
    pub fn quantity_in(&self, piece: Period) -> Decimal {
        self.metering.as_ref().map_or(self.quantity, |metering| metering.readings.counted(piece))
    }

    /// The last reading at or before an instant.
    pub fn reading_at(&self, instant: Timestamp) -> Option<Reading> {
        self.metering.as_ref()?.readings.at(instant)
    }

    /// The readings at the two ends of an interval; `None` of what is not metered.
    pub fn readings_of(&self, period: Period) -> Option<ReadingPair> {
        let readings = &self.metering.as_ref()?.readings;
        Some(ReadingPair { from: readings.at(period.start()), to: readings.at(period.end()) })
    }

    /// The last reading, if it is further in the future, as of an instant, than clocks differ: it does not count yet.
    pub fn reading_in_future(&self, as_of: Timestamp) -> Option<Reading> {
        let limit = as_of.checked_add_signed(CLOCK_TOLERANCE)?;
        self.metering.as_ref()?.readings.last().filter(|last| limit < last.at)
    }

    /// Until when it is charged, as of an instant: until then, but that of a metered record what was read within the time by which clocks
    /// differ counts, too.
    pub fn charged_until(&self, as_of: Timestamp) -> Timestamp {
        let limit = as_of.checked_add_signed(CLOCK_TOLERANCE).unwrap_or(as_of);
        let until = self.reading_at(limit).map_or(as_of, |reading| reading.at.max(as_of));
        self.end.map_or(until, |end| end.min(until))
    }
}
