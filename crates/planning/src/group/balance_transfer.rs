//! What the last final of a deleted group carried forward: it must not go with the group.

use kube_core::ObjectMeta;

use billing_api::{self as api, BillingGroupStatus, CarriedForward, Credit, CreditOrigin, CreditSpec, CreditType};
use billing_domain::{Group, Name};
use billing_state::OrganizationState;

/// An amount in the favour of a group that goes, which nobody has yet.
#[derive(Debug)]
pub(super) struct UnclaimedBalance<'a> {
    carried: &'a CarriedForward,
    /// The number of the last final.
    invoice: &'a str,
    /// Who gets it.
    successor: Option<&'a Group>,
}

/// What is owed to a group; `None` once there is a Credit of it.
pub(super) fn unclaimed_balance<'a>(
    organization: &'a OrganizationState,
    group: &Group,
    status: &'a BillingGroupStatus,
) -> Option<UnclaimedBalance<'a>> {
    let last = status.last_final.as_ref()?;
    let carried = last.carried_forward.as_ref()?;
    let currency = carried.currency.parse().ok();
    let successors = organization.organization.groups().filter(|other| other.primary && other.deleted.is_none());
    let successor = successors.filter(|other| other.uid != group.uid && other.currency == currency);
    let unclaimed_balance =
        UnclaimedBalance { carried, invoice: last.number.as_str(), successor: successor.min_by(|a, b| a.age_order(b)) };
    organization.credits.get(&unclaimed_balance.name()).is_none().then_some(unclaimed_balance)
}

impl UnclaimedBalance<'_> {
    /// The name of the Credit.
    fn name(&self) -> String {
        format!("carried-{}", self.invoice)
    }

    /// What the group waits for.
    pub(super) fn message(&self) -> String {
        let Self { carried: CarriedForward { amount, currency, .. }, invoice, .. } = self;
        let (amount, currency) = (amount.as_str(), currency.as_str());
        format!(
            "{amount} {currency} carried forward from invoice {invoice} is owed to the group; to let it be deleted, set spec.primary on a group that pays in {currency}, which receives the balance as Credit {}",
            self.name()
        )
    }

    /// The Credit, where somebody gets it.
    pub(super) fn credit(&self, organization: &Name) -> Option<Credit> {
        let CarriedForward { amount, currency, .. } = self.carried;
        let metadata =
            ObjectMeta { name: Some(self.name()), namespace: Some(organization.to_string()), ..ObjectMeta::default() };
        let spec = CreditSpec {
            billing_group: self.successor?.name.as_str().into(),
            kind: Some(CreditType::Other),
            amount: Some(api::Money { amount: amount.clone(), currency: currency.clone() }),
            starts_at: None,
            expires_at: None,
            projects: None,
            code: None,
            origin: Some(CreditOrigin { invoice: self.invoice.into(), credit_note: None, credit: None }),
        };
        Some(Credit { metadata, spec, status: None })
    }
}
