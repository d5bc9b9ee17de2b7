//! Labels, annotations, finalizers and fixed names.

/// On a namespace: the organization it belongs to. An organization's own namespace names itself.
pub const ORGANIZATION_LABEL: &str = "billing-operator.io/organization";
/// On an invoice or a slice: the name of the billing group.
pub const GROUP_LABEL: &str = "billing-operator.io/billing-group";
/// On an invoice or a slice: the month, "2026-11".
pub const PERIOD_LABEL: &str = "billing-operator.io/period";
/// On a slice of a final invoice: `"true"`. It is kept.
pub const FINAL_LABEL: &str = "billing-operator.io/final";
/// On a project's namespace: `"false"` when it is to get no binding by default.
pub const DEFAULT_BINDING_LABEL: &str = "billing-operator.io/default-binding";
/// On a binding made by default: the group that the default chose.
pub const DEFAULT_ANNOTATION: &str = "billing-operator.io/default";
/// On a billing group that the operator made for one project: the project.
pub const DEDICATED_ANNOTATION: &str = "billing-operator.io/dedicated";
/// On an organization's namespace or a CRD that is to be deleted, books and all: its own name.
pub const CONFIRM_DELETE_ANNOTATION: &str = "billing-operator.io/confirm-delete";
/// On a CRD: its schema number. One with a lower number would lose or refuse what is stored.
pub const SCHEMA_ANNOTATION: &str = "billing-operator.io/schema";
/// On a usage record that a Meter writes: the name of the Meter.
pub const METER_LABEL: &str = "meter.billing-operator.io/name";
/// On a billing group: it stays until every month that it pays for is invoiced.
pub const SETTLE_FINALIZER: &str = "billing-operator.io/settle";
/// The only name that a ProjectBinding can have.
pub const BINDING_NAME: &str = "billing";
/// The name of the price list and of the issuer that a group has unless its terms say otherwise.
pub const DEFAULT_NAME: &str = "default";
