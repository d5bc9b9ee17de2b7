//! Why a usage record is not on the bill.

use std::fmt;
use std::sync::Arc;

use crate::catalog::price::{EntryKey, PriceListError};
use crate::catalog::rates::MissingRate;
use crate::catalog::spelling::Misspelling;
use crate::catalog::unit_price::Unit;
use crate::money::amount::Currency;
use crate::name::Name;
use crate::time::late_usage_window::LateUsageWindow;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::usage::Usage;

/// A usage record that is not on the bill, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The record.
    pub usage: Arc<Usage>,
    /// Why it is not billed.
    pub reason: ProblemReason,
}

/// Why a usage record is not billed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemReason {
    /// No entry of the price lists applies at this instant of its running.
    Unpriced {
        /// The lists that were looked at, in order.
        price_lists: Vec<Name>,
        /// The first instant without a price.
        at: Timestamp,
    },
    /// An entry for its type cannot be used, and no list before that one has a price for it.
    PriceUnusable {
        /// The list.
        price_list: Name,
        /// What of it cannot be used.
        error: PriceListError,
    },
    /// A price list has another price for it in another spelling: by letter case or Unicode form.
    Misspelt {
        /// What is spelled otherwise.
        misspelling: Misspelling,
    },
    /// It is metered, and its price is for running time: nobody knows what a count of it costs.
    PricedByTime {
        /// The entry with that price.
        entry: EntryKey,
        /// What the price is for.
        unit: Unit,
    },
    /// The price is in one currency, the group pays in another, and there is no rate between them.
    RateMissing {
        /// The price list's.
        from: Currency,
        /// What is missing; it names the group's currency.
        missing: MissingRate,
    },
    /// It runs by the hour while another record of the same project and service, which began earlier, does.
    OverlappingUsage {
        /// The record that is billed.
        with: Name,
    },
    /// Its amount is larger than a document can carry.
    Overflow,
    /// A final bills it in another currency than its group's of now, and has to be corrected.
    CurrencyChanged {
        /// The final.
        invoice: Name,
        /// The final's currency.
        currency: Currency,
    },
    /// The groups that should pay no longer exist, and no primary group takes their place.
    PayerGone,
    /// It ran before the first period of its payer.
    BeforeFirstPeriod {
        /// The payer.
        group: Name,
        /// The payer's first period.
        first_period: Month,
    },
    /// Finals bill too much or too little of it in a closed month that is older than any document settles.
    TooLate {
        /// The oldest such month.
        month: Month,
        /// How far back months are settled.
        window: LateUsageWindow,
    },
    /// The project was never bound to a group.
    ProjectUnbound,
    /// The organization has no such project.
    ProjectUnknown,
    /// It starts further in the future than clocks differ.
    StartsInFuture,
    /// It was read further in the future than clocks differ: that reading does not count before then.
    ReadingInFuture {
        /// The last reading.
        at: Timestamp,
    },
    /// It replaces a record that replaces it, perhaps through others: what it replaces counts as not given.
    ReplacesCycle {
        /// The records of the circle, from the one that it replaces to the one that replaces it.
        others: Vec<Name>,
    },
}

impl ProblemReason {
    /// Its name, as the reason of a condition.
    pub fn as_str(&self) -> &'static str {
        match self {
            ProblemReason::Unpriced { .. } | ProblemReason::PriceUnusable { .. } => "Unpriced",
            ProblemReason::Misspelt { .. } => "Misspelt",
            ProblemReason::PricedByTime { .. } => "PricedByTime",
            ProblemReason::RateMissing { .. } => "RateMissing",
            ProblemReason::OverlappingUsage { .. } => "OverlappingUsage",
            ProblemReason::Overflow => "Overflow",
            ProblemReason::CurrencyChanged { .. } => "CurrencyChanged",
            ProblemReason::PayerGone => "PayerGone",
            ProblemReason::BeforeFirstPeriod { .. } => "BeforeFirstPeriod",
            ProblemReason::TooLate { .. } => "TooLate",
            ProblemReason::ProjectUnbound => "ProjectUnbound",
            ProblemReason::ProjectUnknown => "ProjectUnknown",
            ProblemReason::StartsInFuture => "StartsInFuture",
            ProblemReason::ReadingInFuture { .. } => "ReadingInFuture",
            ProblemReason::ReplacesCycle { .. } => "ReplacesCycle",
        }
    }

    /// Whether an invoice waits for it to be solved.
    pub fn holds(&self) -> bool {
        match self {
            ProblemReason::Unpriced { .. }
            | ProblemReason::PriceUnusable { .. }
            | ProblemReason::Misspelt { .. }
            | ProblemReason::PricedByTime { .. }
            | ProblemReason::RateMissing { .. }
            | ProblemReason::OverlappingUsage { .. }
            | ProblemReason::Overflow
            | ProblemReason::CurrencyChanged { .. } => true,
            ProblemReason::PayerGone
            | ProblemReason::BeforeFirstPeriod { .. }
            | ProblemReason::TooLate { .. }
            | ProblemReason::ProjectUnbound
            | ProblemReason::ProjectUnknown
            | ProblemReason::StartsInFuture
            | ProblemReason::ReadingInFuture { .. }
            | ProblemReason::ReplacesCycle { .. } => false,
        }
    }
}

