//! Whether the API server is in reach: it answered a call, or one of its watches sent something, not long ago.
//!
//! Bookmarks and empty answers count; that it does not take our token, or is too busy to answer, does not. One line of the log
//! tells of an outage and one of its end, however many calls fail.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http::StatusCode;
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::trouble::{Report, Trouble, chain, is_outage_status};

/// When the API server was last heard of; clones share it.
#[derive(Clone, Debug)]
pub struct Reach {
    metrics: Metrics,
    last: Arc<Mutex<Last>>,
}

#[derive(Debug)]
struct Last {
    /// When it was last heard of; at first, when this began to listen.
    heard: Instant,
    /// Why the last call that failed did.
    cause: String,
    trouble: Trouble,
}

impl Reach {
    /// Nothing has been heard yet.
    pub fn new(metrics: Metrics) -> Self {
        let last =
            Last { heard: Instant::now(), cause: "it was not asked yet".to_owned(), trouble: Trouble::default() };
        Self { metrics, last: Arc::new(Mutex::new(last)) }
    }

    /// An answer came, or something of a watch.
    pub fn heard(&self, now: DateTime<Utc>) {
        self.metrics.api_heard(now);
        let mut last = self.last();
        last.heard = Instant::now();
        let ended = last.trouble.ended(Instant::now());
        drop(last);
        if let Some(lasted) = ended {
            tracing::info!(lasted_secs = lasted.as_secs(), "the API server answers again");
        }
    }

    /// What an answer says by its status.
    pub(crate) fn answered(&self, status: StatusCode, now: DateTime<Utc>) {
        match status {
            StatusCode::UNAUTHORIZED => {
                self.failed(format!(
                    "it answers {status}: the token or certificate of the operator's account is not accepted"
                ));
            }
            status if is_outage_status(status.as_u16()) => self.failed(format!("it answers {status}")),
            _ => self.heard(now),
        }
    }

    /// A call had no answer, or a watch broke off.
    pub(crate) fn lost(&self, error: &(dyn Error + 'static)) {
        self.failed(chain(error));
    }

    fn failed(&self, cause: String) {
        let mut last = self.last();
        let report = last.trouble.failed(Instant::now());
        last.cause.clone_from(&cause);
        drop(last);
        match report {
            Some(Report { times, lasting }) => {
                let lasting_secs = lasting.as_secs();
                tracing::warn!(error = cause, times, lasting_secs, "the API server cannot be reached; trying again");
            }
            None => tracing::debug!(error = cause, "the API server cannot be reached; trying again"),
        }
    }

    /// As a check of `/readyz`.
    ///
    /// # Errors
    /// Nothing was heard for `limit`.
    pub fn check(&self, limit: Duration) -> Result<(), String> {
        let last = self.last();
        let silent = last.heard.elapsed();
        if silent < limit {
            return Ok(());
        }
        Err(format!("the API server has not been heard of for {} s: {}", silent.as_secs(), last.cause))
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::tests::registered;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    #[tokio::test(start_paused = true)]
    async fn it_is_out_of_reach_when_nothing_succeeded_for_a_while_and_says_why() {
        let (metrics, exposition) = registered();
        let (reach, limit) = (Reach::new(metrics), Duration::from_secs(180));
        reach.answered(StatusCode::NOT_FOUND, NOW);
        tokio::time::advance(Duration::from_secs(179)).await;
        reach.answered(StatusCode::UNAUTHORIZED, NOW);
        assert_eq!(reach.check(limit), Ok(()));
        tokio::time::advance(Duration::from_secs(1)).await;
        let why = reach.check(limit).unwrap_err();
        assert!(
            why.starts_with("the API server has not been heard of for 180 s: it answers 401 Unauthorized"),
            "{why}"
        );
        reach.lost(&std::io::Error::other("no route to host"));
        assert!(reach.check(limit).unwrap_err().ends_with("no route to host"));
        reach.answered(StatusCode::FORBIDDEN, NOW + Duration::from_secs(360));
        assert_eq!(reach.check(limit), Ok(()));
        let text = exposition.encode().expect("encodes");
        assert!(text.contains("test_api_last_success_timestamp_seconds 360.0"), "{text}");
    }
}
