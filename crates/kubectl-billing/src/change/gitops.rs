//! Whether an object comes from a Git repository: what Flux and Argo CD write on what they apply.

use serde_json::Value;

use crate::read::text;

/// Where an object comes from, in words: "Flux's Kustomization flux-system/acme". `None` if no tool manages it.
pub fn origin(object: &Value) -> Option<String> {
    flux(object, "kustomize.toolkit.fluxcd.io", "Kustomization")
        .or_else(|| flux(object, "helm.toolkit.fluxcd.io", "HelmRelease"))
        .or_else(|| argo(object))
        .or_else(|| manager(object))
}

/// Flux labels what it applies with its own object's name.
fn flux(object: &Value, group: &str, kind: &str) -> Option<String> {
    let labels = object.pointer("/metadata/labels")?;
    let label = |name: &str| labels.get(format!("{group}/{name}")).and_then(Value::as_str);
    Some(format!("Flux's {kind} {}/{}", label("namespace").unwrap_or("?"), label("name")?))
}

/// Argo CD annotates what it applies: `<application>:<group>/<kind>:<namespace>/<name>`.
fn argo(object: &Value) -> Option<String> {
    let metadata = object.pointer("/metadata")?;
    let tracking = text(metadata, "/annotations/argocd.argoproj.io~1tracking-id").split(':').next().unwrap_or_default();
    let label = text(metadata, "/labels/argocd.argoproj.io~1instance");
    let application = if tracking.is_empty() { label } else { tracking };
    (!application.is_empty()).then(|| format!("Argo CD's Application {application}"))
}

/// Where neither says so, the API server does: who manages the fields of the object.
fn manager(object: &Value) -> Option<String> {
    let fields = object.pointer("/metadata/managedFields").and_then(Value::as_array)?;
    let named = fields.iter().filter_map(|entry| entry["manager"].as_str());
    named.into_iter().find_map(|manager| match manager {
        "kustomize-controller" => Some("Flux's kustomize-controller".to_owned()),
        "helm-controller" => Some("Flux's helm-controller".to_owned()),
        "argocd-controller" | "argocd-application-controller" => Some("Argo CD".to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::origin;

    #[track_caller]
    fn check(metadata: Value, expected: Option<&str>) {
        assert_eq!(origin(&json!({ "metadata": metadata })).as_deref(), expected);
    }

    #[test]
    fn what_flux_and_argo_apply_is_known_by_their_marks() {
        let flux = json!({ "kustomize.toolkit.fluxcd.io/name": "acme", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" });
        check(json!({ "labels": flux }), Some("Flux's Kustomization flux-system/acme"));
        let helm = json!({ "helm.toolkit.fluxcd.io/name": "acme", "helm.toolkit.fluxcd.io/namespace": "apps" });
        check(json!({ "labels": helm }), Some("Flux's HelmRelease apps/acme"));
        let argo = json!({ "argocd.argoproj.io/tracking-id": "acme:billing-operator.io/BillingGroup:acme/main" });
        check(json!({ "annotations": argo }), Some("Argo CD's Application acme"));
        check(json!({ "labels": { "argocd.argoproj.io/instance": "acme" } }), Some("Argo CD's Application acme"));
        check(
            json!({ "managedFields": [{ "manager": "kubectl" }, { "manager": "argocd-controller" }] }),
            Some("Argo CD"),
        );
        check(json!({ "managedFields": [{ "manager": "kustomize-controller" }] }), Some("Flux's kustomize-controller"));
    }

    #[test]
    fn what_people_and_the_operator_write_is_nobody_elses() {
        let labels = json!({ "app.kubernetes.io/name": "acme", "app.kubernetes.io/managed-by": "Helm" });
        check(json!({ "labels": labels, "managedFields": [{ "manager": "kubectl-client-side-apply" }] }), None);
        check(json!({ "managedFields": [{ "manager": "billing-operator" }, { "manager": "kubectl-billing" }] }), None);
        check(json!({}), None);
    }
}
