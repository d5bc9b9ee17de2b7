//! The auditor: now and then, the final invoices of the last months are judged again, by what they record and by the
//! records as they are now.
//!
//! What changed lawfully since is no finding: see [`recompute`](billing_planning::recompute). An organization of which not
//! everything can be read is judged only by what its finals record.
//!
//! Policies keep a final from being changed while they are installed. The auditor is for everything else: a restored
//! backup, an API server without the policies for a while, a fault of this operator. It changes nothing but a condition.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::writer::WriteError;
use billing_api::{CreditNote, Document, Invoice, LastFinal, ReissuedInvoice, labels};
use billing_documents::issued::{IssuedInvoice, final_document};
use billing_documents::reissue::{reissuing_note, verify_reissue};
use billing_documents::verify::{Finding, verify_document};
use billing_domain::{Month, Name, Timestamp};
use billing_planning::conditions::{self, DesiredCondition};
use billing_planning::recompute::{Difference, RecomputeInputs, compare, last_final};
use billing_reads::{Slices, list, slices_of};
use operator_kit::events::Severity;

/// The first audit is so long after the start: what is urgent comes first.
const START_DELAY: Duration = Duration::from_secs(60);

/// How many months that are over are judged.
const AUDITED_MONTHS: usize = 2;

/// The condition of an invoice that is not right. One that is right has none.
const CONDITION: &str = "AuditFailed";

const CONTROLLER: &str = "auditor";

