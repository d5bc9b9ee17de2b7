//! A work queue of keys: each key is worked on by one handler at a time, and never lost.
//!
//! Watches say *that* something changed; the handler looks at what is there now. So many changes of
//! one object between two looks are one piece of work, and the queue holds keys, not events.

mod backoff;
mod progress;
mod schedule;

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::supervision::panic_message;
use crate::timer::sleep_until;
pub use backoff::Backoff;
use progress::Progress;
pub use progress::note_progress;
use schedule::Schedule;

/// How one look at a key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing more to do until the key is added again.
    Done,
    /// Look again after this long, whatever happens.
    After(Duration),
    /// Try again, after the key's back-off.
    Failed,
}

/// How a queue treats its keys.
#[derive(Clone, Copy, Debug)]
pub struct QueueSettings {
    /// Two starts of one key are at least this far apart; the first is immediate, and what is
    /// added in between is one later start.
    pub min_interval: Duration,
    /// What a failed key waits.
    pub backoff: Backoff,
    /// At shutdown, how long running handlers have to finish before they are dropped.
    pub drain: Duration,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self { min_interval: Duration::ZERO, backoff: Backoff::default(), drain: Duration::from_secs(20) }
    }
}

/// A glance at a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueHealth {
    /// Keys that are due and wait for a free handler.
    pub waiting: usize,
    /// Handlers at work.
    pub running: usize,
    /// How long the slowest of them has been at it.
    pub longest_running: Duration,
    /// For how long one of them has [got on](note_progress) with nothing, at most.
    pub longest_silence: Duration,
}

impl QueueHealth {
    /// As a check of `/healthz`: every call has a time limit, so a handler that has [got on](note_progress) with nothing for
    /// longer than `limit` hangs. One that gets on may take as long as its work does.
    ///
    /// # Errors
    /// Says for how long.
    pub fn check(&self, limit: Duration) -> Result<(), String> {
        if self.longest_silence <= limit {
            return Ok(());
        }
        Err(format!("a worker has made no progress with its key for {:?}", self.longest_silence))
    }
}

/// A handle to a queue of keys; clones share it.
///
/// Adding never blocks. Nothing runs until [`run`](Self::run) is called.
#[derive(Debug)]
pub struct WorkQueue<K> {
    shared: Arc<Shared<K>>,
}

#[derive(Debug)]
struct Shared<K> {
    schedule: Mutex<Schedule<K>>,
    changed: Notify,
    drain: Duration,
}

impl<K> Clone for WorkQueue<K> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<K: Hash + Eq + Clone + Ord> WorkQueue<K> {
    /// An empty queue.
    pub fn new(settings: QueueSettings) -> Self {
        let schedule = Schedule::new(settings.min_interval, settings.backoff);
        Self {
            shared: Arc::new(Shared { schedule: Mutex::new(schedule), changed: Notify::new(), drain: settings.drain }),
        }
    }

    /// Whether both are handles to one queue.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Wants `key` to be looked at as soon as possible.
    ///
    /// If a handler is at work on it, the key runs once more afterwards: what the handler read may
    /// be older than the change.
    pub fn add(&self, key: K) {
        self.add_after(key, Duration::ZERO);
    }

    /// Wants `key` to be looked at in `delay`; an earlier wish that is already there stays.
    pub fn add_after(&self, key: K, delay: Duration) {
        self.schedule().add(key, Instant::now() + delay);
        self.shared.changed.notify_one();
    }

    /// What waits and what runs.
    pub fn health(&self) -> QueueHealth {
        self.schedule().health(Instant::now())
    }

    /// Starts the key that has been due for longest, if one is.
    fn start(&self) -> Option<(K, Progress)> {
        let mut schedule = self.schedule();
        let key = schedule.start(Instant::now())?;
        let progress = schedule.progress(&key)?;
        Some((key, progress))
    }