impl fmt::Display for Problem {
    /// One sentence: the record, what is wrong, and the remedy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = &self.usage.name;
        let project = &self.usage.project;
        let service = self.usage.service.description();
        match &self.reason {
            ProblemReason::Unpriced { price_lists, at } => {
                let at = at.format("%FT%TZ");
                let lists = price_lists.iter().map(Name::as_str).collect::<Vec<_>>().join(" or ");
                write!(f, "usage {record} ({service}) has no price at {at}; add an entry to the price list {lists}")
            }
            ProblemReason::PriceUnusable { price_list: list, error } => {
                write!(f, "usage {record} ({service}) has no price, because of the price list {list}: {error}")
            }
            ProblemReason::Misspelt { misspelling } => {
                let Misspelling { list, field, written, known: _ } = misspelling;
                write!(
                    f,
                    "usage {record} ({service}) has {misspelling} as the price list {list}, where it has another price; replace the record, or add an entry for the {field} {written:?}"
                )
            }
            ProblemReason::PricedByTime { entry, unit } => {
                write!(
                    f,
                    "usage {record} ({service}) is metered, and the entry {} of the price list {} is a price by the {}; end that entry and add one by the Unit, or replace the record with one that is not metered",
                    entry.entry,
                    entry.list,
                    unit.as_str()
                )
            }
            ProblemReason::RateMissing { from, missing: missing @ MissingRate::NoCurrency } => {
                write!(f, "usage {record} is priced in {from}, and {missing}")
            }
            ProblemReason::RateMissing { from, missing } => {
                write!(f, "usage {record} is priced in {from} and {missing}")
            }
            ProblemReason::OverlappingUsage { with } => {
                write!(
                    f,
                    "usage {record} overlaps {with}, which bills the same service {} of project {project} at the same time; replace one of them with a corrected record",
                    self.usage.service.name
                )
            }
            ProblemReason::Overflow => {
                write!(
                    f,
                    "the amount of usage {record} is larger than an invoice can hold; check its quantity and price"
                )
            }
            ProblemReason::CurrencyChanged { invoice, currency } => {
                write!(
                    f,
                    "usage {record} is billed in {currency} on invoice {invoice}, which must be corrected, and its group pays in another currency now; take back the difference by a credit note for {invoice}"
                )
            }
            ProblemReason::PayerGone => {
                write!(
                    f,
                    "usage {record}: the groups that paid for project {project} are gone; bind it to a group, or make one that pays in the same currency to the same issuer primary"
                )
            }
            ProblemReason::BeforeFirstPeriod { group, first_period } => {
                write!(
                    f,
                    "usage {record} is from before {first_period}, the first period of billing group {group}, and is not billed"
                )
            }
            ProblemReason::TooLate { month, window } => {
                write!(
                    f,
                    "usage {record}: finals bill something else of {month} than it ran, and {month} is settled no more, because that ends after {window}; give a credit, or agree on a charge, for what it is worth"
                )
            }
            ProblemReason::ProjectUnbound => {
                write!(f, "usage {record}: project {project} has no billing group; bind it to one")
            }
            ProblemReason::ProjectUnknown => {
                write!(
                    f,
                    "usage {record}: the organization has no project {project}; label its namespace, or replace the record"
                )
            }
            ProblemReason::StartsInFuture => {
                let start = self.usage.start.format("%FT%TZ");
                write!(
                    f,
                    "usage {record} starts at {start}, which is in the future, and is billed from then on; if that is a mistake, create a record with the right time that replaces it"
                )
            }
            ProblemReason::ReadingInFuture { at } => {
                let at = at.format("%FT%TZ");
                write!(
                    f,
                    "usage {record} has a reading of {at}, which is in the future, and counts from then on; check the clock of what reads it, and if the reading is wrong, create a record with the right ones that replaces it"
                )
            }
            ProblemReason::ReplacesCycle { others } => {
                let circle = [record].into_iter().chain(others).map(Name::as_str).collect::<Vec<_>>().join(", ");
                write!(
                    f,
                    "the usage records {circle} replace each other in a circle; {record} is taken to replace nothing"
                )?;
                others.first().map_or(Ok(()), |billed| write!(f, ", so {billed} is billed"))?;
                f.write_str("; if another should be, replace that one with a corrected record")
            }
        }
    }
}
