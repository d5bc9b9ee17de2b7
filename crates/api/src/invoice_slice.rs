//! Lines of an invoice that is too large for one object.

use super::{Amount, Line, Name, is_false};
use kube_derive::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Created by the operator for an invoice of more than 500 lines, named by the digest of what it holds: the
/// lines are in slices that the invoice lists.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "InvoiceSlice",
    namespaced,
    derive = "PartialEq",
    category = "billing-internal",
    printcolumn(name = "Invoice", type_ = "string", json_path = ".spec.invoice"),
    printcolumn(name = "Final", type_ = "boolean", json_path = ".spec.final"),
    printcolumn(name = "Subtotal", type_ = "string", json_path = ".spec.subtotal"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.spec == oldSelf.spec").message("spec is immutable: an invoice slice never changes"),
    validation = Rule::new("self.spec.lines.map(l, int(l.total.replace('.', ''))).sum() == int(self.spec.subtotal.replace('.', ''))")
        .message("subtotal must be the sum of the lines"),
)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
#[serde(rename_all = "camelCase")]
pub struct InvoiceSliceSpec {
    /// The number of the invoice.
    pub invoice: Name,
    /// Whether the slice belongs to a final invoice and is kept for ever.
    #[serde(rename = "final", default, skip_serializing_if = "is_false")]
    pub is_final: bool,
    /// The sum of the lines' totals, in the invoice's currency.
    pub subtotal: Amount,
    /// The lines: up to 500.
    #[schemars(length(min = 1, max = 500))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub lines: Vec<Line>,
}
