//! Exchange rates: what prices in one currency are in another on a day.
//!
//! A source, such as a central bank, quotes on its working days what one unit of its base costs in other currencies.
//! A group that pays in another currency than its price list has every price converted, exactly, with the quotes of
//! the last day, on or before the bill's rate date, on which both currencies were quoted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{Datelike, Days};
use rust_decimal::Decimal;
use thiserror::Error;

use crate::money::amount::Currency;
use crate::money::ratio::Ratio;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::period::{Date, Timestamp};
use crate::uid::Uid;

/// How many days a quote may be older than the day it is used for: a source's longest holidays, and no more.
pub const MAX_QUOTE_AGE_DAYS: u32 = 10;

/// How many units of a currency one unit of the base costs; positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(Decimal);

impl Rate {
    /// One of the base in the base itself.
    pub const ONE: Rate = Rate(Decimal::ONE);

    /// A rate of so much; `None` unless it is positive.
    pub fn new(rate: Decimal) -> Option<Self> {
        (rate > Decimal::ZERO).then(|| Rate(rate.normalize()))
    }

    /// How much it is.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// One divided by it, exactly.
    fn inverse(self) -> Ratio {
        // Positive, as a denominator must be.
        Ratio::Small { numerator: 10_i128.pow(self.0.scale()), denominator: self.0.mantissa() }
    }
}

/// One currency's rate on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// The currency.
    pub currency: Currency,
    /// What one of the base costs in it.
    pub rate: Rate,
}

/// Quotes that contradict themselves.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuotesError {
    /// The base is 1 by definition.
    #[error("{date} quotes {base}, which is the base")]
    BaseQuoted {
        /// The day.
        date: Date,
        /// The base.
        base: Currency,
    },
    /// One day belongs to another year.
    #[error("{date} is not a day of {year}")]
    OtherYear {
        /// The day.
        date: Date,
        /// The year.
        year: i32,
    },
}

/// What a source quoted in one year, indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YearlyQuotes {
    object: RatesObject,
    year: i32,
    base: Currency,
    days: BTreeMap<Date, Vec<Quote>>,
}

/// The object that holds the quotes of a year, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatesObject {
    /// Its name.
    pub name: Name,
    /// Its UID.
    pub uid: Uid,
    /// Its generation, which counts the changes of its spec.
    pub generation: i64,
}

impl YearlyQuotes {
    /// The quotes of a year, in whatever order they come.
    ///
    /// # Errors
    /// A day of another year, or the base quoted in itself.
    pub fn new(
        object: RatesObject,
        year: i32,
        base: Currency,
        quotes: impl IntoIterator<Item = (Date, Quote)>,
    ) -> Result<Self, QuotesError> {
        let mut days: BTreeMap<Date, Vec<Quote>> = BTreeMap::new();
        for (date, quote) in quotes {
            if date.year() != year {
                return Err(QuotesError::OtherYear { date, year });
            }
            if quote.currency == base {
                return Err(QuotesError::BaseQuoted { date, base });
            }
            days.entry(date).or_default().push(quote);
        }
        Ok(YearlyQuotes { object, year, base, days })
    }

    /// The year.
    pub fn year(&self) -> i32 {
        self.year
    }

    /// What every rate is the price of.
    pub fn base(&self) -> Currency {
        self.base
    }

    /// The object that holds the quotes.
    pub fn object(&self) -> &RatesObject {
        &self.object
    }

    /// Everything that was quoted, in order of time.
    pub fn days(&self) -> impl Iterator<Item = (Date, &[Quote])> {
        self.days.iter().map(|(date, quotes)| (*date, quotes.as_slice()))
    }

    fn quote(&self, date: Date, currency: Currency) -> Option<Quote> {
        let quotes = self.days.get(&date)?;
        if currency == self.base {
            return Some(Quote { currency, rate: Rate::ONE });
        }
        quotes.iter().find(|quote| quote.currency == currency).copied()
    }
}

/// Why the quotes of a year that exist cannot be used.
pub type UnusableQuotes = String;

/// Everything that one source quoted, or, by default, no source at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rates {
    source: Option<Name>,
    years: BTreeMap<i32, Result<Arc<YearlyQuotes>, UnusableQuotes>>,
}

/// The rates where an issuer names no source.
pub static NO_EXCHANGE_RATES: Rates = Rates { source: None, years: BTreeMap::new() };

impl Rates {
    /// A source that has quoted nothing yet.
    pub fn of(source: Name) -> Self {
        Rates { source: Some(source), years: BTreeMap::new() }
    }

    /// The source; `None` when there is none.
    pub fn source(&self) -> Option<&Name> {
        self.source.as_ref()
    }

    /// What it quoted, by year.
    pub fn years(&self) -> impl Iterator<Item = (i32, &Result<Arc<YearlyQuotes>, UnusableQuotes>)> {
        self.years.iter().map(|(year, quotes)| (*year, quotes))
    }

