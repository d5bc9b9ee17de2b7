//! What keeps invoices from becoming final until somebody acts.

use std::fmt;

use super::PreviewedInvoice;
use billing_domain::Timestamp;
use billing_domain::closing::HoldReason;
use billing_planning::conditions;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;

/// An invoice that is held.
pub(super) struct HeldInvoice<'a> {
    previewed: &'a PreviewedInvoice,
    ready: &'a Condition,
}

/// The invoices that are held, in their order.
pub(super) fn holds(invoices: &[PreviewedInvoice]) -> impl Iterator<Item = HeldInvoice<'_>> {
    invoices.iter().filter_map(|previewed| {
        let ready = conditions::find(&previewed.invoice.status.as_ref()?.conditions, "Ready")?;
        let is_held = HoldReason::ALL.iter().any(|reason| reason.as_str() == ready.reason);
        is_held.then_some(HeldInvoice { previewed, ready })
    })
}

impl HeldInvoice<'_> {
    /// Whether its month is over: it should be final.
    pub(super) fn is_over(&self, as_of: Timestamp) -> bool {
        self.previewed.month.end() <= as_of
    }
}

/// The invoice, its group and month, and what holds it.
impl fmt::Display for HeldInvoice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PreviewedInvoice { month, invoice, slices: _ } = self.previewed;
        let (namespace, number) = (invoice.namespace().unwrap_or_default(), invoice.name_any());
        let (group, Condition { reason, message, .. }) = (&invoice.spec.billing_group, self.ready);
        write!(f, "Invoice {namespace}/{number} ({group}, {month}): {reason}: {message}")
    }
}
