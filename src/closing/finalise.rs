//! Making the months of one group final, the oldest first.

use std::sync::{Arc, PoisonError};

use kube::ResourceExt;

use super::credits::{self, CreditClosing};
use super::fetch::ClosingPass;
use super::reissue::{Reissues, reissue_pending};
use crate::auditor;
use crate::context::Context;
use crate::kinds::invoice::{altered_document, create_invoice, delete_slices, ensure_slices};
use crate::kinds::series;
use crate::writer::{WriteError, Written};
use billing_api::{BillingGroup, Credit, CreditReturn, CurrencyCode, Invoice, LastFinal};
use billing_documents::document::Rendered;
use billing_documents::slices::Slice;
use billing_domain::closing::CloseDecision;
use billing_domain::{AwaitedReading, Money, Month, Name, Timestamp, Uid};
use billing_planning::closing::charges::billed_charges;
use billing_planning::closing::returned_credits::ReturningFinal;
use billing_planning::credit::Owner;
use billing_planning::invoice::{
    GroupInvoices, InvoiceFacts, READINGS_MISSING, final_status, readings_missing, status_object,
};
use billing_planning::months::{Position, month_at};
use billing_planning::pending_projects::pending_projects;
use billing_state::convert::billed::final_lines;
use billing_state::{Estimate, Final, Key, ObservedState, Observes, carried_forward, charges_on, convert};
use operator_kit::events::Severity;

/// How often the status of a group is read again when somebody else writes it too.
const MAX_CONFLICTS: usize = 8;

/// The next month of a group, as read directly.
enum NextMonth {
    /// None can become final.
    Nothing,
    /// One is final already, and the group's status does not say so yet.
    Adopt(Box<FinalRecord>),
    /// This one becomes final.
    Finalise(Box<Finalisation>),
}

/// What a group's status says of a month that is final.
struct FinalRecord {
    last: LastFinal,
    month: Month,
    /// The charges of its terms that the month has.
    charges: Vec<Name>,
    /// What it used of credits.
    credits: Vec<(Name, Money)>,
    /// What it gives back to credits, and when it was issued.
    returned: Vec<CreditReturn>,
    issued_at: Timestamp,
    currency: CurrencyCode,
}

/// An invoice that becomes final.
struct Finalisation {
    facts: InvoiceFacts,
    observed: Option<Estimate>,
    rendered: Rendered,
    /// Credits with what is reserved of them for it.
    reserved: Vec<Credit>,
    /// What it uses of them.
    credits: Vec<(Name, Money)>,
    /// The last readings of metered records that it waited for in vain.
    missing: Vec<AwaitedReading>,
}

/// Makes every month of the group final that can be, the oldest first: a later one is not looked at before, and none while an invoice is
/// to be issued again. Cost: one bill, one
/// audit and one document a month, twice if it uses credits, for what was reserved is decided on anew.
///
/// # Errors
/// A write did not happen; what was written before stands, and a further pass goes on from there.
pub async fn close_group(ctx: &Context, pass: &ClosingPass, organization: &Name, group: Uid) -> Result<(), WriteError> {
    if reissue_pending(ctx, pass, organization, group).await? == Reissues::Held {
        return Ok(());
    }
    loop {
        let now = ctx.now();
        let Some(object) = read(pass, |state| state.organization(organization)?.group(group).cloned()) else {
            return Ok(());
        };
        // It may compute for long: the runtime is told, and answers probes meanwhile.
        let next = || read(pass, |state| next(ctx, state, organization, group, &object, now));
        match tokio::task::block_in_place(next) {
            NextMonth::Nothing => return Ok(()),
            NextMonth::Adopt(recorded) => record(ctx, pass, object, &recorded).await?,
            NextMonth::Finalise(finalisation) => finalise(ctx, pass, object, *finalisation, now).await?,
        }
    }
}

pub(super) fn read<T>(pass: &ClosingPass, read: impl FnOnce(&ObservedState) -> T) -> T {
    read(&pass.state.read().unwrap_or_else(PoisonError::into_inner))
}

