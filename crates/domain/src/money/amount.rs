//! Amounts of money: whole minor units of a currency, never a fraction of one.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use tinystr::TinyAsciiStr;

use crate::money::ratio::Ratio;

/// A currency: one of ISO 4217 that is in use as money, or one that a stored document is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    /// Three capital letters.
    code: TinyAsciiStr<3>,
    digits: u8,
}

/// A code that is no currency in use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CurrencyError {
    /// ISO 4217 does not know it, or it is no money (gold, testing, a unit of account).
    #[error("{0:?} is not an ISO 4217 currency")]
    Unknown(String),
    /// It is the code of a fund: what something is reckoned in, and nothing is paid in.
    #[error("{0} is the code of a fund, in which nothing is paid; use a currency")]
    Fund(String),
    /// It was money once.
    #[error("the currency {0} is withdrawn; use {1}")]
    Withdrawn(String, &'static str),
}

/// A text that is no amount of the currency.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct AmountError {
    /// What was read.
    pub text: String,
    /// The currency it should be an amount of.
    pub currency: Currency,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, currency } = self;
        let decimals = text.split_once('.').map_or("", |(_, decimals)| decimals);
        match (decimals.len() > currency.digits() as usize, currency.digits()) {
            (false, _) => write!(f, "{text:?} is not an amount of {currency}"),
            (true, 0) => write!(f, "{text} {currency}: {currency} has no decimals"),
            (true, digits) => write!(f, "{text} {currency}: {currency} has {digits} decimals"),
        }
    }
}

impl Currency {
    /// The three-letter code.
    pub fn code(&self) -> &str {
        self.code.as_str()
    }

    /// How many decimal digits its amounts have.
    pub fn digits(self) -> u32 {
        self.digits.into()
    }

    /// The currency of an amount that is stored: it has the digits of that amount, and may have been withdrawn since. What is
    /// written anew is read by [`from_str`](Self::from_str), which takes only what is in use.
    ///
    /// # Errors
    /// The code is not three capital letters, or the amount has more decimals than any currency.
    pub fn of_amount(code: &str, amount: &str) -> Result<Self, CurrencyError> {
        let unknown = || CurrencyError::Unknown(code.to_owned());
        let digits = amount.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let digits = u8::try_from(digits).ok().filter(|digits| *digits <= MAX_DIGITS).ok_or_else(unknown)?;
        let capitals = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        let code = TinyAsciiStr::try_from_str(code).ok().filter(|_| capitals).ok_or_else(unknown)?;
        Ok(Currency { code, digits })
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        let unknown = || CurrencyError::Unknown(text.to_owned());
        if FUNDS.contains(&text) {
            return Err(CurrencyError::Fund(text.to_owned()));
        }
        let code = iso_currency::Currency::from_code(text).ok_or_else(unknown)?;
        // VES: both bolivars are in the standard, the list takes one for the other's successor.
        if let Some(successor) = code.is_superseded()
            && code != iso_currency::Currency::VES
        {
            return Err(CurrencyError::Withdrawn(text.to_owned(), successor.code()));
        }
        let digits = code.exponent().filter(|_| !code.is_special() && !code.is_fund()).ok_or_else(unknown)?;
        let digits = u8::try_from(digits).map_err(|_| unknown())?;
        let code = TinyAsciiStr::try_from_str(code.code()).map_err(|_| unknown())?;
        Ok(Currency { code, digits })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The codes of funds in ISO 4217.
const FUNDS: [&str; 9] = ["BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW"];

/// The most decimal digits that any currency has, or had.
const MAX_DIGITS: u8 = 4;

/// The most digits before the decimal point of an amount.
const MAJOR_DIGITS: u32 = 13;

/// An amount of money.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// The largest amount that a document can carry, in minor units: 13 digits before the point, as the
    /// schema of a document has it, which also keeps the API server's sums within 64 bits.
    pub fn limit(currency: Currency) -> i128 {
        10_i128.pow(MAJOR_DIGITS + currency.digits()) - 1
    }

    /// Nothing.
    pub fn zero(currency: Currency) -> Self {
        Money { minor: 0, currency }
    }

    /// So many minor units (cents); `None` beyond [`Money::limit`] either way.
    pub fn new(minor: i128, currency: Currency) -> Option<Self> {
        let within = minor.unsigned_abs() <= Money::limit(currency).unsigned_abs();
        let minor = i64::try_from(minor).ok().filter(|_| within)?;
        Some(Money { minor, currency })
    }

    /// Reads an amount with exactly the currency's digits: "0.83", "-12.00", "1250" for JPY.
    ///
    /// # Errors
    /// Any other form, and amounts beyond [`Money::limit`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        parse_minor(text, currency.digits())
            .and_then(|minor| Money::new(minor, currency))
            .ok_or_else(|| AmountError { text: text.to_owned(), currency })
    }

    /// Reads an amount as people write it: with at most as many decimal digits as the currency has, "500" or "0.5".
    ///
    /// # Errors
    /// Any other form, and amounts beyond [`Money::limit`].
    pub fn parse_plain(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let padded = format!("{fraction:0<width$}", width = currency.digits() as usize);
        let point = if padded.is_empty() { "" } else { "." };
        let dangling = text.ends_with('.');
        let read = Money::parse(&format!("{whole}{point}{padded}"), currency).ok().filter(|_| !dangling);
        read.ok_or_else(|| AmountError { text: text.to_owned(), currency })
    }

    /// The amount in minor units (cents).
    pub fn minor(self) -> i128 {
        self.minor.into()
    }

    /// The same, in the width that it is kept in.
    pub(crate) fn stored_minor(self) -> i64 {
        self.minor
    }

    /// The amount in major units (dollars), exactly.
    pub fn exact(self) -> Ratio {
        let denominator = 10_i128.pow(self.currency.digits());
        Ratio::Small { numerator: self.minor(), denominator }
    }

    /// Its currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The sum; `None` beyond [`Money::limit`] and for two currencies.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        if self.currency != other.currency {
            return None;
        }
        Money::new(self.minor() + other.minor(), self.currency)
    }

    /// The difference; `None` beyond [`Money::limit`] and for two currencies.
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.checked_add(other.negated())
    }

    /// The same amount the other way.
    #[must_use]
    pub fn negated(self) -> Money {
        Money { minor: -self.minor, currency: self.currency } // within the limit, which is symmetric
    }
}

fn parse_minor(text: &str, digits: u32) -> Option<i128> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) if digits > 0 => (whole, fraction),
        None if digits == 0 => (unsigned, ""),
        _ => return None,
    };
    let canonical = whole == "0" || (!whole.is_empty() && !whole.starts_with('0'));
    let only_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !canonical || !only_digits || fraction.len() != digits as usize {
        return None;
    }
    let minor: i128 = format!("{whole}{fraction}").parse().ok()?;
    let negative_zero = negative && minor == 0;
    (!negative_zero).then_some(if negative { -minor } else { minor })
}

/// The one rounding of the house: an exact amount in major units (dollars) to the currency's digits,
/// half away from zero. `None` beyond [`Money::limit`].
pub fn round_half_away(exact: &Ratio, currency: Currency) -> Option<Money> {
    Money::new(exact.units(currency.digits())?, currency)
}

impl fmt::Display for Money {
    /// The amount with exactly the currency's digits, without its code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.currency.digits() as usize;
        let sign = if self.minor < 0 { "-" } else { "" };
        let padded = format!("{:0width$}", self.minor.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = padded.split_at(padded.len() - digits);
        let point = if digits > 0 { "." } else { "" };
        f.pad(&format!("{sign}{whole}{point}{fraction}"))
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.currency)
    }
}
