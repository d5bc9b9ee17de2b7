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
use crate::kinds::credit_note::{nobody_pays, tell_reissue};
use crate::kinds::invoice::create_invoice;
use crate::writer::WriteError;
use billing_api::{self as api, CreditNote, Invoice};
use billing_documents::document::Rendered;
use billing_documents::issued::{IssuedInvoice, final_document};
use billing_domain::{Name, Timestamp, Uid};
use billing_planning::conditions::DesiredCondition;
use billing_planning::credit::Owner;
use billing_planning::invoice::{
    GroupInvoices, InvoiceFacts, MonthView, ReissueHeld, ReissueOrder, with_reissued_month,
};
use billing_reads::slices_of;
use billing_state::{Estimate, ObservedState, REISSUED, are_credits_returned, awaits_reissue, convert};

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
    let mut notes: Vec<_> = ctx.read(|state| {
        let notes = state.organization(organization).into_iter().flat_map(|known| known.credit_notes.values());
        notes.filter(|note| ours(note)).cloned().collect()
    });
    // The oldest month first: what adjusts it on a later invoice is taxed like it.
    let month = |note: &CreditNote| Some(note.status.as_ref()?.document.as_ref()?.invoice.period.start.0);
    notes.sort_by_key(|note| month(note));
    for note in notes {
        let Some(pending) = PendingReissue::new(ctx, pass, organization, group, &note) else { continue };
        if pending.carry_out().await? == Reissues::Held {
            return Ok(Reissues::Held);
        }
    }
    Ok(Reissues::Done)
}

/// A credit note whose invoice is to be issued again.
struct PendingReissue<'a> {
    ctx: &'a Context,
    pass: &'a ClosingPass,
    organization: &'a Name,
    group: Uid,
    note: &'a CreditNote,
    document: &'a api::CreditNoteDocument,
    /// The number under which it is issued again.
    number: Name,
}

impl<'a> PendingReissue<'a> {
    fn new(
        ctx: &'a Context,
        pass: &'a ClosingPass,
        organization: &'a Name,
        group: Uid,
        note: &'a CreditNote,
    ) -> Option<Self> {
        let document = note.status.as_ref()?.document.as_ref()?;
        let number = Name::from(document.reissued_as.as_ref()?.as_str());
        Some(Self { ctx, pass, organization, group, note, document, number })
    }

    /// Does what is left to do: a crash may have come after any of it.
    async fn carry_out(&self) -> Result<Reissues, WriteError> {
        if !are_credits_returned(self.note) {
            return self.held("CreditsPending", "the credits that the invoice used are being returned first").await;
        }
        let Some(original) = self.invoice(&self.note.spec.invoice).await? else {
            let message = format!("invoice {} is missing; restore it from a backup", &*self.note.spec.invoice);
            return self.held("InvoiceNotFound", message).await;
        };
        if original.spec.billing_group_uid.as_str() != self.group.to_string() {
            let gone = nobody_pays(&original.spec.billing_group);
            return tell_reissue(self.ctx, self.note, gone).await.map(|()| Reissues::Done);
        }
        loop {
            let again = self.invoice(&self.number).await?;
            if let Some(issued) = again.as_ref().and_then(final_document) {
                return self.finish(issued).await;
            }
            if let Err(ReissueHeld { reason, message }) = self.issue(&original, again.as_ref()).await? {
                return self.held(reason, message).await;
            }
        }
    }

    /// Reserves credits, or writes the invoice where that is done: the document names each credit in the version in which its part was
    /// reserved.
    async fn issue(&self, original: &Invoice, again: Option<&Invoice>) -> Result<Result<(), ReissueHeld>, WriteError> {
        let held = |reason, message: String| Ok(Err(ReissueHeld { reason, message }));
        let Some(document) = final_document(original) else {
            return held("InvoiceNotFinal", format!("invoice {} is not final", original.name_any()));
        };
        let slices =
            slices_of(&self.ctx.client, self.organization, document).await.map_err(|error| self.failed(error))?;
        let slices = match slices.complete() {
            Ok(slices) => slices,
            Err(lacking) => return held("SliceMissing", lacking.to_string()),
        };
        let issued = IssuedInvoice::new(original, slices.iter().map(|slice| &slice.spec));
        let issued = issued.map_err(|error| self.failed(error))?;
        let now = self.ctx.now();
        let plan = || read(self.pass, |state| self.plan(state, &issued, now));
        let Planned { facts, rendered, reserved } = match tokio::task::block_in_place(plan) {
            Ok(planned) => planned,
            Err(held) => return Ok(Err(held)),
        };
        if !reserved.is_empty() {
            return credits::write(self.ctx, self.pass, reserved).await.map(Ok);
        }
        let observed = match again {
            Some(there) => Estimate::read(there).map_err(|error| self.failed(error))?,
            None => create_invoice(&self.ctx.writer, &facts).await?,
        };
        write_final(self.ctx, &facts, &observed, rendered, &[], now).await.map(Ok)
    }

    /// Consumes what the invoice used of credits, and lets the note say that it is issued.
    async fn finish(&self, issued: &api::Document) -> Result<Reissues, WriteError> {
        let group = |state: &ObservedState| state.organization(self.organization)?.group(self.group).cloned();
        if let Some(group) = read(self.pass, group) {
            let used = convert::credits_taken(issued).map_err(|error| self.failed(error))?;
            consume(self.ctx, self.pass, &group, &self.number, &used).await?;
        }
        let message = format!("{} takes the place of {}", self.number, &*self.note.spec.invoice);
        tell_reissue(self.ctx, self.note, DesiredCondition::yes(REISSUED, "Reissued", message)).await?;
        Ok(Reissues::Done)
    }

    async fn held(&self, reason: &'static str, message: impl Into<String>) -> Result<Reissues, WriteError> {
        let held = DesiredCondition::no(REISSUED, reason, message);
        tell_reissue(self.ctx, self.note, held).await.map(|()| Reissues::Held)
    }

    async fn invoice(&self, number: &str) -> Result<Option<Invoice>, WriteError> {
        let invoices: Api<Invoice> = Api::namespaced(self.ctx.client.clone(), self.organization);
        invoices.get_opt(number).await.map_err(|error| self.failed(error))
    }

    fn failed(&self, source: impl std::error::Error + Send + Sync + 'static) -> WriteError {
        WriteError::Failed { object: format!("Invoice {}", self.number), source: Box::new(source) }
    }

    /// Decides on what the pass read.
    fn plan(
        &self,
        state: &ObservedState,
        original: &IssuedInvoice<'_>,
        now: Timestamp,
    ) -> Result<Planned, ReissueHeld> {
        with_reissued_month(state, self.organization, original, &self.ctx.settings, |view| {
            self.plan_on(view, original, now)
        })
    }

    fn plan_on(
        &self,
        view: &MonthView<'_>,
        original: &IssuedInvoice<'_>,
        now: Timestamp,
    ) -> Result<Planned, ReissueHeld> {
        let (note, number) = (self.document, &self.number);
        let GroupInvoices { organization: known, group, object, .. } = *view.invoices;
        let held = |reason, message: String| ReissueHeld { reason, message };
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
        let reserved =
            reserved.map_err(|error| held("CreditMissing", format!("its credits cannot be used: {error}")))?;
        Ok(Planned {
            facts: InvoiceFacts::of(view, self.organization).reissued(number),
            rendered: again.rendered,
            reserved,
        })
    }
}
