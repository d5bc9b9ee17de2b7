//! A project: its binding, its ledger, its default.
//!
//! Guarantees: the PUT of the ledger decides who pays, with its version, so two operators agree; everything else reports it. Cost
//! of a look: the segments of the ledger and the groups of its organization; at most four writes.

use serde_json::json;

use crate::context::Context;
use crate::writer::WriteError;
use billing_api::{ProjectBinding, ProjectBindingStatus, labels};
use billing_domain::Name;
use billing_planning::builders::{dedicated_group, default_binding, project_ledger};
use billing_planning::conditions;
use billing_planning::project::{DefaultStep, LedgerWrite, plan_project};
use operator_kit::events::Severity;
use operator_kit::queue::Outcome;

/// Looks at a project and does what it needs.
///
/// # Errors
/// A write did not happen.
pub async fn reconcile(ctx: &Context, project: &Name) -> Result<Outcome, WriteError> {
    let now = ctx.clock.now();
    let since = ctx.first_seen.first(project, now);
    let (plan, binding) = ctx.read(|state| {
        let binding = state.binding(project).map(|binding| binding.object.clone());
        (plan_project(state, project, &ctx.settings, since, now), binding)
    });
    let plan = match plan {
        Ok(plan) => plan,
        Err(error) => {
            tracing::error!(%project, %error, "the ledger of a project cannot be extended");
            return Ok(Outcome::Failed);
        }
    };
    if !plan.incomplete {
        ctx.first_seen.end(project);
    }
    let wake = plan.wake;
    let done = async {
        if let Some(ledger) = plan.ledger {
            write_ledger(ctx, project, ledger).await?;
        }
        if let Some(binding) = binding.as_deref() {
            if let Some(status) = plan.status {
                write_status(ctx, binding, status).await?;
            }
            if plan.unmark {
                let annotations = json!({ "annotations": { labels::DEFAULT_ANNOTATION: null } });
                ctx.writer.patch_metadata(&unversioned(binding), annotations).await?;
            }
        }
        match plan.default {
            Some(step) => make_default(ctx, project, step).await,
            None => Ok(()),
        }
    };
    done.await.map(|()| ctx.requeue_at(wake))
}

async fn write_ledger(ctx: &Context, project: &Name, write: LedgerWrite) -> Result<(), WriteError> {
    let LedgerWrite { organization, ledger, version } = write;
    let mut object = project_ledger(project, &organization, &ledger);
    object.metadata.resource_version = version.clone();
    let written = match version {
        Some(_) => ctx.writer.replace(&object).await?,
        None => ctx.writer.create(&object).await?,
    };
    ctx.observe(written);
    Ok(())
}

async fn write_status(ctx: &Context, binding: &ProjectBinding, status: ProjectBindingStatus) -> Result<(), WriteError> {
    publish_change(ctx, binding, &status);
    let mut object = binding.clone();
    object.status = Some(status);
    ctx.observe(ctx.writer.replace_status(&object).await?);
    Ok(())
}

fn publish_change(ctx: &Context, binding: &ProjectBinding, status: &ProjectBindingStatus) {
    let before = binding.status.as_ref();
    let accepted = conditions::find(&status.conditions, "Accepted");
    let refused = accepted.filter(|condition| condition.status == "False");
    if let Some(refused) = refused {
        let known = before.and_then(|status| conditions::find(&status.conditions, "Accepted"));
        if known.map(|known| &known.reason) != Some(&refused.reason) {
            ctx.publish_event(binding, Severity::Warning, "Refused", "Bind", refused.message.clone());
        }
        return;
    }
    let payer = before.and_then(|status| status.billing_group.as_ref());
    let group = status.billing_group.as_ref();
    match (payer, group) {
        (None, Some(group)) => {
            ctx.publish_event(binding, Severity::Normal, "Bound", "Bind", format!("billing group {group} pays"))
        }
        (Some(old), Some(group)) if old != group => {
            ctx.publish_event(
                binding,
                Severity::Normal,
                "Moved",
                "Bind",
                format!("billing group {group} pays instead of {old}"),
            );
        }
        _ => {}
    }
}

/// The binding without its version, which a status written a moment ago has changed: whoever took the mark off
/// before us wanted the same.
fn unversioned(binding: &ProjectBinding) -> ProjectBinding {
    let mut binding = binding.clone();
    binding.metadata.resource_version = None;
    binding
}

async fn make_default(ctx: &Context, project: &Name, step: DefaultStep) -> Result<(), WriteError> {
    let made = match step {
        DefaultStep::Group { organization, name, currency } => {
            let group = dedicated_group(project, &organization, &name, currency);
            ctx.writer.create(&group).await.map(|group| ctx.observe(group))
        }
        DefaultStep::Binding { group } => {
            let binding = default_binding(project, &group);
            ctx.writer.create(&binding).await.map(|binding| ctx.observe(binding))
        }
    };
    match made {
        Err(WriteError::Exists { .. }) => Ok(()), // somebody chose in the meantime; the watch tells
        other => other,
    }
}
