//! Whether a watch is heard of: its answer began, or something came of it, a bookmark included.
//!
//! What kube's watcher hands on tells that too little: it keeps bookmarks to itself, and of a kind of which nothing changes it hands
//! on nothing for days. So this listens to the bytes, below the watcher. Cost: a clock and a lock for each piece that comes.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use kube::Client;
use kube::client::Body;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::{BoxError, Service};

use crate::clock::ServerClock;
use crate::metrics::Metrics;
use crate::trouble::chain;

/// How long kube's watcher lets a watch last before it begins another: a quiet one may be heard of no more often.
const LENGTH: Duration = Duration::from_secs(295);

/// A body whose pieces are noticed on their way.
pub struct Tapped {
    body: Body,
    tap: Tap,
}

/// What notices the pieces.
pub(crate) type Tap = Box<dyn Fn(Result<(), &kube::Error>) + Send>;

impl Tapped {
    /// `tap` notices each piece of `body`, and its failure.
    pub(crate) fn new(body: Body, tap: Tap) -> Self {
        Self { body, tap }
    }
}

impl fmt::Debug for Tapped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tapped").field("body", &self.body).finish_non_exhaustive()
    }
}

impl HttpBody for Tapped {
    type Data = <Body as HttpBody>::Data;
    type Error = <Body as HttpBody>::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(piece)) = &polled {
            (self.tap)(piece.as_ref().map(drop));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How a watch is; clones share it.
#[derive(Clone, Debug)]
pub struct Watching {
    name: &'static str,
    clock: ServerClock,
    metrics: Metrics,
    last: Arc<Mutex<Last>>,
    listed: watch::Sender<bool>,
}

#[derive(Debug)]
struct Last {
    /// When it was last heard of; at first, when this began to listen.
    heard: Instant,
    /// Why it failed since.
    cause: Option<String>,
}

impl Watching {
    /// The watch of `name`, of which nothing has been heard yet.
    pub fn new(name: &'static str, clock: ServerClock, metrics: Metrics) -> Self {
        metrics.watch_begins(name);
        let last = Last { heard: Instant::now(), cause: None };
        Self { name, clock, metrics, last: Arc::new(Mutex::new(last)), listed: watch::Sender::new(false) }
    }

    /// What is watched.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A client whose watches are noticed here.
    pub fn client(&self, client: Client) -> Client {
        let namespace = client.default_namespace().to_owned();
        Client::new(Listening { client, watching: self.clone() }, namespace)
    }

    /// Its first list is complete.
    pub fn list_complete(&self) {
        self.listed.send_replace(true);
    }

    /// Tells when its first list is complete.
    pub fn listed(&self) -> watch::Receiver<bool> {
        self.listed.subscribe()
    }

    /// It failed, and begins again.
    pub fn failed(&self, error: &(dyn Error + 'static)) {
        self.last().cause = Some(chain(error));
        self.metrics.watch_restart(self.name);
    }

    /// For how long nothing was heard of it; `None` while it fails. What came before that was handed on.
    pub fn silence(&self) -> Option<Duration> {
        let last = self.last();
        last.cause.is_none().then(|| last.heard.elapsed())
    }

    fn heard(&self) {
        self.metrics.watch_event(self.name, self.clock.now());
        *self.last() = Last { heard: Instant::now(), cause: None };
    }

    /// As a check of `/readyz`: its first list is complete, and nothing is wrong with it for longer than `limit`.
    ///
    /// # Errors
    /// Says why not.
    pub fn check(&self, limit: Duration) -> Result<(), String> {
        let (name, last) = (self.name, self.last());
        let cause = last.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
        if !*self.listed.borrow() {
            return Err(format!("the first list of {name} is not complete yet{cause}"));
        }
        let silent = last.heard.elapsed();
        let limit = if last.cause.is_some() { limit } else { LENGTH + limit };
        if silent < limit {
            return Ok(());
        }
        Err(format!("the watch of {name} has not been heard of for {} s{cause}", silent.as_secs()))
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer around the client of a watch.
#[derive(Clone)]
struct Listening {
    client: Client,
    watching: Watching,
}

impl Service<Request<Body>> for Listening {
    type Response = Response<Tapped>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Tapped>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { client, watching } = self.clone();
        Box::pin(async move {
            let answer = client.send(request).await?;
            let works = answer.status().is_success();
            if works {
                watching.heard();
            }
            let tap = move |piece: Result<(), &kube::Error>| {
                if works && piece.is_ok() {
                    watching.heard();
                }
            };
            Ok(answer.map(|body| Tapped::new(body, Box::new(tap))))
        })
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::Api;
    use kube::api::WatchParams;

    use super::*;
    use crate::clock::SystemClock;
    use crate::metrics::{Exposition, tests::registered};

    const LIMIT: Duration = Duration::from_secs(180);
    const BOOKMARK: &[u8] =
        br#"{"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"7"}}}"#;

    /// A body that sends a bookmark after each of so many minutes, and then hangs, or ends.
    struct Minutes(u32, Pin<Box<tokio::time::Sleep>>, bool);

    impl HttpBody for Minutes {
        type Data = hyper::body::Bytes;
        type Error = BoxError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, BoxError>>> {
            if self.0 == 0 {
                return if self.2 { Poll::Ready(None) } else { Poll::Pending };
            }
            std::task::ready!(self.1.as_mut().poll(context));
            self.0 -= 1;
            self.1 = Box::pin(tokio::time::sleep(Duration::from_secs(60)));
            Poll::Ready(Some(Ok(Frame::data([BOOKMARK, b"\n"].concat().into()))))
        }
    }

    /// A watch of an API server that answers with this status, and how often it is heard of.
    fn watching(status: u16, minutes: u32) -> (Watching, Client, Exposition) {
        let server = tower::service_fn(move |_: Request<Body>| async move {
            let body = Minutes(minutes, Box::pin(tokio::time::sleep(Duration::from_secs(60))), status != 200);
            Response::builder().status(status).body(body).map_err(BoxError::from)
        });
        let (metrics, exposition) = registered();
        let watching = Watching::new("configmaps", ServerClock::new(Arc::new(SystemClock)), metrics);
        let client = watching.client(Client::new(server, "default"));
        (watching, client, exposition)
    }

    #[tokio::test(start_paused = true)]
    async fn a_bookmark_is_heard_of_and_silence_is_told() {
        let (watching, client, exposition) = watching(200, 3);
        assert!(
            exposition
                .encode()
                .expect("encodes")
                .contains("test_watch_last_event_timestamp_seconds{resource=\"configmaps\"} 0.0")
        );
        assert_eq!(watching.check(LIMIT), Err("the first list of configmaps is not complete yet".to_owned()));
        watching.list_complete();
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        let mut events = maps.watch(&WatchParams::default(), "0").await.expect("begins").boxed();
        for _ in 0..3 {
            assert!(events.next().await.expect("a bookmark").is_ok());
        }
        assert!(!exposition.encode().expect("encodes").contains("_seconds{resource=\"configmaps\"} 0.0"));
        tokio::time::advance(LENGTH + LIMIT - Duration::from_secs(1)).await;
        assert_eq!(watching.check(LIMIT), Ok(()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(watching.check(LIMIT), Err("the watch of configmaps has not been heard of for 475 s".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_refused_says_why_and_sooner() {
        let (watching, client, _) = watching(403, 1);
        watching.list_complete();
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        tokio::time::advance(LIMIT).await;
        let Err(error) = maps.watch(&WatchParams::default(), "0").await.map(drop) else { panic!("it is refused") };
        watching.failed(&error);
        let said = watching.check(LIMIT).unwrap_err();
        assert!(said.starts_with("the watch of configmaps has not been heard of for"), "{said}");
    }
}
