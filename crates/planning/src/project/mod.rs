//! What a project needs now.

use chrono::TimeDelta;

use crate::billing_settings::BillingSettings;
use crate::conditions::{self, DesiredCondition, Readiness, WRITE_REFUSED};
use billing_api::{self as api, labels};
use billing_domain::tenancy::default_binding::{DefaultDecision, decide_default};
use billing_domain::tenancy::membership::{Acceptance, GroupFacts, ProjectFacts, Refusal, acceptance, next_segment};
use billing_domain::unbilled::outside_periods_of;
use billing_domain::{BilledUsage, Ledger, LedgerError, Month, Name, ProblemReason, Segment, Timestamp};
use billing_state::{Binding, Key, ObservedState, OrganizationState, RefusedWrite};
use kube_core::ResourceExt;

/// How long a binding may be on its way before its status says so: most arrive sooner, and are written once.
const BINDING_STATUS_DELAY: TimeDelta = TimeDelta::seconds(10);

/// What a project needs.
#[derive(Debug, Default)]
pub struct ProjectPlan {
    /// The ledger to write: this is the decision.
    pub ledger: Option<LedgerWrite>,
    /// The binding's new status; `None` when what is written still holds.
    pub status: Option<api::ProjectBindingStatus>,
    /// Whether the binding's mark as default is to go, because somebody chose another group.
    pub unmark: bool,
    /// What the project gets by default.
    pub default: Option<DefaultStep>,
    /// Whether something about the project is not settled.
    pub incomplete: bool,
    /// When to look again.
    pub wake: Option<Timestamp>,
}

/// A ledger to write.
#[derive(Debug)]
pub struct LedgerWrite {
    /// The organization, in whose namespace it is.
    pub organization: Name,
    /// The whole ledger.
    pub ledger: Ledger,
    /// The `resourceVersion` that it was decided on; `None` when it is to be made.
    pub version: Option<String>,
}

/// Something made by default.
#[derive(Debug)]
pub enum DefaultStep {
    /// A group for this project alone.
    Group {
        /// The organization.
        organization: Name,
        /// The group's name.
        name: Name,
        /// What it pays in.
        currency: api::CurrencyCode,
    },
    /// A binding.
    Binding {
        /// The group that it names.
        group: Name,
    },
}

/// Plans what a project needs. `since` is when the project was first seen unsettled.
///
/// # Errors
/// The ledger takes no further segment.
pub fn plan_project(
    state: &ObservedState,
    project: &Name,
    settings: &BillingSettings,
    since: Timestamp,
    now: Timestamp,
) -> Result<ProjectPlan, LedgerError> {
    let Some(facts) = state.project_facts(project) else { return Ok(ProjectPlan::default()) };
    let organization = facts.organization.and_then(|name| state.organization(name));
    let groups = organization.map(OrganizationState::all_group_facts).unwrap_or_default();
    let no_default = state.namespace(project).is_some_and(|namespace| namespace.no_default);
    let default = decide_default(&facts, &groups, settings.defaults, no_default, since, now);
    let segment = match &default {
        DefaultDecision::Append(segment) => Some(segment.clone()),
        _ => next_segment(&facts, &groups, now),
    };
    let mut plan = ProjectPlan { incomplete: default != DefaultDecision::Nothing, ..ProjectPlan::default() };
    let ledger = match segment {
        Some(segment) => Some(appended(&facts, segment)?),
        None => facts.ledger.cloned(),
    };
    if ledger.as_ref() != facts.ledger {
        plan.ledger = ledger_write(&facts, organization, ledger.clone());
    }
    if let Some(binding) = state.binding(project) {
        let refused = state.refused_write(&Key::Project(project.clone()));
        let not_taken = facts.organization.and_then(|name| usage_not_taken(state, name, project, settings, now));
        plan_binding(&mut plan, binding, &facts, &groups, ledger.as_ref(), (refused, not_taken), (since, now));
    }
    plan_default(&mut plan, state, &facts, default);
    Ok(plan)
}

fn appended(facts: &ProjectFacts<'_>, segment: Segment) -> Result<Ledger, LedgerError> {
    match facts.ledger {
        Some(ledger) => ledger.append(segment),
        None => Ledger::new(vec![segment]),
    }
}

fn ledger_write(
    facts: &ProjectFacts<'_>,
    organization: Option<&OrganizationState>,
    ledger: Option<Ledger>,
) -> Option<LedgerWrite> {
    let version = organization?.ledger_version(facts.name).map(str::to_owned);
    Some(LedgerWrite { organization: facts.organization?.clone(), ledger: ledger?, version })
}

fn plan_default(plan: &mut ProjectPlan, state: &ObservedState, facts: &ProjectFacts<'_>, default: DefaultDecision) {
    match default {
        DefaultDecision::Nothing | DefaultDecision::NoGroup | DefaultDecision::Append(_) => {}
        DefaultDecision::Wait { until } => plan.wake = Some(plan.wake.map_or(until, |wake| wake.min(until))),
        DefaultDecision::Bind { group } => plan.default = Some(DefaultStep::Binding { group }),
        DefaultDecision::MakeGroup { name } => {
            plan.default = facts.organization.map(|organization| DefaultStep::Group {
                organization: organization.clone(),
                name,
                currency: default_currency(state),
            });
        }
    }
}

