//! The parts of a month's bill beside its services.

use crate::catalog::tax_rule::TaxGroup;
use crate::invoice::line_type::LineType;
use crate::invoice::source::Source;
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::month::Month;

/// Names a part of a month's bill: a charge, the commitment's fee, what a credit paid, the minimum charge; of each what is taxed
/// alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartKey {
    /// What it is for.
    pub kind: LineType,
    /// The name of the charge, the commitment or the credit; [`MINIMUM_CHARGE`].
    pub name: Name,
    /// How it is taxed; `None`: not at all, or nobody says how.
    pub tax: Option<TaxGroup>,
}

/// The name of the part that brings an amount below the issuer's minimum to zero.
pub const MINIMUM_CHARGE: &str = "minimumCharge";

/// What a line says that adjusts a part of a closed month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartAdjustment {
    /// The number of the final of that month.
    pub invoice: Name,
    /// What was billed before, as far as the line says so.
    pub billed: Option<Money>,
    /// What was due, as far as the line says so.
    pub due: Option<Money>,
    /// The credit notes that it counted, by number.
    pub notes: Vec<Name>,
}

/// What a document says of a part of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedPart {
    /// What the line says of that which it adjusts, where it adjusts another month than the document's.
    pub adjusts: Option<PartAdjustment>,
    /// The month.
    pub month: Month,
    /// Which part.
    pub key: PartKey,
    /// The object that caused it.
    pub source: Source,
    /// The id of the line.
    pub line: String,
    /// How much it says.
    pub total: Money,
}
