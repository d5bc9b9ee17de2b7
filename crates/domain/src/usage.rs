//! Usage: a service ran.

use rust_decimal::Decimal;
use std::sync::Arc;

use crate::name::Name;
use crate::time::period::Timestamp;
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

/// One usage record: a service ran over `[start, end)`, or happened at `start`.
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
    /// When it ended; `None` while it runs.
    pub end: Option<Timestamp>,
    /// The name of the record that this one corrects: that one counts as nothing.
    pub replaces: Option<Name>,
    /// Key and value, in the order given.
    pub tags: Vec<(Name, Name)>,
}
