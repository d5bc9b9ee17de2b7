//! Why a command ended without its result: what was asked, what the API server said, and what helps.

use std::fmt;
use std::io;

use kube::core::Status;
use thiserror::Error;

use crate::ExitStatus;
use crate::cluster::ClusterError;
use crate::manifest::{ReadError, SchemaError};
use crate::output::OutputError;

/// HTTP's codes that a remedy is known for.
mod code {
    pub(super) const UNAUTHORIZED: u16 = 401;
    pub(super) const FORBIDDEN: u16 = 403;
    pub(super) const NOT_FOUND: u16 = 404;
    pub(super) const CONFLICT: u16 = 409;
    pub(super) const BUSY: [u16; 3] = [429, 503, 504];
}

/// Why there is no result.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The cluster cannot be reached.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Nothing can be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Files cannot be read.
    #[error(transparent)]
    Files(#[from] ReadError),
    /// The definitions are unusable: a defect.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The API server said no.
    #[error("cannot {request}: {reason}")]
    Server {
        /// What was asked of it.
        request: Box<Request>,
        /// Its words, and the remedy where one is known.
        reason: String,
    },
    /// The API server did not answer.
    #[error("cannot {request}: the API server did not answer")]
    Silent {
        /// What was asked of it.
        request: Box<Request>,
        /// What happened instead.
        source: Box<kube::Error>,
    },
    /// Something is not there, or does not fit.
    #[error("{0}")]
    Unusable(String),
    /// It is not done, because it would not be right.
    #[error("{0}")]
    Refused(String),
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Output(error.into())
    }
}

impl CommandError {
    /// What the API server's answer to a request comes to.
    pub fn of(request: Request, error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Server { reason: reason(&request, &status), request: Box::new(request) },
            other => Self::Silent { request: Box::new(request), source: Box::new(other) },
        }
    }

    /// How a command ends that ends with this.
    pub fn exit_status(&self) -> ExitStatus {
        match self {
            Self::Refused(_) => ExitStatus::Refused,
            Self::Server { request, .. } if request.writes() => ExitStatus::Refused,
            Self::Server { .. }
            | Self::Cluster(_)
            | Self::Output(_)
            | Self::Files(_)
            | Self::Schema(_)
            | Self::Silent { .. }
            | Self::Unusable(_) => ExitStatus::Failed,
        }
    }
}

/// What the API server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The verb, as roles name it.
    pub verb: &'static str,
    /// The kind, as roles name it: in the plural.
    pub plural: String,
    /// The namespace, if the objects have one.
    pub namespace: Option<String>,
    /// The object, unless there are several.
    pub name: Option<String>,
}

impl Request {
    fn writes(&self) -> bool {
        !matches!(self.verb, "get" | "list" | "watch")
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.plural)?;
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => write!(f, " {namespace}/{name}"),
            (None, Some(name)) => write!(f, " {name}"),
            (Some(namespace), None) => write!(f, " in namespace {namespace}"),
            (None, None) => Ok(()),
        }
    }
}

/// What the API server said, and what helps.
fn reason(request: &Request, status: &Status) -> String {
    let said = match status.message.split_once(" denied request: ") {
        // The names of policies help nobody; what they say has its remedy.
        Some((_, policy)) => return policy.to_owned(),
        None => status.message.as_str(),
    };
    match remedy(request, status) {
        Some(remedy) => format!("{said}; {remedy}"),
        None => said.to_owned(),
    }
}

fn remedy(request: &Request, status: &Status) -> Option<String> {
    match status.code {
        code::UNAUTHORIZED => {
            Some("log in again: the credentials of the kubeconfig's user are not accepted".to_owned())
        }
        code::FORBIDDEN => Some(format!("ask for the role {} {}", role(request), scope(request))),
        code::NOT_FOUND if !named(status) => Some("install billing-operator's chart in this cluster".to_owned()),
        code::NOT_FOUND => {
            listing(request).map(|command| format!("`kubectl billing {command}` lists those that exist"))
        }
        code::CONFLICT if status.reason == "AlreadyExists" => {
            Some("choose another name, or change the one that exists".to_owned())
        }
        code::CONFLICT => Some("somebody changed it meanwhile: run the command again".to_owned()),
        code if code::BUSY.contains(&code) => Some("the API server is busy: run the command again".to_owned()),
        _ => None,
    }
}

