//! Credit notes: computed, numbered and frozen; then the credits go back that the invoice used, and it is issued again if the note says
//! so, which is for the [closing](crate::closing) to do.
//!
//! Guarantees: notes never credit more than their invoice has, as each is taken on the invoice by a PUT with its version; numbers
//! have no gaps, as the series hands them out in the same way; a crash between two steps is gone on from by the next look. Cost of
//! a look: one read of the invoice; of its slices only where the note takes all of them or names one of their lines, of its other notes
//! where it names lines.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::context::Context;
use crate::writer::WriteError;
use billing_api::{CreditNote, CreditNoteStatus, Invoice, InvoiceSeries};
use billing_documents::issued::{IssuedInvoice, final_document};
use billing_domain::{Name, Uid};
use billing_planning::conditions::{self, DesiredCondition};
use billing_reads::{DeserializeGuard, Lacking, Listed, list, slices_of};
use billing_state::{
    BILLING_GROUP_GONE, CREDITS_RETURNED, Key, ObservedState, REISSUED, are_credits_returned, awaits_reissue, is_issued,
};
use operator_kit::events::Severity;
use operator_kit::queue::Outcome;

use billing_planning::credit_note::{Observed, RestorationFacts, RestorationStep, Step, plan_note, plan_restoration};
use billing_planning::invoice::{ReissueHeld, with_reissued_month};

/// A note begins, takes, is numbered and issued, its credits are made, and it says so; that is more than the steps there
/// are.
const MAX_STEPS: usize = 8;

/// When it is asked again for an invoice that waits to be issued again: nothing tells when the issuer has a rule for its buyer.
const REISSUE_RECHECK: Duration = Duration::from_secs(300);

/// Looks at a credit note and does what it needs.
///
/// # Errors
/// A write did not happen.
pub async fn reconcile(ctx: &Context, organization: &Name, note: &Name) -> Result<Outcome, WriteError> {
    for _ in 0..MAX_STEPS {
        if !step(ctx, organization, note).await? {
            let known = |state: &ObservedState| state.organization(organization)?.credit_notes.get(note).cloned();
            let awaits = ctx.read(known).is_some_and(|note| awaits_reissue(&note));
            return Ok(if awaits { Outcome::After(REISSUE_RECHECK) } else { Outcome::Done });
        }
    }
    Ok(Outcome::Failed)
}

/// Lets the closing of the organization issue the invoice of a note again.
async fn request_reissue(ctx: &Context, organization: &Name, note: &CreditNote) -> Result<(), WriteError> {
    let invoices: Api<Invoice> = Api::namespaced(ctx.client.clone(), organization);
    let number = &note.spec.invoice;
    let unread = |source| WriteError::Failed { object: format!("Invoice {}", &**number), source: Box::new(source) };
    let invoice = invoices.get_opt(number).await.map_err(unread)?;
    let group = invoice.as_ref().and_then(|invoice| invoice.spec.billing_group_uid.parse::<Uid>().ok());
    let is_there = |group: &Uid| {
        ctx.read(|state| {
            state.organization(organization).is_some_and(|known| known.organization.group(*group).is_some())
        })
    };
    match group.filter(is_there) {
        Some(group) => {
            ctx.due.add(organization, group);
            ctx.queues.add([Key::Closing(organization.clone())]);
            Ok(())
        }
        None => {
            let document = note.status.as_ref().and_then(|status| status.document.as_ref());
            let group = document.map_or("", |document| document.buyer.billing_group.as_str());
            tell_reissue(ctx, note, nobody_pays(group)).await
        }
    }
}

/// That nobody is there any more who would pay the invoice that is to be issued again.
pub fn nobody_pays(group: &str) -> DesiredCondition {
    let message = format!("billing group {group} was deleted, and nobody pays the invoice in its place");
    DesiredCondition::no(REISSUED, BILLING_GROUP_GONE, message)
}

/// Lets a note say whether its invoice was issued again. Nothing is written when it says so already.
///
/// # Errors
/// It could not be written.
pub async fn tell_reissue(ctx: &Context, note: &CreditNote, told: DesiredCondition) -> Result<(), WriteError> {
    let mut status = note.status.clone().unwrap_or_default();
    let generation = note.metadata.generation;
    let conditions = conditions::replace(&status.conditions, REISSUED, Some(told), generation, ctx.now());
    if conditions == status.conditions {
        return Ok(());
    }
    status.conditions = conditions;
    let written = write(ctx, note.clone(), status).await?;
    let conditions = written.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    if let Some(told) = conditions::find(conditions, REISSUED) {
        let (severity, reason) = match told.status == "True" {
            true => (Severity::Normal, "Reissued"),
            false => (Severity::Warning, "ReissueHeld"),
        };
        ctx.publish_event(&written, severity, reason, "Credit", told.message.clone());
    }
    Ok(())
}

