//! Waiting for what is to come, with a deadline.

use std::time::{Duration, Instant};

use crate::Result;

/// How long a wait may take. It is mostly over in a second or two; the machine may be busy.
pub const LIMIT: Duration = Duration::from_secs(60);

/// How long to pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Looks until something is found. A look that fails counts as one that finds nothing: the API server may be away.
///
/// # Errors
/// After `limit`, with `what` in words, and the error of the last look if it failed.
pub async fn wait<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    loop {
        let found = look().await;
        let late = begun.elapsed() >= limit;
        match found {
            Ok(Some(found)) => return Ok(found),
            Ok(None) if late => return Err(format!("still not true after {limit:?}: {what}").into()),
            Err(error) if late => return Err(format!("still not true after {limit:?}: {what}: {error}").into()),
            Ok(None) | Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
