//! What the last final of a deleted group carried forward: it must not go with the group.

use kube_core::ObjectMeta;

use billing_api::{
    self as api, BillingGroupStatus, CarriedForward, Credit, CreditApplication, CreditOrigin, CreditSpec, CreditType,
};
use billing_domain::{Group, Name};
use billing_state::OrganizationState;
use billing_state::convert::credit_note::carried_credit;

use crate::conditions::Readiness;

/// An amount in the favour of a group that goes, which nobody has yet.
#[derive(Debug)]
pub(super) struct UnclaimedBalance<'a> {
    carried: &'a CarriedForward,
    /// The number of the last final.
    invoice: &'a str,
    /// Who gets it.
    successor: Option<&'a Group>,
    /// Whether a Credit has the name that was not made for this.
    name_taken: bool,
}

/// What is owed to a group; `None` once there is a Credit of it, which says where it comes from.
pub(super) fn unclaimed_balance<'a>(
    organization: &'a OrganizationState,
    group: &Group,
    status: &'a BillingGroupStatus,
) -> Option<UnclaimedBalance<'a>> {
    let last = status.last_final.as_ref()?;
    let carried = last.carried_forward.as_ref()?;
    let currency = carried.currency.parse().ok();
    let successors = organization.organization.groups().filter(|other| other.primary && other.deleted.is_none());
    // One legal entity does not pay out what another owes.
    let pays_so = |other: &&Group| other.currency == currency && other.issuer == group.issuer;
    let successor = successors.filter(|other| other.uid != group.uid).filter(pays_so);
    let mut unclaimed_balance = UnclaimedBalance {
        carried,
        invoice: last.number.as_str(),
        successor: successor.min_by(|a, b| a.age_order(b)),
        name_taken: false,
    };
    match organization.credits.get(&unclaimed_balance.name()) {
        Some(known) if known.object.spec.origin.as_ref() == Some(&unclaimed_balance.origin()) => None,
        known => {
            unclaimed_balance.name_taken = known.is_some();
            Some(unclaimed_balance)
        }
    }
}

impl UnclaimedBalance<'_> {
    /// The name of the Credit.
    fn name(&self) -> String {
        carried_credit(self.invoice)
    }

    /// What the Credit says of where it comes from.
    fn origin(&self) -> CreditOrigin {
        CreditOrigin { invoice: self.invoice.into(), credit_note: None, period: None, credit: None }
    }

    /// What the group waits for.
    pub(super) fn readiness(&self) -> Readiness {
        match self.name_taken {
            true => Readiness::stalled("NameTaken", self.name_taken_message()),
            false => Readiness::stalled("BalanceOwed", self.message()),
        }
    }

    fn name_taken_message(&self) -> String {
        let Self { carried: CarriedForward { amount, currency, .. }, invoice, .. } = self;
        let (amount, currency) = (amount.as_str(), currency.as_str());
        format!(
            "{amount} {currency} carried forward from invoice {invoice} is owed to the group, and Credit {}, which would pay it out, exists and was not created for this: delete it, and the operator creates it again",
            self.name()
        )
    }

    fn message(&self) -> String {
        let Self { carried: CarriedForward { amount, currency, .. }, invoice, .. } = self;
        let (amount, currency) = (amount.as_str(), currency.as_str());
        format!(
            "{amount} {currency} carried forward from invoice {invoice} is owed to the group; to let it be deleted, set spec.primary on a group that pays in {currency} to the same issuer, which receives the balance as Credit {}",
            self.name()
        )
    }

    /// The Credit, where somebody gets it and its name is free.
    pub(super) fn credit(&self, organization: &Name) -> Option<Credit> {
        if self.name_taken {
            return None;
        }
        let CarriedForward { amount, currency, includes_tax, .. } = self.carried;
        let metadata =
            ObjectMeta { name: Some(self.name()), namespace: Some(organization.to_string()), ..ObjectMeta::default() };
        let spec = CreditSpec {
            billing_group: self.successor?.name.as_str().into(),
            kind: Some(CreditType::Other),
            amount: Some(api::Money { amount: amount.clone(), currency: currency.clone() }),
            application: includes_tax.then_some(CreditApplication::AfterTax),
            starts_at: None,
            expires_at: None,
            projects: None,
            code: None,
            origin: Some(self.origin()),
        };
        Some(Credit { metadata, spec, status: None })
    }
}
