//! Finals that a cluster has made already, when they are among the manifests: they stay as they are.

use std::collections::BTreeMap;
use std::iter;

use kube::ResourceExt;

use super::PreviewedInvoice;
use billing_api::{CreditNote, Invoice, InvoiceSlice};
use billing_documents::issued::final_document;
use billing_domain::Name;
use billing_domain::invoice::number::reissue_number;
use billing_planning::invoice::MonthView;
use billing_state::convert::billed::final_lines;
use billing_state::{ObservedState, convert};

/// Finals and slices, by organization and name.
#[derive(Debug, Default)]
pub(super) struct Finals {
    invoices: BTreeMap<(String, String), Invoice>,
    slices: BTreeMap<(String, String), InvoiceSlice>,
    notes: Vec<CreditNote>,
}

impl Finals {
    /// Keeps an invoice if it is final. Estimates are computed again.
    pub(super) fn add(&mut self, invoice: Invoice) {
        if final_document(&invoice).is_some() {
            self.invoices.insert((invoice.namespace().unwrap_or_default(), invoice.name_any()), invoice);
        }
    }

    /// Keeps a slice.
    pub(super) fn add_slice(&mut self, slice: InvoiceSlice) {
        self.slices.insert((slice.namespace().unwrap_or_default(), slice.name_any()), slice);
    }

    /// Keeps a credit note.
    pub(super) fn add_note(&mut self, note: CreditNote) {
        self.notes.push(note);
    }

    /// The final of a month, with its slices.
    pub(super) fn of(&self, organization: &Name, view: &MonthView<'_>) -> Option<PreviewedInvoice> {
        let invoice = self.invoices.get(&(organization.to_string(), view.number.to_string()))?;
        let ours = invoice.spec.billing_group_uid.parse() == Ok(view.invoices.group.uid);
        let slices = self.slices_of(invoice).cloned().collect();
        ours.then(|| PreviewedInvoice { month: view.month, invoice: invoice.clone(), slices })
    }

    /// The finals that were issued again in the place of the final of a month, in order.
    pub(super) fn issued_again(&self, organization: &Name, first: &PreviewedInvoice) -> Vec<PreviewedInvoice> {
        let mut number = reissue_number(&first.invoice.name_any());
        let next = || {
            let invoice = self.invoices.get(&(organization.to_string(), number.take()?.to_string()))?;
            number = reissue_number(&invoice.name_any());
            let slices = self.slices_of(invoice).cloned().collect();
            Some(PreviewedInvoice { month: first.month, invoice: invoice.clone(), slices })
        };
        iter::from_fn(next).collect()
    }

    /// Enters into the state what the finals bill, and what credit notes took back. Of a final without all its slices nobody can tell.
    pub(super) fn enter(&self, state: &mut ObservedState) {
        for ((organization, number), invoice) in &self.invoices {
            let organization = Name::from(organization.as_str());
            let document = invoice.status.as_ref().and_then(|status| status.document.as_ref());
            let listed = document.map_or(0, |document| document.slices.len());
            let complete = self.slices_of(invoice).count() == listed;
            match final_lines(invoice, self.slices_of(invoice).map(|slice| &slice.spec)) {
                Ok(lines) if complete => drop(state.record_final(&organization, lines)),
                Ok(_) | Err(_) => {
                    let month = convert::month(&invoice.spec.period).ok();
                    state.mark_final_unread(&organization, number.as_str().into(), month);
                }
            }
        }
        for note in &self.notes {
            state.record_credit_note(&note.namespace().unwrap_or_default().into(), note);
        }
    }

    fn slices_of(&self, invoice: &Invoice) -> impl Iterator<Item = &InvoiceSlice> {
        let namespace = invoice.namespace().unwrap_or_default();
        let document = invoice.status.as_ref().and_then(|status| status.document.as_ref());
        let listed = document.into_iter().flat_map(|document| &document.slices);
        listed.filter_map(move |slice| self.slices.get(&(namespace.clone(), slice.name.to_string())))
    }
}
