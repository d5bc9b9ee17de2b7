//! What a credit's status says.

use crate::conditions::{self, Readiness};
use crate::months::oldest_open_month;
use billing_api as api;
use billing_domain::credit::availability::Availability;
use billing_domain::{Credit, Group, Month, Timestamp};
use billing_state::convert::wire_credit_status;

/// What is said of a credit that is being deleted.
const WITHDRAWN: &str = "the credit is being deleted, and invoices use no more of it; remove its finalizers, and grant another if it is needed";

/// The credit is being deleted, and belongs to nobody.
pub(super) fn withdrawn() -> Readiness {
    Readiness::stalled(Availability::Withdrawn.as_str(), WITHDRAWN)
}

/// The group that a credit belongs to.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// The group.
    pub group: &'a Group,
    /// The first of its months that is not final.
    pub oldest: Month,
}

impl<'a> Owner<'a> {
    /// The owner as its object says.
    pub fn of(group: &'a Group, object: &api::BillingGroup) -> Self {
        let oldest = object.status.as_ref().map_or(group.first_period, |status| oldest_open_month(group, status));
        Self { group, oldest }
    }

    fn availability(self, credit: &Credit, now: Timestamp) -> Availability {
        credit.availability(self.oldest, Month::of(now))
    }

    /// What of the credit the invoices to come can use.
    pub fn can_use(self, credit: &Credit, now: Timestamp) -> bool {
        let stands = matches!(self.availability(credit, now), Availability::Usable | Availability::NotYet);
        stands && self.group.currency == Some(credit.amount.currency())
    }
}

/// The status of a credit that belongs to a group; equal to what is written when nothing changed.
pub fn credit_status(object: &api::Credit, credit: &Credit, owner: Owner<'_>, now: Timestamp) -> api::CreditStatus {
    let availability = owner.availability(credit, now);
    let status = wire_credit_status(credit, Some(owner.group.uid.to_string().into()), Some(availability));
    finish(object, status, readiness(credit, owner, availability), now)
}

/// A status with its conditions.
pub(super) fn finish(
    object: &api::Credit,
    status: api::CreditStatus,
    readiness: Readiness,
    now: Timestamp,
) -> api::CreditStatus {
    let existing = object.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let generation = object.metadata.generation;
    let desired: Vec<_> = readiness.conditions().collect();
    api::CreditStatus {
        conditions: conditions::merge(existing, &desired, generation, now),
        observed_generation: generation,
        ..status
    }
}

/// A credit that nobody can use any more, or not yet, is ready all the same: it stands as it was granted, and tools that wait for it
/// would wait for ever.
fn readiness(credit: &Credit, owner: Owner<'_>, availability: Availability) -> Readiness {
    let Owner { group, oldest } = owner;
    let currency = credit.amount.currency();
    if group.currency != Some(currency) {
        return other_currency(credit, group);
    }
    let expires = credit.validity.expires.map(api::Time::from);
    let message = match (availability, expires) {
        (Availability::Usable, Some(expires)) if expires.0 <= oldest.end() => {
            format!("the credit expires at {expires}; the last month it pays for is {oldest}")
        }
        (Availability::Usable, _) => format!("the invoices of billing group {} use the credit", group.name),
        (Availability::NotYet, _) => "the credit has not started yet; see status.startsAt".to_owned(),
        (Availability::Expired, _) => "the credit expired before all of it was used".to_owned(),
        (Availability::Exhausted, _) => "the credit is used up".to_owned(),
        (Availability::Withdrawn, _) => WITHDRAWN.to_owned(),
    };
    match availability {
        Availability::Usable | Availability::NotYet | Availability::Expired | Availability::Exhausted => {
            Readiness::ready(availability.as_str(), message)
        }
        Availability::Withdrawn => withdrawn(),
    }
}

/// A credit that its group cannot use.
pub(super) fn other_currency(credit: &Credit, group: &Group) -> Readiness {
    let pays = group.currency.map_or_else(|| "an unknown currency".to_owned(), |currency| currency.to_string());
    let message = format!(
        "the credit is in {}, and billing group {} pays in {pays}: it can be used only when both are the same",
        credit.amount.currency(),
        group.name
    );
    Readiness::stalled("CurrencyMismatch", message)
}
