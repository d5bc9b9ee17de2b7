//! One request for each admission policy, which the policy must refuse.

use http::{HeaderValue, Request};
use serde_json::{Value, json};

/// The API path of our kinds.
const API: &str = "/apis/billing-operator.io/v1alpha1";

/// A UID for fields that want one; it belongs to nothing.
const NO_UID: &str = "00000000-0000-0000-0000-000000000000";

/// A request that a policy must refuse.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// The policy's name.
    pub policy: &'static str,
    method: &'static str,
    path: String,
    body: Value,
}

impl Probe {
    /// The request on the wire: as `user`, and a dry run.
    pub(super) fn request(&self, user: &str) -> Result<Request<Vec<u8>>, http::Error> {
        let mut request = self.as_oneself()?;
        request.headers_mut().insert("Impersonate-User", HeaderValue::try_from(user)?);
        Ok(request)
    }

    /// The same, as whoever sends it.
    fn as_oneself(&self) -> Result<Request<Vec<u8>>, http::Error> {
        let content_type = if self.method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        Request::builder()
            .method(self.method)
            .uri(format!("{}?dryRun=All", self.path))
            .header(http::header::CONTENT_TYPE, content_type)
            .body(self.body.to_string().into_bytes())
    }
}

/// The requests, all of them about `namespace`, the operator's own.
///
/// Each is valid by its schema and meets exactly one policy, because an answer names only one.
pub(super) fn probes(namespace: &str) -> Vec<Probe> {
    vec![
        create("billing-operator-billinggroup", namespace, "BillingGroup", "billinggroups", billing_group()),
        create("billing-operator-projectbinding", namespace, "ProjectBinding", "projectbindings", binding()),
        create("billing-operator-usagerecord", namespace, "UsageRecord", "usagerecords", usage_record()),
        create("billing-operator-credit", namespace, "Credit", "credits", credit()),
        create("billing-operator-invoice", namespace, "Invoice", "invoices", invoice()),
        create("billing-operator-creditnote", namespace, "CreditNote", "creditnotes", credit_note()),
        create("billing-operator-operator", namespace, "ProjectLedger", "projectledgers", ledger()),
        billing_period("billing-operator-billingperiod"),
        marked_issuer("billing-operator-metadata"),
        meter("billing-operator-meter"),
        patch(
            "billing-operator-organization",
            namespace,
            json!({
                "labels": {"billing-operator.io/organization": "policy-probe"}
            }),
        ),
        patch(
            "billing-operator-books",
            namespace,
            json!({
                "annotations": {"billing-operator.io/confirm-delete": "policy-probe"}
            }),
        ),
    ]
}

/// The dry run of a write that only the operator may do, as itself.
pub(super) fn as_operator(namespace: &str) -> Result<Request<Vec<u8>>, http::Error> {
    create("billing-operator-operator", namespace, "ProjectLedger", "projectledgers", ledger()).as_oneself()
}

/// A create in `namespace`; `object` is the rest of it: its name and spec.
fn create(policy: &'static str, namespace: &str, kind: &str, plural: &str, object: (&str, Value)) -> Probe {
    let (name, spec) = object;
    let body = json!({
        "apiVersion": "billing-operator.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    });
    Probe { policy, method: "POST", path: format!("{API}/namespaces/{namespace}/{plural}"), body }
}

fn patch(policy: &'static str, namespace: &str, metadata: Value) -> Probe {
    let path = format!("/api/v1/namespaces/{namespace}");
    Probe { policy, method: "PATCH", path, body: json!({"metadata": metadata}) }
}

/// With terms, so that it is refused even if the operator's namespace is an organization's.
fn billing_group() -> (&'static str, Value) {
    ("policy-probe", json!({"terms": {"issuer": "policy-probe"}}))
}

fn binding() -> (&'static str, Value) {
    ("billing", json!({"billingGroup": "policy-probe"}))
}

fn usage_record() -> (&'static str, Value) {
    let service = json!({"name": "policy-probe", "type": "policy-probe"});
    ("policy-probe", json!({"project": "policy-probe", "service": service, "start": "2000-01-01T00:00:00Z"}))
}

fn credit() -> (&'static str, Value) {
    let amount = json!({"amount": "1", "currency": "USD"});
    ("policy-probe", json!({"billingGroup": "policy-probe", "type": "Other", "amount": amount}))
}

fn invoice() -> (&'static str, Value) {
    let spec = json!({
        "billingGroup": "policy-probe",
        "billingGroupUID": NO_UID,
        "period": "2000-01",
        "series": "probe",
        "sequence": 1,
    });
    ("probe-1", spec)
}

fn credit_note() -> (&'static str, Value) {
    ("policy-probe", json!({"invoice": "probe-1", "full": true, "reason": "policy probe"}))
}

fn ledger() -> (&'static str, Value) {
    let segment = json!({
        "from": "2000-01-01T00:00:00Z",
        "billingGroup": "policy-probe",
        "billingGroupUID": NO_UID,
        "projectUID": NO_UID,
    });
    ("policy-probe", json!({"segments": [segment]}))
}

fn billing_period(policy: &'static str) -> Probe {
    let body = json!({
        "apiVersion": "billing-operator.io/v1alpha1",
        "kind": "BillingPeriod",
        "metadata": {"name": "2000-01"},
        "spec": {"start": "2000-01-01T00:00:00Z", "end": "2000-02-01T00:00:00Z", "attribution": "MonthEnd"},
    });
    Probe { policy, method: "POST", path: format!("{API}/billingperiods"), body }
}

/// No other policy is about issuers.
fn marked_issuer(policy: &'static str) -> Probe {
    let body = json!({
        "apiVersion": "billing-operator.io/v1alpha1",
        "kind": "InvoiceIssuer",
        "metadata": {"name": "policy-probe", "annotations": {"billing-operator.io/policy-probe": "true"}},
        "spec": {"legalName": "policy probe"},
    });
    Probe { policy, method: "POST", path: format!("{API}/invoiceissuers"), body }
}

fn meter(policy: &'static str) -> Probe {
    let body = json!({
        "apiVersion": "billing-operator.io/v1alpha1",
        "kind": "Meter",
        "metadata": {"name": "policy-probe"},
        "spec": {
            "resource": {"group": "", "version": "v1", "kind": "Namespace"},
            "when": "false",
            "service": {"name": "'policy-probe'", "type": "'policy-probe'"},
        },
    });
    Probe { policy, method: "POST", path: format!("{API}/meters"), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_a_dry_run_of_somebody_else() {
        for probe in probes("billing-system") {
            let request = probe.request("the-probe").expect("a request");
            assert_eq!(request.uri().query(), Some("dryRun=All"), "{}", probe.policy);
            assert_eq!(request.headers()["Impersonate-User"], "the-probe", "{}", probe.policy);
        }
        let request = as_operator("billing-system").expect("a request");
        assert_eq!(request.uri().query(), Some("dryRun=All"));
        assert!(!request.headers().contains_key("Impersonate-User"));
    }
}
