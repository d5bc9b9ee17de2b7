//! What an issued credit note gives back of credits.
//!
//! Which credits go back, and how much of each, stands in the note's document, which is frozen; each becomes a Credit
//! under a name that follows from it. Whoever makes it a second time, after a crash or beside another operator, finds the
//! name taken. What is not decided by the document is decided when the Credit is made, and never again: its group and its
//! validity.

use kube_core::ObjectMeta;
use kube_core::ResourceExt;

use crate::conditions::{self, DesiredCondition};
use billing_api::{
    Credit, CreditNote, CreditNoteDocument, CreditNoteStatus, CreditOrigin, CreditSpec, CreditType, Money,
    ReturnedCredit, Time,
};
use billing_domain::{CreditValidity, Month, Name, Timestamp};
use billing_state::convert::credit_note::is_carried;
use billing_state::{CREDITS_RETURNED, convert};

/// All that is decided on.
#[derive(Debug)]
pub struct RestorationFacts {
    /// The note, issued.
    pub note: CreditNote,
    /// The credits of the organization.
    pub credits: Vec<Credit>,
    /// The group that gets what goes back.
    pub group: Option<Name>,
}

/// The next write for an issued note.
#[derive(Debug, PartialEq)]
pub enum RestorationStep {
    /// None.
    Nothing,
    /// These credits are made.
    Make(Vec<Credit>),
    /// The note's status.
    Report(Box<CreditNoteStatus>),
}

/// Why a credit is not given back: a reason and a message.
type Blocked = (&'static str, String);

/// Plans what is given back next.
pub fn plan_restoration(observed: &RestorationFacts, now: Timestamp) -> RestorationStep {
    let status = observed.note.status.clone().unwrap_or_default();
    let Some(document) = &status.document else { return RestorationStep::Nothing };
    let each: Vec<_> = document.credits.iter().map(|returned| observed.missing(document, returned)).collect();
    let made: Vec<_> = each.iter().filter_map(|one| one.clone().ok().flatten()).collect();
    if !made.is_empty() {
        return RestorationStep::Make(made);
    }
    let done = match each.into_iter().find_map(Result::err) {
        Some((reason, message)) => DesiredCondition::no(CREDITS_RETURNED, reason, message),
        None => DesiredCondition::yes(CREDITS_RETURNED, "Returned", restored(&document.credits)),
    };
    let generation = observed.note.metadata.generation;
    let conditions = conditions::replace(&status.conditions, CREDITS_RETURNED, Some(done), generation, now);
    let written = CreditNoteStatus { conditions, ..status.clone() };
    if written == status { RestorationStep::Nothing } else { RestorationStep::Report(Box::new(written)) }
}

/// The first credit by name.
fn restored(credits: &[ReturnedCredit]) -> String {
    match credits {
        [] => "no credit is returned: the invoice used none".to_owned(),
        [one] => format!("Credit {} returns what the invoice used", one.name),
        [first, others @ ..] => {
            format!("Credit {} and {} more return what the invoice used", first.name, others.len())
        }
    }
}

impl RestorationFacts {
    /// The Credit that is to be made; `None` when it is there.
    fn missing(&self, document: &CreditNoteDocument, returned: &ReturnedCredit) -> Result<Option<Credit>, Blocked> {
        let origin = CreditOrigin {
            invoice: document.invoice.number.clone(),
            credit_note: Some(document.number.as_str().into()),
            period: None,
            credit: Some(returned.credit.clone()),
        };
        match self.credit(&returned.name) {
            Some(known) if known.spec.origin.as_ref() == Some(&origin) => Ok(None),
            Some(_) => {
                let message = format!(
                    "Credit {} exists and was not created for this credit note: delete it, and the operator creates it again",
                    returned.name
                );
                Err(("NameTaken", message))
            }
            None => self.made(document, returned, origin).map(Some),
        }
    }

    fn made(
        &self,
        document: &CreditNoteDocument,
        returned: &ReturnedCredit,
        origin: CreditOrigin,
    ) -> Result<Credit, Blocked> {
        let group = self.group.as_ref().ok_or_else(|| {
            let owner = &document.buyer.billing_group;
            let message =
                "and the organization has no primary group to receive its credits: set spec.primary on a group";
            ("NoBillingGroup", format!("billing group {owner} was deleted, {message}"))
        })?;
        let plain = CreditSpec {
            billing_group: group.as_str().into(),
            kind: Some(CreditType::Other),
            amount: Some(Money { amount: returned.amount.as_str().into(), currency: document.currency.clone() }),
            application: returned.application,
            starts_at: None,
            expires_at: None,
            projects: None,
            code: None,
            origin: Some(origin),
        };
        let spec = match self.credit(&returned.credit) {
            // An invoice left it, and it was never a Credit.
            None if is_carried(&returned.credit) => plain,
            used => self.like(used, document, returned, plain)?,
        };
        let metadata = ObjectMeta {
            name: Some(returned.name.to_string()),
            namespace: self.note.namespace(),
            ..ObjectMeta::default()
        };
        Ok(Credit { metadata, spec, status: None })
    }

    /// What goes back, with the type, the projects and the validity of the credit that was used.
    fn like(
        &self,
        used: Option<&Credit>,
        document: &CreditNoteDocument,
        returned: &ReturnedCredit,
        plain: CreditSpec,
    ) -> Result<CreditSpec, Blocked> {
        let used = used.ok_or_else(|| {
            let message = "which the invoice used, was deleted: restore it from a backup, because the returned credit takes its expiry from it";
            ("CreditMissing", format!("Credit {}, {message}", returned.credit))
        })?;
        let invalid = |error: String| ("CreditMissing", format!("Credit {} cannot be read: {error}", returned.credit));
        let worth = convert::credit(used).map_err(|error| invalid(error.to_string()))?;
        let worth = worth.ok_or_else(|| invalid("its amount is not known".to_owned()))?;
        let month = Month::of(document.invoice.period.start.0);
        let CreditValidity { starts: _, expires } = worth.validity.restored(month, document.issued_at.0);
        Ok(CreditSpec {
            kind: Some(convert::wire_type(worth.kind)),
            application: used.spec.application,
            expires_at: expires.map(|expires| Time::from(expires).min(Time::last())),
            projects: used.spec.projects.clone(),
            ..plain
        })
    }

    fn credit(&self, name: &str) -> Option<&Credit> {
        self.credits.iter().find(|credit| credit.name_any() == name)
    }
}
