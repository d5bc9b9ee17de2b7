//! Invoices and their slices as objects.

use std::collections::BTreeMap;

use kube_core::ObjectMeta;

use super::month::MonthView;
use billing_api::{Invoice, InvoiceSlice, InvoiceSliceSpec, InvoiceSpec, InvoiceStatus, labels};
use billing_documents::slices::Slice;
use billing_domain::invoice::number;
use billing_domain::{Month, Name, Uid};
use billing_state::Estimate;

/// What an invoice is for: everything about it that never changes.
#[derive(Debug, Clone)]
pub struct InvoiceFacts {
    /// The organization, in whose namespace it is.
    pub organization: Name,
    /// Its number.
    pub number: Name,
    /// The group's name.
    pub group: Name,
    /// The group's UID.
    pub group_uid: Uid,
    /// The month.
    pub month: Month,
    /// The prefix of the number.
    pub series: Name,
    /// The position among the group's months.
    pub sequence: u32,
    /// How often it was issued again; 0: it is the first of its month.
    pub revision: u32,
}

impl InvoiceFacts {
    /// What the invoice of a month is for.
    pub fn of(view: &MonthView<'_>, organization: &Name) -> Self {
        Self {
            organization: organization.clone(),
            number: view.number.clone(),
            group: view.invoices.group.name.clone(),
            group_uid: view.invoices.group.uid,
            month: view.month,
            series: view.invoices.series.into(),
            sequence: view.sequence,
            revision: 0,
        }
    }

    /// What the invoice is for that is issued again under a number.
    pub fn reissued(self, number: &Name) -> Self {
        Self { number: number.clone(), revision: number::revision(number), ..self }
    }

    /// What selects the invoices of its group and month, and their slices, by label.
    pub fn selector(&self) -> String {
        let labels: Vec<_> = self.labels().into_iter().map(|(label, value)| format!("{label}={value}")).collect();
        labels.join(",")
    }

    fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (labels::GROUP_LABEL.to_owned(), self.group.to_string()),
            (labels::PERIOD_LABEL.to_owned(), self.month.to_string()),
        ])
    }

    fn spec(&self) -> InvoiceSpec {
        InvoiceSpec {
            billing_group: self.group.as_str().into(),
            billing_group_uid: self.group_uid.to_string().into(),
            period: self.month.to_string().into(),
            series: self.series.as_str().into(),
            sequence: i32::try_from(self.sequence).unwrap_or(i32::MAX), // the CRD ends at 9999
            revision: i32::try_from(self.revision).ok().filter(|revision| *revision > 0),
        }
    }
}

/// The invoice before it has a status.
pub fn make_invoice(facts: &InvoiceFacts) -> Invoice {
    let metadata = ObjectMeta {
        name: Some(facts.number.to_string()),
        namespace: Some(facts.organization.to_string()),
        labels: Some(facts.labels()),
        ..ObjectMeta::default()
    };
    Invoice { metadata, spec: facts.spec(), status: None }
}

/// An invoice whose status is to replace what was observed.
pub fn status_object(facts: &InvoiceFacts, observed: &Estimate, status: InvoiceStatus) -> Invoice {
    let mut invoice = make_invoice(facts);
    invoice.metadata.uid = Some(observed.uid.clone());
    invoice.metadata.resource_version = Some(observed.version.clone());
    invoice.status = Some(status);
    invoice
}

/// A slice of an invoice.
pub fn slice_object(facts: &InvoiceFacts, slice: &Slice) -> InvoiceSlice {
    let mut labels = facts.labels();
    if slice.spec.is_final {
        labels.insert(labels::FINAL_LABEL.to_owned(), "true".to_owned());
    }
    let metadata = ObjectMeta {
        name: Some(slice.reference.name.to_string()),
        namespace: Some(facts.organization.to_string()),
        labels: Some(labels),
        ..ObjectMeta::default()
    };
    InvoiceSlice { metadata, spec: slice.spec.clone() }
}

/// A slice with no more than its deletion needs.
pub fn slice_named(organization: &str, slice: &Name) -> InvoiceSlice {
    let metadata =
        ObjectMeta { name: Some(slice.to_string()), namespace: Some(organization.to_owned()), ..ObjectMeta::default() };
    let spec = InvoiceSliceSpec {
        invoice: slice.as_str().into(),
        is_final: false,
        subtotal: "0.00".into(),
        lines: Vec::new(),
    };
    InvoiceSlice { metadata, spec }
}