/// One step; whether another follows at once.
async fn step(ctx: &Context, organization: &Name, name: &Name) -> Result<bool, WriteError> {
    let note = ctx.read(|state| {
        let terminating = state.namespace(organization).is_none_or(|namespace| namespace.terminating);
        let note = state.organization(organization)?.credit_notes.get(name);
        note.filter(|_| !terminating).map(|note| CreditNote::clone(note))
    });
    let Some(note) = note else { return Ok(false) };
    let named = format!("CreditNote {organization}/{name}");
    let unread = |source: FetchError| WriteError::Failed { object: named.clone(), source: Box::new(source) };
    if is_issued(&note) && are_credits_returned(&note) {
        request_reissue(ctx, organization, &note).await?;
        return Ok(false);
    }
    if is_issued(&note) {
        return restore_credits(ctx, fetch_credits(ctx, organization, note).await.map_err(unread)?).await;
    }
    let observed = fetch(ctx, organization, note).await.map_err(unread)?;
    match plan_note(&observed, ctx.now()) {
        Ok(step) => apply(ctx, observed, step).await,
        Err(error) => {
            tracing::error!(note = named, %error, "a credit note cannot be written");
            Ok(false)
        }
    }
}

/// Why a note is not decided on.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    /// The API server did not answer.
    #[error("what the credit note is decided on could not be read")]
    Api(#[from] kube::Error),
    /// A slice of its invoice is not there.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// An object that it is decided on does not decode.
    #[error("{object} does not decode: {error}")]
    Unreadable {
        /// Its kind and name.
        object: String,
        /// Why.
        error: String,
    },
}

/// All objects that `params` select, each of which counts.
async fn all_of<K>(api: Api<DeserializeGuard<K>>, params: ListParams) -> Result<Vec<K>, FetchError>
where
    K: Listed + Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let decoded = |guarded: DeserializeGuard<K>| {
        guarded.0.map_err(|invalid| FetchError::Unreadable {
            object: format!("{} {}", K::kind(&()), invalid.metadata.name.as_deref().unwrap_or("without a name")),
            error: invalid.error,
        })
    };
    list(api, params).all().await?.into_iter().map(decoded).collect()
}

/// Reads what a note is decided on, directly.
async fn fetch(ctx: &Context, organization: &Name, note: CreditNote) -> Result<Observed, FetchError> {
    let invoices: Api<Invoice> = Api::namespaced(ctx.client.clone(), organization);
    let invoice = invoices.get_opt(&note.spec.invoice).await?;
    let (slices, others) = (Vec::new(), Vec::new());
    let mut observed = Observed { note, invoice, slices, others, series: None, reissue_held: None };
    let Some(invoice) = &observed.invoice else { return Ok(observed) };
    let lines: Vec<_> = observed.note.spec.lines.iter().filter_map(|line| line.line.as_deref()).collect();
    if let Some(document) = invoice.status.as_ref().and_then(|status| status.document.as_ref())
        && !document.slices.is_empty()
        && (observed.note.spec.full || lines.iter().any(|id| document.lines.iter().all(|line| line.id != *id)))
    {
        observed.slices = slices_of(&ctx.client, organization, document).await?.complete()?;
    }
    if let Some(credited) = invoice.status.as_ref().and_then(|status| status.credited.as_ref()) {
        if !lines.is_empty() {
            let same = ListParams::default().fields(&format!("spec.invoice={}", &*observed.note.spec.invoice));
            observed.others = all_of(Api::namespaced(ctx.client.clone(), organization), same).await?;
        }
        if credited.notes.iter().any(|by| Some(by.uid.as_str()) == observed.note.metadata.uid.as_deref()) {
            let series: Api<InvoiceSeries> = Api::all(ctx.client.clone());
            observed.series = series.get_opt(&invoice.spec.series).await?;
        }
    }
    if observed.note.spec.reissue {
        observed.reissue_held =
            tokio::task::block_in_place(|| ctx.read(|state| reissue_held(ctx, state, organization, &observed)));
    }
    Ok(observed)
}

/// What keeps the invoice of a note from being issued again: asked before anything is taken back.
fn reissue_held(ctx: &Context, state: &ObservedState, organization: &Name, observed: &Observed) -> Option<ReissueHeld> {
    let invoice = observed.invoice.as_ref().filter(|invoice| final_document(invoice).is_some())?;
    let issued = match IssuedInvoice::new(invoice, observed.slices.iter().map(|slice| &slice.spec)) {
        Ok(issued) => issued,
        Err(error) => {
            let message = format!("the invoice cannot be issued again: {error}");
            return Some(ReissueHeld { reason: "Unreadable", message });
        }
    };
    with_reissued_month(state, organization, &issued, &ctx.settings, |view| view.can_reissue(&issued)).err()
}

