//! Issuing invoices again that credit notes took back in full.
//!
//! It is done by the pass that makes the group's months final, and before these: so nobody else uses the credits meanwhile that the note
//! gave back, and no month is settled between the note and the invoice that takes the place of the one before.
//!
//! The order of writes is that of a final: what is reserved of credits, the invoice, its slices, its document, what is consumed, and
//! then the note says that it is done. A crash in between is a repetition.

use kube::{Api, ResourceExt};

use super::credits::{self, CreditClosing};
use super::fetch::ClosingPass;
use super::finalise::{consume, read, write_final};
use crate::context::Context;
use crate::kinds::credit_note::tell_reissue;
use crate::kinds::invoice::create_invoice;
use crate::writer::WriteError;
use billing_api::{self as api, CreditNote, Invoice};
use billing_documents::document::Rendered;
use billing_documents::issued::{IssuedInvoice, final_document};
use billing_domain::{Name, Timestamp, Uid};
use billing_planning::conditions::DesiredCondition;
use billing_planning::credit::Owner;
use billing_planning::invoice::{GroupInvoices, InvoiceFacts, Predecessor, ReissueHeld, ReissueOrder};
use billing_reads::slices_of;
use billing_state::{
    BILLING_GROUP_GONE, Estimate, ObservedState, REISSUED, are_credits_returned, awaits_reissue, convert,
};

/// What became of the invoices of a group that are to be issued again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reissues {
    /// There are none any more.
    Done,
    /// One waits for something, and the group's months with it.
    Held,
}

/// An invoice as it is issued again.
struct Planned {
    facts: InvoiceFacts,
    rendered: Rendered,
    /// Credits with what is reserved of them for it.
    reserved: Vec<api::Credit>,
}

/// Issues the invoices of a group again that credit notes took back and say so. Cost: nothing without such a note; else a read of two
/// invoices and of the slices of one.
///
/// # Errors
/// A read or a write did not happen; a further pass goes on from there.
pub(super) async fn reissue_pending(
    ctx: &Context,
    pass: &ClosingPass,
    organization: &Name,
    group: Uid,
) -> Result<Reissues, WriteError> {
    let Some(name) = read(pass, |state| Some(state.organization(organization)?.group(group)?.name_any())) else {
        return Ok(Reissues::Done);
    };
    let ours = |note: &CreditNote| {
        let document = note.status.as_ref().and_then(|status| status.document.as_ref());
        awaits_reissue(note) && document.is_some_and(|document| document.buyer.billing_group.as_str() == name)
    };
    let notes: Vec<_> = ctx.read(|state| {
        let notes = state.organization(organization).into_iter().flat_map(|known| known.credit_notes.values());
        notes.filter(|note| ours(note)).cloned().collect()
    });
    for note in notes {
        if reissue(ctx, pass, organization, group, &note).await? == Reissues::Held {
            return Ok(Reissues::Held);
        }
    }
    Ok(Reissues::Done)
}

