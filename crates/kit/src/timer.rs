//! Waiting for a moment that there may be none of.

use tokio::time::Instant;

/// Sleeps until `due`, for ever without one: an arm of `select!` that is never taken.
pub(crate) async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
