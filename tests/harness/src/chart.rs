//! The chart, as Helm installs it.

use std::{path::PathBuf, process::Output};

use crate::{ControlPlane, Error, Result, User};

/// The namespace that the operator is installed in.
pub const NAMESPACE: &str = "billing-system";
/// The release's name, and with it that of the operator's service account.
pub const RELEASE: &str = "billing-operator";
/// The name of the meter's service account.
pub const METER_ACCOUNT: &str = "billing-operator-billing-meter";
/// The chart's folder.
pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../charts/billing-operator");

/// What the provider makes, where nothing else is asked for: one price list in US dollars, and one issuer.
const PROVIDER: &str = r#"
apiVersion: billing-operator.io/v1alpha1
kind: PriceList
metadata: {name: default}
spec:
  currency: USD
  entries:
  - {name: postgresql, type: PostgreSQL, plan: Hobbyist, unit: Hour, unitPrice: "0.026", validFrom: "2020-01-01T00:00:00Z"}
  - {name: domain, type: Domain, unit: Unit, unitPrice: "12.50", validFrom: "2020-01-01T00:00:00Z"}
---
apiVersion: billing-operator.io/v1alpha1
kind: InvoiceIssuer
metadata: {name: default}
spec: {legalName: Provider Ltd, grace: 0s}
"#;

/// Runs Helm, which must succeed, and returns its standard output.
///
/// # Errors
/// [`Error::Command`] with what it said.
pub fn helm(control_plane: &ControlPlane, args: &[&str]) -> Result<String> {
    let output = control_plane.helm(User::ClusterAdmin, args)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Command { command: format!("helm {}", args.join(" ")), stderr: said(&output) })
}

/// What a command said on both channels.
#[must_use]
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

/// Installs the chart as a cluster admin does. There are no nodes, so the operator's pod stays pending.
///
/// # Errors
/// As [`helm`].
pub fn install(control_plane: &ControlPlane) -> Result<()> {
    let namespace = format!("--namespace={NAMESPACE}");
    helm(control_plane, &["install", RELEASE, CHART, &namespace, "--create-namespace"])?;
    Ok(())
}

/// Installs the chart with the meter switched on, and these values (`key=value`); a token of the meter's service account.
///
/// # Errors
/// As [`helm`].
pub fn install_with_meter(control_plane: &ControlPlane, values: &[&str]) -> Result<String> {
    install(control_plane)?;
    let namespace = format!("--namespace={NAMESPACE}");
    let values = format!("--set={}", [&["meter.enabled=true"], values].concat().join(","));
    helm(control_plane, &["upgrade", RELEASE, CHART, &namespace, &values])?;
    control_plane.service_account_token(NAMESPACE, METER_ACCOUNT)
}

/// Installs the chart, makes the provider's objects, and returns a kubeconfig of the operator's service account.
///
/// # Errors
/// As [`helm`], or when the API server refuses something.
pub fn prepare(control_plane: &ControlPlane) -> Result<PathBuf> {
    install(control_plane)?;
    control_plane.apply(User::ClusterAdmin, PROVIDER)?;
    let token = control_plane.service_account_token(NAMESPACE, RELEASE)?;
    control_plane.kubeconfig_for("operator", &token)
}