/// Why an audit did not come to its end.
#[derive(Debug, thiserror::Error)]
enum AuditError {
    /// Something could not be read.
    #[error("the invoices of {organization} could not be read")]
    Read {
        /// The organization.
        organization: Name,
        /// Why.
        source: kube::Error,
    },
    /// A condition could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Audits once an interval until `cancel`.
pub async fn run(ctx: Arc<Context>, interval: Duration, cancel: CancellationToken) {
    let forever = async {
        tokio::time::sleep(START_DELAY.min(interval)).await;
        loop {
            if ctx.policies.borrow().is_enforced() {
                audit_all(&ctx).await;
            }
            tokio::time::sleep(interval).await;
        }
    };
    cancel.run_until_cancelled(forever).await.unwrap_or(())
}

/// Judges the finals of all organizations. One that cannot be read stops no other.
async fn audit_all(ctx: &Context) {
    let organizations: Vec<Name> = ctx.read(|state| state.organizations().map(|(name, _)| name.clone()).collect());
    // The month before them only for the link of the chain.
    let months: Vec<Month> =
        ctx.read(|state| state.periods().map(|(month, _)| month).rev().take(AUDITED_MONTHS + 1).collect());
    let mut wrong = 0;
    for organization in organizations {
        let failed = || format!("an audit of {organization} did not finish");
        match audit(ctx, &organization, &months).await {
            Ok(found) => {
                wrong += found;
                ctx.troubles.over(failed);
            }
            Err(error) => {
                ctx.metrics.work.failed(CONTROLLER, "audit");
                ctx.troubles.tell(failed(), &error);
            }
        }
    }
    ctx.metrics.billing.audited(wrong, ctx.now());
}

/// Judges the finals of one organization, and says how many are not right.
async fn audit(ctx: &Context, organization: &Name, months: &[Month]) -> Result<usize, AuditError> {
    let unread = |source| AuditError::Read { organization: organization.clone(), source };
    let mut finals: BTreeMap<(String, i32), LastFinal> = BTreeMap::new();
    let mut wrong = 0;
    // The oldest first, so that the final of the month before is known.
    for (index, month) in months.iter().enumerate().rev() {
        let params = ListParams::default().labels(&format!("{}={month}", labels::PERIOD_LABEL));
        let mut pages = list::<Invoice>(Api::namespaced(ctx.client.clone(), organization), params);
        while let Some(page) = pages.next().await.map_err(unread)? {
            for guarded in page {
                let Some(invoice) = ctx.decoded(CONTROLLER, guarded) else {
                    wrong += 1;
                    continue;
                };
                let Some(document) = final_document(&invoice) else { continue };
                if let Some(replaced) = &document.reissues {
                    if index < AUDITED_MONTHS {
                        let findings = audit_reissue(ctx, organization, &invoice, document, replaced);
                        let findings = findings.await.map_err(unread)?;
                        wrong += usize::from(!findings.is_empty());
                        report(ctx, &invoice, &findings).await?;
                    }
                    continue; // the chain of the group's months goes through the one that it replaces
                }
                let key = |sequence: i32| (invoice.spec.billing_group_uid.to_string(), sequence);
                if index < AUDITED_MONTHS {
                    let before = finals.get(&key(invoice.spec.sequence - 1));
                    let findings = audit_final(ctx, organization, &invoice, document, before).await.map_err(unread)?;
                    wrong += usize::from(!findings.is_empty());
                    report(ctx, &invoice, &findings).await?;
                }
                finals.extend(last_final(&invoice).map(|last| (key(last.sequence), last)));
            }
        }
    }
    Ok(wrong)
}

async fn audit_final(
    ctx: &Context,
    organization: &Name,
    invoice: &Invoice,
    document: &Document,
    before: Option<&LastFinal>,
) -> Result<Vec<Finding>, kube::Error> {
    let slices = slices_of(&ctx.client, organization, document).await?;
    let previous = before.map(|before| before.digest.as_str());
    let findings = verify_document(document, |name| slices.get(name), previous);
    // What contradicts itself need not be compared with anything else.
    if !findings.is_empty() {
        return Ok(findings);
    }
    tokio::task::yield_now().await;
    Ok(unexplained(ctx, organization, invoice, &slices, before))
}

/// Judges a final that was issued again beside the one that it replaces.
async fn audit_reissue(
    ctx: &Context,
    organization: &Name,
    invoice: &Invoice,
    document: &Document,
    replaced: &ReissuedInvoice,
) -> Result<Vec<Finding>, kube::Error> {
    let missing = |what: String| Ok(vec![Finding::Missing(what)]);
    let slices = slices_of(&ctx.client, organization, document).await?;
    let findings = verify_document(document, |name| slices.get(name), document.previous_digest.as_deref());
    if !findings.is_empty() {
        return Ok(findings);
    }
    let invoices: Api<Invoice> = Api::namespaced(ctx.client.clone(), organization);
    let Some(original) = invoices.get_opt(&replaced.number).await? else {
        return missing(format!("Invoice {}, which it replaces,", &*replaced.number));
    };
    let notes: Api<CreditNote> = Api::namespaced(ctx.client.clone(), organization);
    let note = match reissuing_note(&original, &document.number) {
        Some(name) => notes.get_opt(name).await?,
        None => None,
    };
    let Some(note) = note.and_then(|note| note.status?.document) else {
        return missing(format!("CreditNote {}, which credits {},", &*replaced.credit_note, &*replaced.number));
    };
    let Some(before) = final_document(&original) else {
        return missing(format!("the document of Invoice {}, which it replaces,", &*replaced.number));
    };
    let of_original = slices_of(&ctx.client, organization, before).await?;
    let read = IssuedInvoice::new(&original, of_original.found.iter().map(|slice| &slice.spec));
    let again = IssuedInvoice::new(invoice, slices.found.iter().map(|slice| &slice.spec));
    Ok(match (read, again) {
        (Ok(original), Ok(again)) => verify_reissue(&original, &note, &again),
        (Err(error), _) | (_, Err(error)) => vec![Finding::Unreadable(format!("the document ({error})"))],
    })
}

/// What the records of now make another of, and nothing explains.
fn unexplained(
    ctx: &Context,
    organization: &Name,
    invoice: &Invoice,
    slices: &Slices,
    previous: Option<&LastFinal>,
) -> Vec<Finding> {
    let compared = match IssuedInvoice::new(invoice, slices.found.iter().map(|slice| &slice.spec)) {
        Err(error) => return vec![Finding::Unreadable(format!("the document ({error})"))],
        Ok(recorded) => tokio::task::block_in_place(|| {
            ctx.read(|state| {
                compare(&RecomputeInputs { state, organization, previous, settings: &ctx.settings }, &recorded)
            })
        }),
    };
    match compared {
        Ok(differences) => {
            let unexplained = differences.iter().filter(|difference| difference.is_unexplained());
            unexplained.map(|difference: &Difference| Finding::Unexplained(difference.to_string())).collect()
        }
        Err(reason) => {
            tracing::debug!(invoice = invoice.name_any(), %reason, "a final invoice is checked only against what it records");
            Vec::new()
        }
    }
}

/// Writes the condition where it is not there yet, or no longer true.
///
/// # Errors
/// It could not be written.
pub async fn report(ctx: &Context, invoice: &Invoice, findings: &[Finding]) -> Result<(), WriteError> {
    let existing = invoice.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let conditions = with_findings(existing, findings, ctx.now());
    if conditions == existing {
        return Ok(());
    }
    if let Some(finding) = findings.first() {
        let note = format!("{finding}; see kubectl billing verify {}", invoice.name_any());
        tracing::error!(invoice = invoice.name_any(), note, "a final invoice failed its audit");
        ctx.publish_event(invoice, Severity::Warning, CONDITION, "Audit", note);
    }
    match ctx.writer.patch_status_at(invoice, json!({ "conditions": conditions })).await {
        Ok(_) | Err(WriteError::Conflict { .. } | WriteError::Gone { .. }) => Ok(()), // looked at again next time
        Err(error) => Err(error),
    }
}

/// The conditions of an invoice with what an audit found; the others stay as they are.
fn with_findings(existing: &[Condition], findings: &[Finding], now: Timestamp) -> Vec<Condition> {
    let desired = findings.first().map(|finding| {
        let others = conditions::and_more(findings.len() - 1);
        let reason = match finding {
            Finding::Missing(_) => "SliceMissing",
            Finding::Differs { .. } | Finding::Unreadable(_) => "DocumentDiffers",
            Finding::Unexplained(_) => "RecordsDiffer",
        };
        DesiredCondition::yes(CONDITION, reason, format!("{finding}{others}"))
    });
    conditions::replace(existing, CONDITION, desired, Some(1), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-21T12:00:00Z";

    fn summary(conditions: &[Condition]) -> Vec<String> {
        let summary = |condition: &Condition| format!("{} {} {}", condition.type_, condition.reason, condition.message);
        conditions.iter().map(summary).collect()
    }

    #[test]
    fn what_is_wrong_is_said_once_and_taken_back_when_it_is_right() {
        let now: Timestamp = NOW.parse().unwrap();
        let ready = conditions::merge(&[], &[DesiredCondition::yes("Ready", "Final", "")], Some(1), now);
        let findings = [Finding::Missing("InvoiceSlice f-1-a".to_owned()), Finding::Unreadable("line 1".to_owned())];
        let wrong = with_findings(&ready, &findings, now);
        assert_eq!(
            summary(&wrong),
            ["Ready Final ", "AuditFailed SliceMissing InvoiceSlice f-1-a is missing, and 1 more"]
        );
        let later = now + chrono::TimeDelta::days(1);
        assert_eq!(with_findings(&wrong, &findings, later), wrong, "nothing new is nothing to write");
        assert_eq!(with_findings(&wrong, &[], later), ready);
        assert_eq!(with_findings(&ready, &[], later), ready);
    }
}
