//! Where samples of metrics are.

use super::{meter::DURATION, name::Name, text::LINES};
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create a MetricsServer for each Prometheus, Thanos, Mimir or VictoriaMetrics whose samples Meters count.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "MetricsServer",
    derive = "PartialEq",
    category = "billing",
    printcolumn(name = "URL", type_ = "string", json_path = ".spec.url"),
    printcolumn(name = "Flavour", type_ = "string", json_path = ".spec.flavour"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$')")
        .message("metadata.name must be a DNS label of at most 63 characters: Meters name it"),
)]
#[x_kube(
    validation = Rule::new("!has(self.caBundle) || self.url.startsWith('https:')")
        .message("caBundle is what an https server is known by: set an https url, or take it away"),
    validation = Rule::new("!has(self.tenant) || self.flavour == 'Mimir'")
        .message("tenant belongs to the flavour Mimir: elsewhere a tenant is part of the url or a header"),
)]
#[serde(rename_all = "camelCase")]
pub struct MetricsServerSpec {
    /// Where its API begins: what comes before `/api/v1/query` ("http://prometheus.monitoring:9090").
    #[allow(rustdoc::bare_urls, reason = "it is what a user writes, as `kubectl explain` shows it")]
    #[schemars(length(max = 512), regex(pattern = "^https?://[-._~A-Za-z0-9:\\[\\]]+(/[-._~A-Za-z0-9:%/]*)?$"))]
    pub url: String,
    /// The certificates that an https server is known by, in PEM. Absent: those of the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 65536), regex(pattern = LINES))]
    pub ca_bundle: Option<String>,
    /// A Secret whose keys are headers of each request, with their values ("Authorization").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers_from: Option<HeadersFrom>,
    /// The tenant, for Mimir.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 150), regex(pattern = "^[-A-Za-z0-9!_.*'()]+$"))]
    pub tenant: Option<String>,
    /// Which program it is.
    #[serde(default)]
    pub flavour: Flavour,
    /// How long an answer may take, in whole seconds or minutes ("30s"), at most 10 minutes.
    #[serde(default = "default_timeout")]
    #[schemars(length(max = 6), regex(pattern = DURATION))]
    #[x_kube(validation = Rule::new("duration(self) <= duration('10m')").message("timeout must be at most 10m"))]
    pub timeout: String,
    /// How many series a Meter may have. With more it is not counted.
    #[serde(default = "default_max_series")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_series: i32,
}

fn default_timeout() -> String {
    "30s".to_owned()
}

fn default_max_series() -> i32 {
    10_000
}

/// A Secret in the namespace that the meter runs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeadersFrom {
    /// Its name.
    pub secret: Name,
}

/// The programs that answer queries, each in its own way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Flavour {
    /// Prometheus, and whatever answers as it does.
    #[default]
    Prometheus,
    /// Thanos: no partial answers, pairs counted once.
    Thanos,
    /// Mimir: by tenant.
    Mimir,
    /// VictoriaMetrics: without its cache.
    VictoriaMetrics,
}