/// Reads what is given back, and to whom.
async fn fetch_credits(ctx: &Context, organization: &Name, note: CreditNote) -> Result<RestorationFacts, FetchError> {
    let invoices: Api<Invoice> = Api::namespaced(ctx.client.clone(), organization);
    let invoice = invoices.get_opt(&note.spec.invoice).await?;
    let credits = all_of(Api::namespaced(ctx.client.clone(), organization), ListParams::default()).await?;
    let owner = invoice.as_ref().and_then(|invoice| invoice.spec.billing_group_uid.parse().ok());
    let group = ctx.read(|state| Some(state.organization(organization)?.organization.successor(owner?)?.name.clone()));
    Ok(RestorationFacts { note, credits, group })
}

/// Gives back what the invoice of an issued note used of credits; whether another step follows at once.
async fn restore_credits(ctx: &Context, observed: RestorationFacts) -> Result<bool, WriteError> {
    match plan_restoration(&observed, ctx.now()) {
        RestorationStep::Nothing => Ok(false),
        RestorationStep::Make(credits) => {
            for credit in credits {
                match ctx.writer.create(&credit).await {
                    Ok(made) => ctx.observe(made),
                    Err(error) => return report_refusal(ctx, observed.note, error).await,
                }
            }
            Ok(true)
        }
        RestorationStep::Report(status) => {
            let written = write(ctx, observed.note, *status).await?;
            let conditions = written.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
            let Some(done) = conditions::find(conditions, CREDITS_RETURNED) else { return Ok(false) };
            let (severity, reason) = match done.status == "True" {
                true => (Severity::Normal, "CreditsReturned"),
                false => (Severity::Warning, "CreditsHeld"),
            };
            ctx.publish_event(&written, severity, reason, "Credit", done.message.clone());
            Ok(false)
        }
    }
}

/// Does one step, on condition that nobody was faster; whether another follows at once.
async fn apply(ctx: &Context, observed: Observed, step: Step) -> Result<bool, WriteError> {
    let Observed { note, invoice, series, .. } = observed;
    match step {
        Step::Nothing => Ok(false),
        Step::Report(status) => {
            let written = write(ctx, note, status).await?;
            publish_event(ctx, &written, Severity::Warning, "Refused");
            Ok(false)
        }
        Step::Begin(status) => write(ctx, note, status).await.map(|_| true),
        Step::Take { credited, payment } => {
            let Some(invoice) = invoice else { return Ok(false) };
            let mut status = json!({ "credited": credited });
            if let Some(payment) = payment {
                status["payment"] = json!({ "state": payment.state, "at": payment.at, "reference": null });
            }
            ctx.writer.patch_status_at(&invoice, status).await.map(|_| true)
        }
        Step::Number(notes) => {
            let Some(mut series) = series else { return Ok(false) };
            series.status.get_or_insert_default().credit_notes = notes;
            ctx.writer.replace_status(&series).await.map(|_| true)
        }
        Step::Issue(status) => {
            let sent = status.document.clone();
            let written = write(ctx, note, status).await?;
            if written.status.as_ref().and_then(|status| status.document.as_ref()) != sent.as_ref() {
                let object = format!("CreditNote {}", written.name_any());
                return Err(WriteError::Altered { object });
            }
            tracing::info!(note = written.name_any(), "a credit note is issued");
            publish_event(ctx, &written, Severity::Normal, "Issued");
            Ok(true) // credits go back, if the invoice used any
        }
    }
}

/// Lets a note say that a credit of it is refused, and fails with that.
async fn report_refusal(ctx: &Context, note: CreditNote, error: WriteError) -> Result<bool, WriteError> {
    if let WriteError::Refused { .. } = &error {
        let mut status = note.status.clone().unwrap_or_default();
        let refused = DesiredCondition::no(CREDITS_RETURNED, conditions::WRITE_REFUSED, error.to_string());
        let generation = note.metadata.generation;
        let told = conditions::replace(&status.conditions, CREDITS_RETURNED, Some(refused), generation, ctx.now());
        if told != status.conditions {
            status.conditions = told;
            write(ctx, note, status).await?;
        }
    }
    Err(error)
}

async fn write(ctx: &Context, mut note: CreditNote, status: CreditNoteStatus) -> Result<CreditNote, WriteError> {
    note.status = Some(status);
    let written = ctx.writer.replace_status(&note).await?;
    ctx.observe(written.clone());
    Ok(written)
}

/// Tells what the note says of itself.
fn publish_event(ctx: &Context, note: &CreditNote, severity: Severity, reason: &'static str) {
    let conditions = note.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    if let Some(ready) = conditions::find(conditions, "Ready") {
        ctx.publish_event(note, severity, reason, "Credit", ready.message.clone());
    }
}
