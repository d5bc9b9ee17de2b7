//! What a bill is computed from.

use std::collections::BTreeMap;

use crate::bill::records::BilledUsage;
use crate::catalog::issuer::Issuer;
use crate::catalog::price_lists::PriceLists;
use crate::catalog::rates::{Conversion, CrossRate, MissingRate, Rates, rate_date};
use crate::catalog::terms::error::TermsError;
use crate::credit::CreditOffer;
use crate::invoice::billed::BilledIndex;
use crate::invoice::brought_forward::BroughtForward;
use crate::invoice::month_terms::MonthTerms;
use crate::tenancy::attribution::{Attribution, Payer};
use crate::tenancy::group::Group;
use crate::tenancy::organization::{Organization, Project};
use crate::time::hours::HourRule;
use crate::time::month::Month;
use crate::time::period::{Period, Timestamp};
use crate::usage::Usage;

/// All that the bill of a group for a month is computed from; nothing else bears on it.
#[derive(Debug, Clone, Copy)]
pub struct GroupMonth<'a> {
    /// All that is observed of the group's organization.
    pub organization: &'a Organization,
    /// Who pays.
    pub group: &'a Group,
    /// The month that is billed.
    pub month: Month,
    /// How the month's cost is shared out.
    pub attribution: Attribution,
    /// How running time becomes hours.
    pub hours: HourRule,
    /// Whether time within an hour that is charged before has a line, of no hours, as earlier versions wrote it.
    pub lists_no_hours: bool,
    /// The group's price lists.
    pub prices: &'a PriceLists,
    /// Those of closed months whose finals name others: late usage has the prices of its month.
    pub former_prices: &'a FormerPrices,
    /// The exchange rates of the group's issuer, where its prices are in another currency than the group's.
    pub rates: &'a Rates,
    /// Who bills: its minimum charge and its tax. `None` while that is not known.
    pub issuer: Option<&'a Issuer>,
    /// What finals of the organization bill already.
    pub billed: &'a BilledIndex,
    /// The group's credits, as the month's invoice finds them.
    pub credits: &'a [CreditOffer],
    /// The closed months that the bill is to adjust: those of the group, when it is for its oldest month that is not final.
    pub closed: &'a ClosedMonths,
    /// The groups that are gone and whose closed months the bill is to adjust, too.
    pub successions: &'a [Succession],
    /// What the invoice of the month before leaves to this one.
    pub brought_forward: Option<&'a BroughtForward>,
    /// Nothing after this instant is billed: what still runs is charged until here.
    pub as_of: Timestamp,
}

/// The months of a group that are final and of which no final of the organization is missing, with how the cost of each
/// was shared out.
pub type ClosedMonths = BTreeMap<Month, Attribution>;

/// The price lists of closed months that had others than the group has now.
pub type FormerPrices = BTreeMap<Month, PriceLists>;

/// Every closed month has the price lists of now.
pub static NO_FORMER_PRICES: FormerPrices = BTreeMap::new();

/// A group without a closed month, and every month but the oldest that is not final.
pub static NO_CLOSED_MONTHS: ClosedMonths = BTreeMap::new();

/// The months of a group that is gone, for the group that settles them.
#[derive(Debug, Clone)]
pub struct Succession {
    /// The group that is gone, as its finals have it. What they do not record is as that of its successor.
    pub group: Group,
    /// The months that it closed.
    pub closed: ClosedMonths,
    /// The price lists of those whose finals name others than the successor has.
    pub former_prices: FormerPrices,
    /// What its credits paid can go back to them, and no more of them is used: of each, nothing remains.
    pub credits: Vec<CreditOffer>,
}

/// Nobody's months are settled in their place.
pub const NO_SUCCESSIONS: &[Succession] = &[];

impl<'a> GroupMonth<'a> {
    /// The records of the organization, and what finals bill of them.
    pub(crate) fn records(&self) -> BilledUsage<'_> {
        BilledUsage { organization: self.organization, billed: self.billed }
    }

    /// Whether the record counts.
    pub(crate) fn is_effective(&self, usage: &Usage) -> bool {
        self.records().is_effective(usage)
    }

    /// The periods of the month in which the group pays for the project.
    pub(crate) fn periods_of(&self, project: &Project) -> Vec<Period> {
        let shares = self.records().payers(project, self.month, self.attribution);
        let ours = |(period, payer)| (payer == Payer::Group(self.group.uid)).then_some(period);
        shares.into_iter().filter_map(ours).collect()
    }

    /// The same group's bill of a closed month.
    pub(super) fn closed_month(&self, of: Month, attribution: Attribution) -> GroupMonth<'a> {
        let (prices, closed, successions) = (self.prices_in(of), &NO_CLOSED_MONTHS, NO_SUCCESSIONS);
        GroupMonth { month: of, attribution, prices, closed, successions, brought_forward: None, credits: &[], ..*self }
    }

    /// The price lists by which usage of a month is priced.
    pub(crate) fn prices_in(&self, of: Month) -> &'a PriceLists {
        self.former_prices.get(&of).unwrap_or(self.prices)
    }

    /// What is agreed for the month now.
    ///
    /// # Errors
    /// The terms contradict themselves.
    pub fn terms(&self) -> Result<MonthTerms, &'a TermsError> {
        let terms = self.group.terms.as_ref()?;
        let mut now = MonthTerms::now(terms, self.issuer, &self.group.buyer, self.group.currency, self.month);
        if let Some(last) = self.group.last_month() {
            now.commitment = now.commitment.map(|commitment| commitment.ending_with(last));
        }
        Ok(now)
    }

    /// How prices become amounts of the bill; `None` when they are in the group's currency.
    ///
    /// # Errors
    /// There is no rate.
    pub fn conversion(&self) -> Result<Option<Conversion>, MissingRate> {
        let from = self.prices.currency();
        let to = self.group.currency.ok_or(MissingRate::NoCurrency)?;
        if from == to {
            return Ok(None);
        }
        self.rates.conversion(from, to, rate_date(self.month, self.as_of)).map(Some)
    }

    /// How prices become amounts by terms of the month: by the rate that they record, if it is between these two currencies, else
    /// as [`conversion`](Self::conversion) says.
    pub(crate) fn rate_by(&self, terms: &MonthTerms) -> Result<Option<CrossRate>, MissingRate> {
        let from = self.prices.currency();
        let recorded = terms.exchange_rate.as_ref();
        match recorded.filter(|rate| self.group.currency.is_some_and(|to| rate.is_between(from, to))) {
            Some(rate) => Ok(Some(rate.clone())),
            None => self.conversion().map(|conversion| conversion.map(|conversion| conversion.rate)),
        }
    }
}
