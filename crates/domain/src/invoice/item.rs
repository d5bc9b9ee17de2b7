//! The lines of an invoice that do not charge usage: what was agreed, adjusted, credited or rounded.

use crate::bill::late::Adjustment;
use crate::invoice::line::{LineType, line_id};
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::period::Period;
use crate::uid::Uid;

/// One line that is not the charge of a usage record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is for; never a service charge.
    pub kind: LineType,
    /// Tells it from other items of its type and source: the name of a charge, say. Makes its id stable.
    pub key: String,
    /// The project that it is about, where it is about one.
    pub project: Option<Name>,
    /// The time that it is about, where that is another than the month of the invoice.
    pub period: Option<Period>,
    /// The amount before discounts, where those apply.
    pub pre_discount: Option<Money>,
    /// The amount.
    pub total: Money,
    /// What a reader sees: one line of at most 512 characters.
    pub description: String,
    /// The object that caused it.
    pub source: Source,
    /// What it adjusts, if it adjusts a closed month.
    pub adjustment: Option<Adjustment>,
}

/// The object that caused an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its kind, as in Kubernetes.
    pub kind: SourceKind,
    /// Its name.
    pub name: Name,
    /// Its UID.
    pub uid: Uid,
}

/// The kinds of objects that cause items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// The group whose terms say so.
    BillingGroup,
    /// Usage of a closed month.
    UsageRecord,
    /// The credit that is used.
    Credit,
    /// The issuer whose rules say so.
    InvoiceIssuer,
    /// An invoice from which an amount is brought forward.
    Invoice,
}

impl SourceKind {
    /// Its name in Kubernetes.
    pub fn as_str(self) -> &'static str {
        match self {
            SourceKind::BillingGroup => "BillingGroup",
            SourceKind::UsageRecord => "UsageRecord",
            SourceKind::Credit => "Credit",
            SourceKind::InvoiceIssuer => "InvoiceIssuer",
            SourceKind::Invoice => "Invoice",
        }
    }
}

impl Item {
    /// The same item has the same id on every invoice it is computed for.
    pub fn id(&self) -> String {
        item_id(self.kind, self.source.kind, &self.source.name, &self.key)
    }
}

/// The id of an item of a type, with a source and a key.
pub(crate) fn item_id(kind: LineType, source: SourceKind, name: &str, key: &str) -> String {
    line_id(kind, format!("{}/{name}", source.as_str()).as_bytes(), key.as_bytes())
}
