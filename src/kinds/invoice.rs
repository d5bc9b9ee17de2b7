//! Writing invoices and their slices.

use futures::{StreamExt, TryStreamExt, stream};
use kube::ResourceExt;

use crate::writer::{WriteError, Writer};
use billing_api::Invoice;
use billing_documents::document::document_digest;
use billing_documents::slices::Slice;
use billing_documents::verify::Finding;
use billing_domain::Name;
use billing_planning::invoice::{InvoiceFacts, make_invoice, slice_named, slice_object};
use billing_state::Estimate;

/// How many slices of one invoice are written at once.
const CONCURRENT_SLICES: usize = 8;

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

/// Makes sure that the slices exist. Their names say what they hold, so one that is there already is the same.
///
/// # Errors
/// One could not be written.
pub async fn ensure_slices(writer: &Writer, facts: &InvoiceFacts, slices: &[Slice]) -> Result<(), WriteError> {
    // Each is copied only when it is written: all of them together can be large.
    let writes: Vec<_> = slices.iter().map(|slice| write_slice(writer, facts, slice)).collect();
    stream::iter(writes).buffer_unordered(CONCURRENT_SLICES).try_collect().await
}

async fn write_slice(writer: &Writer, facts: &InvoiceFacts, slice: &Slice) -> Result<(), WriteError> {
    let object = slice_object(facts, slice);
    match writer.create(&object).await {
        Ok(written) if written.spec == object.spec => Ok(()),
        Ok(_) => {
            Err(WriteError::Altered { object: format!("InvoiceSlice {}/{}", facts.organization, object.name_any()) })
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
    use serde_json::{Value, json};

    use super::*;

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
