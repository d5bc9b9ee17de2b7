//! Trouble that lasts: told at once with all its causes, then at growing intervals, and once more when it is over.
//!
//! A call that fails is tried again, every second or every minute, and a log that says so each time hides what it says. Cost: an
//! entry for everything that fails now.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

/// The first pause between two lines about the same trouble; each is twice as long as the one before …
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// … up to this.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// An error with all its causes: `a: b: c`. What an error repeats of its cause is said once.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        cause = error.source();
    }
    said
}

/// Whether this is how an API server answers that cannot work now, or that does not take our token.
pub fn is_outage_status(status: u16) -> bool {
    const STATUSES: [StatusCode; 5] = [
        StatusCode::UNAUTHORIZED,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    STATUSES.iter().any(|known| known.as_u16() == status)
}

/// Whether a call failed because the API server is out of reach, cannot work, or does not take our token. The
/// [client](crate::client) tells about that, once for all calls.
pub fn is_outage(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        match error.downcast_ref::<kube::Error>() {
            Some(kube::Error::Api(status)) => return is_outage_status(status.code),
            Some(kube::Error::Service(_) | kube::Error::HyperError(_) | kube::Error::ReadEvents(_)) => return true,
            Some(_) => return false,
            None => next = error.source(),
        }
    }
    false
}

/// What is to be said of a trouble that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How often it happened since the last report.
    pub times: u64,
    /// How long it has lasted.
    pub lasting: Duration,
}

/// One trouble, which comes and goes.
#[derive(Debug, Default)]
pub struct Trouble {
    /// Since when there is any.
    since: Option<Instant>,
    /// Whether that was told.
    told: bool,
    /// How often it happened and was not told.
    untold: u64,
    /// When it may be told next, and the pause that this ends.
    next: Option<(Instant, Duration)>,
}

impl Trouble {
    /// It happened. Answers with what is to be said, if it is time to say something.
    ///
    /// What comes and goes all the time is not told each time: the pauses go on until it was away for as long as one.
    pub fn failed(&mut self, now: Instant) -> Option<Report> {
        if self.since.is_none() {
            self.since = Some(now);
            self.told = false;
            self.next = self.next.filter(|(at, pause)| now < *at + *pause);
        }
        self.untold += 1;
        let pause = match self.next {
            Some((at, _)) if now < at => return None,
            Some((_, pause)) => (pause * 2).min(MAX_PAUSE),
            None => FIRST_PAUSE,
        };
        self.next = Some((now + pause, pause));
        self.told = true;
        let times = std::mem::take(&mut self.untold);
        Some(Report { times, lasting: self.since.map_or(Duration::ZERO, |since| now - since) })
    }

    /// It is over. Answers with how long it lasted, if it was told.
    pub fn ended(&mut self, now: Instant) -> Option<Duration> {
        let since = self.since.take()?;
        self.told.then(|| now - since)
    }
}

/// Everything that fails now, by what that is. What the client tells about is not told again.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<HashMap<String, (String, Trouble)>>);

