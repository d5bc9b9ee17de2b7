//! What an operator stands on, whatever it operates: the work queue, the API server's clock, the client, lists, events, health and
//! metrics, logs, supervision and the end. Knows nothing of billing.

pub mod client;
pub mod clock;
pub mod events;
pub mod logging;
pub mod metrics;
pub mod paging;
pub mod queue;
pub mod reach;
mod request;
pub mod server;
pub mod shutdown;
pub mod supervision;
mod timer;
pub mod trouble;
pub mod watching;
