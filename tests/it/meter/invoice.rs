//! From an object to a line: the meter and the operator beside each other, and nobody who writes usage by hand.

use billing_api::Invoice;
use billing_test_harness::User;
use kube::{Api, api::ListParams};

use super::stage::{LIMIT, stage, volumes};
use crate::{
    Result,
    chart::install::{NAMESPACE, RELEASE},
    support::{start_operator, wait},
};

const PROVIDER: &str = r#"
apiVersion: billing-operator.io/v1alpha1
kind: PriceList
metadata: {name: default}
spec:
  currency: USD
  entries:
  - {name: fast-storage, type: Block storage, plan: fast, unit: Hour, unitPrice: "0.50", validFrom: "2020-01-01T00:00:00Z"}
---
apiVersion: billing-operator.io/v1alpha1
kind: InvoiceIssuer
metadata: {name: default}
spec: {legalName: Provider Ltd}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_nobody_recorded_by_hand_is_a_line_of_the_invoice() -> Result {
    let stage = stage().await?;
    let stage = stage.as_ref().ok_or("a stage")?;
    stage.control_plane.apply(User::ClusterAdmin, PROVIDER)?;
    let token = stage.control_plane.service_account_token(NAMESPACE, RELEASE)?;
    let kubeconfig = stage.control_plane.kubeconfig_for("operator", &token)?;
    let (mut operator, _) = start_operator(&stage.control_plane, &kubeconfig, "operator", &[])?;
    stage.create_meter("volumes", volumes()).await?;
    let meter = stage.meter().await?;
    stage.claim("shop", "data", "10Gi").await?;
    stage.wait_records(&[("data", "10", false)]).await?;

    let invoices: Api<Invoice> = stage.api("acme");
    let line = wait("the invoice of the project's group has the volume", LIMIT * 2, async || {
        let invoices = invoices.list(&ListParams::default()).await?;
        let documents = invoices.items.into_iter().filter_map(|invoice| invoice.status?.document);
        Ok(documents
            .flat_map(|document| document.lines)
            .find(|line| line.service.as_ref().is_some_and(|service| service.name == "data")))
    })
    .await?;
    // The first hour, which counts whole, of ten GiB.
    assert_eq!((line.total.to_string(), line.tags["claim"].as_str()), ("5.00".to_owned(), "data"));
    assert!(line.source.is_some_and(|source| source.kind == "UsageRecord" && source.name.starts_with("volumes-")));
    meter.kill();
    operator.kill9();
    Ok(())
}
