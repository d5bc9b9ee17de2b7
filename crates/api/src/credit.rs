//! Credits of billing groups.

use super::{Balance, CurrencyCode, Money, Month, Name, NoteNumber, ObjectName, Time, Uid, condition, time};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube_derive::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Create a Credit in the organization's namespace to give a billing group money that its invoices use: prepaid or
/// granted. It is used month by month until nothing remains of it. To redeem a code, set only `billingGroup` and `code`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[kube(
    crates(kube = "::kube_derive", kube_core = "::kube_core"),
    attr = "x_kube(crates(kube_core = \"::kube_core\"))",
    group = "billing-operator.io",
    version = "v1alpha1",
    kind = "Credit",
    namespaced,
    status = "CreditStatus",
    derive = "PartialEq",
    category = "billing",
    selectable = ".spec.billingGroup",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.billingGroup"),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.type"),
    printcolumn(name = "Amount", type_ = "string", json_path = ".status.amount"),
    printcolumn(name = "Remaining", type_ = "string", json_path = ".status.remaining"),
    printcolumn(name = "Currency", type_ = "string", json_path = ".status.currency"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.expiresAt"),
    printcolumn(name = "State", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "From", type_ = "string", json_path = ".spec.origin.invoice", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("!has(self.metadata.generateName)")
        .message("generateName is not allowed: set metadata.name, so that a retry is refused and the credit is not granted twice"),
    validation = Rule::new("!has(self.spec.origin) || (has(self.spec.origin.creditNote) ? self.metadata.name.startsWith(self.spec.origin.creditNote + '-') : has(self.spec.origin.credit) ? self.metadata.name.startsWith(self.spec.origin.invoice + '-') : self.metadata.name == 'carried-' + self.spec.origin.invoice)")
        .message("a credit with spec.origin must be named after it: <credit note>-<credit>, <invoice>-<sequence>-<credit>, or carried-<invoice>"),
    validation = Rule::new("has(self.spec.origin) || !self.metadata.name.matches('-cn[1-9][0-9]*-|^[a-z0-9]{1,32}-[1-9][0-9]{0,3}-[1-9][0-9]{0,3}-')")
        .message("names that begin with the number of a credit note, or of an invoice and a month, are reserved for the credits that these return: choose another name"),
    validation = Rule::new("has(self.spec.origin) || !self.metadata.name.startsWith('carried-')")
        .message("names that begin with 'carried-' are reserved for what a deleted billing group is owed: choose another name"),
    validation = Rule::new("!has(self.status) || (has(self.status.billingGroupUID) ? has(self.status.type) && has(self.status.amount) && has(self.status.currency) && has(self.status.remaining) && has(self.status.expired) : !has(self.status.reservations))")
        .message("status.billingGroupUID, type and amounts must be set together, before anything is reserved"),
    validation = Rule::new("!has(self.status) || !has(self.status.amount) || has(self.spec.code) || (self.status.type == self.spec.type && self.status.currency == self.spec.amount.currency && quantity(self.status.amount).compareTo(quantity(self.spec.amount.amount)) == 0)")
        .message("status.type, status.amount and status.currency must equal those of spec"),
    validation = Rule::new("!has(oldSelf.status.billingGroupUID) || (has(self.status) && has(self.status.billingGroupUID) && self.status.billingGroupUID == oldSelf.status.billingGroupUID && self.status.type == oldSelf.status.type && self.status.amount == oldSelf.status.amount && self.status.currency == oldSelf.status.currency)")
        .message("status.billingGroupUID, type, amount and currency are set once and cannot be changed")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(oldSelf.status.reservations) || (has(self.status) && has(self.status.reservations) && oldSelf.status.reservations.all(o, self.status.reservations.exists(r, r.invoice == o.invoice && (o.state == 'Reserved' || r == o))))")
        .message("a reservation cannot be removed, and a consumed one cannot be changed")
        .reason(Reason::FieldValueForbidden),
    validation = Rule::new("!has(self.status) || !has(self.status.reservations) || self.status.reservations.filter(r, r.state == 'Reserved').size() <= 1")
        .message("only one invoice can reserve a credit at a time: the next one after this one is final"),
    validation = Rule::new("!has(self.status) || !has(self.status.amount) || (has(self.status.reservations) ? self.status.reservations.map(r, int(r.amount.replace('.', ''))).sum() : 0) + int(self.status.remaining.replace('.', '')) + int(self.status.expired.replace('.', '')) == int(self.status.amount.replace('.', ''))")
        .message("the reservations, status.remaining and status.expired must add up to status.amount"),
)]
#[x_kube(
    validation = Rule::new("has(self.code) != has(self.amount)")
        .message("set either amount or code, and not both"),
    validation = Rule::new("has(self.type) == has(self.amount)").message("type is required with amount, and not allowed without it"),
    validation = Rule::new("!has(self.code) || (!has(self.application) && !has(self.startsAt) && !has(self.expiresAt) && !has(self.projects) && !has(self.origin))")
        .message("with code, set only billingGroup: the code determines the rest"),
    validation = Rule::new("!has(self.application) || self.application != 'AfterTax' || !has(self.projects)")
        .message("a credit that is applied after tax pays a whole invoice: leave projects out"),
    validation = Rule::new("!has(self.startsAt) || !has(self.expiresAt) || self.startsAt < self.expiresAt")
        .message("expiresAt must be after startsAt"),
    validation = Rule::new("self.billingGroup == oldSelf.billingGroup && has(self.type) == has(oldSelf.type) && (!has(self.type) || self.type == oldSelf.type) && has(self.amount) == has(oldSelf.amount) && (!has(self.amount) || self.amount == oldSelf.amount) && has(self.application) == has(oldSelf.application) && (!has(self.application) || self.application == oldSelf.application) && has(self.startsAt) == has(oldSelf.startsAt) && (!has(self.startsAt) || self.startsAt == oldSelf.startsAt) && has(self.projects) == has(oldSelf.projects) && (!has(self.projects) || self.projects == oldSelf.projects) && has(self.code) == has(oldSelf.code) && (!has(self.code) || self.code == oldSelf.code) && has(self.origin) == has(oldSelf.origin) && (!has(self.origin) || self.origin == oldSelf.origin)")
        .message("only expiresAt can be set after creation; grant another credit instead"),
    validation = Rule::new("!has(oldSelf.expiresAt) || (has(self.expiresAt) && self.expiresAt == oldSelf.expiresAt)")
        .message("expiresAt is set once and cannot be changed"),
)]
#[serde(rename_all = "camelCase")]
pub struct CreditSpec {
    /// The billing group whose invoices use it. It belongs to the group that has this name when the operator first sees
    /// both.
    pub billing_group: Name,
    /// What the credit is granted for. Required with `amount`, and not allowed without it.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<CreditType>,
    /// The amount, in the group's currency. Set either this or `code`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.amount.matches('[1-9]')").message("the amount of a credit must be greater than zero"))]
    pub amount: Option<Money>,
    /// What it reduces: what is taxed, as a rebate does (`BeforeTax`, the default), or what is to be paid, as money does that was paid
    /// in advance (`AfterTax`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<CreditApplication>,
    /// When it can first be used, in UTC; absent: no start. It pays for every month in which it is valid at some
    /// instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time::whole_seconds")]
    pub starts_at: Option<Time>,
    /// When it expires, in UTC; absent: never. Can be set once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "time::whole_seconds")]
    pub expires_at: Option<Time>,
    /// Restricts the credit to the services of these projects, by name: up to 200. Absent: it pays for anything that is
    /// on the invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub projects: Option<Vec<Name>>,
    /// A code from the provider, which determines everything else: 16 to 64 capital letters, digits and hyphens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 16, max = 64), regex(pattern = "^[A-Z0-9]+(-[A-Z0-9]+)*$"))]
    pub code: Option<String>,
    /// The invoice that the money comes from, for a credit that the operator created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<CreditOrigin>,
}

