//! What a request to the API server is about, as RBAC sees it.

use hyper::{Method, Request};

/// A call of the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The verb: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: &'static str,
    /// The API group, empty for the core.
    pub group: String,
    /// The resource in the plural, with its subresource: `invoices/status`.
    pub resource: String,
    /// The namespace, if the call is about one.
    pub namespace: Option<String>,
    /// The object's name, if the path has it.
    pub name: Option<String>,
    /// Who was impersonated.
    pub impersonated: Option<String>,
    /// Whether nothing was to be kept of it.
    pub dry_run: bool,
    /// The status of the answer.
    pub status: u16,
}

impl Call {
    /// Whether it is to change something.
    #[must_use]
    pub fn is_write(&self) -> bool {
        !self.dry_run && !matches!(self.verb, "get" | "list" | "watch")
    }

    /// Whether it changed something.
    #[must_use]
    pub fn wrote(&self) -> bool {
        self.is_write() && (200..300).contains(&self.status)
    }

    /// Whether it is about an Event.
    #[must_use]
    pub fn is_event(&self) -> bool {
        self.resource == "events"
    }

    /// Reads it off a request: `/api/v1/…` or `/apis/<group>/<version>/…`, then
    /// `[namespaces/<namespace>/]<resource>[/<name>[/<subresource>]]`.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let mut parts: Vec<&str> = request.uri().path().split('/').filter(|part| !part.is_empty()).collect();
        let group = match parts.first() {
            Some(&"apis") => parts.get(1).copied().unwrap_or_default().to_owned(),
            _ => String::new(),
        };
        let prefix = if group.is_empty() { 2 } else { 3 };
        parts.drain(..prefix.min(parts.len()));
        let mut namespace = None;
        if parts.len() > 2 && parts[0] == "namespaces" && !matches!(parts[2], "status" | "finalize") {
            namespace = Some(parts[1].to_owned());
            parts.drain(..2);
        }
        let name = parts.get(1).map(|name| (*name).to_owned());
        let resource = match parts[..] {
            [] => String::new(),
            [resource] | [resource, _] => resource.to_owned(),
            [resource, _, subresource, ..] => format!("{resource}/{subresource}"),
        };
        let query = request.uri().query().unwrap_or_default();
        let asks = |pair: &str| query.split('&').any(|found| found == pair);
        let watches = asks("watch=true") || asks("watch=1");
        let impersonated = request.headers().get("Impersonate-User").and_then(|user| user.to_str().ok());
        Self {
            verb: verb(request.method(), name.is_some(), watches),
            group,
            resource,
            namespace,
            name,
            impersonated: impersonated.map(str::to_owned),
            dry_run: asks("dryRun=All"),
            status: 0,
        }
    }
}

fn verb(method: &Method, named: bool, watches: bool) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ if watches => "watch",
        _ if named => "get",
        _ => "list",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, uri: &str, verb: &str, group: &str, resource: &str, place: (Option<&str>, Option<&str>)) {
        let request = Request::builder().method(method).uri(uri).body(()).expect("a request");
        let call = Call::of(&request);
        assert_eq!((call.verb, &*call.group, &*call.resource), (verb, group, resource), "{method} {uri}");
        assert_eq!((call.namespace.as_deref(), call.name.as_deref()), place, "{method} {uri}");
    }

    #[test]
    fn calls_are_named_as_rbac_names_them() {
        let group = "billing-operator.io";
        let invoices = "/apis/billing-operator.io/v1alpha1/namespaces/acme/invoices";
        check("GET", "/apis/billing-operator.io/v1alpha1/invoices?limit=5", "list", group, "invoices", (None, None));
        check("GET", "/api/v1/namespaces?watch=true", "watch", "", "namespaces", (None, None));
        check("PATCH", "/api/v1/namespaces/acme", "patch", "", "namespaces", (None, Some("acme")));
        check("PUT", "/api/v1/namespaces/acme/status", "update", "", "namespaces/status", (None, Some("acme")));
        check("POST", invoices, "create", group, "invoices", (Some("acme"), None));
        let status = format!("{invoices}/f3397-1/status");
        check("PUT", &status, "update", group, "invoices/status", (Some("acme"), Some("f3397-1")));
        check("DELETE", invoices, "deletecollection", group, "invoices", (Some("acme"), None));
    }

    #[test]
    fn a_dry_run_or_a_refusal_writes_nothing() {
        let call = |uri: &str, status| {
            let request = Request::builder().method("POST").uri(uri).body(()).expect("a request");
            Call { status, ..Call::of(&request) }
        };
        assert!(call("/api/v1/namespaces", 201).wrote());
        assert!(!call("/api/v1/namespaces", 409).wrote());
        assert!(!call("/api/v1/namespaces?dryRun=All", 201).wrote());
    }
}
