//! Servers of metrics with all samples of [`data`] in them: Prometheus, backfilled by promtool, and VictoriaMetrics.

use billing_test_harness::prometheus::Server;

use crate::http::request;
use crate::{Result, data};

/// A Prometheus whose blocks promtool made of the file.
pub fn prometheus() -> Result<Server> {
    Ok(Server::prometheus("{}", &[], &data::open_metrics())?)
}

/// A VictoriaMetrics that the samples are sent to.
pub fn victoria_metrics() -> Result<Server> {
    let server = Server::victoria_metrics()?;
    request(server.port(), "POST", "/api/v1/import/prometheus", data::prometheus_text().as_bytes())?;
    request(server.port(), "GET", "/internal/force_flush", b"")?;
    Ok(server)
}
