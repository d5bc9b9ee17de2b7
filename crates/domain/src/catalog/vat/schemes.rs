//! The table: which countries' VAT ids can be checked, and how.
//!
//! The forms are those that the European Commission publishes for its VAT information exchange system, and for the
//! United Kingdom, Norway and Switzerland their tax offices'. The checks are the countries' own; a test compares every
//! one with another implementation.

use super::digits::{digits, iso_7064_mod_11_10, luhn, modulo_97, number, weighted};
use super::national::{bulgaria, cyprus, czechia, france, great_britain, ireland, latvia, lithuania, slovakia, spain};

/// How the VAT ids of a country look.
#[derive(Debug)]
pub(super) struct Scheme {
    /// What they begin with.
    pub(super) prefix: &'static str,
    /// The country's ISO 3166-1 code.
    pub(super) country: &'static str,
    /// What follows: `#` a digit, `@` a letter, `?` either, and anything else itself.
    pub(super) forms: &'static [&'static str],
    /// Whether the check digits are right, and whatever else a form cannot say.
    pub(super) passes: fn(&str) -> bool,
}

/// The member states of the European Union, Northern Ireland, Great Britain, Norway and Switzerland.
pub(super) const SCHEMES: [Scheme; 31] = [
    Scheme { prefix: "AT", country: "AT", forms: &["U########"], passes: austria },
    Scheme { prefix: "BE", country: "BE", forms: &["##########", "#########"], passes: belgium },
    Scheme { prefix: "BG", country: "BG", forms: &["#########", "##########"], passes: bulgaria },
    Scheme {
        prefix: "CH",
        country: "CH",
        forms: &["E#########MWST", "E#########TVA", "E#########IVA", "E#########TPV"],
        passes: switzerland,
    },
    Scheme { prefix: "CY", country: "CY", forms: &["########@"], passes: cyprus },
    Scheme { prefix: "CZ", country: "CZ", forms: &["########", "#########", "##########"], passes: czechia },
    Scheme { prefix: "DE", country: "DE", forms: &["#########"], passes: germany },
    Scheme { prefix: "DK", country: "DK", forms: &["########"], passes: denmark },
    Scheme { prefix: "EE", country: "EE", forms: &["#########"], passes: estonia },
    Scheme { prefix: "EL", country: "GR", forms: &["#########", "########"], passes: greece },
    Scheme { prefix: "ES", country: "ES", forms: &["?#######?"], passes: spain },
    Scheme { prefix: "FI", country: "FI", forms: &["########"], passes: finland },
    Scheme { prefix: "FR", country: "FR", forms: &["??#########"], passes: france },
    Scheme {
        prefix: "GB",
        country: "GB",
        forms: &["#########", "############", "GD###", "HA###"],
        passes: great_britain,
    },
    Scheme { prefix: "HR", country: "HR", forms: &["###########"], passes: croatia },
    Scheme { prefix: "HU", country: "HU", forms: &["########"], passes: hungary },
    Scheme {
        prefix: "IE",
        country: "IE",
        forms: &["#######@", "#######@@", "#@#####@", "#+#####@", "#*#####@"],
        passes: ireland,
    },
    Scheme { prefix: "IT", country: "IT", forms: &["###########"], passes: italy },
    Scheme { prefix: "LT", country: "LT", forms: &["#########", "############"], passes: lithuania },
    Scheme { prefix: "LU", country: "LU", forms: &["########"], passes: luxembourg },
    Scheme { prefix: "LV", country: "LV", forms: &["###########"], passes: latvia },
    Scheme { prefix: "MT", country: "MT", forms: &["########"], passes: malta },
    Scheme { prefix: "NL", country: "NL", forms: &["#########B##"], passes: netherlands },
    Scheme { prefix: "NO", country: "NO", forms: &["#########MVA"], passes: norway },
    Scheme { prefix: "PL", country: "PL", forms: &["##########"], passes: poland },
    Scheme { prefix: "PT", country: "PT", forms: &["#########"], passes: portugal },
    Scheme {
        prefix: "RO",
        country: "RO",
        forms: &["##", "###", "####", "#####", "######", "#######", "########", "#########", "##########"],
        passes: romania,
    },
    Scheme { prefix: "SE", country: "SE", forms: &["##########01"], passes: sweden },
    Scheme { prefix: "SI", country: "SI", forms: &["########"], passes: slovenia },
    Scheme { prefix: "SK", country: "SK", forms: &["##########"], passes: slovakia },
    // Northern Ireland's are for goods. For services it is outside of the Union, as is all of the United Kingdom.
    Scheme {
        prefix: "XI",
        country: "GB",
        forms: &["#########", "############", "GD###", "HA###"],
        passes: great_britain,
    },
];

