//! The only place that writes to the API server.
//!
//! Large writes share a budget: a slice of 500 lines, whose rules the API server checks line by line, costs it a tenth of a second of
//! processor time. All that an operator with many groups could send at once would keep it busy for longer than it waits for its own
//! answers.
//!
//! Irreversible facts are created under a deterministic name, or PUT with the `resourceVersion` they were decided on.
//! A write therefore has four outcomes that somebody branches on, see [`WriteError`]; none is retried here.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::{ClusterResourceScope, NamespaceResourceScope, PartialObjectMeta};
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use billing_api as api;
use operator_kit::queue::note_progress;

/// The name under which the operator's fields are managed.
pub const FIELD_MANAGER: &str = "billing-operator";

/// So many large writes are under way at once, in the whole process.
const LARGE_WRITES: usize = 4;

/// How long the place of a large write that the server did not manage stays empty: with each that fails there are fewer at once, and
/// where all do, the server has this long for itself.
const LARGE_WRITE_REST: Duration = Duration::from_secs(5);

/// Why a write did not happen.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The object changed since it was read: look again.
    #[error("{object} has changed since it was read")]
    Conflict {
        /// Kind, namespace and name.
        object: String,
    },
    /// The name is taken: read it back and compare.
    #[error("{object} already exists")]
    Exists {
        /// Kind, namespace and name.
        object: String,
    },
    /// The object, or its namespace, is gone.
    #[error("{object} no longer exists")]
    Gone {
        /// Kind, namespace and name.
        object: String,
    },
    /// A policy, a rule of the CRD or RBAC refused; the message is the server's.
    #[error("{object} was refused: {message}")]
    Refused {
        /// Kind, namespace and name.
        object: String,
        /// What the server said.
        message: String,
    },
    /// It was written, and the API server stored something else: its definition does not know all that was sent.
    #[error("{object} was stored otherwise than it was sent: install the definitions of this release (helm upgrade)")]
    Altered {
        /// Kind, namespace and name.
        object: String,
    },
    /// Anything else: the network, a time-out, a server that fails.
    #[error("{object} could not be written")]
    Failed {
        /// Kind, namespace and name.
        object: String,
        /// What the client said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl WriteError {
    /// A word for it, as a label of metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::Exists { .. } => "exists",
            Self::Gone { .. } => "gone",
            Self::Refused { .. } => "refused",
            Self::Altered { .. } => "altered",
            Self::Failed { .. } => "failed",
        }
    }
}

/// What every kind that is written can do.
pub trait Written: Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned {
    /// The API that reaches this object.
    ///
    /// # Errors
    /// It is of a namespace, and does not say of which.
    fn api(&self, client: &Client) -> Result<Api<Self>, WriteError>;
}

/// Writes, and says what came of it.
#[derive(Clone)]
pub struct Writer {
    client: Client,
    large_writes: Arc<Semaphore>,
}

impl Writer {
    /// A writer that uses this client.
    pub fn new(client: Client) -> Self {
        Self { client, large_writes: Arc::new(Semaphore::new(LARGE_WRITES)) }
    }

    /// Creates `object` and returns it as the server stored it.
    ///
    /// # Errors
    /// [`WriteError::Exists`] when the name is taken.
    pub async fn create<K: Written>(&self, object: &K) -> Result<K, WriteError> {
        answered(|| describe(object), object.api(&self.client)?.create(&post(), object).await)
    }

    /// Creates an object that is large, when its turn has come; only then is it made. Returns it as it was sent and as the server
    /// stored it.
    ///
    /// # Errors
    /// [`WriteError::Exists`] when the name is taken.
    pub async fn create_large<K: Written>(&self, make: impl FnOnce() -> K) -> Result<(K, K), WriteError> {
        // Nobody closes the semaphore; without a turn it is written all the same.
        let turn = self.large_writes.clone().acquire_owned().await.ok();
        let object = make();
        let written = self.create(&object).await;
        if matches!(written, Err(WriteError::Failed { .. })) {
            rest(turn);
        }
        Ok((object, written?))
    }

    /// Replaces everything but the status, on condition of the object's `resourceVersion`.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] when somebody was faster.
    pub async fn replace<K: Written>(&self, object: &K) -> Result<K, WriteError> {
        let name = object.name_any();
        answered(|| describe(object), object.api(&self.client)?.replace(&name, &post(), object).await)
    }

    /// Replaces the status, on condition of the object's `resourceVersion`.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] when somebody was faster.
    pub async fn replace_status<K: Written>(&self, object: &K) -> Result<K, WriteError> {
        let name = object.name_any();
        answered(|| describe(object), object.api(&self.client)?.replace_status(&name, &post(), object).await)
    }

    /// Changes metadata by a JSON merge patch, on condition of the object's `resourceVersion`.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] when somebody was faster.
    pub async fn patch_metadata<K: Written>(&self, object: &K, mut metadata: Value) -> Result<K, WriteError> {
        if let (Some(fields), Some(version)) = (metadata.as_object_mut(), object.resource_version()) {
            fields.insert("resourceVersion".into(), Value::String(version));
        }
        let patch = Patch::Merge(json!({ "metadata": metadata }));
        let name = object.name_any();
        answered(|| describe(object), object.api(&self.client)?.patch(&name, &patching(), &patch).await)
    }

