//! What a request to the API server is about, read off its method, path and query.

use http::{Method, Request};

/// A call of the API server, classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// The verb, as RBAC names it.
    pub verb: &'static str,
    /// The resource in the plural, with its subresource: `invoices/status`.
    pub resource: String,
    /// Whether the answer is a stream without an end.
    pub streams: bool,
    /// Whether nothing is to be kept of it.
    pub dry_run: bool,
}

impl Call {
    /// Classifies `request`.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let target = Target::of(request.uri().path());
        let streams = has(request, "watch", &["true", "1"]) || has(request, "follow", &["true", "1"]);
        Self {
            verb: verb(request.method(), target.named, streams),
            resource: target.resource,
            streams,
            dry_run: has(request, "dryRun", &["All"]),
        }
    }

    /// Whether it asks and changes nothing, so that asking twice does no harm.
    pub(crate) fn reads(&self) -> bool {
        matches!(self.verb, "get" | "list" | "watch")
    }

    /// Whether the cluster is another one afterwards, if it succeeds.
    pub(crate) fn writes(&self) -> bool {
        !self.reads() && !self.dry_run
    }
}

/// What a path points at.
struct Target {
    resource: String,
    named: bool,
}

impl Target {
    /// `/api/v1/…` or `/apis/<group>/<version>/…`, then `[namespaces/<ns>/]<resource>[/<name>[/<sub>]]`.
    fn of(path: &str) -> Self {
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        let prefix = if parts.next() == Some("apis") { 2 } else { 1 };
        let rest: Vec<_> = parts.skip(prefix).collect();
        let in_namespace = |rest: &[&str]| rest.len() > 2 && rest[0] == "namespaces" && !is_namespace_part(rest[2]);
        let rest = if in_namespace(&rest) { &rest[2..] } else { &rest[..] };
        let resource = match rest {
            [] => "discovery".to_owned(),
            [resource] | [resource, _] => (*resource).to_owned(),
            [resource, _, subresource, ..] => format!("{resource}/{subresource}"),
        };
        Self { resource, named: rest.len() > 1 }
    }
}

/// Whether this is a subresource of a namespace and not a resource in one.
fn is_namespace_part(part: &str) -> bool {
    matches!(part, "status" | "finalize")
}

fn verb(method: &Method, named: bool, streams: bool) -> &'static str {
    match *method {
        Method::GET if streams => "watch",
        Method::GET if named => "get",
        Method::GET => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if named => "delete",
        Method::DELETE => "deletecollection",
        _ => "other",
    }
}

/// Whether the query has `key` with one of `values`.
fn has<B>(request: &Request<B>, key: &str, values: &[&str]) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query.split('&').filter_map(|pair| pair.split_once('=')).any(|(k, v)| k == key && values.contains(&v))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, uri: &str, verb: &str, resource: &str) -> Call {
        let request = Request::builder().method(method).uri(uri).body(()).expect("a request");
        let call = Call::of(&request);
        assert_eq!((call.verb, call.resource.as_str()), (verb, resource), "{method} {uri}");
        call
    }

    #[test]
    fn paths_name_their_resource() {
        check("GET", "/apis/billing-operator.io/v1alpha1/invoices?limit=500", "list", "invoices");
        check("GET", "/apis/billing-operator.io/v1alpha1/namespaces/acme/invoices/f3397-1", "get", "invoices");
        check(
            "PUT",
            "/apis/billing-operator.io/v1alpha1/namespaces/acme/invoices/f3397-1/status",
            "update",
            "invoices/status",
        );
        check("POST", "/apis/billing-operator.io/v1alpha1/invoiceseries?", "create", "invoiceseries");
        check(
            "DELETE",
            "/apis/billing-operator.io/v1alpha1/namespaces/acme/invoiceslices",
            "deletecollection",
            "invoiceslices",
        );
        check("GET", "/api/v1/namespaces/acme", "get", "namespaces");
        check("PATCH", "/api/v1/namespaces/kube-system/status", "patch", "namespaces/status");
        check("GET", "/api/v1/namespaces/acme/events", "list", "events");
        check("GET", "/apis", "list", "discovery");
    }

    #[test]
    fn watches_stream_and_dry_runs_write_nothing() {
        let watch = check("GET", "/api/v1/namespaces?watch=true&timeoutSeconds=290", "watch", "namespaces");
        assert!(watch.streams && watch.reads());
        let probe = check("POST", "/api/v1/namespaces?dryRun=All", "create", "namespaces");
        assert!(!probe.writes() && !probe.reads());
        assert!(check("POST", "/api/v1/namespaces", "create", "namespaces").writes());
    }
}
