//! Rules of tax: whom they are for, and what they charge.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use thiserror::Error;

use crate::catalog::buyer::Buyer;
use crate::catalog::country::Country;
use crate::catalog::locality::{PostalCodes, Region};
use crate::money::ratio::Ratio;
use crate::name::Name;
use crate::time::validity::Validity;

/// One rule of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRule {
    /// What it is called.
    pub name: Name,
    /// Where the buyers are; empty for everywhere, see [`Issuer::tax_rules_for`](super::issuer::Issuer::tax_rules_for).
    pub areas: Vec<Area>,
    /// Their postal codes; empty for all.
    pub postal_codes: Vec<PostalCodes>,
    /// Their states or provinces; empty for all.
    pub regions: Vec<Region>,
    /// Who they are.
    pub buyer: BuyerKind,
    /// The types of services that it taxes; empty for everything on the invoice.
    pub service_types: Vec<Name>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// A percentage from 0 to 100, with up to 4 decimals: kept in ten thousandths of one, for it stands on every line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaxRate(u32);

/// What is taxed alike: tax is computed once for all lines of a category and rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaxGroup {
    /// The kind of tax.
    pub category: TaxCategory,
    /// The rate.
    pub rate: TaxRate,
}

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
    /// How it taxes.
    pub fn group(&self) -> TaxGroup {
        TaxGroup { category: self.category, rate: self.rate }
    }

    /// Whether one of its areas has the buyer's country, wherever in that the buyer is.
    pub(super) fn names_country_of(&self, buyer: &Buyer) -> bool {
        self.areas.iter().any(|area| area.contains(buyer))
    }

    /// Whether it is for the place where the buyer is, within a country that it names.
    pub(super) fn is_for_place_of(&self, buyer: &Buyer) -> bool {
        let place = buyer.locality();
        let coded = self.postal_codes.is_empty() || self.postal_codes.iter().any(|codes| place.has_postal_code(codes));
        coded && (self.regions.is_empty() || self.regions.iter().any(|region| place.is_in(region)))
    }

    /// Whether it taxes a service of this type; `None`: a line without a service.
    pub fn taxes(&self, service_type: Option<&str>) -> bool {
        let listed = |kind: &str| self.service_types.iter().any(|listed| listed.as_str() == kind);
        self.service_types.is_empty() || service_type.is_some_and(listed)
    }
}

impl Area {
    fn contains(self, buyer: &Buyer) -> bool {
        match self {
            Area::Eu => buyer.is_in_vat_area(),
            Area::Country(named) => buyer.country() == Some(named),
        }
    }
}

impl TaxGroup {
    /// No tax, for it is none of the tax office's business.
    pub const OUTSIDE_SCOPE: TaxGroup = TaxGroup { category: TaxCategory::OutsideScope, rate: TaxRate::ZERO };
}

impl fmt::Display for TaxGroup {
    /// "S 25.5".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.category.code(), self.rate)
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
    pub const ZERO: TaxRate = TaxRate(0);

    /// The decimals that a rate can have.
    const SCALE: u32 = 4;

    /// This part of a whole.
    pub fn part(self) -> Ratio {
        Ratio::Small { numerator: self.0.into(), denominator: 100 * 10_i128.pow(Self::SCALE) }
    }

    /// The number: 25 for 25 %.
    pub fn decimal(self) -> Decimal {
        Decimal::new(self.0.into(), Self::SCALE).normalize()
    }
}

impl FromStr for TaxRate {
    type Err = TaxRateError;

    fn from_str(text: &str) -> Result<Self, TaxRateError> {
        let number = Decimal::from_str_exact(text).ok().filter(|number| number.scale() <= Self::SCALE);
        let within = number.filter(|number| Decimal::ZERO <= *number && *number <= Decimal::ONE_HUNDRED);
        let scaled = within.and_then(|mut rate| {
            rate.rescale(Self::SCALE);
            u32::try_from(rate.mantissa()).ok()
        });
        scaled.map(TaxRate).ok_or_else(|| TaxRateError(text.to_owned()))
    }
}

impl fmt::Display for TaxRate {
    /// The number, without zeros at the end: "25.5".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.decimal())
    }
}