    /// Changes fields of the status by a JSON merge patch, whatever its `resourceVersion`: for reports, never for money.
    ///
    /// # Errors
    /// [`WriteError::Gone`] when the object is no longer there.
    pub async fn patch_status<K: Written>(&self, object: &K, status: Value) -> Result<(), WriteError> {
        let patch = Patch::Merge(json!({ "status": status }));
        let name = object.name_any();
        let written = object.api(&self.client)?.patch_status(&name, &patching(), &patch).await;
        answered(|| describe(object), written).map(drop)
    }

    /// Changes fields of the status by a JSON merge patch, on condition of the object's `resourceVersion`.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] when somebody was faster.
    pub async fn patch_status_at<K: Written>(&self, object: &K, status: Value) -> Result<K, WriteError> {
        let version = object.resource_version();
        let patch = Patch::Merge(json!({ "metadata": { "resourceVersion": version }, "status": status }));
        let name = object.name_any();
        answered(|| describe(object), object.api(&self.client)?.patch_status(&name, &patching(), &patch).await)
    }

    /// Changes fields of the status of an object without a namespace by a JSON merge patch, whatever its `resourceVersion`: for
    /// reports, never for money. What the object says beside does not have to decode.
    ///
    /// # Errors
    /// [`WriteError::Gone`] when the object is no longer there.
    pub async fn patch_cluster_status<K>(&self, name: &str, status: Value) -> Result<(), WriteError>
    where
        K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let api: Api<PartialObjectMeta<K>> = Api::all(self.client.clone());
        let patch = Patch::Merge(json!({ "status": status }));
        let written = api.patch_status(name, &patching(), &patch).await;
        answered(|| format!("{} {name}", K::kind(&())), written).map(drop)
    }

    /// Deletes exactly this object in exactly this state.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] when it has changed; that it is gone already is no error.
    pub async fn delete<K: Written>(&self, object: &K) -> Result<(), WriteError> {
        let params = DeleteParams {
            preconditions: Some(Preconditions { uid: object.uid(), resource_version: object.resource_version() }),
            ..DeleteParams::default()
        };
        match answered(|| describe(object), object.api(&self.client)?.delete(&object.name_any(), &params).await) {
            Ok(_) | Err(WriteError::Gone { .. }) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

/// Gives a turn back when the server has had a rest.
fn rest(turn: Option<OwnedSemaphorePermit>) {
    tokio::spawn(async move {
        tokio::time::sleep(LARGE_WRITE_REST).await;
        drop(turn);
    });
}

fn post() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.into()), ..PostParams::default() }
}

fn patching() -> PatchParams {
    PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() }
}

/// What came of a write. With one that was done, the handler that asked for it got on.
fn answered<T>(named: impl FnOnce() -> String, answer: Result<T, kube::Error>) -> Result<T, WriteError> {
    let written = answer.map_err(|error| classify(named(), error))?;
    note_progress();
    Ok(written)
}

fn classify(named: String, error: kube::Error) -> WriteError {
    match error {
        kube::Error::Api(status) => match (status.code, status.reason.as_str()) {
            (409, "AlreadyExists") => WriteError::Exists { object: named },
            (409, _) => WriteError::Conflict { object: named },
            (404, _) => WriteError::Gone { object: named },
            (400 | 403 | 422, _) => WriteError::Refused { object: named, message: status.message.clone() },
            _ => WriteError::Failed { object: named, source: Box::new(kube::Error::Api(status)) },
        },
        other => WriteError::Failed { object: named, source: Box::new(other) },
    }
}

fn describe<K: Written>(object: &K) -> String {
    let kind = K::kind(&());
    match object.namespace() {
        Some(namespace) => format!("{kind} {namespace}/{}", object.name_any()),
        None => format!("{kind} {}", object.name_any()),
    }
}

/// The API of a namespaced object.
fn namespaced<K>(object: &K, client: &Client) -> Result<Api<K>, WriteError>
where
    K: Written<Scope = NamespaceResourceScope>,
{
    match object.namespace() {
        Some(namespace) => Ok(Api::namespaced(client.clone(), &namespace)),
        None => Err(WriteError::Failed { object: describe(object), source: "it has no metadata.namespace".into() }),
    }
}

/// The API of a cluster-scoped object.
fn cluster<K>(_: &K, client: &Client) -> Result<Api<K>, WriteError>
where
    K: Written<Scope = ClusterResourceScope>,
{
    Ok(Api::all(client.clone()))
}

macro_rules! written {
    ($api:ident: $($kind:ty),+) => {
        $(impl Written for $kind {
            fn api(&self, client: &Client) -> Result<Api<Self>, WriteError> {
                $api(self, client)
            }
        })+
    };
}

written!(
    namespaced:
    api::BillingGroup,
    api::Credit,
    api::CreditNote,
    api::ProjectBinding,
    api::ProjectLedger,
    api::Invoice,
    api::InvoiceSlice,
    api::Receivable,
    api::UsageRecord
);
written!(cluster: api::InvoiceSeries, api::BillingPeriod, api::CreditCode);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_object_that_names_no_namespace_is_not_asked_of_another_url() {
        let config = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
        let client = Client::try_from(config).unwrap();
        let mut group: api::BillingGroup =
            serde_json::from_value(json!({ "metadata": { "name": "main" }, "spec": {} })).unwrap();
        let error = group.api(&client).unwrap_err();
        assert_eq!(error.to_string(), "BillingGroup main could not be written");
        group.metadata.namespace = Some("acme".to_owned());
        assert!(group.api(&client).is_ok());
    }
}
