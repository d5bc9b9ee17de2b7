//! What a credit needs now.

use kube_core::ResourceExt;

use super::status::{Owner, credit_status, finish, other_currency, withdrawn};
use crate::conditions::Readiness;
use billing_api as api;
use billing_domain::{Month, Name, Timestamp, Uid};
use billing_state::convert::{self, wire_credit_status};
use billing_state::{ObservedCredit, ObservedState, OrganizationState};

/// The next thing to do for a credit.
#[derive(Debug)]
pub enum CreditPlan {
    /// It redeems its code: the PUT of this status decides between all who try.
    Redeem(Box<api::CreditCode>),
    /// It has its worth.
    Steady {
        /// Its new status; `None` when what is written still holds.
        status: Option<Box<api::CreditStatus>>,
        /// When to look again.
        wake: Option<Timestamp>,
    },
}

/// Plans the next step for a credit; `None` when it is gone.
pub fn plan_credit(state: &ObservedState, organization: &Name, name: &str, now: Timestamp) -> Option<CreditPlan> {
    let organization_state = state.organization(organization)?;
    let credit = organization_state.credits.get(name)?;
    if state.namespace(organization).is_none_or(|namespace| namespace.terminating) {
        return Some(CreditPlan::Steady { status: None, wake: None });
    }
    Some(CreditView { state, organization, organization_state, credit, now }.plan())
}

/// A credit among its organization.
struct CreditView<'a> {
    state: &'a ObservedState,
    organization: &'a Name,
    organization_state: &'a OrganizationState,
    credit: &'a ObservedCredit,
    now: Timestamp,
}

impl CreditView<'_> {
    fn plan(&self) -> CreditPlan {
        // It gains neither an owner nor money.
        if self.credit.object.metadata.deletion_timestamp.is_some() && self.credit.owner.is_none() {
            return self.not_ready(withdrawn());
        }
        let credit = match &self.credit.credit {
            Ok(Some(credit)) => credit,
            Ok(None) => return self.claim(),
            Err(error) => {
                let message = format!("{error}; delete the credit, and grant another");
                return self.not_ready(Readiness::stalled("Invalid", message));
            }
        };
        if let Some(owner) = self.owner() {
            let starts = credit.validity.starts.map(|starts| Month::of(starts).start());
            let wake = starts.filter(|starts| self.now < *starts);
            return self.steady(credit_status(&self.credit.object, credit, owner, self.now), wake);
        }
        let owner = self.credit.owner.map(|uid| uid.to_string().into());
        let readiness = if owner.is_some() { self.group_gone() } else { self.no_group() };
        let status = wire_credit_status(credit, owner, None);
        self.steady(finish(&self.credit.object, status, readiness, self.now), None)
    }

    /// The group that the credit belongs to, or will.
    fn owner(&self) -> Option<Owner<'_>> {
        let named = || self.organization_state.group_uid(&self.credit.object.spec.billing_group);
        let uid = self.credit.owner.or_else(named)?;
        Some(Owner::of(self.organization_state.organization.group(uid)?, self.organization_state.group(uid)?))
    }

    /// A credit by code. Whatever is wrong with the code reads the same, so that nobody learns by trying.
    fn claim(&self) -> CreditPlan {
        let object = &self.credit.object;
        let Some(owner) = self.owner().filter(|owner| owner.group.deleted.is_none()) else {
            return self.not_ready(self.no_group());
        };
        let invalid = || {
            let message = "the code is not valid: unknown, used, expired or not for this organization";
            self.not_ready(Readiness::stalled("CodeInvalid", message))
        };
        let code = object.spec.code.as_deref().and_then(|code| self.state.credit_code(code));
        let Some((code, credit)) = code.and_then(|code| Some((code, convert::redeemed(object, code).ok()?))) else {
            return invalid();
        };
        match code.status.as_ref().and_then(|status| status.redeemed_by.as_ref()) {
            Some(by) if Some(by.uid.as_str()) == object.metadata.uid.as_deref() => {
                self.steady(credit_status(object, &credit, owner, self.now), None)
            }
            Some(_) => invalid(),
            None if !self.is_for_this(&code.spec) || code.metadata.deletion_timestamp.is_some() => invalid(),
            None if owner.group.currency != Some(credit.amount.currency()) => {
                self.not_ready(other_currency(&credit, owner.group))
            }
            None => CreditPlan::Redeem(Box::new(self.redeemed(code, credit.uid))),
        }
    }

    /// Whether the credit was made in time, and where the code may be used.
    fn is_for_this(&self, code: &api::CreditCodeSpec) -> bool {
        let ours = code.organization.as_deref().is_none_or(|organization| *organization == **self.organization);
        let created = convert::created(self.credit.object.as_ref());
        let in_time = |until: api::Time| created.is_ok_and(|created| created < until.0);
        ours && code.redeem_until.is_none_or(in_time)
    }

    fn redeemed(&self, code: &api::CreditCode, uid: Uid) -> api::CreditCode {
        let object = &self.credit.object;
        let by = api::Redeemer {
            organization: self.organization.as_str().into(),
            name: object.name_any().into(),
            uid: uid.to_string().into(),
            at: self.now.into(),
        };
        let before = code.status.clone().unwrap_or_default();
        api::CreditCode { status: Some(api::CreditCodeStatus { redeemed_by: Some(by), ..before }), ..code.clone() }
    }

    fn no_group(&self) -> Readiness {
        let group = &self.credit.object.spec.billing_group;
        Readiness::stalled("BillingGroupNotFound", format!("there is no billing group {group}; create it"))
    }

    fn group_gone(&self) -> Readiness {
        let message = format!(
            "billing group {}, to which the credit belongs, was deleted, and a later group of that name cannot use it; grant another credit",
            self.credit.object.spec.billing_group
        );
        Readiness::stalled("BillingGroupGone", message)
    }

    /// A credit of which nothing is known but that it cannot be used.
    fn not_ready(&self, readiness: Readiness) -> CreditPlan {
        let existing = self.credit.object.status.clone().unwrap_or_default();
        self.steady(finish(&self.credit.object, existing, readiness, self.now), None)
    }

    fn steady(&self, status: api::CreditStatus, wake: Option<Timestamp>) -> CreditPlan {
        let changed = self.credit.object.status.as_ref() != Some(&status);
        CreditPlan::Steady { status: changed.then(|| Box::new(status)), wake }
    }
}
