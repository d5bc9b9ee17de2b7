//! Credits, before anything is billed: codes are redeemed, and every credit finds its group.

use kube::ResourceExt;

use super::admit::Findings;
use super::settle::reference;
use super::{Problem, Terms};
use billing_api::Credit;
use billing_domain::Name;
use billing_planning::conditions;
use billing_planning::credit::{CreditPlan, plan_credit};
use billing_state::{Books, Observes};

/// A code is redeemed, and what it is worth is written; then nothing changes any more.
const MOST_STEPS: usize = 3;

/// Why a credit is not used by any invoice.
const UNUSABLE: [&str; 4] = ["BillingGroupNotFound", "BillingGroupGone", "CurrencyMismatch", "CodeInvalid"];

/// Does for every credit what its plan says, by organization and name: of two that have the same code, the first gets it.
pub(super) fn settle_credits(books: &mut Books, terms: &Terms) {
    let mut credits = Vec::new();
    for (organization, known) in books.organizations() {
        credits.extend(known.credits.all().map(|(name, _)| (organization.clone(), name.clone())));
    }
    credits.sort();
    for (organization, name) in credits {
        for _ in 0..MOST_STEPS {
            if !step(books, &organization, &name, terms) {
                break;
            }
        }
    }
}

/// One step of a credit; returns whether anything changed.
fn step(books: &mut Books, organization: &Name, name: &Name, terms: &Terms) -> bool {
    let known = books.organization(organization).and_then(|known| known.credits.get(name));
    let object = known.map(|known| known.object.clone());
    match (plan_credit(books, organization, name, terms.as_of), object) {
        (Some(CreditPlan::Redeem(code)), _) => {
            books.observe(*code);
            true
        }
        (Some(CreditPlan::Steady { status: Some(status), .. }), Some(object)) => {
            books.observe(Credit { status: Some(*status), ..Credit::clone(&object) });
            true
        }
        _ => false,
    }
}

/// The credits of an organization that no invoice uses, and why. A code that only the cluster knows is noted.
pub(super) fn look_at_credits(books: &Books, organization: &Name, findings: &mut Findings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let known = books.organization(organization).into_iter().flat_map(|known| known.credits.all());
    for (name, known) in known {
        let status = known.object.status.clone().unwrap_or_default();
        let ready = conditions::find(&status.conditions, "Ready");
        let Some(ready) = ready else { continue };
        let Some(reason) = UNUSABLE.into_iter().find(|reason| *reason == ready.reason) else { continue };
        let object = reference("Credit", Some(organization), name);
        let code = known.object.spec.code.as_deref();
        if reason == "CodeInvalid" && code.is_some_and(|code| books.credit_code(code).is_none()) {
            let name = known.object.name_any();
            findings
                .notes
                .push(format!("credit {organization}/{name}: the manifests contain no CreditCode for its code, so its amount is not known"));
            continue;
        }
        let source = findings.source(&object).cloned();
        problems.push(Problem { source, object, reason, message: ready.message.clone() });
    }
    problems
}
