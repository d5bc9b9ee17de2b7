//! What the kubelet and Prometheus ask: `/healthz`, `/readyz` and `/metrics`.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::metrics::Exposition;

/// A format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// Prometheus' own text, version 0.0.4: for whoever does not ask for another.
    Prometheus,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics,
}

impl Format {
    /// The one that an `Accept` header asks for: the first of those that it wants most.
    fn asked_for(accept: &str) -> Self {
        let mut best = (Self::Prometheus, 0.0);
        for (format, weight) in accept.split(',').filter_map(Self::of_range) {
            if weight > best.1 {
                best = (format, weight);
            }
        }
        best.0
    }

    /// The format that a media range means, and how much it is wanted.
    fn of_range(range: &str) -> Option<(Self, f32)> {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let mut weight = 1.0;
        let mut version = None;
        for (key, value) in parts.filter_map(|part| part.split_once('=')) {
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => weight = value.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight))?,
                "version" => version = Some(value.trim().trim_matches('"')),
                _ => {}
            }
        }
        match (media.as_str(), version) {
            ("application/openmetrics-text", None | Some("1.0.0")) => Some((Self::OpenMetrics, weight)),
            ("text/plain", None | Some("0.0.4")) | ("text/*" | "*/*", _) => Some((Self::Prometheus, weight)),
            _ => None,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Says what is wrong, if something is.
type Check = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Brings gauges up to date.
type Refresh = Box<dyn Fn() + Send + Sync>;

/// What the endpoints answer from.
pub struct Endpoints {
    metrics: Exposition,
    live: Vec<(&'static str, Check)>,
    ready: Vec<(&'static str, Check)>,
    refresh: Vec<Refresh>,
}

impl fmt::Debug for Endpoints {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |checks: &[(&'static str, Check)]| checks.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        formatter
            .debug_struct("Endpoints")
            .field("live", &names(&self.live))
            .field("ready", &names(&self.ready))
            .finish_non_exhaustive()
    }
}

impl Endpoints {
    /// Endpoints that serve `metrics` and find nothing wrong.
    pub fn new(metrics: Exposition) -> Self {
        Self { metrics, live: Vec::new(), ready: Vec::new(), refresh: Vec::new() }
    }

    /// Adds a check whose failure means that only a restart helps.
    #[must_use]
    pub fn live(mut self, name: &'static str, check: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.live.push((name, Box::new(check)));
        self
    }

    /// Adds a check whose failure means that work has not begun yet, or is paused.
    #[must_use]
    pub fn ready(mut self, name: &'static str, check: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.ready.push((name, Box::new(check)));
        self
    }

    /// Adds what sets gauges before the metrics are read.
    #[must_use]
    pub fn refresh(mut self, refresh: impl Fn() + Send + Sync + 'static) -> Self {
        self.refresh.push(Box::new(refresh));
        self
    }

    fn router(self) -> Router {
        Router::new()
            .route("/healthz", get(async |State(all): State<Arc<Self>>| verdict(&all.live)))
            .route("/readyz", get(async |State(all): State<Arc<Self>>| verdict(&all.ready)))
            .route("/metrics", get(Self::metrics))
            .with_state(Arc::new(self))
    }

    async fn metrics(State(all): State<Arc<Self>>, headers: HeaderMap) -> Response {
        // Several headers are one, in their order.
        let accept: Vec<_> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
        all.scrape(Format::asked_for(&accept.join(",")))
    }

    fn scrape(&self, format: Format) -> Response {
        for refresh in &self.refresh {
            refresh();
        }
        let encoded = match format {
            Format::Prometheus => self.metrics.encode_prometheus(),
            Format::OpenMetrics => self.metrics.encode(),
        };
        match encoded {
            Ok(text) => ([(header::CONTENT_TYPE, format.media_type())], text).into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }
}

/// 200 and `ok`, or 503 and one line for each check that failed.
fn verdict(checks: &[(&'static str, Check)]) -> Response {
    let failed: String =
        checks.iter().filter_map(|(name, check)| check().err().map(|why| format!("{name}: {why}\n"))).collect();
    if failed.is_empty() {
        (StatusCode::OK, "ok\n").into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, failed).into_response()
    }
}

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How many connections are open at once. The oldest is closed for one more: whoever opens many and says nothing loses them, and
/// the kubelet, who asks at once, is answered.
const MAX_CONNECTIONS: usize = 256;

/// How long nothing is accepted after that failed: no file is left for a connection.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// How many connections wait to be accepted.
const BACKLOG: i32 = 1024;

/// Listens on an address. `[::]` is every address, of IPv4 too, and `0.0.0.0` where the system has no IPv6.
///
/// # Errors
/// What the system says: the address is taken, or not one of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::from_std(bound_with(address, bind)?.into())
}

/// Binds to an address, or to `0.0.0.0` instead of `[::]` where that cannot be had at all: not because somebody else has the port.
fn bound_with<T>(address: SocketAddr, bind: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    let taken = |error: &io::Error| matches!(error.kind(), io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied);
    match bind(address) {
        Err(error) if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && !taken(&error) => {
            bind((Ipv4Addr::UNSPECIFIED, address.port()).into())
        }
        bound => bound,
    }
}

/// Binds as tokio does, but for one thing: whether `[::]` is IPv4 too is a setting of the system otherwise.
fn bind(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// Serves the endpoints until `cancel`. A connection has a time-out for the head of each request, and there are no more than some
/// hundred at once.
///
/// # Errors
/// None yet: what cannot be accepted is tried again.
pub async fn serve(listener: TcpListener, endpoints: Endpoints, cancel: CancellationToken) -> io::Result<()> {
    let router = endpoints.router();
    let mut connections = Connections::default();
    while let Some(accepted) = cancel.run_until_cancelled(listener.accept()).await {
        match accepted {
            Ok((stream, _)) => connections.add(answer(stream, router.clone())),
            Err(error) => {
                tracing::warn!(%error, "a connection to the endpoints could not be accepted; trying again");
                connections.drop_oldest();
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
    Ok(())
}

/// Answers what one client asks, until it goes or says nothing.
async fn answer(stream: TcpStream, router: Router) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection to the endpoints ended early");
    }
}

/// The open connections, in the order in which they came. They end with this.
#[derive(Default)]
struct Connections(VecDeque<JoinHandle<()>>);

impl Connections {
    fn add(&mut self, connection: impl Future<Output = ()> + Send + 'static) {
        self.0.retain(|open| !open.is_finished());
        if self.0.len() >= MAX_CONNECTIONS {
            self.drop_oldest();
        }
        self.0.push_back(tokio::spawn(connection));
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.0.pop_front() {
            oldest.abort();
        }
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::tests::registered;
    use axum::body::{Body, to_bytes};
    use chrono::TimeDelta;
    use http::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tower::ServiceExt;

    use super::*;

    async fn ask(endpoints: Endpoints, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = endpoints.router().oneshot(request).await.expect("infallible");
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    fn endpoints() -> Endpoints {
        let (metrics, exposition) = registered();
        Endpoints::new(exposition)
            .live("workers", || Ok(()))
            .ready("watches", || Err("invoices: not listed yet".to_owned()))
            .ready("policies", || Err("missing: books".to_owned()))
            .refresh(move || metrics.clock_offset(TimeDelta::seconds(2)))
    }

    #[tokio::test]
    async fn alive_is_not_yet_ready() {
        assert_eq!(ask(endpoints(), "/healthz").await, (200, "ok\n".to_owned()));
        let why = "watches: invoices: not listed yet\npolicies: missing: books\n";
        assert_eq!(ask(endpoints(), "/readyz").await, (503, why.to_owned()));
    }

    #[tokio::test]
    async fn gauges_are_fresh_when_they_are_read() {
        let (status, text) = ask(endpoints(), "/metrics").await;
        assert_eq!(status, 200);
        assert!(text.lines().any(|line| line == "test_clock_offset_seconds 2.0"), "{text}");
    }

    #[track_caller]
    fn check_format(accept: &str, expected: Format) {
        assert_eq!(Format::asked_for(accept), expected, "{accept}");
    }

    #[test]
    fn metrics_speak_the_format_that_is_wanted_most() {
        // Nobody in particular, a browser, Prometheus 2 and 3, and people.
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/plain;version=0.0.4",
            "text/plain;version=0.0.4;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5",
            "application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5",
            "application/openmetrics-text;q=0, */*",
            "application/openmetrics-text;q=much",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
        ] {
            check_format(accept, Format::Prometheus);
        }
        for accept in [
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; Version=\"1.0.0\"; charset=utf-8",
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ] {
            check_format(accept, Format::OpenMetrics);
        }
    }

    #[tokio::test]
    async fn the_answer_says_in_which_format_it_is() {
        for (accept, media_type, ends) in [
            (
                "application/openmetrics-text;version=1.0.0",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
                true,
            ),
            ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8", false),
        ] {
            let request =
                Request::get("/metrics").header(header::ACCEPT, accept).body(Body::empty()).expect("a request");
            let answer = endpoints().router().oneshot(request).await.expect("infallible");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], media_type);
            let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
            assert_eq!(body.ends_with(b"# EOF\n"), ends, "{accept}");
        }
    }

    #[tokio::test]
    async fn every_address_is_that_of_ipv4_too() {
        let listener = listen((Ipv6Addr::UNSPECIFIED, 0).into()).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let cancel = CancellationToken::new();
        tokio::spawn(serve(listener, endpoints(), cancel.clone()));
        connected(port).await; // by IPv4
        // And by IPv6, as far as this machine has it.
        let has_ipv6 = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok();
        assert_eq!(TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.is_ok(), has_ipv6);
        cancel.cancel();
    }

    /// Where an address is bound on a system that refuses IPv6 like this.
    fn bound_where(refused: &io::Error, address: &str) -> Result<String, io::ErrorKind> {
        let bind = |address: SocketAddr| match (address.is_ipv6(), refused.raw_os_error()) {
            (true, Some(errno)) => Err(io::Error::from_raw_os_error(errno)),
            (true, None) => Err(refused.kind().into()),
            (false, _) => Ok(address.to_string()),
        };
        bound_with(address.parse().expect("an address"), bind).map_err(|error| error.kind())
    }

    #[test]
    fn without_ipv6_every_address_is_that_of_ipv4() {
        let no_such_family = io::Error::from_raw_os_error(97); // what Linux says
        let no_such_address = io::ErrorKind::AddrNotAvailable.into();
        for refused in [&no_such_family, &no_such_address] {
            assert_eq!(bound_where(refused, "[::]:8080"), Ok("0.0.0.0:8080".to_owned()));
        }
        // Nobody is served somewhere else than where they asked.
        let taken = io::ErrorKind::AddrInUse;
        assert_eq!(bound_where(&taken.into(), "[::]:8080"), Err(taken));
        assert_eq!(bound_where(&no_such_family, "[::1]:8080"), Err(no_such_family.kind()));
    }

    #[tokio::test]
    async fn it_serves_until_it_is_told_to_stop() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let cancel = CancellationToken::new();
        cancel.cancel();
        serve(listener, endpoints(), cancel).await.expect("stops without an error");
    }

    /// Serves on a free port, and answers with it.
    async fn served(cancel: &CancellationToken) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(serve(listener, endpoints(), cancel.clone()));
        port
    }

    async fn connected(port: u16) -> TcpStream {
        TcpStream::connect(("127.0.0.1", port)).await.expect("accepts")
    }

    /// Reads until the server closes the connection.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut text)).await;
        let _ = read.expect("the server closes it");
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn connections_that_say_nothing_keep_nobody_from_an_answer() {
        let cancel = CancellationToken::new();
        let port = served(&cancel).await;
        let mut silent = Vec::new();
        for _ in 0..MAX_CONNECTIONS + 50 {
            let mut stream = connected(port).await;
            stream.write_all(b"GET /healthz HTT").await.expect("sends");
            silent.push(stream);
        }
        let mut kubelet = connected(port).await;
        kubelet.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.expect("sends");
        let answer = rest(&mut kubelet).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("ok\n"), "{answer}");
        // The oldest was closed for one of those that came later.
        assert_eq!(rest(&mut silent[0]).await, "");
        cancel.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_never_finished_times_out() {
        let cancel = CancellationToken::new();
        let port = served(&cancel).await;
        let mut slow = connected(port).await;
        slow.write_all(b"GET /healthz HTT").await.expect("sends");
        let begun = tokio::time::Instant::now();
        rest(&mut slow).await;
        assert!(begun.elapsed() >= HEAD_TIMEOUT && begun.elapsed() < HEAD_TIMEOUT * 3, "{:?}", begun.elapsed());
        cancel.cancel();
    }
}
