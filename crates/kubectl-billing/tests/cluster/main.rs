//! The program itself on an API server: what depends on how it is started, and on how it reaches the cluster.

mod completion;
mod connecting;
mod watching;

use std::error::Error;
use std::sync::OnceLock;

use billing_test_harness::{ControlPlane, Options, User};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

const OBJECTS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: acme, labels: {billing-operator.io/organization: acme}}
---
apiVersion: billing-operator.io/v1alpha1
kind: BillingGroup
metadata: {name: main, namespace: acme}
spec: {}
---
apiVersion: billing-operator.io/v1alpha1
kind: BillingGroup
metadata: {name: shop, namespace: acme}
spec: {}
---
apiVersion: billing-operator.io/v1alpha1
kind: ProjectLedger
metadata: {name: acme-web, namespace: acme}
spec:
  segments:
  - {from: "2026-10-01T00:00:00Z", billingGroup: main, billingGroupUID: 11111111-1111-1111-1111-111111111111, projectUID: 22222222-2222-2222-2222-222222222222}
---
apiVersion: billing-operator.io/v1alpha1
kind: Invoice
metadata:
  name: f3397-1
  namespace: acme
  labels: {billing-operator.io/billing-group: main, billing-operator.io/period: 2026-10}
spec: {billingGroup: main, billingGroupUID: 11111111-1111-1111-1111-111111111111, period: 2026-10, series: f3397, sequence: 1}
"#;

/// An API server with our definitions and an organization, without the operator and its policies.
fn cluster() -> Result<&'static ControlPlane> {
    static CLUSTER: OnceLock<std::result::Result<ControlPlane, String>> = OnceLock::new();
    let started = CLUSTER.get_or_init(|| start().map_err(|error| error.to_string()));
    started.as_ref().map_err(|error| error.clone().into())
}

fn start() -> Result<ControlPlane> {
    let control_plane = ControlPlane::start(&Options::default())?;
    let crds = format!("{ROOT}/crds");
    control_plane.kubectl_ok(User::Admin, &["apply", "--server-side", "-f", &crds])?;
    control_plane.kubectl_ok(User::Admin, &["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"])?;
    control_plane.apply(User::Admin, OBJECTS)?;
    Ok(control_plane)
}