/// A group that nobody has terms with pays in the currency of the prices that apply to it.
fn default_currency(state: &ObservedState) -> api::CurrencyCode {
    match state.price_list(labels::DEFAULT_NAME) {
        Some(Ok(list)) => list.currency().code().into(),
        Some(Err(_)) | None => "USD".into(),
    }
}

fn plan_binding(
    plan: &mut ProjectPlan,
    binding: &Binding,
    facts: &ProjectFacts<'_>,
    groups: &[GroupFacts<'_>],
    ledger: Option<&Ledger>,
    (refused, not_taken): (Option<&RefusedWrite>, Option<DesiredCondition>),
    (since, now): (Timestamp, Timestamp),
) {
    let Some(accepted) = acceptance(facts, groups, now) else { return };
    let object = &binding.object;
    plan.unmark =
        object.annotations().get(labels::DEFAULT_ANNOTATION).is_some_and(|marked| **marked != **binding.group());
    let last = ledger.map(Ledger::last);
    let in_force = match &accepted {
        Acceptance::Accepted { group } => last.is_some_and(|last| last.group_uid == *group),
        Acceptance::Refused(_) => false,
    };
    let on_its_way = matches!(accepted, Acceptance::Accepted { .. }) && !in_force;
    plan.incomplete |= on_its_way;
    let delayed_until = since.checked_add_signed(BINDING_STATUS_DELAY).filter(|until| on_its_way && now < *until);
    let delayed_until = delayed_until.filter(|_| refused.is_none());
    if let Some(until) = delayed_until {
        plan.wake = Some(until);
        return;
    }
    if let Acceptance::Refused(Refusal::TooManyMoves { until: Some(_) }) = &accepted {
        plan.wake = Some(Month::of(now).end());
    }
    let existing = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation;
    let readiness = match refused {
        Some(refused) => Readiness::stalled(WRITE_REFUSED, refused.sentence()),
        None => readiness(&accepted, in_force, last),
    };
    let accepted_condition = accepted_condition(&accepted, binding.group());
    let desired: Vec<_> = std::iter::once(accepted_condition).chain(readiness.conditions()).chain(not_taken).collect();
    let accepted_in = matches!(accepted, Acceptance::Accepted { .. }).then_some(facts.organization).flatten();
    let status = api::ProjectBindingStatus {
        organization: accepted_in.map(|name| name.as_str().into()).or_else(|| existing.organization.clone()),
        billing_group: last.map(|last| last.group.as_str().into()),
        since: last.map(|last| last.from.into()),
        conditions: conditions::merge(&existing.conditions, &desired, generation, now),
        observed_generation: generation,
    };
    plan.status = (status != existing).then_some(status);
}

/// Usage of the project that its payer does not take, because it ran before the payer's first period: never billed, unless that
/// begins earlier. Cost: the usage of the project.
fn usage_not_taken(
    state: &ObservedState,
    organization: &Name,
    project: &Name,
    settings: &BillingSettings,
    now: Timestamp,
) -> Option<DesiredCondition> {
    let organization_state = state.organization(organization)?;
    let known = &organization_state.organization;
    let records = BilledUsage { organization: known, billed: &organization_state.billed().read() };
    let attribution = |month| state.attribution(month, settings.attribution);
    let outside = outside_periods_of(records, known.project(project)?, &attribution, Month::of(now).next());
    let mut early = outside.iter().filter_map(|problem| match &problem.reason {
        ProblemReason::BeforeFirstPeriod { group, first_period } => Some((&problem.usage.name, group, first_period)),
        _ => None,
    });
    let (record, group, first_period) = early.next()?;
    let others = conditions::and_more(early.count());
    let message = format!(
        "usage before {first_period}, the first period of billing group {group}, is not billed: record {record}{others}; the provider can set an earlier spec.terms.firstPeriod while no invoice of the group is final"
    );
    Some(DesiredCondition::yes("UsageNotBilled", "BeforeFirstPeriod", message))
}

fn accepted_condition(accepted: &Acceptance, group: &Name) -> DesiredCondition {
    match accepted {
        Acceptance::Accepted { .. } => {
            DesiredCondition::yes("Accepted", accepted.as_str(), format!("billing group {group} accepts the project"))
        }
        Acceptance::Refused(refusal) => DesiredCondition::no("Accepted", accepted.as_str(), refusal.to_string()),
    }
}

fn readiness(accepted: &Acceptance, in_force: bool, last: Option<&Segment>) -> Readiness {
    let payer = match last {
        Some(last) => format!("billing group {} pays", last.group),
        None => "no billing group pays".to_owned(),
    };
    match accepted {
        Acceptance::Accepted { .. } if in_force => Readiness::ready("Bound", payer),
        Acceptance::Accepted { .. } => {
            Readiness::waiting("Pending", format!("{payer}, until the named group lists the project in status.members"))
        }
        // The month ends without anybody's help.
        Acceptance::Refused(refusal @ Refusal::TooManyMoves { until: Some(_) }) => {
            Readiness::waiting("NotAccepted", not_accepted(&payer, refusal))
        }
        Acceptance::Refused(refusal) => Readiness::stalled("NotAccepted", not_accepted(&payer, refusal)),
    }
}

fn not_accepted(payer: &str, refusal: &Refusal) -> String {
    format!("{payer}, because the binding is not accepted: {refusal}")
}

#[cfg(test)]
mod tests;
