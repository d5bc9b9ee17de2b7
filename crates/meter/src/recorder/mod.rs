//! Meters of metrics at work: window after window is read, counted and written, each Meter by a task of its own.
//!
//! What is written says how far it is: `status.observedThrough` of a Meter is the end of its last window, and the last reading of a
//! record is how far that one is. Wherever the process is killed, the window is read again, and only what is missing is written.

mod apply;
mod follow;
mod report;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use billing_api::{Meter, MetricsServer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::context::Shared;

/// The Meters of metrics, and the servers that they read.
#[derive(Debug, Default)]
pub struct Counted {
    meters: BTreeMap<String, Arc<Meter>>,
    servers: BTreeMap<String, Arc<MetricsServer>>,
}

impl Counted {
    /// A Meter is as it says. What a watch tells after our own last write is older.
    pub fn observe_meter(&mut self, meter: Meter) {
        let Some(name) = meter.metadata.name.clone() else { return };
        let version = |meter: &Meter| meter.metadata.resource_version.as_ref()?.parse::<u64>().ok();
        if self.meters.get(&name).is_none_or(|known| version(known) <= version(&meter)) {
            self.meters.insert(name, Arc::new(meter));
        }
    }

    /// A Meter is gone.
    pub fn forget_meter(&mut self, name: &str) {
        self.meters.remove(name);
    }

    /// A server is as it says.
    pub fn observe_server(&mut self, server: MetricsServer) {
        if let Some(name) = server.metadata.name.clone() {
            self.servers.insert(name, Arc::new(server));
        }
    }

    /// A server is gone.
    pub fn forget_server(&mut self, name: &str) {
        self.servers.remove(name);
    }

    /// The Meters, for a list to compare with.
    pub fn meters(&self) -> HashSet<String> {
        self.meters.keys().cloned().collect()
    }

    /// The servers, for a list to compare with.
    pub fn servers(&self) -> HashSet<String> {
        self.servers.keys().cloned().collect()
    }

    /// A Meter as the API server has it.
    pub fn meter(&self, name: &str) -> Option<Arc<Meter>> {
        self.meters.get(name).cloned()
    }

    /// A server as the API server has it.
    pub fn server(&self, name: &str) -> Option<Arc<MetricsServer>> {
        self.servers.get(name).cloned()
    }
}

/// Follows the Meters of metrics until `cancel`.
pub async fn run(shared: Arc<Shared>, cancel: CancellationToken) {
    let mut running: BTreeMap<String, CancellationToken> = BTreeMap::new();
    let mut tasks = JoinSet::new();
    let mut changed = shared.counting.subscribe();
    loop {
        changed.mark_unchanged();
        let wanted = shared.counted().meters();
        running.retain(|name, stop| {
            let stays = wanted.contains(name);
            if !stays {
                stop.cancel();
            }
            stays
        });
        for name in wanted {
            running.entry(name.clone()).or_insert_with(|| {
                let stop = cancel.child_token();
                tasks.spawn(follow::run(shared.clone(), name, stop.clone()));
                stop
            });
        }
        tokio::select! {
            () = cancel.cancelled() => break,
            _ = changed.changed() => {}
            Some(ended) = tasks.join_next() => {
                // A task that panicked must not go unnoticed: whoever watches over this one ends the process.
                if let Err(error) = ended && error.is_panic() {
                    std::panic::resume_unwind(error.into_panic());
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}
