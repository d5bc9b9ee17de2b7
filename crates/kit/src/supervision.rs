//! The tasks of a process: when one of them panics, or ends before it is told to, the process does.
//!
//! A process whose parts ended looks alive and does half of its work. Whoever restarts it does better: what it does is made to be
//! begun again.
//!
//! Guarantees: every task ends only after `cancel`, or [`Supervisor::watched`] answers with the first that did not, and the reason
//! is logged. Cost: nothing beside the tasks.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Why a process cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskFailure {
    /// A task panicked.
    #[error("the task {task} panicked: {message}")]
    Panicked {
        /// Its name.
        task: String,
        /// What the panic said.
        message: String,
    },
    /// A task ended although nobody had told it to.
    #[error("the task {task} ended unexpectedly")]
    Ended {
        /// Its name.
        task: String,
    },
}

/// Runs tasks and watches over them; clones share them.
#[derive(Clone, Debug)]
pub struct Supervisor {
    tasks: TaskTracker,
    cancel: CancellationToken,
    /// Tells that something failed, for those who wait.
    failing: CancellationToken,
    failure: Arc<OnceLock<TaskFailure>>,
}

impl Supervisor {
    /// Watches over nothing yet. Tasks may end once `cancel` is given.
    pub fn new(cancel: CancellationToken) -> Self {
        Self { tasks: TaskTracker::new(), cancel, failing: CancellationToken::new(), failure: Arc::default() }
    }

    /// Starts a task that goes on until `cancel`.
    pub fn spawn(&self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let (name, supervisor) = (name.into(), self.clone());
        self.tasks.spawn(async move {
            let ended = AssertUnwindSafe(task).catch_unwind().await;
            let failure = match ended {
                Ok(()) if supervisor.cancel.is_cancelled() => return,
                Ok(()) => TaskFailure::Ended { task: name },
                Err(panic) => TaskFailure::Panicked { task: name, message: panic_message(panic.as_ref()) },
            };
            supervisor.fail(failure);
        });
    }

    /// The first one is the reason; what it brings down is not.
    fn fail(&self, failure: TaskFailure) {
        tracing::error!(error = %failure, "the process ends");
        let _ = self.failure.set(failure);
        self.failing.cancel();
        self.cancel.cancel();
    }

    /// As a check of `/healthz` and `/readyz`: all tasks are at work.
    ///
    /// # Errors
    /// Says which one is not.
    pub fn check(&self) -> Result<(), String> {
        self.failure.get().map_or(Ok(()), |failure| Err(failure.to_string()))
    }

    /// Waits until all tasks have ended after `cancel`, or one has failed: then the others may be in the middle of something that
    /// it left half done, and are not waited for.
    ///
    /// # Errors
    /// A task failed.
    pub async fn watched(&self) -> Result<(), TaskFailure> {
        let ended = async {
            self.cancel.cancelled().await;
            self.tasks.close();
            self.tasks.wait().await;
        };
        tokio::select! {
            biased;
            () = self.failing.cancelled() => {}
            () = ended => {}
        }
        self.failure.get().cloned().map_or(Ok(()), Err)
    }

    /// [`Supervisor::watched`], beside what answers for the process as long as there is one: its endpoints. When that ends, all do.
    ///
    /// # Errors
    /// A task failed, or else what runs beside them did.
    pub async fn watched_beside<E: From<TaskFailure>>(
        &self,
        beside: impl Future<Output = Result<(), E>>,
    ) -> Result<(), E> {
        let beside = async {
            let ended = beside.await;
            self.cancel.cancel();
            ended
        };
        let watched = self.watched();
        tokio::pin!(beside, watched);
        tokio::select! {
            biased;
            ended = &mut watched => {
                ended?;
                beside.await
            }
            ended = &mut beside => {
                watched.await?;
                ended
            }
        }
    }
}

/// What a panic says.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it does not say why".to_owned())
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::*;

    fn supervisor() -> (Supervisor, CancellationToken) {
        let cancel = CancellationToken::new();
        (Supervisor::new(cancel.clone()), cancel)
    }

    #[tokio::test]
    async fn tasks_that_end_when_they_are_told_to_are_no_failure() {
        let (supervisor, cancel) = supervisor();
        supervisor.spawn("first", cancel.clone().cancelled_owned());
        let (own, inner) = (supervisor.clone(), cancel.clone());
        supervisor.spawn("second", async move {
            own.spawn("third", inner.clone().cancelled_owned());
            inner.cancelled().await;
        });
        tokio::task::yield_now().await;
        supervisor.check().expect("all are at work");
        cancel.cancel();
        supervisor.watched().await.expect("all ended as they should");
    }

    #[tokio::test]
    async fn a_panic_ends_all_and_is_the_reason() {
        let (supervisor, cancel) = supervisor();
        supervisor.spawn("hangs", pending());
        supervisor.spawn("brought down", cancel.clone().cancelled_owned());
        supervisor.spawn("watch of invoices", async { panic!("an expected panic of {}", 7) });
        let failure = TaskFailure::Panicked {
            task: "watch of invoices".to_owned(),
            message: "an expected panic of 7".to_owned(),
        };
        assert_eq!(supervisor.watched().await, Err(failure.clone()), "whatever hangs is not waited for");
        assert!(cancel.is_cancelled());
        assert_eq!(supervisor.check(), Err(failure.to_string()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_unexpected_end_ends_all() {
        let (supervisor, cancel) = supervisor();
        supervisor.spawn("prober", tokio::time::sleep(Duration::from_secs(3)));
        assert_eq!(supervisor.watched().await, Err(TaskFailure::Ended { task: "prober".to_owned() }));
        assert!(cancel.is_cancelled());
    }

    #[tokio::test]
    async fn a_panic_during_the_end_is_told_too() {
        let (supervisor, cancel) = supervisor();
        supervisor.spawn("queue", {
            let cancel = cancel.clone();
            async move {
                cancel.cancelled().await;
                panic!("an expected panic");
            }
        });
        cancel.cancel();
        assert!(matches!(supervisor.watched().await, Err(TaskFailure::Panicked { .. })));
    }

    #[tokio::test]
    async fn when_the_endpoints_end_all_tasks_do_and_are_waited_for() {
        let (supervisor, cancel) = supervisor();
        supervisor.spawn("queue", cancel.clone().cancelled_owned());
        assert_eq!(supervisor.watched_beside(async { Ok::<(), TaskFailure>(()) }).await, Ok(()));
        assert!(cancel.is_cancelled());
    }

    #[tokio::test]
    async fn a_task_that_fails_is_the_reason_and_the_endpoints_are_not_waited_for() {
        let (supervisor, _) = supervisor();
        supervisor.spawn("watch", async {});
        let failure = TaskFailure::Ended { task: "watch".to_owned() };
        assert_eq!(supervisor.watched_beside(pending::<Result<(), TaskFailure>>()).await, Err(failure));
    }
}
