//! A final invoice, of which no more is read than what its payment needs.

use std::borrow::Cow;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_core::ObjectMeta;
use kube_core::Resource;
use serde::{Deserialize, Serialize};

use super::{Amount, CurrencyCode, Invoice, Payment, Time, Uid};

/// An Invoice without its lines, whoever pays, and whatever else makes it large: what is not named here is skipped
/// when it is read. It is never written as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receivable {
    /// The metadata of the invoice.
    pub metadata: ObjectMeta,
    /// A part of its spec.
    pub spec: ReceivableSpec,
    /// A part of its status.
    #[serde(default)]
    pub status: ReceivableStatus,
}

/// Whose invoice it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceivableSpec {
    /// The UID of the billing group.
    #[serde(rename = "billingGroupUID")]
    pub billing_group_uid: Uid,
}

/// How its payment stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivableStatus {
    /// What is to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<ReceivableDocument>,
    /// What became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// What credit notes took back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credited: Option<ReceivableCredited>,
    /// Since when it is written to be past due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_since: Option<Time>,
    /// All its conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// What is to be paid, and until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceivableDocument {
    /// The currency.
    pub currency: CurrencyCode,
    /// The total.
    pub total: Amount,
    /// What is to be paid, where that is not the total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_due: Option<Amount>,
    /// When it is due; absent from estimates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Time>,
}

/// What credit notes took back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceivableCredited {
    /// In all, with tax.
    pub total: Amount,
}

impl Resource for Receivable {
    type DynamicType = ();
    type Scope = NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        Invoice::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Invoice::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Invoice::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Invoice::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}
