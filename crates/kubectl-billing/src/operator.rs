//! The operator itself, as far as somebody may see it: its pods, and what they measure.

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use serde_json::Value;

use crate::cluster::{Cluster, Place};
use crate::error::CommandError;
use crate::read::{self, name, text};
use billing_domain::Timestamp;

/// The port of its metrics, unless the chart is set otherwise.
const METRICS_PORT: u16 = 8080;

/// When the last audit ended, in seconds since 1970.
const LAST_AUDIT: &str = "billing_operator_last_audit_timestamp_seconds";

/// The pods of the operators in a place.
///
/// # Errors
/// They cannot be read.
pub async fn pods(cluster: &Cluster, place: &Place) -> Result<Vec<Value>, CommandError> {
    read::list::<Pod>(cluster, place, ListParams::default().labels("app.kubernetes.io/name=billing-operator")).await
}

/// What a pod measures, through the API server, in the format of Prometheus.
///
/// # Errors
/// The API server refused, or the pod did not answer.
pub async fn metrics(cluster: &Cluster, pod: &Value) -> Result<String, CommandError> {
    let place = Place::Namespace(text(pod, "/metadata/namespace").to_owned());
    let failed = |error| CommandError::of(read::request::<Pod>("get", &place, Some(name(pod))), error);
    let (namespace, pod) = (text(pod, "/metadata/namespace"), name(pod));
    let uri = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{METRICS_PORT}/proxy/metrics");
    let request = http::Request::get(uri).body(Vec::new()).map_err(|error| failed(kube::Error::HttpError(error)))?;
    cluster.client().request_text(request).await.map_err(failed)
}

/// When finals were last audited; `None` where nobody says.
pub async fn last_audit(cluster: &Cluster) -> Option<Timestamp> {
    let mut last = None;
    for pod in pods(cluster, &Place::Everywhere).await.ok()? {
        last = last.max(metrics(cluster, &pod).await.ok().and_then(|metrics| audited(&metrics)));
    }
    last
}

/// The instant that metrics tell of the last audit; zero is none.
fn audited(metrics: &str) -> Option<Timestamp> {
    let line = metrics.lines().find(|line| line.split([' ', '{']).next() == Some(LAST_AUDIT))?;
    let seconds: f64 = line.rsplit(' ').next()?.parse().ok()?;
    // Whole seconds are enough, and this many fit.
    Timestamp::from_timestamp(seconds as i64, 0).filter(|_| seconds > 0.0)
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::Client;
    use kube::client::Body;
    use serde_json::json;

    use super::{audited, last_audit};
    use crate::cluster::Cluster;

    #[test]
    fn the_last_audit_is_read_from_the_metrics() {
        let metrics = |value: &str| {
            format!("# HELP x\n# TYPE x gauge\nbilling_operator_last_audit_timestamp_seconds {value}\nother 1\n")
        };
        assert_eq!(audited(&metrics("1795000000.0")).map(|time| time.timestamp()), Some(1_795_000_000));
        assert_eq!(audited(&metrics("0.0")), None);
        assert_eq!(audited("other 1\n"), None);
    }

    /// An API server with one pod, whose metrics answer with `status`.
    fn cluster(status: u16) -> Cluster {
        let service = tower::service_fn(move |request: Request<Body>| {
            let pod = json!({ "metadata": { "name": "operator-0", "namespace": "billing" } });
            let (status, body) = match request.uri().path() {
                "/api/v1/pods" => {
                    (200, json!({ "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [pod] }).to_string())
                }
                "/api/v1/namespaces/billing/pods/operator-0:8080/proxy/metrics" => {
                    (status, "billing_operator_last_audit_timestamp_seconds 1795000000.5\n".to_owned())
                }
                _ => (404, String::new()),
            };
            async move { Response::builder().status(status).body(Body::from(body.into_bytes())) }
        });
        Cluster::new(Client::new(service, "default"), "acme")
    }

    #[tokio::test]
    async fn who_may_see_the_pods_sees_when_the_last_audit_was() {
        assert_eq!(last_audit(&cluster(200)).await.map(|time| time.timestamp()), Some(1_795_000_000));
        assert_eq!(last_audit(&cluster(403)).await, None);
    }
}