/// Decides again, on what was read directly. The bill, its audit and its document are computed once.
fn next(
    ctx: &Context,
    state: &ObservedState,
    organization: &Name,
    uid: Uid,
    object: &BillingGroup,
    now: Timestamp,
) -> NextMonth {
    let status = object.status.clone().unwrap_or_default();
    let (Some(known), Some(series)) = (state.organization(organization), status.invoice_series.as_deref()) else {
        return NextMonth::Nothing;
    };
    let Some(group) = known.organization.group(uid) else { return NextMonth::Nothing };
    let groups = known.all_group_facts();
    let pending_projects = pending_projects(state, organization, group, &groups, &ctx.settings, now);
    let invoices = GroupInvoices {
        state,
        organization: known,
        group,
        object,
        series,
        settings: &ctx.settings,
        pending_projects: &pending_projects,
        pending_reissue: known.pending_reissue(&group.name),
    };
    let oldest = Position::oldest_open(group, &status);
    let month = oldest.month;
    let Some(view) = month_at(&invoices, oldest) else { return NextMonth::Nothing };
    if let Some(last) = known.invoices.final_(&view.number).filter(|last| last.group == uid) {
        let sequence = i32::try_from(last.sequence).unwrap_or(i32::MAX);
        let Final { digest, charges, credits, returned, issued_at, currency, carried_forward, .. } = last.clone();
        let last = LastFinal { number: view.number.as_str().into(), sequence, digest, carried_forward };
        let issued_at = issued_at.unwrap_or(now);
        let recorded = FinalRecord { last, month, charges, credits, returned, issued_at, currency };
        return NextMonth::Adopt(Box::new(recorded));
    }
    if !group.pays_in(view.month) {
        return NextMonth::Nothing;
    }
    let observed = known.invoices.estimate(&view.number);
    if observed.is_some_and(|estimate| !view.is_of(estimate)) {
        return NextMonth::Nothing; // of another month; it goes first
    }
    let bill = view.bill(now);
    let holds = view.holds(&bill, now);
    let (CloseDecision::Finalise, Ok(bill)) = (view.decide(&holds, now), bill) else { return NextMonth::Nothing };
    let Ok(rendered) = view.final_document(&bill, now) else { return NextMonth::Nothing };
    let closing = CreditClosing { organization: known, owner: Owner::of(group, object), number: &view.number, now };
    let reserved = match closing.reserve(&bill.credits) {
        Ok(reserved) => reserved,
        Err(error) => {
            tracing::warn!(invoice = %view.number, %error, "an invoice waits for its credits");
            return NextMonth::Nothing;
        }
    };
    NextMonth::Finalise(Box::new(Finalisation {
        facts: InvoiceFacts::of(&view, organization),
        observed: observed.cloned(),
        rendered,
        reserved,
        missing: view.missing_readings(now),
        credits: bill.credits.into_iter().map(|one| (one.name, one.used)).collect(),
    }))
}

/// The order of writes: what is fixed by the first final, what is reserved of credits, the slices, the invoice itself,
/// what is consumed of them, what the group says of it.
///
/// After a reservation everything is decided again on what was written, so that the document names each credit in the
/// version in which its part was reserved: the one before it was not yet bound to this invoice, and the one after the
/// consumption is not there yet when the document is frozen.
async fn finalise(
    ctx: &Context,
    pass: &ClosingPass,
    group: Arc<BillingGroup>,
    finalisation: Finalisation,
    now: Timestamp,
) -> Result<(), WriteError> {
    let Finalisation { facts, observed, rendered: Rendered { document, slices }, reserved, credits, missing } =
        finalisation;
    let group = fix_numbers(ctx, pass, group, &facts).await?;
    if !reserved.is_empty() {
        return credits::write(ctx, pass, reserved).await;
    }
    let observed = match observed {
        Some(observed) => observed,
        None => create_invoice(&ctx.writer, &facts).await?,
    };
    let (digest, charges) = (document.digest.clone(), charges_on(&document));
    let carried_forward = carried_forward(&observed.uid, &document);
    let (returned, currency) = (document.returned_credits.clone(), document.currency.clone());
    write_final(ctx, &facts, &observed, Rendered { document, slices }, &missing, now).await?;
    let sequence = i32::try_from(facts.sequence).unwrap_or(i32::MAX);
    let last = LastFinal { number: facts.number.as_str().into(), sequence, digest, carried_forward };
    let month = facts.month;
    let recorded = FinalRecord { last, month, charges, credits, returned, issued_at: now, currency };
    record(ctx, pass, group, &recorded).await?;
    // A final has slices of its own.
    delete_slices(&ctx.writer, &facts.organization, &observed.slices).await;
    ctx.queues.add([Key::Group { organization: facts.organization, group: facts.group_uid }]);
    Ok(())
}

