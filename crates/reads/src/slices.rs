//! The slices of a document.

use billing_api::{Document, InvoiceSlice, Line};
use futures::{StreamExt, TryStreamExt, stream};
use kube::core::DeserializeGuard;
use kube::{Api, Client, ResourceExt};
use operator_kit::queue::note_progress;
use thiserror::Error;

/// How many slices of one document are read at once.
const AT_ONCE: usize = 8;

/// The slices that a document lists, as far as they are there and can be read.
#[derive(Debug, Default)]
pub struct Slices {
    /// In the order of the document.
    pub found: Vec<InvoiceSlice>,
    /// Those that nobody gets to see.
    pub lacking: Vec<Lacking>,
}

/// A slice that a document lists, and whose lines are not known.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Lacking {
    /// It is not there.
    #[error("InvoiceSlice {slice}, which invoice {invoice} lists, is missing")]
    Missing {
        /// Its name.
        slice: String,
        /// The invoice that lists it.
        invoice: String,
    },
    /// It does not decode.
    #[error("InvoiceSlice {slice}, which invoice {invoice} lists, cannot be read: {error}")]
    Unreadable {
        /// Its name.
        slice: String,
        /// The invoice that lists it.
        invoice: String,
        /// Why.
        error: String,
    },
}

impl Lacking {
    /// The name of the slice.
    pub fn slice(&self) -> &str {
        match self {
            Self::Missing { slice, .. } | Self::Unreadable { slice, .. } => slice,
        }
    }

    /// The number of the invoice that lists it.
    pub fn invoice(&self) -> &str {
        match self {
            Self::Missing { invoice, .. } | Self::Unreadable { invoice, .. } => invoice,
        }
    }

    /// Why it does not decode; `None` of one that is missing.
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Missing { .. } => None,
            Self::Unreadable { error, .. } => Some(error),
        }
    }
}

impl Slices {
    /// A slice by its name.
    pub fn get(&self, name: &str) -> Option<&InvoiceSlice> {
        self.found.iter().find(|slice| slice.metadata.name.as_deref() == Some(name))
    }

    /// The lines of all of them, in the order of the document.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        self.found.iter().flat_map(|slice| &slice.spec.lines)
    }

    /// All of them.
    ///
    /// # Errors
    /// The first one that is not there.
    pub fn complete(self) -> Result<Vec<InvoiceSlice>, Lacking> {
        match self.lacking.into_iter().next() {
            None => Ok(self.found),
            Some(lacking) => Err(lacking),
        }
    }
}

/// Reads the slices that a document lists: one request each, some at once.
///
/// # Errors
/// The API server did not answer, or refused.
pub async fn slices_of(client: &Client, organization: &str, document: &Document) -> Result<Slices, kube::Error> {
    let api: Api<DeserializeGuard<InvoiceSlice>> = Api::namespaced(client.clone(), organization);
    let read = |name: String| {
        let api = api.clone();
        async move { api.get_opt(&name).await.map(|slice| (name, slice)).inspect(|_| note_progress()) }
    };
    let names: Vec<_> = document.slices.iter().map(|slice| slice.name.to_string()).collect();
    let read: Vec<_> = stream::iter(names).map(read).buffered(AT_ONCE).try_collect().await?;
    let invoice = || document.number.to_string();
    let mut slices = Slices::default();
    for (slice, guarded) in read {
        match guarded {
            Some(DeserializeGuard(Ok(mut found))) => {
                found.managed_fields_mut().clear();
                slices.found.push(found);
            }
            Some(DeserializeGuard(Err(invalid))) => {
                slices.lacking.push(Lacking::Unreadable { slice, invoice: invoice(), error: invalid.error });
            }
            None => slices.lacking.push(Lacking::Missing { slice, invoice: invoice() }),
        }
    }
    Ok(slices)
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;

    /// An API server that has one good slice and one that does not decode.
    fn client() -> Client {
        let service = tower::service_fn(|request: Request<Body>| {
            let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
            let slice = |lines: Value| {
                json!({
                    "apiVersion": "billing-operator.io/v1alpha1", "kind": "InvoiceSlice", "metadata": { "name": name },
                    "spec": { "invoice": "aaaaa-1", "subtotal": "0.00", "lines": lines },
                })
            };
            let (status, body) = match name.as_str() {
                "good" => (200, slice(json!([]))),
                "bad" => (200, slice(json!("seven"))),
                _ => (404, json!({ "kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound" })),
            };
            async move { Response::builder().status(status).body(Body::from(body.to_string().into_bytes())) }
        });
        Client::new(service, "default")
    }

    fn document(slices: &[&str]) -> Document {
        let listed = |name: &&str| json!({ "name": name, "lines": 1, "subtotal": "0.00", "digest": "" });
        let document = json!({
            "number": "aaaaa-1", "attribution": "MonthEnd", "currency": "USD", "seller": { "legalName": "" },
            "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
            "buyer": { "billingGroup": "main", "paymentMethod": "Card" }, "digest": "",
            "slices": slices.iter().map(listed).collect::<Vec<_>>(), "subtotal": "0.00", "tax": "0.00", "total": "0.00",
        });
        serde_json::from_value(document).expect("a document")
    }

    #[tokio::test]
    async fn slices_that_are_missing_or_damaged_are_named_and_stop_no_other() {
        let slices = slices_of(&client(), "acme", &document(&["gone", "good", "bad"])).await.expect("answers");
        assert_eq!(slices.found.iter().map(ResourceExt::name_any).collect::<Vec<_>>(), ["good"]);
        assert!(slices.get("good").is_some() && slices.get("bad").is_none());
        let lacking: Vec<_> = slices.lacking.iter().map(ToString::to_string).collect();
        assert_eq!(lacking[0], "InvoiceSlice gone, which invoice aaaaa-1 lists, is missing");
        assert!(lacking[1].starts_with("InvoiceSlice bad, which invoice aaaaa-1 lists, cannot be read: "));
        assert!(slices.complete().is_err());
    }

    #[tokio::test]
    async fn all_slices_are_complete() {
        let slices = slices_of(&client(), "acme", &document(&["good", "good"])).await.expect("answers");
        assert_eq!(slices.complete().expect("complete").len(), 2);
    }
}
