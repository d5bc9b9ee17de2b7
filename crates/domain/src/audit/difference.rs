//! In what a bill can differ from its second derivation.

use std::fmt;

use rust_decimal::Decimal;

use crate::invoice::line_type::LineType;
use crate::name::Name;
use crate::time::period::Timestamp;

/// Something in which a bill differs from its second derivation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditDifference {
    /// A charge that the bill does not have.
    Missing(ChargeKey),
    /// A charge that the bill should not have, or has too often.
    Unexpected(ChargeKey),
    /// A charge with another quantity, price or amount.
    Charge {
        /// Which.
        key: ChargeKey,
        /// As on the bill.
        billed: String,
        /// As derived.
        derived: String,
    },
    /// A line beside services.
    Item {
        /// As on the bill, in minor units.
        billed: Option<String>,
        /// As derived.
        derived: Option<String>,
    },
    /// The lines beside services cannot be derived: terms that cannot be read, or amounts beyond what can be counted.
    ItemsNotDerived,
    /// What is used of which credits.
    Credits {
        /// As on the bill, in minor units.
        billed: String,
        /// As derived.
        derived: String,
    },
    /// The subtotal of a project.
    Project {
        /// The project.
        project: Name,
        /// As on the bill; `None` when it is not there, or there twice.
        billed: Option<i128>,
        /// As derived, in minor units; `None` when it should not be there.
        derived: Option<i128>,
    },
    /// The total of the lines of a type.
    Category {
        /// The type.
        kind: LineType,
        /// As on the bill, in minor units.
        billed: Option<i128>,
        /// As derived.
        derived: Option<i128>,
    },
    /// The subtotal of all.
    Subtotal {
        /// As on the bill, in minor units.
        billed: i128,
        /// As derived.
        derived: i128,
    },
    /// The exchange rate, or what the services cost in the currency of their prices.
    Rate {
        /// As on the bill.
        billed: Option<String>,
        /// As derived.
        derived: Option<String>,
    },
    /// The tax, or what is said of it.
    Tax {
        /// As on the bill.
        billed: String,
        /// As derived.
        derived: String,
    },
    /// By what the month is billed beside usage and prices, which the bill records.
    Terms {
        /// As on the bill.
        billed: String,
        /// As derived.
        derived: String,
    },
    /// What was paid in advance, what is to be paid, and what goes to the next invoice.
    Payment {
        /// As on the bill, in minor units.
        billed: String,
        /// As derived.
        derived: String,
    },
    /// How far the term of a commitment has come.
    Commitment {
        /// As on the bill, in minor units.
        billed: String,
        /// As derived.
        derived: String,
    },
    /// What goes back to credits.
    Returned {
        /// As on the bill, in minor units.
        billed: String,
        /// As derived.
        derived: String,
    },
    /// A record is left off the bill by one and not by the other.
    Problem {
        /// The record.
        record: Name,
        /// Whether the bill leaves it off.
        billed: bool,
    },
    /// The lines, projects or problems are not in their order.
    Order,
}

/// What identifies a charge: the record, and from when until when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChargeKey {
    /// The project.
    pub project: Name,
    /// The record.
    pub record: Name,
    /// The start of the charged piece.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// Where its tier begins, where there are tiers.
    pub tier: Option<Decimal>,
}

impl fmt::Display for ChargeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.start.format("%FT%T%.fZ"), self.end.format("%FT%T%.fZ"));
        write!(f, "usage {} of project {} from {start} to {end}", self.record, self.project)?;
        self.tier.map_or(Ok(()), |from| write!(f, " in the tier from {from}"))
    }
}

impl fmt::Display for AuditDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditDifference::Missing(key) => write!(f, "{key} is not billed"),
            AuditDifference::Unexpected(key) => write!(f, "{key} is billed, and should not be"),
            AuditDifference::Charge { key, billed, derived } => {
                write!(f, "{key} is billed {billed}, and should be {derived}")
            }
            AuditDifference::Item { billed, derived } => {
                let shown = |item: &Option<String>| item.clone().unwrap_or_else(|| "nothing".to_owned());
                write!(f, "a line other than services is {}, and should be {}", shown(billed), shown(derived))
            }
            AuditDifference::ItemsNotDerived => {
                f.write_str("the lines other than services cannot be derived from the terms")
            }
            AuditDifference::Credits { billed, derived } => {
                write!(f, "the credits used are [{billed}], and should be [{derived}]")
            }
            AuditDifference::Project { project, billed, derived } => {
                write!(f, "project {project} is billed {}, and should be {}", shown(*billed), shown(*derived))
            }
            AuditDifference::Category { kind, billed, derived } => {
                write!(f, "{} adds up to {}, and should be {}", kind.as_str(), shown(*billed), shown(*derived))
            }
            AuditDifference::Subtotal { billed, derived } => {
                write!(f, "the lines add up to {billed} minor units, and should be {derived}")
            }
            AuditDifference::Rate { billed, derived } => {
                let shown = |rate: &Option<String>| rate.clone().unwrap_or_else(|| "not converted".to_owned());
                write!(f, "prices are {}, and should be {}", shown(billed), shown(derived))
            }
            AuditDifference::Tax { billed, derived } => write!(f, "the tax is {billed}, and should be {derived}"),
            AuditDifference::Terms { billed, derived } => write!(f, "the terms are {billed}, and should be {derived}"),
            AuditDifference::Payment { billed, derived } => {
                write!(f, "what is paid and due is {billed}, and should be {derived}")
            }
            AuditDifference::Commitment { billed, derived } => {
                write!(f, "the commitment stands at {billed}, and should at {derived}")
            }
            AuditDifference::Returned { billed, derived } => {
                write!(f, "what goes back to credits is {billed}, and should be {derived}")
            }
            AuditDifference::Problem { record, billed: true } => {
                write!(f, "usage {record} is excluded, and should be billed")
            }
            AuditDifference::Problem { record, billed: false } => {
                write!(f, "usage {record} is not excluded, and should be")
            }
            AuditDifference::Order => f.write_str("the lines are not in the expected order"),
        }
    }
}

fn shown(minor: Option<i128>) -> String {
    minor.map_or_else(|| "nothing".to_owned(), |minor| format!("{minor} minor units"))
}