async fn reissue(
    ctx: &Context,
    pass: &ClosingPass,
    organization: &Name,
    group: Uid,
    note: &CreditNote,
) -> Result<Reissues, WriteError> {
    let invoices: Api<Invoice> = Api::namespaced(ctx.client.clone(), organization);
    let document = note.status.as_ref().and_then(|status| status.document.as_ref());
    let Some((document, number)) = document.and_then(|document| Some((document, document.reissued_as.as_ref()?)))
    else {
        return Ok(Reissues::Done);
    };
    let number = Name::from(number.as_str());
    let held = async |reason, message: String| {
        tell_reissue(ctx, note, DesiredCondition::no(REISSUED, reason, message)).await.map(|()| Reissues::Held)
    };
    let unread =
        |source: kube::Error| WriteError::Failed { object: format!("Invoice {number}"), source: Box::new(source) };
    if !are_credits_returned(note) {
        return held("CreditsPending", "the credits that the invoice used are being returned first".to_owned()).await;
    }
    let Some(original) = invoices.get_opt(&note.spec.invoice).await.map_err(unread)? else {
        let message = format!("invoice {} is missing; restore it from a backup", &*note.spec.invoice);
        return held("InvoiceNotFound", message).await;
    };
    if original.spec.billing_group_uid.as_str() != group.to_string() {
        let gone = gone(&original);
        return tell_reissue(ctx, note, gone).await.map(|()| Reissues::Done);
    }
    loop {
        let again = invoices.get_opt(&number).await.map_err(unread)?;
        let Some(object) = read(pass, |state| state.organization(organization)?.group(group).cloned()) else {
            return Ok(Reissues::Done);
        };
        if let Some(issued) = again.as_ref().and_then(final_document) {
            let used = convert::credits_taken(issued).map_err(|source| WriteError::Failed {
                object: format!("Invoice {number}"),
                source: Box::new(source),
            })?;
            consume(ctx, pass, &object, &number, &used).await?;
            let message = format!("{number} takes the place of {}", &*note.spec.invoice);
            tell_reissue(ctx, note, DesiredCondition::yes(REISSUED, "Reissued", message)).await?;
            return Ok(Reissues::Done);
        }
        let slices = match final_document(&original) {
            Some(document) => slices_of(&ctx.client, organization, document).await.map_err(unread)?,
            None => return held("InvoiceNotFinal", format!("invoice {} is not final", &*note.spec.invoice)).await,
        };
        let slices = match slices.complete() {
            Ok(slices) => slices,
            Err(lacking) => return held("SliceMissing", lacking.to_string()).await,
        };
        let now = ctx.now();
        let issued = IssuedInvoice::new(&original, slices.iter().map(|slice| &slice.spec));
        let issued = issued
            .map_err(|source| WriteError::Failed { object: format!("Invoice {number}"), source: Box::new(source) })?;
        let plan = || read(pass, |state| plan(ctx, state, organization, group, (&issued, document, &number), now));
        let Planned { facts, rendered, reserved } = match tokio::task::block_in_place(plan) {
            Ok(planned) => planned,
            Err(ReissueHeld { reason, message }) => return held(reason, message).await,
        };
        if !reserved.is_empty() {
            credits::write(ctx, pass, reserved).await?;
            continue; // the document names each credit in the version in which its part was reserved
        }
        let observed = match &again {
            Some(there) => Estimate::read(there).map_err(|source| WriteError::Failed {
                object: format!("Invoice {number}"),
                source: Box::new(source),
            })?,
            None => create_invoice(&ctx.writer, &facts).await?,
        };
        write_final(ctx, &facts, &observed, rendered, now).await?;
    }
}

/// That nobody is there any more who would pay the invoice.
fn gone(original: &Invoice) -> DesiredCondition {
    let group = &original.spec.billing_group;
    let message = format!("billing group {} was deleted, and nobody pays the invoice in its place", &**group);
    DesiredCondition::no(REISSUED, BILLING_GROUP_GONE, message)
}

/// Decides on what the pass read.
fn plan(
    ctx: &Context,
    state: &ObservedState,
    organization: &Name,
    uid: Uid,
    (original, note, number): (&IssuedInvoice<'_>, &api::CreditNoteDocument, &Name),
    now: Timestamp,
) -> Result<Planned, ReissueHeld> {
    let held = |reason, message: String| ReissueHeld { reason, message };
    let known = state.organization(organization);
    let known = known.and_then(|known| Some((known, known.organization.group(uid)?, known.group(uid)?)));
    let Some((known, group, object)) = known else {
        return Err(held(BILLING_GROUP_GONE, "the billing group is gone".to_owned()));
    };
    let invoices = GroupInvoices {
        state,
        organization: known,
        group,
        object,
        series: &original.invoice.spec.series,
        settings: &ctx.settings,
        pending_projects: &[],
    };
    let view = invoices.month(original.month, Predecessor::None, &[]).ok_or_else(|| {
        let message = format!("billing group {} is billed from a later month on", group.name);
        held("Inconsistent", message)
    })?;
    let mut credits = Vec::new();
    for returned in &note.credits {
        let credit = known.credits.get(&returned.name).and_then(|known| known.credit.as_ref().ok()?.clone());
        let missing = || held("CreditMissing", format!("Credit {} is missing, or cannot be read", &*returned.name));
        credits.push(credit.ok_or_else(missing)?);
    }
    let order = ReissueOrder { original, note, number, credits: &credits };
    let again = view.reissue(&order, now)?;
    let closing = CreditClosing { organization: known, owner: Owner::of(group, object), number, now };
    let reserved = closing.reserve(&again.credits);
    let reserved = reserved.map_err(|error| held("CreditMissing", format!("its credits cannot be used: {error}")))?;
    Ok(Planned { facts: InvoiceFacts::of(&view, organization).reissued(number), rendered: again.rendered, reserved })
}
