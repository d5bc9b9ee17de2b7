//! What is said of a price list, an issuer, exchange rates and a code: whether all of it can be used.

use crate::conditions::{self, Readiness};
use billing_api as api;
use billing_domain::{Name, Timestamp};
use billing_state::convert::credit_amount;
use billing_state::{ObservedReadiness, ObservedState, Published, Usability};

/// How many of the parts that cannot be used are told at once.
const TOLD: usize = 5;

/// What is to be written on something that the provider publishes.
#[derive(Debug, PartialEq)]
pub struct PublishedPlan {
    /// Its new status; `None` when what is written still holds.
    pub status: Option<api::ReadinessStatus>,
    /// When to look again.
    pub wake: Option<Timestamp>,
}

/// Plans the status of something published; `None` when it is gone.
pub fn plan_published(state: &ObservedState, kind: Published, name: &Name, now: Timestamp) -> Option<PublishedPlan> {
    if let Some(known) = state.readiness(kind, name) {
        let ObservedReadiness { generation, status, usability } = known;
        let status = status_of(readiness(usability), *generation, status, now);
        return Some(PublishedPlan { status, wake: None });
    }
    let code = state.credit_code_named(name).filter(|_| kind == Published::CreditCode)?;
    let (readiness, wake) = readiness_of_code(code, now);
    let api::CreditCodeStatus { redeemed_by: _, conditions, observed_generation } =
        code.status.clone().unwrap_or_default();
    let written = api::ReadinessStatus { conditions, observed_generation };
    Some(PublishedPlan { status: status_of(readiness, code.metadata.generation, &written, now), wake })
}

/// The status to write, if it differs from the one that is written.
fn status_of(
    readiness: Readiness,
    generation: Option<i64>,
    written: &api::ReadinessStatus,
    now: Timestamp,
) -> Option<api::ReadinessStatus> {
    let desired: Vec<_> = readiness.conditions().collect();
    let conditions = conditions::merge(&written.conditions, &desired, generation, now);
    let status = api::ReadinessStatus { conditions, observed_generation: generation };
    (status != *written).then_some(status)
}

fn readiness(usability: &Usability) -> Readiness {
    match usability {
        Usability::Usable { passed_over } => {
            let but = if passed_over.is_empty() {
                String::new()
            } else {
                format!("; passed over: {}", listed(passed_over, ", "))
            };
            Readiness::ready("Usable", format!("every part can be used{but}"))
        }
        Usability::Unusable(problems) => Readiness::stalled("Unusable", listed(problems, "; ")),
        Usability::Unreadable(error) => {
            let message = format!(
                "the operator cannot decode it: {error}; correct it, or run the operator of the release that wrote it"
            );
            Readiness::stalled("Unreadable", message)
        }
    }
}

/// The first of several, and how many more there are.
fn listed(parts: &[String], separator: &str) -> String {
    let told = parts.len().min(TOLD);
    format!("{}{}", parts[..told].join(separator), conditions::and_more(parts.len() - told))
}

/// How a code stands, and when that changes by itself.
fn readiness_of_code(code: &api::CreditCode, now: Timestamp) -> (Readiness, Option<Timestamp>) {
    let api::CreditCodeSpec { amount, redeem_until, .. } = &code.spec;
    if let Some(by) = code.status.as_ref().and_then(|status| status.redeemed_by.as_ref()) {
        let message = format!("redeemed by Credit {}/{} at {}", by.organization, by.name, by.at);
        return (Readiness::ready("Redeemed", message), None);
    }
    if let Err(error) = credit_amount(amount) {
        let message = format!("{error}; delete the code, and create another");
        return (Readiness::stalled("Unusable", message), None);
    }
    match redeem_until {
        Some(until) if until.0 <= now => {
            (Readiness::ready("Expired", format!("nobody redeemed it before {until}")), None)
        }
        Some(until) => (Readiness::ready("Redeemable", format!("can be redeemed once, before {until}")), Some(until.0)),
        None => (Readiness::ready("Redeemable", "can be redeemed once"), None),
    }
}

#[cfg(test)]
mod tests;
