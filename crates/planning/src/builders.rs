//! The objects that the operator makes, as it first writes them.

use std::collections::BTreeMap;

use kube_core::ObjectMeta;

use billing_api::{
    self as api, BillingGroup, BillingPeriod, BillingPeriodSpec, ProjectBinding, ProjectLedger, ProjectLedgerSpec,
    labels,
};
use billing_domain::{Attribution, Ledger, Month, Name};
use billing_state::convert;

/// A month that is over.
pub fn billing_period(month: Month, attribution: Attribution) -> BillingPeriod {
    let attribution = convert::wire_attribution(attribution);
    BillingPeriod {
        metadata: ObjectMeta { name: Some(month.to_string()), ..ObjectMeta::default() },
        spec: BillingPeriodSpec { start: month.start().into(), end: month.end().into(), attribution },
        status: None,
    }
}

/// Who pays for a project from when on.
pub fn project_ledger(project: &Name, organization: &Name, ledger: &Ledger) -> ProjectLedger {
    let metadata = ObjectMeta {
        name: Some(project.to_string()),
        namespace: Some(organization.to_string()),
        ..ObjectMeta::default()
    };
    ProjectLedger { metadata, spec: ProjectLedgerSpec { segments: convert::wire_segments(ledger) } }
}

/// A group made by default for one project alone.
pub fn dedicated_group(project: &Name, organization: &Name, name: &Name, currency: api::CurrencyCode) -> BillingGroup {
    let metadata = ObjectMeta {
        name: Some(name.to_string()),
        namespace: Some(organization.to_string()),
        annotations: Some(BTreeMap::from([(labels::DEDICATED_ANNOTATION.to_owned(), project.to_string())])),
        finalizers: Some(vec![labels::SETTLE_FINALIZER.to_owned()]),
        ..ObjectMeta::default()
    };
    let spec = api::BillingGroupSpec {
        display_name: Some(format!("Project {project}")),
        primary: false,
        company: None,
        billing_address: None,
        shipping_address: None,
        vat_id: None,
        registration: None,
        buyer_reference: None,
        purchase_order: None,
        electronic_address: None,
        language: None,
        currency,
        invoice_emails: Vec::new(),
        contact_emails: Vec::new(),
        invoice_text: None,
        payment_method: api::PaymentMethod::default(),
        allowed_projects: None,
        terms: None,
    };
    BillingGroup { metadata, spec, status: None }
}

/// A binding made by default.
pub fn default_binding(project: &Name, group: &Name) -> ProjectBinding {
    let metadata = ObjectMeta {
        name: Some(labels::BINDING_NAME.to_owned()),
        namespace: Some(project.to_string()),
        annotations: Some(BTreeMap::from([(labels::DEFAULT_ANNOTATION.to_owned(), group.to_string())])),
        ..ObjectMeta::default()
    };
    let spec = api::ProjectBindingSpec { billing_group: group.as_str().into() };
    ProjectBinding { metadata, spec, status: None }
}