    /// Takes the quotes of a year in, in the place of those that it knew.
    pub fn put(&mut self, year: i32, quotes: Result<Arc<YearlyQuotes>, UnusableQuotes>) {
        self.years.insert(year, quotes);
    }

    /// Forgets the quotes of a year.
    pub fn remove(&mut self, year: i32) {
        self.years.remove(&year);
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.years.is_empty()
    }

    /// How prices in one currency become amounts in another on a day: by the quotes of the last day on or before it,
    /// at most [`MAX_QUOTE_AGE_DAYS`] earlier, on which both were quoted.
    ///
    /// # Errors
    /// There are no such quotes, or there may be and they cannot be read.
    pub fn conversion(&self, from: Currency, to: Currency, rate_date: Date) -> Result<Conversion, MissingRate> {
        let Some(source) = &self.source else { return Err(MissingRate::NoSource { to }) };
        for age in 0..=u64::from(MAX_QUOTE_AGE_DAYS) {
            let Some(date) = rate_date.checked_sub_days(Days::new(age)) else { break };
            let quotes = match self.years.get(&date.year()) {
                None => continue,
                Some(Err(error)) => return Err(unreadable(source, to, date, error)),
                Some(Ok(quotes)) => quotes,
            };
            if let (Some(from), Some(to)) = (quotes.quote(date, from), quotes.quote(date, to)) {
                let rate = CrossRate { source: source.clone(), quote_date: date, base: quotes.base, from, to };
                return Ok(Conversion { rate, rate_date, object: quotes.object.clone() });
            }
        }
        Err(MissingRate::NoQuote { to, source: source.clone(), date: rate_date })
    }
}

fn unreadable(source: &Name, to: Currency, date: Date, error: &str) -> MissingRate {
    MissingRate::Unreadable { to, object: format!("{source}-{:04}", date.year()).into(), error: error.to_owned() }
}

/// How prices become amounts of another currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion {
    /// By which rate.
    pub rate: CrossRate,
    /// The day whose rate it is.
    pub rate_date: Date,
    /// The object that holds the quotes.
    pub object: RatesObject,
}

/// What one currency is in another, by what one source quoted for both on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossRate {
    /// Who quoted.
    pub source: Name,
    /// The day of the quotes: the day whose rate is asked for, or one shortly before.
    pub quote_date: Date,
    /// What the rates are the prices of.
    pub base: Currency,
    /// The quote of the currency that prices are in.
    pub from: Quote,
    /// The quote of the currency that is paid in.
    pub to: Quote,
}

impl CrossRate {
    /// What one unit of the price's currency is in the other, exactly: through the base, unrounded.
    pub fn ratio(&self) -> Ratio {
        Ratio::from(self.to.rate.decimal()).times(self.from.rate.inverse())
    }

    /// Whether it is between these two.
    pub fn is_between(&self, from: Currency, to: Currency) -> bool {
        (self.from.currency, self.to.currency) == (from, to)
    }

    /// The same in digits for a reader, to 15 decimal places.
    pub fn digits(&self) -> String {
        self.ratio().display(15)
    }
}

/// Why prices cannot be converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingRate {
    /// The group's currency is none.
    NoCurrency,
    /// Its issuer names no source of rates.
    NoSource {
        /// The group's currency.
        to: Currency,
    },
    /// The source quoted the two on no day that counts.
    NoQuote {
        /// The group's currency.
        to: Currency,
        /// The source.
        source: Name,
        /// The day whose rate is wanted.
        date: Date,
    },
    /// The source may have, in an object that cannot be read.
    Unreadable {
        /// The group's currency.
        to: Currency,
        /// The object.
        object: Name,
        /// What is wrong with it.
        error: String,
    },
}

impl fmt::Display for MissingRate {
    /// What is missing and the remedy, as the end of a sentence about a price.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MissingRate::NoCurrency => f.write_str("its group's currency is unknown; correct the group's currency"),
            MissingRate::NoSource { to } => write!(
                f,
                "paid in {to}, and the issuer names no exchange rates; name a source in its spec.exchangeRates, or use a price list in {to}"
            ),
            MissingRate::NoQuote { to, source, date } => {
                let first = date.checked_sub_days(Days::new(MAX_QUOTE_AGE_DAYS.into())).unwrap_or(*date);
                write!(
                    f,
                    "paid in {to}, and the source {source} has no day with both rates from {first} to {date}; add one to ExchangeRates {source}-{:04}, or use a price list in {to}",
                    date.year()
                )
            }
            MissingRate::Unreadable { to, object, error } => {
                write!(f, "paid in {to}, and ExchangeRates {object} cannot be read: {error}; correct it")
            }
        }
    }
}

/// The day whose rate a month's bill takes: the first after the month; while the month runs, the day of the bill.
pub fn rate_date(month: Month, as_of: Timestamp) -> Date {
    as_of.min(month.end()).date_naive()
}
