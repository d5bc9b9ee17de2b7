//! Whether a handler that has been at work for long gets on.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static PROGRESS: Progress;
}

/// When a handler last got on with its work; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<Instant>>);

impl Progress {
    pub(super) fn new(now: Instant) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    fn note(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// For how long nothing has been noted.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(*self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs a handler whose calls of [`note_progress`] are noted here.
    pub(super) async fn scope<F: Future>(self, handler: F) -> F::Output {
        PROGRESS.scope(self, handler).await
    }
}

/// Notes that the handler that this is called in gets on: a page was read, an object was written. So one that works for an hour
/// is told from one that hangs. Outside of a handler, and in tasks that a handler spawns, it does nothing.
///
/// Only what came to an end counts. Who calls this in a loop that never ends hides that it hangs.
pub fn note_progress() {
    let _ = PROGRESS.try_with(|progress| progress.note(Instant::now()));
}
