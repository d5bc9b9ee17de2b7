//! Writing invoices and their slices.

use futures::{StreamExt, TryStreamExt, stream};

use crate::writer::{WriteError, Writer};
use billing_documents::slices::Slice;
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
    match writer.create(&slice_object(facts, slice)).await {
        Ok(_) | Err(WriteError::Exists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
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
