//! Rules of tax: whom they are for, and what they charge.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use thiserror::Error;

use crate::catalog::country::Country;
use crate::money::ratio::Ratio;
use crate::name::Name;
use crate::time::validity::Validity;

/// One rule of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRule {
    /// What it is called.
    pub name: Name,
    /// Where the buyers are; empty for everywhere, see [`Issuer::tax_rule_for`](super::issuer::Issuer::tax_rule_for).
    pub areas: Vec<Area>,
    /// Who they are.
    pub buyer: BuyerKind,
    /// What kind of tax it is.
    pub category: TaxCategory,
    /// How much it is.
    pub rate: TaxRate,
    /// Why no tax is charged; printed.
    pub reason: Option<String>,
    /// When it is in force.
    pub validity: Validity,
}

/// One country or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// The VAT area of the European Union.
    Eu,
    /// A country.
    Country(Country),
}

/// Whom a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BuyerKind {
    /// Who has a VAT id.
    Business,
    /// Who has none, or an invalid one.
    Consumer,
    /// Everybody.
    Any,
}

/// The kind of a tax, as UNTDID 5305 and EN 16931 have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TaxCategory {
    /// S: at a rate.
    Standard,
    /// Z: at the rate zero.
    ZeroRated,
    /// E: exempt.
    Exempt,
    /// AE: owed by the buyer.
    ReverseCharge,
    /// O: outside the scope of tax.
    OutsideScope,
}

/// A percentage from 0 to 100, with up to 4 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TaxRate(Decimal);

/// A text that is no rate of tax.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not a percentage from 0 to 100, with at most 4 decimals")]
pub struct TaxRateError(pub String);

/// What a buyer's VAT id has to be for reverse charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReverseChargeRequires {
    /// Its form and check digits are known to be right.
    Format,
    /// A person confirmed it.
    Confirmed,
}

impl TaxRule {
    /// Whether one of its areas has the country.
    pub(super) fn names(&self, country: Country) -> bool {
        self.areas.iter().any(|area| area.contains(country))
    }
}

impl Area {
    fn contains(self, country: Country) -> bool {
        match self {
            Area::Eu => country.is_eu(),
            Area::Country(named) => named == country,
        }
    }
}

impl TaxCategory {
    /// Its code.
    pub fn code(self) -> &'static str {
        match self {
            TaxCategory::Standard => "S",
            TaxCategory::ZeroRated => "Z",
            TaxCategory::Exempt => "E",
            TaxCategory::ReverseCharge => "AE",
            TaxCategory::OutsideScope => "O",
        }
    }
}

impl TaxRate {
    /// No tax.
    pub const ZERO: TaxRate = TaxRate(Decimal::ZERO);

    /// This part of a whole.
    pub fn part(self) -> Ratio {
        Ratio::from(self.0).times(Ratio::Small { numerator: 1, denominator: 100 })
    }

    /// The number: 25 for 25 %.
    pub fn decimal(self) -> Decimal {
        self.0
    }
}

impl FromStr for TaxRate {
    type Err = TaxRateError;

    fn from_str(text: &str) -> Result<Self, TaxRateError> {
        let number = Decimal::from_str_exact(text).ok().filter(|number| number.scale() <= 4);
        let within = number.filter(|number| Decimal::ZERO <= *number && *number <= Decimal::ONE_HUNDRED);
        within.map(|rate| TaxRate(rate.normalize())).ok_or_else(|| TaxRateError(text.to_owned()))
    }
}

impl fmt::Display for TaxRate {
    /// The number, without zeros at the end: "25.5".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
