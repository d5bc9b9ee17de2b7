//! What the kubelet and Prometheus ask: `/healthz`, `/readyz` and `/metrics`.

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::metrics::Exposition;

/// The media type of OpenMetrics text.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

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
            .route("/metrics", get(async |State(all): State<Arc<Self>>| all.scrape()))
            .with_state(Arc::new(self))
    }

    fn scrape(&self) -> Response {
        for refresh in &self.refresh {
            refresh();
        }
        match self.metrics.encode() {
            Ok(text) => ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
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

/// Serves the endpoints until `cancel`.
///
/// # Errors
/// If the listener fails.
pub async fn serve(listener: TcpListener, endpoints: Endpoints, cancel: CancellationToken) -> io::Result<()> {
    axum::serve(listener, endpoints.router()).with_graceful_shutdown(cancel.cancelled_owned()).await
}

#[cfg(test)]
mod tests {
    use crate::metrics::tests::registered;
    use axum::body::{Body, to_bytes};
    use chrono::TimeDelta;
    use http::Request;
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

    #[tokio::test]
    async fn it_serves_until_it_is_told_to_stop() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let cancel = CancellationToken::new();
        cancel.cancel();
        serve(listener, endpoints(), cancel).await.expect("stops without an error");
    }
}
