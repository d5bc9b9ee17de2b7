//! Writing invoices and their slices.

use std::collections::HashSet;

use futures::future::join_all;
use kube::api::ListParams;
use kube::core::PartialObjectMeta;
use kube::{Api, Client, ResourceExt};

use crate::writer::{WriteError, Writer};
use billing_api::{Invoice, InvoiceSlice};
use billing_documents::document::document_digest;
use billing_documents::slices::Slice;
use billing_documents::verify::Finding;
use billing_domain::Name;
use billing_planning::invoice::{InvoiceFacts, make_invoice, slice_named, slice_object};
use billing_state::Estimate;
use operator_kit::paging::Pages;

/// How often a slice is sent that the server did not manage, before its invoice is computed again.
const SLICE_ATTEMPTS: usize = 4;

/// How many slices' metadata come in one answer: those of the largest invoice.
const PAGE_SIZE: u32 = 500;

/// Creates an invoice that has no document yet.
///
/// # Errors
/// It could not be written, or the server answered with one that is no invoice of a server.
pub async fn create_invoice(writer: &Writer, facts: &InvoiceFacts) -> Result<Estimate, WriteError> {
    let made = writer.create(&make_invoice(facts)).await?;
    Estimate::read(&made).map_err(|source| WriteError::Failed {
        object: format!("Invoice {}/{}", facts.organization, facts.number),
        source: Box::new(source),
    })
}

/// Makes sure that the slices exist. Their names say what they hold, so one that is there already is the same. One that the server did
/// not manage holds up no other, and is sent again: it may have been stored, and what is written is not made again. Cost: a create for
/// each, a few at a time of all invoices together.
///
/// # Errors
/// One could not be written; the others were.
pub async fn ensure_slices<'a>(
    writer: &Writer,
    facts: &InvoiceFacts,
    slices: impl IntoIterator<Item = &'a Slice>,
) -> Result<(), WriteError> {
    let written = join_all(slices.into_iter().map(|slice| ensure_slice(writer, facts, slice))).await;
    written.into_iter().collect()
}

/// Makes sure that the slices of an estimate exist of which another version is written, that lists `listed`: most are the same, and
/// those that are still there are not sent again. Cost: a list of their names, and a create for each that is new.
///
/// # Errors
/// The names could not be read, or one could not be written; the others were.
pub async fn ensure_further_slices(
    client: &Client,
    writer: &Writer,
    facts: &InvoiceFacts,
    listed: &[Name],
    slices: &[Slice],
) -> Result<(), WriteError> {
    let is_listed = |slice: &Slice| listed.iter().any(|name| name.as_str() == slice.reference.name.as_str());
    let stored = if slices.iter().any(is_listed) { stored_slices(client, facts).await? } else { HashSet::new() };
    let new = slices.iter().filter(|slice| !stored.contains(slice.reference.name.as_str()));
    ensure_slices(writer, facts, new).await
}

/// The names of the slices of a month's invoice.
async fn stored_slices(client: &Client, facts: &InvoiceFacts) -> Result<HashSet<String>, WriteError> {
    let api = Api::<PartialObjectMeta<InvoiceSlice>>::namespaced(client.clone(), &facts.organization);
    let of_invoice = ListParams::default().labels(&facts.selector());
    let stored = Pages::new(api, of_invoice, PAGE_SIZE).all().await.map_err(|source| WriteError::Failed {
        object: format!("the slices of Invoice {}/{}", facts.organization, facts.number),
        source: Box::new(source),
    })?;
    Ok(stored.into_iter().map(|slice| slice.name_any()).collect())
}

async fn ensure_slice(writer: &Writer, facts: &InvoiceFacts, slice: &Slice) -> Result<(), WriteError> {
    let mut attempts = 1;
    loop {
        match write_slice(writer, facts, slice).await {
            Err(WriteError::Failed { object, source }) if attempts < SLICE_ATTEMPTS => {
                tracing::debug!(object, error = source, "a slice is sent again");
                attempts += 1;
            }
            written => return written,
        }
    }
}