/// Writes an invoice as final, its slices first, and remembers what it bills; tells which readings it lacks.
///
/// # Errors
/// A write did not happen.
pub(super) async fn write_final(
    ctx: &Context,
    facts: &InvoiceFacts,
    observed: &Estimate,
    Rendered { document, slices }: Rendered,
    missing: &[AwaitedReading],
    now: Timestamp,
) -> Result<(), WriteError> {
    ensure_slices(&ctx.writer, facts, &slices).await?;
    let digest = document.digest.clone();
    let status = final_status(&observed.conditions, document, missing, now);
    let written = ctx.writer.replace_status(&status_object(facts, observed, status)).await?;
    publish_event(ctx, &written);
    if let Some(note) = readings_missing(missing) {
        ctx.publish_event(&written, Severity::Warning, READINGS_MISSING, "Close", note);
    }
    let altered = altered_document(&written, &digest);
    if !altered.is_empty() {
        auditor::report(ctx, &written, &altered).await?;
    }
    index_final(ctx, &facts.organization, &written, &slices);
    ctx.observe(written);
    Ok(())
}

impl FinalRecord {
    /// The final as what it gives back names it.
    fn returning(&self, group: &BillingGroup) -> ReturningFinal {
        ReturningFinal {
            number: self.last.number.to_string(),
            issued_at: self.issued_at,
            currency: self.currency.clone(),
            group: group.name_any(),
            organization: group.namespace().unwrap_or_default(),
        }
    }
}

/// Keeps in the state what a final bills. One that cannot be read back stays unread, and nothing of its month is adjusted.
fn index_final(ctx: &Context, organization: &Name, written: &Invoice, slices: &[Slice]) {
    match final_lines(written, slices.iter().map(|slice| &slice.spec)) {
        Ok(lines) => ctx.queues.add(ctx.write(|state| state.record_final(organization, lines))),
        Err(error) => tracing::error!(invoice = written.name_any(), %error, "a final invoice cannot be read back"),
    }
}

fn publish_event(ctx: &Context, invoice: &Invoice) {
    let Some(document) = invoice.status.as_ref().and_then(|status| status.document.as_ref()) else { return };
    let note = format!("{} {} for {}", document.total, document.currency, invoice.spec.period);
    tracing::info!(invoice = invoice.name_any(), note, "an invoice is final");
    ctx.publish_event(invoice, Severity::Normal, "Finalised", "Close", note);
}

/// Fixes the series and the first period before the first final, so that numbers are never used again and never shift.
async fn fix_numbers(
    ctx: &Context,
    pass: &ClosingPass,
    group: Arc<BillingGroup>,
    facts: &InvoiceFacts,
) -> Result<Arc<BillingGroup>, WriteError> {
    if group.status.as_ref().is_some_and(|status| status.first_period.is_some()) {
        return Ok(group);
    }
    series::mark_used(ctx, &facts.organization, facts.group_uid, &group).await?;
    let first = facts.month; // nothing is final yet, so this is the first
    let fix = |group: &mut BillingGroup| {
        group.status.get_or_insert_default().first_period = Some(first.to_string().into());
    };
    let fixed = change_status(ctx, pass, group.clone(), fix).await?;
    if bills_otherwise(&group, &fixed) {
        return Err(WriteError::Conflict { object: format!("BillingGroup {}", fixed.name_any()) });
    }
    Ok(fixed)
}