    /// Every method of [`Schedule`] leaves it consistent, so a poisoned lock is as good as another.
    fn schedule(&self) -> MutexGuard<'_, Schedule<K>> {
        self.shared.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Clone + Ord + Debug + Send + 'static> WorkQueue<K> {
    /// Runs `handler` for the keys that are due, at most `concurrency` at once, until `cancel`.
    ///
    /// After `cancel` nothing new is started, and the running handlers have the settings' `drain`
    /// time to finish. Returns how many did not. A handler that panics counts as
    /// [`Outcome::Failed`] and is logged with its key; the others go on. `panicked` is told, to count it.
    pub async fn run<H, F>(
        &self,
        concurrency: usize,
        cancel: CancellationToken,
        handler: H,
        panicked: impl Fn(&K),
    ) -> usize
    where
        H: Fn(K) -> F,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let mut workers = Workers { queue: self.clone(), tasks: JoinSet::new(), keys: HashMap::new(), panicked };
        let concurrency = concurrency.max(1);
        while !cancel.is_cancelled() {
            workers.start_due(concurrency, &handler);
            let wake = self.schedule().next_wake();
            tokio::select! {
                biased;
                () = cancel.cancelled() => {}
                Some(ended) = workers.tasks.join_next_with_id() => workers.finish(ended),
                () = self.shared.changed.notified() => {}
                () = sleep_until(wake), if workers.tasks.len() < concurrency => {}
            }
        }
        workers.drain(self.shared.drain).await
    }
}

/// The handlers at work, and which key each of them has.
struct Workers<K, P> {
    queue: WorkQueue<K>,
    tasks: JoinSet<Outcome>,
    keys: HashMap<Id, K>,
    panicked: P,
}