async fn write_slice(writer: &Writer, facts: &InvoiceFacts, slice: &Slice) -> Result<(), WriteError> {
    match writer.create_large(|| slice_object(facts, slice)).await {
        Ok((sent, written)) if written.spec == sent.spec => Ok(()),
        Ok((sent, _)) => {
            Err(WriteError::Altered { object: format!("InvoiceSlice {}/{}", facts.organization, sent.name_any()) })
        }
        Err(WriteError::Exists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the API server's answer says otherwise than the document with this digest, which was sent. It answers with what it
/// stored: without what its definition does not know.
pub fn altered_document(written: &Invoice, sent: &str) -> Vec<Finding> {
    let differs = |what: &str, digest: &str| {
        let (written, expected) = (digest.to_owned(), sent.to_owned());
        (digest != sent).then(|| Finding::Differs { what: what.to_owned(), written, expected })
    };
    let Some(document) = written.status.as_ref().and_then(|status| status.document.as_ref()) else {
        return vec![Finding::Missing("the document".to_owned())];
    };
    let stored = match document_digest(document) {
        Ok(digest) => differs("the digest of the document as it is stored", &digest),
        Err(_) => Some(Finding::Unreadable("the document".to_owned())),
    };
    differs("the digest", &document.digest).into_iter().chain(stored).collect()
}

/// Deletes slices of estimates that are listed no more. One that nobody lists costs space and nothing else: one that
/// cannot be deleted is swept later.
pub async fn delete_slices(writer: &Writer, organization: &str, slices: &[Name]) {
    for slice in slices {
        if let Err(error) = writer.delete(&slice_named(organization, slice)).await {
            tracing::debug!(slice = slice.as_str(), %error, "a slice that is no longer listed was not deleted");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use billing_api::{InvoiceSlice, InvoiceSliceSpec, SliceRef};
    use billing_domain::Month;
    use http::{Request, Response};
    use kube::Client;
    use kube::client::Body;
    use serde_json::{Value, json};
    use tokio::time::Instant;

    use super::*;

    /// How long the server below takes for a slice.
    const CREATE: Duration = Duration::from_secs(1);

    /// An API server that stores slices.
    #[derive(Default)]
    struct Server {
        under_way: usize,
        most: usize,
        creates: BTreeMap<String, usize>,
        lists: Vec<String>,
    }

    impl Server {
        /// A client of a server that answers the creates of a slice, the first one being 1, with what `answers` says: 201 stores it.
        fn start(answers: impl Fn(&str, usize) -> u16 + Send + Clone + 'static) -> (Client, Arc<Mutex<Self>>) {
            let server = Arc::new(Mutex::new(Self::default()));
            let shared = server.clone();
            let service = tower::service_fn(move |request: Request<Body>| {
                let (server, answers) = (shared.clone(), answers.clone());
                async move {
                    if request.method() == http::Method::GET {
                        let names = server.lock().unwrap().list(request.uri().query().unwrap_or_default());
                        return Ok(Response::new(Body::from(serde_json::to_vec(&names)?)));
                    }
                    let sent: InvoiceSlice = serde_json::from_slice(&request.into_body().collect_bytes().await?)?;
                    let slice = sent.name_any();
                    let create = server.lock().unwrap().begin(&slice);
                    tokio::time::sleep(CREATE).await;
                    server.lock().unwrap().under_way -= 1;
                    let status = answers(&slice, create);
                    let body = match status {
                        201 => serde_json::to_vec(&sent)?,
                        409 => status_of(status, "AlreadyExists")?,
                        _ => status_of(status, "Timeout")?,
                    };
                    Ok::<_, tower::BoxError>(Response::builder().status(status).body(Body::from(body))?)
                }
            });
            (Client::new(service, "acme"), server)
        }

        /// What is stored, as metadata.
        fn list(&mut self, query: &str) -> Value {
            self.lists.push(query.to_owned());
            let items: Vec<_> = self.creates.keys().map(|name| json!({ "metadata": { "name": name } })).collect();
            json!({ "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": items })
        }

        fn begin(&mut self, slice: &str) -> usize {
            self.under_way += 1;
            self.most = self.most.max(self.under_way);
            let creates = self.creates.entry(slice.to_owned()).or_default();
            *creates += 1;
            *creates
        }
    }

    fn status_of(code: u16, reason: &str) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(
            &json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": "" }),
        )
    }

    /// An invoice with so many slices.
    fn sliced(number: &str, count: usize) -> (InvoiceFacts, Vec<Slice>) {
        let facts = InvoiceFacts {
            organization: "acme".into(),
            number: number.into(),
            group: "main".into(),
            group_uid: "11111111-1111-4111-8111-111111111111".parse().unwrap(),
            month: Month::new(2026, 10).unwrap(),
            series: "aaaaa".into(),
            sequence: 1,
            revision: 0,
        };
        let slice = |index: usize| Slice {
            reference: SliceRef {
                name: format!("{number}-{index}").into(),
                lines: 1,
                subtotal: "1.00".into(),
                digest: format!("sha256:{index}"),
            },
            spec: InvoiceSliceSpec {
                invoice: number.into(),
                is_final: false,
                subtotal: "1.00".into(),
                lines: Vec::new(),
            },
        };
        (facts, (0..count).map(slice).collect())
    }

    #[tokio::test(start_paused = true)]
    async fn few_slices_are_written_at_once_of_all_invoices_together() {
        let (client, server) = Server::start(|_, _| 201);
        let writer = Writer::new(client);
        let invoices: Vec<_> = ["aaaaa-1", "bbbbb-1", "ccccc-1"].map(|number| sliced(number, 10)).into();
        let begin = Instant::now();
        let written = join_all(invoices.iter().map(|(facts, slices)| ensure_slices(&writer, facts, slices))).await;
        assert!(written.iter().all(Result::is_ok));
        assert_eq!(begin.elapsed(), CREATE * 8, "30 of them, four at a time");
        let server = server.lock().unwrap();
        assert_eq!((server.most, server.creates.len()), (4, 30));
        assert!(server.creates.values().all(|creates| *creates == 1));
    }

    #[tokio::test(start_paused = true)]
    async fn of_another_version_of_an_estimate_only_new_slices_are_sent_and_those_that_were_lost() {
        let (client, server) = Server::start(|_, _| 201);
        let (facts, slices) = sliced("aaaaa-1", 20);
        let (before, lost) = (&slices[..18], &slices[4]);
        let listed: Vec<_> = before.iter().map(|slice| Name::from(slice.reference.name.as_str())).collect();
        let writer = Writer::new(client.clone());
        assert!(ensure_further_slices(&client, &writer, &facts, &[], before).await.is_ok());
        assert_eq!(server.lock().unwrap().lists, [""; 0], "a first version has nothing to look for");
        server.lock().unwrap().creates.remove(lost.reference.name.as_str());
        assert!(ensure_further_slices(&client, &writer, &facts, &listed, &slices).await.is_ok());
        let server = server.lock().unwrap();
        assert_eq!((server.creates.len(), server.creates.values().sum::<usize>()), (20, 20));
        let [query] = &server.lists[..] else { panic!("{:?}", server.lists) };
        let selector = "billing-operator.io%2Fbilling-group%3Dmain%2Cbilling-operator.io%2Fperiod%3D2026-10";
        assert!(query.contains(selector), "{query}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slice_that_is_late_holds_up_no_other_and_is_sent_again() {
        // It was stored, and the answer came too late; and one that was not.
        let (client, server) = Server::start(|slice, create| match (slice, create) {
            ("aaaaa-1-3", 1) | ("aaaaa-1-5", 1) => 504,
            ("aaaaa-1-3", 2) => 409,
            _ => 201,
        });
        let writer = Writer::new(client);
        let (facts, slices) = sliced("aaaaa-1", 20);
        assert!(ensure_slices(&writer, &facts, &slices).await.is_ok());
        let server = server.lock().unwrap();
        let again: Vec<_> = server.creates.iter().filter(|(_, creates)| **creates > 1).collect();
        assert_eq!(again, [(&"aaaaa-1-3".to_owned(), &2), (&"aaaaa-1-5".to_owned(), &2)]);
        assert_eq!(server.creates.len(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_manages_no_slice_gets_a_rest_and_fewer_of_them() {
        let (client, server) = Server::start(|slice, _| if slice.starts_with("aaaaa") { 504 } else { 201 });
        let writer = Writer::new(client);
        let (late, lost) = sliced("aaaaa-1", 4);
        let begin = Instant::now();
        let error = ensure_slices(&writer, &late, &lost).await.unwrap_err();
        assert!(matches!(error, WriteError::Failed { .. }), "{error}");
        // Four at a time, each four times, with a rest of five seconds before each further one.
        assert_eq!(begin.elapsed(), CREATE * 4 + Duration::from_secs(5) * 3);
        assert!(server.lock().unwrap().creates.values().all(|creates| *creates == 4));
        // The last of them rest when another invoice comes.
        let (facts, slices) = sliced("bbbbb-1", 4);
        let begin = Instant::now();
        assert!(ensure_slices(&writer, &facts, &slices).await.is_ok());
        assert_eq!(begin.elapsed(), Duration::from_secs(5) + CREATE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slice_that_is_refused_is_not_sent_again_and_the_others_are_written() {
        let (client, server) = Server::start(|slice, _| if slice == "aaaaa-1-0" { 422 } else { 201 });
        let writer = Writer::new(client);
        let (facts, slices) = sliced("aaaaa-1", 12);
        let error = ensure_slices(&writer, &facts, &slices).await.unwrap_err();
        assert!(matches!(error, WriteError::Refused { .. }), "{error}");
        let server = server.lock().unwrap();
        assert_eq!((server.creates.len(), server.creates.values().sum::<usize>()), (12, 12));
    }

    /// What a server stored of a document, and the digest of what was sent.
    fn stored(store: impl FnOnce(&mut Value)) -> (Invoice, String) {
        let mut document = json!({
            "number": "aaaaa-1", "issuedAt": "2026-11-01T01:00:00Z", "attribution": "MonthEnd", "currency": "USD",
            "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
            "seller": { "legalName": "Example" }, "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
            "lines": [{ "id": "a", "type": "ServiceCharge", "description": "db", "total": "12.50" }],
            "categories": [{ "type": "ServiceCharge", "subtotal": "12.50" }],
            "subtotal": "12.50", "tax": "0.00", "total": "12.50", "digest": "",
        });
        let digest = document_digest(&serde_json::from_value(document.clone()).unwrap()).unwrap();
        document["digest"] = digest.clone().into();
        store(&mut document);
        let spec = json!({
            "billingGroup": "main", "billingGroupUID": "11111111-1111-4111-8111-111111111111",
            "period": "2026-10", "series": "aaaaa", "sequence": 1,
        });
        let object = json!({ "metadata": { "name": "aaaaa-1" }, "spec": spec, "status": { "document": document } });
        (serde_json::from_value(object).unwrap(), digest)
    }

    fn findings(store: impl FnOnce(&mut Value)) -> Vec<String> {
        let (invoice, digest) = stored(store);
        let found = altered_document(&invoice, &digest);
        found.iter().map(|finding| finding.to_string().replace(&digest, "what was sent")).collect()
    }

    #[test]
    fn an_answer_without_what_was_sent_is_noticed() {
        assert_eq!(findings(|_| {}), [""; 0]);
        let pruned = findings(|document| drop(document.as_object_mut().unwrap().remove("categories")));
        assert_eq!(pruned.len(), 1);
        assert!(pruned[0].starts_with("the digest of the document as it is stored is sha256:"), "{pruned:?}");
        assert!(pruned[0].ends_with(", and should be what was sent"), "{pruned:?}");
        let another = findings(|document| document["digest"] = "sha256:0".into());
        assert_eq!(another, ["the digest is sha256:0, and should be what was sent"]);
        let (mut invoice, digest) = stored(|_| {});
        invoice.status = None;
        assert_eq!(altered_document(&invoice, &digest), [Finding::Missing("the document".to_owned())]);
    }
}