/// Whether a group has another currency or issuer than the one that was read. From the first period on nobody changes them, so what
/// is decided on afterwards stays.
fn bills_otherwise(read: &BillingGroup, written: &BillingGroup) -> bool {
    let issuer = |group: &BillingGroup| group.spec.terms.clone().unwrap_or_default().issuer;
    (&read.spec.currency, issuer(read)) != (&written.spec.currency, issuer(written))
}

/// Consumes what a final used of credits, gives back what it returns to them, and writes into the group's status that it is the last
/// one.
async fn record(
    ctx: &Context,
    pass: &ClosingPass,
    group: Arc<BillingGroup>,
    recorded: &FinalRecord,
) -> Result<(), WriteError> {
    let FinalRecord { last, month, charges, credits, .. } = recorded;
    consume(ctx, pass, &group, &Name::from(last.number.as_str()), credits).await?;
    credits::give_back(ctx, pass, &group, recorded.returning(&group), &recorded.returned).await?;
    let change = |group: &mut BillingGroup| {
        let known = group.status.as_ref().and_then(|status| status.last_final.as_ref());
        if known.is_none_or(|known| known.sequence < last.sequence) {
            let billed_charges = billed_charges(group, *month, charges);
            let status = group.status.get_or_insert_default();
            status.billed_charges = billed_charges;
            status.last_final = Some(last.clone());
        }
    };
    change_status(ctx, pass, group, change).await.map(drop)
}

/// Consumes what a final used of the group's credits.
///
/// # Errors
/// A credit could not be written, or its reservation was not seen yet.
pub(super) async fn consume(
    ctx: &Context,
    pass: &ClosingPass,
    group: &BillingGroup,
    number: &Name,
    credits: &[(Name, Money)],
) -> Result<(), WriteError> {
    let planned =
        read(pass, |state| {
            let organization = state.organization(&group.namespace()?)?;
            let known = organization.organization.group(convert::uid_of(group).ok()?)?;
            let owner = Owner::of(known, group);
            let closing = CreditClosing { organization, owner, number, now: ctx.now() };
            if let Some(credit) = closing.unseen(credits) {
                return Some(Err(WriteError::Conflict { object: format!("Credit {credit}") }));
            }
            Some(closing.consume(credits).map_err(|error| WriteError::Refused {
                object: format!("Invoice {number}"),
                message: error.to_string(),
            }))
        });
    let unseen = || WriteError::Conflict { object: format!("BillingGroup {}", group.name_any()) };
    credits::write(ctx, pass, planned.ok_or_else(unseen)??).await
}

/// Changes the status of a group, whoever else writes it at the same time.
async fn change_status(
    ctx: &Context,
    pass: &ClosingPass,
    mut group: Arc<BillingGroup>,
    change: impl Fn(&mut BillingGroup),
) -> Result<Arc<BillingGroup>, WriteError> {
    let mut conflicts = 0;
    loop {
        let mut object = BillingGroup::clone(&group);
        change(&mut object);
        match ctx.writer.replace_status(&object).await {
            Ok(written) => {
                pass.state.write().unwrap_or_else(PoisonError::into_inner).observe(written.clone());
                ctx.observe(written.clone());
                return Ok(convert::trimmed(written));
            }
            Err(WriteError::Conflict { object }) if conflicts < MAX_CONFLICTS => {
                conflicts += 1;
                group = Arc::new(read_group(ctx, &group, object).await?);
            }
            Err(error) => return Err(error),
        }
    }
}

async fn read_group(ctx: &Context, group: &BillingGroup, named: String) -> Result<BillingGroup, WriteError> {
    let read = group
        .api(&ctx.client)?
        .get(&group.name_any())
        .await
        .map_err(|source| WriteError::Failed { object: named.clone(), source: Box::new(source) })?;
    if read.uid() == group.uid() { Ok(read) } else { Err(WriteError::Gone { object: named }) }
}