impl<K: Hash + Eq + Clone + Ord + Debug + Send + 'static, P: Fn(&K)> Workers<K, P> {
    fn start_due<H, F>(&mut self, concurrency: usize, handler: &H)
    where
        H: Fn(K) -> F,
        F: Future<Output = Outcome> + Send + 'static,
    {
        while self.tasks.len() < concurrency {
            let Some((key, progress)) = self.queue.start() else { return };
            let task = self.tasks.spawn(progress.scope(handler(key.clone())));
            self.keys.insert(task.id(), key);
        }
    }

    fn finish(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(key) = self.keys.remove(&id) else {
            return;
        };
        let outcome = outcome.unwrap_or_else(|error| {
            let message = error.try_into_panic().map_or_else(|error| error.to_string(), |panic| panic_message(&*panic));
            tracing::error!(?key, message, "a handler panicked; its key is tried again, please report this");
            (self.panicked)(&key);
            Outcome::Failed
        });
        self.queue.schedule().finish(key, outcome, Instant::now());
    }

    /// Waits for the handlers at work, for `grace` in all; returns how many were dropped.
    async fn drain(mut self, grace: Duration) -> usize {
        let all = async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                self.finish(ended);
            }
        };
        if timeout(grace, all).await.is_err() {
            tracing::warn!(keys = ?self.keys.values(), "handlers did not finish in time and are stopped");
        }
        self.tasks.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::mpsc;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn queue(settings: QueueSettings) -> (WorkQueue<u32>, CancellationToken) {
        (WorkQueue::new(settings), CancellationToken::new())
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_handled_when_it_is_due_and_again_when_it_says_so() {
        let (queue, cancel) = queue(QueueSettings::default());
        let (seen, mut starts) = mpsc::unbounded_channel();
        let begin = Instant::now();
        let handler = move |key| {
            let first = seen.send((key, begin.elapsed())).is_ok() && begin.elapsed() < SECOND * 5;
            async move { if first { Outcome::After(SECOND * 10) } else { Outcome::Done } }
        };
        queue.add_after(7, SECOND * 3);
        let runner = tokio::spawn({
            let (queue, cancel) = (queue.clone(), cancel.clone());
            async move { queue.run(4, cancel, handler, |_| {}).await }
        });
        assert_eq!(starts.recv().await, Some((7, SECOND * 3)));
        assert_eq!(starts.recv().await, Some((7, SECOND * 13)));
        queue.add(8);
        assert_eq!(starts.recv().await, Some((8, SECOND * 13)));
        cancel.cancel();
        assert_eq!(runner.await.expect("no panic"), 0);
        assert!(starts.recv().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_handlers_run_at_once_than_allowed() {
        let (queue, cancel) = queue(QueueSettings::default());
        let (busy, peak, done) = (counter(), counter(), counter());
        for key in 0..50 {
            queue.add(key);
        }
        let handler = {
            let (busy, peak, done, cancel) = (busy, Arc::clone(&peak), Arc::clone(&done), cancel.clone());
            move |_| {
                let (busy, peak, done) = (Arc::clone(&busy), Arc::clone(&peak), Arc::clone(&done));
                let cancel = cancel.clone();
                async move {
                    peak.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::time::sleep(SECOND).await;
                    busy.fetch_sub(1, Ordering::SeqCst);
                    if done.fetch_add(1, Ordering::SeqCst) + 1 == 50 {
                        cancel.cancel();
                    }
                    Outcome::Done
                }
            }
        };
        assert_eq!(queue.run(3, cancel, handler, |_| {}).await, 0);
        assert_eq!((peak.load(Ordering::SeqCst), done.load(Ordering::SeqCst)), (3, 50));
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_a_failure_of_its_key_only() {
        let (queue, cancel) = queue(QueueSettings::default());
        let calls = counter();
        queue.add(1);
        queue.add(2);
        let handler = {
            let (calls, cancel) = (Arc::clone(&calls), cancel.clone());
            move |key| {
                let call = calls.fetch_add(1, Ordering::SeqCst);
                let cancel = cancel.clone();
                async move {
                    assert!(key != 1 || call > 1, "an expected panic");
                    if call > 1 {
                        cancel.cancel();
                    }
                    Outcome::Done
                }
            }
        };
        let (begin, panicked) = (Instant::now(), Mutex::new(Vec::new()));
        let note = |key: &u32| panicked.lock().expect("not poisoned").push(*key);
        assert_eq!(queue.run(1, cancel, handler, note).await, 0);
        assert_eq!(calls.load(Ordering::SeqCst), 3, "1 panicked, 2 ran, 1 ran again");
        assert_eq!(panicked.into_inner().expect("not poisoned"), [1], "it is told which");
        assert!(begin.elapsed() >= Backoff::default().delay(&1, 1), "it was backed off");
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_waits_for_running_handlers_but_not_for_ever() {
        let settings = QueueSettings { drain: SECOND * 5, ..QueueSettings::default() };
        let (queue, cancel) = queue(settings);
        let begin = Instant::now();
        for key in [2, 900, 950] {
            queue.add(key);
        }
        let stop = cancel.clone();
        let handler = |key: u32| async move {
            tokio::time::sleep(SECOND * key).await;
            Outcome::Done
        };
        let stopper = async {
            tokio::time::sleep(SECOND).await;
            stop.cancel();
        };
        let (unfinished, ()) = tokio::join!(queue.run(2, cancel, handler, |_| {}), stopper);
        assert_eq!(unfinished, 1, "900 is dropped");
        assert_eq!(begin.elapsed(), SECOND * 6);
        assert_eq!(queue.health().waiting, 1, "950 was never started");
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_gets_on_is_healthy_for_hours_and_one_that_hangs_is_not() {
        let (queue, cancel) = queue(QueueSettings::default());
        queue.add(1);
        let handler = |_| async {
            for _ in 0..120 {
                tokio::time::sleep(SECOND * 60).await;
                note_progress();
            }
            std::future::pending().await
        };
        let runner = tokio::spawn({
            let (queue, cancel) = (queue.clone(), cancel.clone());
            async move { queue.run(1, cancel, handler, |_| {}).await }
        });
        tokio::time::sleep(SECOND * 7_100).await;
        assert_eq!(queue.health().longest_running, SECOND * 7_100);
        queue.health().check(SECOND * 90).expect("the last progress is 20 seconds ago");
        tokio::time::sleep(SECOND * 200).await;
        queue.health().check(SECOND * 90).expect_err("it hangs");
        cancel.cancel();
        assert_eq!(runner.await.expect("no panic"), 1);
    }

    fn counter() -> Arc<AtomicUsize> {
        Arc::default()
    }
}