impl Troubles {
    /// Tells that `what` failed, as far as it is time to: in words that go on with "trying again". Another cause is told at once.
    pub fn tell(&self, what: impl Display, error: &(dyn Error + 'static)) {
        let (what, cause) = (what.to_string(), chain(error));
        if is_outage(error) {
            tracing::debug!(error = cause, "{what}; trying again");
            return;
        }
        let Some(report) = self.failed(&what, &cause, Instant::now()) else {
            tracing::debug!(error = cause, "{what}, as before; trying again");
            return;
        };
        let Report { times, lasting } = report;
        tracing::warn!(error = cause, times, lasting_secs = lasting.as_secs(), "{what}; trying again");
    }

    /// Tells that `what` did not fail, if it did before.
    pub fn over<D: Display>(&self, what: impl FnOnce() -> D) {
        let mut all = self.all();
        if all.is_empty() {
            return;
        }
        let what = what().to_string();
        let Some((_, mut trouble)) = all.remove(&what) else { return };
        drop(all);
        if let Some(lasted) = trouble.ended(Instant::now()) {
            tracing::info!(lasted_secs = lasted.as_secs(), "over: {what}");
        }
    }

    fn failed(&self, what: &str, cause: &str, now: Instant) -> Option<Report> {
        let mut all = self.all();
        let (known, trouble) = all.entry(what.to_owned()).or_default();
        if known != cause {
            *known = cause.to_owned();
            // Since when it fails stays the same.
            trouble.next = None;
        }
        trouble.failed(now)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, (String, Trouble)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use kube::core::Status;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("client error (Connect)")]
    struct Connect(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("the watch did not begin")]
    struct Watch(#[source] kube::Error);

    fn api(code: u16) -> kube::Error {
        kube::Error::Api(Box::new(Status { code, message: "later".to_owned(), ..Status::default() }))
    }

    fn service() -> kube::Error {
        kube::Error::Service(Box::new(Connect(io::Error::new(io::ErrorKind::ConnectionRefused, "refused"))))
    }

    #[test]
    fn all_causes_are_said_each_once() {
        assert_eq!(chain(&service()), "ServiceError: client error (Connect): refused");
    }

    #[test]
    fn an_outage_is_told_from_an_answer() {
        for (error, outage) in [
            (service(), true),
            (api(401), true),
            (api(503), true),
            (api(403), false),
            (api(409), false),
            (api(500), false),
        ] {
            assert_eq!(is_outage(&error), outage, "{error}");
        }
        assert!(is_outage(&Watch(service())), "deeper down");
        assert!(!is_outage(&io::Error::other("disk")), "not ours to tell");
    }

    /// The seconds at which a trouble that happens every second is told, in so many seconds.
    fn told(trouble: &mut Trouble, begun: Instant, seconds: std::ops::Range<u64>) -> Vec<u64> {
        seconds.filter(|second| trouble.failed(begun + Duration::from_secs(*second)).is_some()).collect()
    }

    #[test]
    fn what_lasts_is_told_ever_less_often() {
        let (mut trouble, begun) = (Trouble::default(), Instant::now());
        assert_eq!(told(&mut trouble, begun, 0..2000), [0, 60, 180, 420, 900, 1860]);
        let day = told(&mut trouble, begun, 2000..72_000);
        assert!(day.len() < 25 && day.windows(2).all(|pair| pair[1] - pair[0] <= 3600), "{day:?}");
    }

    #[test]
    fn a_report_says_how_often_and_how_long_and_the_end_how_long_it_was() {
        let (mut trouble, begun) = (Trouble::default(), Instant::now());
        assert_eq!(trouble.failed(begun), Some(Report { times: 1, lasting: Duration::ZERO }));
        told(&mut trouble, begun, 1..60);
        let minute = Duration::from_secs(60);
        assert_eq!(trouble.failed(begun + minute), Some(Report { times: 60, lasting: minute }));
        assert_eq!(trouble.ended(begun + minute * 2), Some(minute * 2));
        assert_eq!(trouble.ended(begun + minute * 2), None, "it ends once");
    }

    #[test]
    fn what_comes_and_goes_is_not_told_each_time() {
        let (mut trouble, begun) = (Trouble::default(), Instant::now());
        let mut lines = 0;
        for second in (0..600).step_by(2) {
            lines += usize::from(trouble.failed(begun + Duration::from_secs(second)).is_some());
            lines += usize::from(trouble.ended(begun + Duration::from_secs(second + 1)).is_some());
        }
        assert_eq!(lines, 8, "four times that it fails, and that it is over");
        // After it was away for long, it is news.
        assert!(trouble.failed(begun + Duration::from_secs(6000)).is_some_and(|report| report.lasting.is_zero()));
    }

    #[test]
    fn another_cause_is_told_at_once() {
        let (troubles, now) = (Troubles::default(), Instant::now());
        assert!(troubles.failed("a list", "forbidden", now).is_some());
        assert!(troubles.failed("a list", "forbidden", now).is_none());
        assert!(troubles.failed("another list", "forbidden", now).is_some());
        assert!(troubles.failed("a list", "not found", now).is_some());
        troubles.over(|| "a list");
        assert!(troubles.failed("a list", "not found", now).is_some(), "it began anew");
    }
}