/// The final invoice that the money of a credit comes from: a credit note returned what the invoice had used, the invoice returned
/// what a closed month had used and is no longer due, or the last invoice of a deleted group carried it forward. Written only by the operator.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(
    validation = Rule::new("has(self.credit) == (has(self.creditNote) || has(self.period))")
        .message("credit must be set with creditNote or period, and only then"),
    validation = Rule::new("!has(self.creditNote) || !has(self.period)").message("set either creditNote or period, and not both"),
)]
#[serde(rename_all = "camelCase")]
pub struct CreditOrigin {
    /// The number of the invoice.
    pub invoice: Name,
    /// The number of the credit note that credited the invoice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit_note: Option<NoteNumber>,
    /// The closed month for which the credit had paid, and of which the invoice returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Month>,
    /// The Credit that had been used, in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<ObjectName>,
}

/// What credits reduce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CreditApplication {
    /// What is taxed: a rebate.
    #[default]
    BeforeTax,
    /// What is to be paid: money paid in advance.
    AfterTax,
}

/// What credits are granted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CreditType {
    /// A reduction of the price.
    Discount,
    /// For the provider's own people.
    Employee,
    /// To try something out, by agreement.
    Evaluation,
    /// For the provider's own use.
    Internal,
    /// Anything else.
    Other,
    /// For an outage.
    Outage,
    /// Through a partner.
    Partner,
    /// To win customers.
    Promotion,
    /// Paid for in advance.
    Purchase,
    /// For a recommendation.
    Referral,
    /// To support somebody.
    Sponsorship,
    /// For a trial.
    Trial,
    /// For a trial that became a contract.
    TrialOver,
}

/// The amount of a credit, and how it has been used.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[serde(rename_all = "camelCase")]
pub struct CreditStatus {
    /// The UID of the billing group that it belongs to; a later group of the same name is another.
    #[serde(default, rename = "billingGroupUID", skip_serializing_if = "Option::is_none")]
    pub billing_group_uid: Option<Uid>,
    /// What it was granted for.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<CreditType>,
    /// The whole amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Balance>,
    /// The currency of every amount here, by its ISO 4217 code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<CurrencyCode>,
    /// When it can first be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Time>,
    /// When it expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
    /// What invoices use of it, the oldest first: up to 240. A part is reserved just before its invoice becomes
    /// final, and consumed from then on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 240))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["invoice".to_owned()]))]
    pub reservations: Vec<Reservation>,
    /// What later invoices can still use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<Balance>,
    /// What final invoices have used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumed: Option<Balance>,
    /// What expired unused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<Balance>,
    /// `Ready`: whether it stands as it was granted; the reason says what is left of it for invoices. `Stalled`, there only while it
    /// is true: no invoice can use it before somebody does something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "condition::conditions")]
    pub conditions: Vec<Condition>,
    /// The generation of the credit that this status was computed from; -1 before the operator has looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// The part of a credit that one invoice uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The invoice's number.
    pub invoice: Name,
    /// The amount; zero when the invoice turned out to need none of it.
    pub amount: Balance,
    /// Whether the invoice is final.
    pub state: ReservationState,
}

/// The state of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ReservationState {
    /// The invoice is about to become final; the amount may still change.
    Reserved,
    /// The invoice is final and uses this amount.
    Consumed,
}
