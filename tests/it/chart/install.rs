//! The chart, as Helm installs it.

use std::process::Output;

use billing_test_harness::{ControlPlane, User};

use crate::Result;

/// The namespace that the tests install the operator in.
pub const NAMESPACE: &str = "billing-system";
/// The release's name, and with it that of the operator's service account.
pub const RELEASE: &str = "billing-operator";
/// The chart's folder.
pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/billing-operator");

/// Runs Helm, which must succeed, and returns its standard output.
pub fn helm(control_plane: &ControlPlane, args: &[&str]) -> Result<String> {
    let output = control_plane.helm(User::ClusterAdmin, args)?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    Err(format!("helm {}: {}", args.join(" "), said(&output)).into())
}

/// What a command said on both channels.
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Installs the chart as a cluster admin does. There are no nodes, so the operator's pod stays pending.
pub fn install(control_plane: &ControlPlane) -> Result {
    let namespace = format!("--namespace={NAMESPACE}");
    helm(control_plane, &["install", RELEASE, CHART, &namespace, "--create-namespace"])?;
    Ok(())
}
