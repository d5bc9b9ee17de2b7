//! VAT ids: the numbers under which businesses are known to the tax office.
//!
//! An id is checked for its form and check digits without asking anybody. That tells slips of the pen, not whether the id
//! is in use and whose it is: that a person finds out (in the European Union from VIES) and writes down.

mod digits;
mod national;
mod schemes;

use crate::catalog::country::Country;
use schemes::{SCHEMES, Scheme};

/// A VAT id as it is compared and printed: capitals, without separators, with its country's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VatId {
    /// The id: "FI20774740".
    pub value: String,
    /// The country that gave it, where that is known.
    pub country: Option<Country>,
    /// What its form and check digits say.
    pub check: VatCheck,
}

/// What the form and the check digits of a VAT id say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VatCheck {
    /// They are right.
    Passed,
    /// They are wrong.
    Failed,
    /// Nothing: the country's ids cannot be checked here.
    Unknown,
}

impl VatId {
    /// Reads an id as people write it, with separators and without its prefix at that. `home` is the country of the holder's
    /// address. `None` when nothing is written.
    ///
    /// An id of the holder's own country comes first, then what its first two letters say. The ids of other countries may
    /// begin with the same letters: what fails is such an id where the holder is at home in a country that cannot be
    /// checked.
    pub fn read(text: &str, home: Option<Country>) -> Option<VatId> {
        let plain = without_separators(text);
        if plain.is_empty() {
            return None;
        }
        let own = home.and_then(|home| scheme_of(home.of_vat()));
        let named = scheme_named(&plain);
        let candidates = || own.into_iter().chain(named);
        if let Some(passed) = candidates().find_map(|scheme| passed(scheme, &plain)) {
            return Some(passed);
        }
        let elsewhere = own.is_none() && home.is_some();
        Some(match candidates().last().filter(|_| !elsewhere) {
            Some(scheme) => of_scheme(scheme, &plain, VatCheck::Failed),
            None => VatId { value: plain, country: home, check: VatCheck::Unknown },
        })
    }
}

fn without_separators(text: &str) -> String {
    let counts = |character: &char| character.is_ascii_alphanumeric() || matches!(character, '+' | '*');
    text.chars().filter(counts).map(|character| character.to_ascii_uppercase()).collect()
}

fn passed(scheme: &Scheme, plain: &str) -> Option<VatId> {
    scheme.accepts(rest_of(scheme, plain)).then(|| of_scheme(scheme, plain, VatCheck::Passed))
}

fn of_scheme(scheme: &Scheme, plain: &str, check: VatCheck) -> VatId {
    VatId { value: format!("{}{}", scheme.prefix, rest_of(scheme, plain)), country: scheme.country.parse().ok(), check }
}

/// What follows the prefix, if it is there.
fn rest_of<'a>(scheme: &Scheme, plain: &'a str) -> &'a str {
    let rest = plain.strip_prefix(scheme.prefix).or_else(|| plain.strip_prefix(scheme.country));
    rest.unwrap_or(plain)
}

/// The scheme of a country. That of Northern Ireland is the one of a prefix alone.
fn scheme_of(country: Country) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.country == country.code())
}

/// The scheme that the first two letters name.
fn scheme_named(plain: &str) -> Option<&'static Scheme> {
    let begins = |prefix: &str| plain.starts_with(prefix);
    let exact = SCHEMES.iter().find(|scheme| begins(scheme.prefix));
    exact.or_else(|| SCHEMES.iter().find(|scheme| begins(scheme.country)))
}
