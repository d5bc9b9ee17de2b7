//! Rules of tax: whom they are for, and what they charge.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use thiserror::Error;

use crate::catalog::buyer::Buyer;
use crate::catalog::country::Country;
use crate::catalog::issuer::Issuer;
use crate::money::product::Ratio;
use crate::name::Name;
use crate::time::month::Month;
use crate::time::validity::Validity;

/// One rule of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRule {
    /// What it is called.
    pub name: Name,
    /// Where the buyers are; empty for everywhere, see `TaxRule::reaches`.
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
    /// Whether the rule is the buyer's in a month, which takes no more than its being the first.
    pub fn matches(&self, issuer: &Issuer, buyer: &Buyer, month: Month) -> bool {
        let owes = self.category != TaxCategory::ReverseCharge || is_reverse_charged(self, issuer, buyer);
        owes && self.would_match(issuer, buyer, month)
    }

    /// Whether it would, if nothing were asked of the buyer's VAT id.
    pub(super) fn would_match(&self, issuer: &Issuer, buyer: &Buyer, month: Month) -> bool {
        let kind = match self.buyer {
            BuyerKind::Any => true,
            BuyerKind::Business => buyer.business().is_some(),
            BuyerKind::Consumer => buyer.business().is_none(),
        };
        kind && self.validity.contains(month) && self.reaches(issuer, buyer, month)
    }

    /// Whether it is for where the buyer is.
    ///
    /// Nobody is freed of tax by an oversight: a rule without countries that charges nothing is not for a buyer whose
    /// country is not known, nor for one in a country that a rule in force names.
    fn reaches(&self, issuer: &Issuer, buyer: &Buyer, month: Month) -> bool {
        let everywhere = self.areas.is_empty();
        match buyer.country() {
            None => everywhere && self.category == TaxCategory::Standard,
            Some(_) if everywhere && self.category == TaxCategory::Standard => true,
            Some(country) if everywhere => {
                !issuer.tax_rules.iter().any(|rule| rule.validity.contains(month) && rule.names(country))
            }
            Some(country) => self.names(country),
        }
    }

    fn names(&self, country: Country) -> bool {
        self.areas.iter().any(|area| area.contains(country))
    }
}

/// Whether the buyer owes the tax instead of the issuer: it has a VAT id of the country where it is, which is another than the
/// issuer's unless the rule names that, and the id is as good as the issuer asks.
fn is_reverse_charged(rule: &TaxRule, issuer: &Issuer, buyer: &Buyer) -> bool {
    let (Some(vat), Some(country)) = (buyer.business(), buyer.country()) else { return false };
    let enough = match issuer.reverse_charge_requires {
        ReverseChargeRequires::Format => vat.is_well_formed(),
        ReverseChargeRequires::Confirmed => vat.finding.is_some(), // a business has no refused one
    };
    let own = vat.id.country.map(Country::of_vat) == Some(country.of_vat());
    let abroad = issuer.country.map(Country::of_vat) != Some(country.of_vat());
    enough && own && (abroad || rule.areas.contains(&Area::Country(country)))
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
