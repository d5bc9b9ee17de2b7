//! Credits in a closing: reserved before the invoice is final, consumed after.
//!
//! The order of writes makes a crash harmless. What is reserved is nobody else's until the invoice is final; what a
//! final says is consumed before the group's status says that the month is closed. So a reservation for a month that is
//! closed, and that is not consumed, is of somebody who came too late: no final says it, and it is given back.

use std::sync::{Arc, PoisonError};

use kube::ResourceExt;

use super::fetch::ClosingPass;
use crate::context::Context;
use crate::writer::WriteError;
use billing_api as api;
use billing_domain::credit::ReservationState;
use billing_domain::credit::reservation::ReservationError;
use billing_domain::{Credit, CreditUse, Money, Name, Timestamp};
use billing_planning::closing::returned_credits::{ReturningFinal, returned_credit};
use billing_planning::credit::{Owner, credit_status};
use billing_state::{Observes, OrganizationState};
use operator_kit::events::Severity;

/// The credits of one group, for one of its invoices.
#[derive(Clone, Copy)]
pub(super) struct CreditClosing<'a> {
    pub(super) organization: &'a OrganizationState,
    pub(super) owner: Owner<'a>,
    pub(super) number: &'a Name,
    pub(super) now: Timestamp,
}

impl CreditClosing<'_> {
    /// The credits as they are to be written before the invoice uses this of them; those that need no write are left out.
    ///
    /// # Errors
    /// What the invoice uses is not there any more.
    pub(super) fn reserve(&self, uses: &[CreditUse]) -> Result<Vec<api::Credit>, ReservationError> {
        self.change(|credit| {
            release(credit, self.number)?;
            let used = uses.iter().find(|used| used.uid == credit.uid).map(|used| used.used);
            match (used, credit.reservation(self.number).map(|known| known.amount)) {
                (None, None) => Ok(()),
                (used, known) if used == known => Ok(()),
                (used, _) => credit.reserve(self.number, used.unwrap_or(Money::zero(credit.amount.currency()))),
            }
        })
    }

    /// The credits as they are to be written once the invoice is final and says that it used this of them.
    ///
    /// # Errors
    /// More than there is: nobody but this operator writes credits, so somebody changed them by hand.
    pub(super) fn consume(&self, used: &[(Name, Money)]) -> Result<Vec<api::Credit>, ReservationError> {
        self.change(|credit| {
            let used = used.iter().find(|(name, _)| *name == credit.name).map(|(_, used)| *used);
            credit.consume(self.number, used.unwrap_or(Money::zero(credit.amount.currency())))
        })
    }

    /// A credit that a final says it used, and whose reservation has not been seen: it was read too early.
    pub(super) fn unseen(&self, used: &[(Name, Money)]) -> Option<String> {
        let reserved = |name: &Name| {
            let known = self.organization.credits.get(name)?;
            let credit = known.credit.as_ref().ok()?.as_ref()?;
            Some(credit.reservation(self.number).is_some())
        };
        used.iter().map(|(name, _)| name).find(|name| reserved(name) == Some(false)).map(ToString::to_string)
    }

    fn change(
        &self,
        change: impl Fn(&mut Credit) -> Result<(), ReservationError>,
    ) -> Result<Vec<api::Credit>, ReservationError> {
        let mut changed = Vec::new();
        for known in self.organization.credits.of(self.owner.group) {
            let Ok(Some(credit)) = &known.credit else { continue };
            let mut after = credit.clone();
            change(&mut after)?;
            if after.reservations != credit.reservations {
                let status = credit_status(&known.object, &after, self.owner, self.now);
                changed.push(api::Credit { status: Some(status), ..api::Credit::clone(&known.object) });
            }
        }
        Ok(changed)
    }
}

/// Gives back what was reserved for a month that is closed without it.
fn release(credit: &mut Credit, number: &Name) -> Result<(), ReservationError> {
    let stale =
        |known: &&billing_domain::Reservation| known.state == ReservationState::Reserved && known.invoice != *number;
    let Some(invoice) = credit.reservations.iter().find(stale).map(|known| known.invoice.clone()) else {
        return Ok(());
    };
    tracing::info!(credit = %credit.name, %invoice, "a credit reservation was released");
    credit.consume(&invoice, Money::zero(credit.amount.currency()))
}

/// Writes credits, each on condition that it is as it was read.
///
/// # Errors
/// One could not be written.
pub(super) async fn write(ctx: &Context, pass: &ClosingPass, credits: Vec<api::Credit>) -> Result<(), WriteError> {
    for credit in credits {
        tracing::debug!(credit = credit.name_any(), "a credit reservation was written");
        let written = ctx.writer.replace_status(&credit).await?;
        pass.state.write().unwrap_or_else(PoisonError::into_inner).observe(written.clone());
        ctx.observe(written);
    }
    Ok(())
}

/// Makes the Credits of what a final gives back, before its group says that the month is closed. One that is there already is of an
/// attempt before, or of another operator.
///
/// # Errors
/// One could not be made; or it came after the pass read what there is, and a further pass knows it.
pub(super) async fn give_back(
    ctx: &Context,
    pass: &ClosingPass,
    group: &api::BillingGroup,
    of: ReturningFinal,
    returned: &[api::CreditReturn],
) -> Result<(), WriteError> {
    for one in returned {
        let used = credit_in(pass, &of.organization, &one.credit);
        let credit = returned_credit(&of, one, used.as_deref());
        if let Some(there) = credit_in(pass, &of.organization, &one.name) {
            if there.spec.origin != credit.spec.origin {
                return Err(name_taken(&of, one));
            }
            continue;
        }
        match ctx.writer.create(&credit).await {
            Ok(made) => {
                ctx.publish_event(group, Severity::Normal, "CreditReturned", "Credit", returned_note(&of, one));
                ctx.observe(made);
            }
            Err(WriteError::Exists { object }) => return Err(WriteError::Conflict { object }),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn name_taken(of: &ReturningFinal, returned: &api::CreditReturn) -> WriteError {
    let message = format!(
        "it exists and was not created for invoice {}, which returns {} {} to Credit {}: delete it, and the operator creates it again",
        of.number, &*returned.amount, &*of.currency, &*returned.credit
    );
    WriteError::Refused { object: format!("Credit {}/{}", of.organization, &*returned.name), message }
}

/// A credit as the pass read it.
fn credit_in(pass: &ClosingPass, organization: &str, credit: &str) -> Option<Arc<api::Credit>> {
    let state = pass.state.read().unwrap_or_else(PoisonError::into_inner);
    state.organization(organization)?.credits.get(credit).map(|known| known.object.clone())
}

fn returned_note(of: &ReturningFinal, returned: &api::CreditReturn) -> String {
    let api::CreditReturn { name, credit, period, amount } = returned;
    let (amount, currency) = (amount.as_str(), of.currency.as_str());
    format!(
        "Credit {} returns {amount} {currency} that Credit {} had paid for {} and that is no longer due",
        &**name,
        &**credit,
        period.as_str()
    )
}
