//! What one final says of its own month, and of those that it adjusts.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::catalog::price::EntryKey;
use crate::catalog::scale::Scale;
use crate::catalog::tax_rule::TaxGroup;
use crate::invoice::month_terms::MonthTerms;
use crate::invoice::part::PartKey;
use crate::invoice::rating::Rating;
use crate::invoice::source::Source;
use crate::invoice::tax::TaxSubtotal;
use crate::money::amount::Money;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::Timestamp;
use crate::uid::Uid;

/// What one final says of its own month, and of those that it adjusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FinalStatement {
    pub(crate) terms: Option<Arc<MonthTerms>>,
    pub(crate) only_tax: Option<TaxSubtotal>,
    /// What lines of usage say, by the month that they are about.
    pub(crate) services: BTreeMap<ServiceKey, i128>,
    pub(crate) corrections: Vec<StatedCorrection>,
    pub(crate) parts: Vec<PlacedPart>,
    /// What it bills at prices that depend on what comes together in a month.
    pub(crate) scaled: Vec<ScaledRecord>,
    pub(crate) scales: BTreeMap<EntryKey, StatedScale>,
    pub(crate) refills: Vec<StatedRefill>,
}

/// Services that are taxed alike, of a project in a month.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ServiceKey {
    pub(crate) about: About,
    pub(crate) project: Name,
    pub(crate) tax: Option<TaxGroup>,
}

/// The month that a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// A month of the final's own group: its own, or one for which usage came late.
    Own(Month),
    /// This month of the group whose final is at this place: usage of it came late, and the group is gone.
    Succeeded(u32, Month),
    /// This month of the group whose final is at this place, which bills too much of it or too little.
    Of(u32, Month),
}

/// What a correction of a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatedCorrection {
    pub(crate) record: u64,
    /// The final that it corrects.
    pub(crate) about: u32,
    pub(crate) month: Month,
    pub(crate) project: Name,
    pub(crate) tax: Option<TaxGroup>,
    pub(crate) last: LastCorrection,
}

/// What a final bills of a record at such a price: the sum of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScaledRecord {
    pub(crate) month: Month,
    /// The final with which a group that is gone closed the month.
    pub(crate) closed_by: Option<Name>,
    pub(crate) entry: EntryKey,
    pub(crate) project: Name,
    pub(crate) service: Name,
    pub(crate) record: Name,
    pub(crate) start: Timestamp,
    /// When the interval of a metered record ends; of a single unit its start.
    pub(crate) end: Timestamp,
    pub(crate) quantity: Decimal,
    /// In minor units.
    pub(crate) pre_discount: i128,
    pub(crate) total: i128,
    pub(crate) tax: Option<TaxGroup>,
    pub(crate) rating: Rating,
    /// Its lines: the id of each, and its amount.
    pub(crate) lines: Vec<(String, i128)>,
}

/// A scale as a final says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedScale {
    /// The scale.
    pub scale: Arc<Scale>,
    /// The price of a package, where there are no tiers.
    pub amount: Decimal,
    /// The UID of its price list.
    pub list_uid: Uid,
}

/// What a final says of a project's charges in a closed month at a price with a scale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedRefill {
    /// The month.
    pub month: Month,
    /// The final with which a group that is gone closed the month, where it is of such.
    pub closed_by: Option<Name>,
    /// The entry.
    pub entry: EntryKey,
    /// The project.
    pub project: Name,
    /// How it is taxed.
    pub tax: Option<TaxGroup>,
    /// The id of the line.
    pub line: String,
    /// What it says, before and after discounts.
    pub pre_discount: Money,
    /// The amount.
    pub total: Money,
    /// How much came together, as it says.
    pub quantity: Decimal,
    /// What was billed before, what was due, and which notes counted.
    pub last: LastCorrection,
}

/// The last correction of something that is billed in a month: of a record, or of a part of the month. In minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCorrection {
    /// What was billed before it.
    pub billed: i128,
    /// What was due.
    pub due: i128,
    /// What it bills.
    pub total: i128,
    /// The credit notes that it counted, by number.
    pub notes: Vec<Name>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlacedPart {
    pub(crate) about: About,
    pub(crate) key: PartKey,
    pub(crate) source: Source,
    pub(crate) line: String,
    pub(crate) total: i128,
    /// What it says of what it adjusts, where it does.
    pub(crate) correction: Option<LastCorrection>,
}

impl LastCorrection {
    /// How much of what credit notes took back it came out of.
    pub fn settled(&self) -> i128 {
        self.billed + self.total - self.due
    }

    /// By how much it lowers what is due.
    pub fn reduction(&self) -> i128 {
        (self.billed - self.due).max(0)
    }
}

impl FinalStatement {
    /// The same with other places of the finals that it names.
    pub(crate) fn renumbered(mut self, mut renumber: impl FnMut(u32) -> u32) -> Self {
        let services = std::mem::take(&mut self.services);
        let mut about = |about| match about {
            About::Own(month) => About::Own(month),
            About::Succeeded(place, month) => About::Succeeded(renumber(place), month),
            About::Of(place, month) => About::Of(renumber(place), month),
        };
        self.services =
            services.into_iter().map(|(key, sum)| (ServiceKey { about: about(key.about), ..key }, sum)).collect();
        self.parts.iter_mut().for_each(|part| part.about = about(part.about));
        self.corrections.iter_mut().for_each(|correction| correction.about = renumber(correction.about));
        self
    }
}
