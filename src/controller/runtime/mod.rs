//! What the controllers stand on: the work queue, the API server's clock, the client, health,
//! metrics and events. Knows nothing of how billing works.

pub mod client;
pub mod clock;
pub mod conditions;
pub mod events;
pub mod logging;
pub mod metrics;
pub mod probe;
pub mod queue;
mod request;
pub mod server;
pub mod settings;
pub mod shutdown;
mod timer;
