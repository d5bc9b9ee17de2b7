//! Credits, before anything is billed: codes are redeemed, and every credit finds its group.

use kube::ResourceExt;

use super::admit::Findings;
use super::prepare::reference;
use super::{PreviewOptions, PreviewProblem};
use billing_api::Credit;
use billing_domain::Name;
use billing_planning::conditions;
use billing_planning::credit::{CreditPlan, plan_credit};
use billing_state::{ObservedState, Observes};

/// A code is redeemed, and what it is worth is written; then nothing changes any more.
const MAX_STEPS: usize = 3;

/// Why a credit is not used by any invoice.
const UNUSABLE: [&str; 4] = ["BillingGroupNotFound", "BillingGroupGone", "CurrencyMismatch", "CodeInvalid"];

/// Does for every credit what its plan says, by organization and name: of two that have the same code, the first gets it.
pub(super) fn prepare_credits(state: &mut ObservedState, options: &PreviewOptions) {
    let mut credits = Vec::new();
    for (organization, known) in state.organizations() {
        credits.extend(known.credits.all().map(|(name, _)| (organization.clone(), name.clone())));
    }
    credits.sort();
    for (organization, name) in credits {
        for _ in 0..MAX_STEPS {
            if !step(state, &organization, &name, options) {
                break;
            }
        }
    }
}

/// One step of a credit; returns whether anything changed.
fn step(state: &mut ObservedState, organization: &Name, name: &Name, options: &PreviewOptions) -> bool {
    let known = state.organization(organization).and_then(|known| known.credits.get(name));
    let object = known.map(|known| known.object.clone());
    match (plan_credit(state, organization, name, options.as_of), object) {
        (Some(CreditPlan::Redeem(code)), _) => {
            state.observe(*code);
            true
        }
        (Some(CreditPlan::Steady { status: Some(status), .. }), Some(object)) => {
            state.observe(Credit { status: Some(*status), ..Credit::clone(&object) });
            true
        }
        _ => false,
    }
}

/// The credits of an organization that no invoice uses, and why. A code that only the cluster knows is noted.
pub(super) fn check_credits(
    state: &ObservedState,
    organization: &Name,
    findings: &mut Findings,
) -> Vec<PreviewProblem> {
    let mut problems = Vec::new();
    let known = state.organization(organization).into_iter().flat_map(|known| known.credits.all());
    for (name, known) in known {
        let status = known.object.status.clone().unwrap_or_default();
        let ready = conditions::find(&status.conditions, "Ready");
        let Some(ready) = ready else { continue };
        let Some(reason) = UNUSABLE.into_iter().find(|reason| *reason == ready.reason) else { continue };
        let object = reference("Credit", Some(organization), name);
        let code = known.object.spec.code.as_deref();
        if reason == "CodeInvalid" && code.is_some_and(|code| state.credit_code(code).is_none()) {
            let name = known.object.name_any();
            findings
                .notes
                .push(format!("credit {organization}/{name}: the manifests contain no CreditCode for its code, so its amount is not known"));
            continue;
        }
        let source = findings.source(&object).cloned();
        problems.push(PreviewProblem { source, object, reason, message: ready.message.clone() });
    }
    problems
}