/// Whether the answer is about an object, and not about a kind that the API server does not know.
fn named(status: &Status) -> bool {
    status.details.as_ref().is_some_and(|details| !details.name.is_empty())
}

/// The chart's role that holds a right.
fn role(request: &Request) -> &'static str {
    match request.plural.as_str() {
        _ if !request.writes() && request.plural == "namespaces" => "billing-operator-platform",
        _ if !request.writes() => "billing-operator-viewer",
        "billinggroups" | "credits" => "billing-operator-organization-admin",
        "projectbindings" => "billing-operator-project-admin",
        "usagerecords" => "billing-operator-meter",
        "namespaces" => "billing-operator-platform",
        _ => "billing-operator-finance",
    }
}

fn scope(request: &Request) -> String {
    match &request.namespace {
        Some(namespace) => format!("in namespace {namespace}"),
        None => "in the whole cluster".to_owned(),
    }
}

/// The command that lists objects of a kind.
fn listing(request: &Request) -> Option<String> {
    let command = match request.plural.as_str() {
        "billinggroups" => "group list",
        "invoices" => "invoice list",
        "projectledgers" | "projectbindings" => "project list",
        "usagerecords" => "usage list",
        _ => return None,
    };
    Some(request.namespace.as_ref().map_or(command.to_owned(), |namespace| format!("{command} -n {namespace}")))
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::{Value, json};

    use super::*;

    fn error(verb: &'static str, plural: &str, status: Value) -> CommandError {
        let request = Request {
            verb,
            plural: plural.to_owned(),
            namespace: Some("acme".to_owned()),
            name: (verb != "list").then(|| "main".to_owned()),
        };
        let status: Status = serde_json::from_value(status).unwrap();
        CommandError::of(request, kube::Error::Api(status.into()))
    }

    #[track_caller]
    fn check(verb: &'static str, plural: &str, status: Value, said: &str, ended: ExitStatus) {
        let error = error(verb, plural, status);
        assert_eq!((error.to_string().as_str(), error.exit_status()), (said, ended));
    }

    #[test]
    fn what_the_server_says_comes_with_a_remedy() {
        check(
            "list",
            "billinggroups",
            json!({ "code": 403, "reason": "Forbidden", "message": "billinggroups is forbidden" }),
            "cannot list billinggroups in namespace acme: billinggroups is forbidden; ask for the role billing-operator-viewer in namespace acme",
            ExitStatus::Failed,
        );
        check(
            "delete",
            "billinggroups",
            json!({ "code": 403, "message": "it is forbidden: Policy 'p' denied request: it has projects: bind them elsewhere" }),
            "cannot delete billinggroups acme/main: it has projects: bind them elsewhere",
            ExitStatus::Refused,
        );
        check(
            "get",
            "billinggroups",
            json!({ "code": 404, "message": "\"main\" not found", "details": { "name": "main" } }),
            "cannot get billinggroups acme/main: \"main\" not found; `kubectl billing group list -n acme` lists those that exist",
            ExitStatus::Failed,
        );
        check(
            "get",
            "billinggroups",
            json!({ "code": 404, "message": "the server could not find the requested resource" }),
            "cannot get billinggroups acme/main: the server could not find the requested resource; install billing-operator's chart in this cluster",
            ExitStatus::Failed,
        );
        check(
            "create",
            "creditnotes",
            json!({ "code": 409, "reason": "AlreadyExists", "message": "exists" }),
            "cannot create creditnotes acme/main: exists; choose another name, or change the one that exists",
            ExitStatus::Refused,
        );
    }
}
