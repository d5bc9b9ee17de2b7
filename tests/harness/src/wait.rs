//! Waiting for a condition, with a deadline.

use std::{
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result};

/// How long to pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until `look` finds something, or fails after `limit` with `what` in words.
///
/// # Errors
/// [`Error::TimedOut`] when the limit is reached.
pub fn wait_until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if begun.elapsed() >= limit {
            return Err(Error::TimedOut { what: what.to_owned(), waited: limit });
        }
        thread::sleep(PAUSE);
    }
}