impl Scheme {
    /// Whether the rest of an id, after the prefix, has one of the forms and passes the check.
    pub(super) fn accepts(&self, rest: &str) -> bool {
        self.forms.iter().any(|form| has_form(rest, form)) && (self.passes)(rest)
    }
}

fn has_form(text: &str, form: &str) -> bool {
    let fits = |(character, wanted): (char, char)| match wanted {
        '#' => character.is_ascii_digit(),
        '@' => character.is_ascii_uppercase(),
        '?' => character.is_ascii_digit() || character.is_ascii_uppercase(),
        other => character == other,
    };
    text.len() == form.len() && text.chars().zip(form.chars()).all(fits)
}

fn begins_with_zero(digits: &[u32]) -> bool {
    digits.first() == Some(&0)
}

fn austria(rest: &str) -> bool {
    let digits = digits(rest);
    let (body, check) = digits.split_at(digits.len() - 1);
    (luhn(body) + check[0] + 4).is_multiple_of(10)
}

fn belgium(rest: &str) -> bool {
    let digits = digits(rest);
    let (body, check) = digits.split_at(digits.len() - 2);
    let begins = digits.len() == 9 || digits[0] < 2;
    begins && number(&digits) > 0 && (number(body) + number(check)).is_multiple_of(97)
}

fn switzerland(rest: &str) -> bool {
    weighted(&digits(rest), &[5, 4, 3, 2, 7, 6, 5, 4, 1]).is_multiple_of(11)
}

fn germany(rest: &str) -> bool {
    let digits = digits(rest);
    !begins_with_zero(&digits) && iso_7064_mod_11_10(&digits)
}

fn denmark(rest: &str) -> bool {
    let digits = digits(rest);
    !begins_with_zero(&digits) && weighted(&digits, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn estonia(rest: &str) -> bool {
    weighted(&digits(rest), &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

fn greece(rest: &str) -> bool {
    let digits = digits(rest);
    let (body, check) = digits.split_at(digits.len() - 1);
    let doubled = body.iter().fold(0, |sum, digit| sum * 2 + digit) * 2;
    doubled % 11 % 10 == check[0]
}

fn finland(rest: &str) -> bool {
    weighted(&digits(rest), &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11)
}

fn croatia(rest: &str) -> bool {
    iso_7064_mod_11_10(&digits(rest))
}

fn hungary(rest: &str) -> bool {
    weighted(&digits(rest), &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10)
}

/// The three digits before the check are the province of the office.
fn italy(rest: &str) -> bool {
    let digits = digits(rest);
    let province = matches!(number(&digits[7..10]), 1..=100 | 120 | 121 | 888 | 999);
    number(&digits[..7]) > 0 && province && luhn(&digits).is_multiple_of(10)
}

fn luxembourg(rest: &str) -> bool {
    let digits = digits(rest);
    number(&digits[..6]) % 89 == number(&digits[6..])
}

fn malta(rest: &str) -> bool {
    let digits = digits(rest);
    !begins_with_zero(&digits) && weighted(&digits, &[3, 4, 6, 7, 8, 9, 10, 1]).is_multiple_of(37)
}

/// Companies' by the number of the citizens' register; those of the self-employed, since 2020, by ISO 7064, MOD 97-10.
fn netherlands(rest: &str) -> bool {
    let digits = digits(rest);
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    let registered = sum % 11 == digits[8];
    let numbered = number(&digits[..9]) > 0 && number(&digits[9..]) > 0;
    numbered && (registered || modulo_97(&format!("NL{rest}")) == Some(1))
}

fn norway(rest: &str) -> bool {
    weighted(&digits(rest), &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn poland(rest: &str) -> bool {
    let digits = digits(rest);
    weighted(&digits, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == digits[9]
}

fn portugal(rest: &str) -> bool {
    let digits = digits(rest);
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    !begins_with_zero(&digits) && (11 - sum % 11) % 11 % 10 == digits[8]
}

fn romania(rest: &str) -> bool {
    let digits = digits(rest);
    let (body, check) = digits.split_at(digits.len() - 1);
    let weights = [7, 5, 3, 2, 1, 7, 5, 3, 2];
    let sum = weighted(body, &weights[weights.len() - body.len()..]);
    !begins_with_zero(&digits) && sum * 10 % 11 % 10 == check[0]
}

fn sweden(rest: &str) -> bool {
    luhn(&digits(&rest[..10])).is_multiple_of(10)
}

fn slovenia(rest: &str) -> bool {
    let digits = digits(rest);
    let rest = weighted(&digits[..7], &[8, 7, 6, 5, 4, 3, 2]) % 11;
    !begins_with_zero(&digits) && rest != 0 && (11 - rest) % 10 == digits[7]
}
