//! The objects that cause items.

use crate::name::Name;
use crate::uid::Uid;

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
    /// The price list of an entry whose charges differ.
    PriceList,
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
            SourceKind::PriceList => "PriceList",
        }
    }
}
