//! The client of the API server: a time limit on every call, and no write sent twice.
//!
//! kube's own client sends every request up to 15 times more when the server is busy, a `POST`
//! included, so that one call can take minutes and a create can collide with itself. That is
//! switched off. Here reads are repeated a little, and writes never: what a failed write left
//! behind is for the next look to find out.
//!
//! That the server is out of reach is told here, once for all calls (see [`Reach`]).

use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Body as HttpBody;
use kube::client::{Body, ClientBuilder};
use kube::config::{InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::{BoxError, Service};

use crate::clock::{Measurement, ServerClock};
use crate::metrics::Metrics;
use crate::reach::Reach;
use crate::request::Call;
use crate::watching::Tapped;

/// How often a read is sent at most.
const READ_ATTEMPTS: u32 = 3;

/// What a read waits before it is sent again; doubled each time.
const READ_PAUSE: Duration = Duration::from_millis(150);

/// A call may take a second longer for each of so many bytes that it sends: the API server checks the rules of what is large line by
/// line, and takes its time when it is busy.
const BYTES_PER_SECOND: u64 = 16 * 1024;

/// And no longer than this: the API server itself gives a request up after a minute.
const LONGEST_EXTENSION: Duration = Duration::from_secs(45);

/// How to reach the API server.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// What the API server's logs and audit call the program: its name and version.
    pub user_agent: &'static str,
    /// The kubeconfig file; without one: `KUBECONFIG`, `~/.kube/config`, or the pod's account.
    pub kubeconfig: Option<PathBuf>,
    /// How long a call may take, from sending to the last byte; one that sends much has longer. A watch may take this long to
    /// begin, and then lasts.
    pub call_timeout: Duration,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file given does not read as a kubeconfig.
    #[error("kubeconfig {path}")]
    Kubeconfig {
        /// The file given.
        path: PathBuf,
        /// What is wrong with it.
        source: KubeconfigError,
    },
    /// Neither a kubeconfig nor a pod's account was found.
    #[error("no API server is configured: set --kubeconfig, or run in a pod with a service account")]
    Infer(#[source] Box<InferConfigError>),
    /// The configuration does not make a client: certificates, tokens, or a proxy.
    #[error("the Kubernetes client cannot be built")]
    Build(#[source] Box<kube::Error>),
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
#[error("{verb} {resource}: no answer from the API server within {limit:?}")]
pub struct CallTimeout {
    verb: &'static str,
    resource: String,
    limit: Duration,
}

/// Builds a client. What it hears of the server's time goes to `clock`, and whether it hears anything to `reach`.
///
/// # Errors
/// If no configuration is found, or it is not usable. The server is not asked anything.
pub async fn connect(
    settings: &ClientSettings,
    clock: ServerClock,
    metrics: Metrics,
    reach: Reach,
) -> Result<Client, ConnectError> {
    let mut config = config(settings).await?;
    config.default_retry = false;
    config.headers.push((header::USER_AGENT, HeaderValue::from_static(settings.user_agent)));
    let namespace = config.default_namespace.clone();
    let builder = ClientBuilder::try_from(config).map_err(|error| ConnectError::Build(Box::new(error)))?;
    let calls = Calls::new(builder.build(), clock, metrics, reach, settings.call_timeout);
    Ok(Client::new(calls, namespace))
}

async fn config(settings: &ClientSettings) -> Result<Config, ConnectError> {
    let Some(path) = &settings.kubeconfig else {
        return Config::infer().await.map_err(|error| ConnectError::Infer(Box::new(error)));
    };
    let failed = |source| ConnectError::Kubeconfig { path: path.clone(), source };
    let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
    Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.map_err(failed)
}

/// The layer around kube's client: time limits, repeated reads, the clock and the counters.
#[derive(Clone)]
pub struct Calls {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Client,
    clock: ServerClock,
    metrics: Metrics,
    reach: Reach,
    limit: Duration,
}

impl Calls {
    /// Wraps `inner`; each of its calls may take `limit`.
    pub fn new(inner: Client, clock: ServerClock, metrics: Metrics, reach: Reach, limit: Duration) -> Self {
        Self { shared: Arc::new(Shared { inner, clock, metrics, reach, limit }) }
    }
}

impl Service<Request<Body>> for Calls {
    type Response = Response<Tapped>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Tapped>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { shared.run(request).await })
    }
}

impl Shared {
    /// One call, within the limit and counted.
    async fn run(&self, request: Request<Body>) -> Result<Response<Tapped>, BoxError> {
        let call = Call::of(&request);
        if call.writes() {
            self.metrics.api_write(call.resource.clone(), call.verb);
        }
        let limit = self.limit + extension(request.body().size_hint().lower());
        let answered = match tokio::time::timeout(limit, self.attempts(&call, request)).await {
            Ok(answered) => answered,
            Err(_) => {
                self.metrics.api_error(call.verb, "timeout".to_owned());
                let timeout = CallTimeout { verb: call.verb, resource: call.resource, limit };
                self.reach.lost(&timeout);
                return Err(timeout.into());
            }
        };
        match &answered {
            Ok(answer) => self.reach.answered(answer.status(), self.clock.local_now()),
            Err(error) => self.reach.lost(error.as_ref()),
        }
        match &answered {
            // A dry run is a question, and a refusal is an answer to it.
            Ok(answer) if call.dry_run && answer.status().is_client_error() => {}
            Ok(answer) if answer.status().is_client_error() || answer.status().is_server_error() => {
                self.metrics.api_error(call.verb, answer.status().as_u16().to_string());
            }
            Ok(_) => {}
            Err(_) => self.metrics.api_error(call.verb, "transport".to_owned()),
        }
        answered.map(|answer| answer.map(|body| self.tapped(&call, body)))
    }

    /// What comes of a watch is a sign of life, and that it breaks off is none.
    fn tapped(&self, call: &Call, body: Body) -> Tapped {
        let (reach, clock, metrics) = (self.reach.clone(), self.clock.clone(), self.metrics.clone());
        let (verb, streams) = (call.verb, call.streams);
        let tap = move |piece: Result<(), &kube::Error>| match piece {
            Ok(()) if streams => reach.heard(clock.local_now()),
            Ok(()) => {}
            Err(error) => {
                metrics.api_error(verb, "transport".to_owned());
                reach.lost(error);
            }
        };
        Tapped::new(body, Box::new(tap))
    }

    /// Sends once what writes, and a few times what reads.
    async fn attempts(&self, call: &Call, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        if !call.reads() {
            return self.send(call, request).await;
        }
        let (head, _) = request.into_parts();
        let mut pause = READ_PAUSE;
        for _ in 1..READ_ATTEMPTS {
            let answered = self.send(call, Request::from_parts(head.clone(), Body::empty())).await;
            if !is_transient(&answered) {
                return answered;
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.send(call, Request::from_parts(head, Body::empty())).await
    }

    /// Sends once. The answer is read to its end, so that the limit covers it; a stream is not.
    async fn send(&self, call: &Call, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let sent = self.clock.local_now();
        let answer = self.inner.send(request).await?;
        self.measure(sent, &answer);
        if call.streams {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let body = body.collect_bytes().await?;
        Ok(Response::from_parts(head, Body::from(body)))
    }

    /// Tells the clock what the answer says of the server's time.
    fn measure(&self, sent: DateTime<Utc>, answer: &Response<Body>) {
        let received = self.clock.local_now();
        let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        let Some(date) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) else { return };
        self.clock.record(Measurement { sent, received, date: date.to_utc() });
        self.metrics.clock_offset(self.clock.correction());
    }
}

/// How much longer a call may take that sends so many bytes.
fn extension(bytes: u64) -> Duration {
    Duration::from_secs(bytes / BYTES_PER_SECOND).min(LONGEST_EXTENSION)
}

/// Whether asking again soon may well be answered.
fn is_transient(answered: &Result<Response<Body>, BoxError>) -> bool {
    match answered {
        Ok(answer) => matches!(
            answer.status(),
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        ),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use chrono::TimeDelta;
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::PostParams;
    use kube::{Api, Error};

    use super::*;
    use crate::clock::StoppedClock;
    use crate::metrics::{Exposition, tests::registered};

    const LOCAL: DateTime<Utc> = DateTime::UNIX_EPOCH;

    /// An API server that gives the next of its answers to each request, and then hangs.
    struct Fake {
        client: Client,
        clock: ServerClock,
        metrics: Exposition,
        reach: Reach,
        asked: Arc<Mutex<Vec<String>>>,
    }

    fn fake(answers: &[(u16, &str)]) -> Fake {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let mut answers: Vec<_> = answers.iter().map(|(status, date)| (*status, (*date).to_owned())).rev().collect();
        let log = Arc::clone(&asked);
        let server = tower::service_fn(move |request: Request<Body>| {
            log.lock().expect("not poisoned").push(request.method().to_string());
            let answer = answers.pop();
            async move {
                let Some((status, date)) = answer else { return std::future::pending().await };
                let body = Body::from(br#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}"#.to_vec());
                let answer = Response::builder().status(status).header(header::DATE, date).body(body);
                answer.map_err(BoxError::from)
            }
        });
        let clock = ServerClock::new(Arc::new(StoppedClock(LOCAL)));
        let (counted, metrics) = registered();
        let (inner, reach) = (Client::new(server, "default"), Reach::new(counted.clone()));
        let calls = Calls::new(inner, clock.clone(), counted, reach.clone(), Duration::from_secs(15));
        Fake { client: Client::new(calls, "default"), clock, metrics, reach, asked }
    }

    impl Fake {
        fn maps(&self) -> Api<ConfigMap> {
            Api::default_namespaced(self.client.clone())
        }

        fn asked(&self) -> usize {
            self.asked.lock().expect("not poisoned").len()
        }

        fn counted(&self, line: &str) -> bool {
            self.metrics.encode().expect("encodes").lines().any(|found| found == line)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_is_repeated_while_the_server_is_busy() {
        let fake = fake(&[(503, ""), (429, ""), (200, "")]);
        let map = fake.maps().get("a").await.expect("the third answer");
        assert_eq!((map.metadata.name.as_deref(), fake.asked()), (Some("a"), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_is_given_up_in_the_end() {
        let fake = fake(&[(503, ""), (503, ""), (503, ""), (200, "")]);
        assert!(fake.maps().get("a").await.is_err());
        assert_eq!(fake.asked(), 3);
        assert!(fake.counted(r#"test_api_errors_total{verb="get",status="503"} 1"#));
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_is_sent_once_whatever_the_answer() {
        let fake = fake(&[(503, ""), (200, "")]);
        assert!(fake.maps().create(&PostParams::default(), &ConfigMap::default()).await.is_err());
        assert_eq!(fake.asked(), 1);
        assert!(fake.counted(r#"test_api_writes_total{resource="configmaps",verb="create"} 1"#));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_hangs_is_not_waited_for() {
        let fake = fake(&[]);
        let begin = tokio::time::Instant::now();
        let error = fake.maps().create(&PostParams::default(), &ConfigMap::default()).await.expect_err("no answer");
        assert!(matches!(&error, Error::Service(source) if source.is::<CallTimeout>()), "{error}");
        assert_eq!(begin.elapsed(), Duration::from_secs(15));
        assert!(fake.counted(r#"test_api_errors_total{verb="create",status="timeout"} 1"#));
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_much_waits_longer_and_not_for_ever() {
        for (kilobytes, limit) in [(1, 15), (260, 30), (3_000, 60)] {
            let fake = fake(&[]);
            let data = [("a".to_owned(), "x".repeat(kilobytes * 1_000))];
            let map = ConfigMap { data: Some(data.into()), ..ConfigMap::default() };
            let begin = tokio::time::Instant::now();
            let error = fake.maps().create(&PostParams::default(), &map).await.expect_err("no answer");
            let error = std::error::Error::source(&error).expect("says why").to_string();
            assert_eq!(error, format!("create configmaps: no answer from the API server within {limit}s"));
            assert_eq!(begin.elapsed(), Duration::from_secs(limit));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_takes_no_token_or_does_not_answer_is_out_of_reach() {
        let fake = fake(&[(403, ""), (401, "")]);
        let limit = Duration::from_secs(10);
        tokio::time::advance(limit).await;
        assert!(fake.maps().get("a").await.is_err());
        assert_eq!(fake.reach.check(limit), Ok(()), "it knows us, and refuses");
        tokio::time::advance(limit).await;
        assert!(fake.maps().get("a").await.is_err());
        assert!(fake.reach.check(limit).unwrap_err().contains("401 Unauthorized"));
        assert!(fake.maps().get("a").await.is_err());
        assert!(
            fake.reach.check(limit).unwrap_err().contains("get configmaps: no answer from the API server within 15s")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn every_answer_tells_the_time() {
        let fake = fake(&[(404, "Thu, 01 Jan 1970 01:00:00 GMT")]);
        assert!(fake.maps().get("a").await.is_err());
        assert_eq!(fake.clock.correction(), TimeDelta::milliseconds(3_600_500));
        assert!(fake.counted("test_clock_offset_seconds 3600.5"));
    }
}
