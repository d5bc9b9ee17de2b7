//! A month's invoice that is issued again, because a credit note took all of it back and says so.

use super::month::{GroupInvoices, MonthView, Predecessor};
use crate::billing_settings::BillingSettings;
use billing_api as api;
use billing_documents::document::Rendered;
use billing_documents::issued::IssuedInvoice;
use billing_documents::reissue::{Original, OriginalError, ReissueHeader};
use billing_domain::closing::suspension;
use billing_domain::{
    Credit, CreditOffer, CreditUse, Hold, Name, Reissue, ReissueError, TaxScheme, Timestamp, reissue,
};
use billing_state::{BILLING_GROUP_GONE, ObservedState};

/// An invoice that is issued again.
#[derive(Debug)]
pub struct Reissued {
    /// Its document.
    pub rendered: Rendered,
    /// What it uses of credits.
    pub credits: Vec<CreditUse>,
}

/// Why an invoice is not issued again yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReissueHeld {
    /// A word for it, as the reason of a condition.
    pub reason: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

impl From<Hold> for ReissueHeld {
    fn from(hold: Hold) -> Self {
        ReissueHeld { reason: hold.reason.as_str(), message: hold.message }
    }
}

impl From<OriginalError> for ReissueHeld {
    fn from(error: OriginalError) -> Self {
        let reason = match &error {
            OriginalError::Unreadable(_) => "Unreadable",
            OriginalError::NoTerms => "TermsUnknown",
            OriginalError::ReturnsCredits => "AdjustsOthers",
        };
        ReissueHeld { reason, message: format!("the invoice cannot be issued again: {error}") }
    }
}

/// What of an invoice is issued again, and on whose behalf.
#[derive(Debug, Clone, Copy)]
pub struct ReissueOrder<'a> {
    /// The invoice.
    pub original: &'a IssuedInvoice<'a>,
    /// The document of the credit note.
    pub note: &'a api::CreditNoteDocument,
    /// The number under which it is issued again.
    pub number: &'a Name,
    /// The credits that the note gave back.
    pub credits: &'a [Credit],
}

/// Looks at the month of an invoice that is to be issued again, for its group as it is now.
///
/// # Errors
/// There is no such group or month any more; or what `look` finds.
pub fn with_reissued_month<T>(
    state: &ObservedState,
    organization: &Name,
    original: &IssuedInvoice<'_>,
    settings: &BillingSettings,
    look: impl FnOnce(&MonthView<'_>) -> Result<T, ReissueHeld>,
) -> Result<T, ReissueHeld> {
    let held = |reason, message: String| ReissueHeld { reason, message };
    let known = state.organization(organization);
    let known =
        known.and_then(|known| Some((known, known.organization.group(original.group)?, known.group(original.group)?)));
    let Some((known, group, object)) = known else {
        let name = &*original.invoice.spec.billing_group;
        let message = format!("billing group {name} was deleted, and nobody would pay the invoice");
        return Err(held(BILLING_GROUP_GONE, message));
    };
    let invoices = GroupInvoices {
        state,
        organization: known,
        group,
        object,
        series: &original.invoice.spec.series,
        settings,
        pending_projects: &[],
        pending_reissue: None,
    };
    match invoices.month(original.month, Predecessor::None, &[]) {
        Some(view) => look(&view),
        None => Err(held("Inconsistent", format!("billing group {} is billed from a later month on", group.name))),
    }
}

impl MonthView<'_> {
    /// Whether an invoice of the month could be issued again for the group as it is.
    ///
    /// # Errors
    /// What keeps it from that.
    pub fn can_reissue(&self, original: &IssuedInvoice<'_>) -> Result<(), ReissueHeld> {
        self.bill_again(&self.original(original)?, &[]).map(drop)
    }

    /// An invoice of the month, issued again for the group as it is now. The credits that it uses are named in their present version.
    ///
    /// # Errors
    /// What keeps it from that.
    pub fn reissue(&self, order: &ReissueOrder<'_>, issued_at: Timestamp) -> Result<Reissued, ReissueHeld> {
        let ReissueOrder { original, note, number, credits } = *order;
        let original = self.original(original)?;
        let offers: Vec<_> = credits.iter().map(|credit| credit.offer_to(number)).collect();
        let reissue = self.bill_again(&original, &offers)?;
        let due_at = issued_at.checked_add_signed(self.invoices.payment_term()).unwrap_or(Timestamp::MAX_UTC);
        let unreadable = |message: String| ReissueHeld { reason: "Unreadable", message };
        let versions = reissue.credits.iter().map(|used| self.credit_version(used, &[]));
        let mut versions = versions.collect::<Result<Vec<_>, _>>().map_err(|error| unreadable(error.to_string()))?;
        versions.sort_by(|a, b| a.name.cmp(&b.name));
        let issuer = self.invoices.issuer()?;
        let header = ReissueHeader {
            number: number.clone(),
            issued_at: issued_at.into(),
            due_at: due_at.into(),
            seller: self.invoices.seller(),
            buyer: self.invoices.buyer(),
            billing_group: super::month::generation_of(self.invoices.object),
            issuer: super::month::generation_of(issuer.object.as_ref()),
            credits: versions,
            credit_note: note.number.as_str().into(),
            credit_note_digest: note.digest.clone(),
        };
        let rendered = original.render(header, &reissue).map_err(|error| unreadable(error.to_string()))?;
        Ok(Reissued { rendered, credits: reissue.credits })
    }

    fn original<'b>(&self, issued: &'b IssuedInvoice<'b>) -> Result<Original<'b>, ReissueHeld> {
        let issuer = self.invoices.issuer()?;
        let held = suspension(issuer.object.spec.suspend, self.invoices.settings.finalise);
        if let Some(hold) = self.unusable_issuer().or(held) {
            return Err(hold.into());
        }
        let group = self.invoices.group;
        let tax = TaxScheme::now(Some(&issuer.issuer), &group.buyer, self.month);
        let mut taxed_again = self.invoices.organization.billed().read().taxed_again(group.uid);
        taxed_again.remove(&self.month);
        Ok(Original::new(issued, tax, taxed_again)?)
    }

    fn bill_again(&self, original: &Original<'_>, offers: &[CreditOffer]) -> Result<Reissue, ReissueHeld> {
        let supplies = original.supplies().map_err(OriginalError::from)?;
        let issuer = self.invoices.issuer()?;
        let (issuer, buyer) = (Some(&issuer.issuer), &self.invoices.group.buyer);
        reissue(&supplies, (issuer, buyer), offers).map_err(|error| match error {
            ReissueError::Held(hold) => hold.into(),
            ReissueError::BelowZero(_) | ReissueError::Overflow => {
                let message = format!("the invoice cannot be issued again: {error}; please report this");
                ReissueHeld { reason: "Inconsistent", message }
            }
        })
    }
}
