//! Where in its country a buyer is, as far as tax depends on it: the postal code and the region of its address.

use crate::catalog::country::Country;

/// The postal code and the region of an address. By default nothing is known of both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Locality {
    postal_code: Option<String>,
    region: Option<String>,
}

/// Postal codes that a rule is for: one, or all that begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostalCodes {
    code: String,
    is_prefix: bool,
}

/// A state or province that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

impl Locality {
    /// A place as an address has it.
    pub fn new(postal_code: Option<&str>, region: Option<&str>) -> Self {
        let known = |text: String| (!text.is_empty()).then_some(text);
        Locality {
            postal_code: postal_code.map(normal_code).and_then(known),
            region: region.map(normal_region).and_then(known),
        }
    }

    /// Whether the address has one of these postal codes.
    pub fn has_postal_code(&self, codes: &PostalCodes) -> bool {
        let PostalCodes { code, is_prefix } = codes;
        self.postal_code.as_ref().is_some_and(|known| known == code || (*is_prefix && known.starts_with(code.as_str())))
    }

    /// Whether the address is in this region.
    pub fn is_in(&self, region: &Region) -> bool {
        self.region.as_ref() == Some(&region.0)
    }

    /// The digits of the postal code, for countries whose codes are nothing else.
    fn digits(&self) -> Option<String> {
        let digits = self.postal_code.as_ref()?.chars().filter(char::is_ascii_digit);
        Some(digits.collect())
    }
}

impl PostalCodes {
    /// One postal code ("78266"), or with an asterisk at its end all that begin so ("35*"). `None` when nothing is left of the text.
    pub fn read(text: &str) -> Option<Self> {
        let (text, is_prefix) = text.trim().strip_suffix('*').map_or((text, false), |prefix| (prefix, true));
        let code = normal_code(text);
        (!code.is_empty()).then_some(PostalCodes { code, is_prefix })
    }
}

impl Region {
    /// A region by its name, as addresses write it. `None` for an empty one.
    pub fn read(text: &str) -> Option<Self> {
        let text = normal_region(text);
        (!text.is_empty()).then_some(Region(text))
    }
}

/// A postal code without blanks, signs and the letters of the country that people put before it: `D-78266` is 78266.
fn normal_code(text: &str) -> String {
    let text = text.trim();
    let bare = match text.split_once('-') {
        Some((country, rest)) if is_country_sign(country.trim()) => rest,
        _ => text,
    };
    bare.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
}

/// The sign of a country before a postal code: up to three letters.
fn is_country_sign(text: &str) -> bool {
    (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn normal_region(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The parts of member states that are outside of the VAT area and share their country's code, by postal code: Council
/// Directive 2006/112/EC, Article 6. (Åland is outside for goods only: Finland taxes services there, and nothing here
/// bills anything else. The Azores, Madeira, Jungholz and the Kleinwalsertal are inside.)
const OUTSIDE_OF_THE_VAT_AREA: [(&str, &[&str]); 5] = [
    // Büsingen; Heligoland.
    ("DE", &["78266", "27498"]),
    // The Canary Islands: Las Palmas, Santa Cruz de Tenerife. Ceuta. Melilla.
    ("ES", &["35*", "38*", "51*", "52*"]),
    // Guadeloupe, Martinique, Guiana, Réunion, Mayotte, and what else lies overseas. 980 is Monaco.
    ("FR", &["97*", "984*", "986*", "987*", "988*"]),
    // Mount Athos: Karyes, Dafni.
    ("GR", &["63086", "63087"]),
    // Livigno; Campione d'Italia.
    ("IT", &["23041", "22061"]),
];

/// Whether a place in a country is within the VAT area of the European Union.
pub(crate) fn is_in_vat_area(country: Country, locality: &Locality) -> bool {
    country.is_eu() && !is_outside(country, locality)
}

fn is_outside(country: Country, locality: &Locality) -> bool {
    let Some(digits) = locality.digits() else { return false };
    let codes = OUTSIDE_OF_THE_VAT_AREA.iter().find(|(code, _)| *code == country.code()).map(|(_, codes)| *codes);
    codes.unwrap_or(&[]).iter().any(|code| match code.strip_suffix('*') {
        Some(prefix) => digits.starts_with(prefix),
        None => digits == *code,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postal_code_is_read_as_people_write_it() {
        for (written, pattern, matches) in [
            ("D-78266", "78266", true),
            ("78266", "D-78266", true),
            ("38 314", "38*", true),
            ("sw1a 1aa", "SW1A*", true),
            ("SE-113 59", "11359", true),
            ("00-950", "00950", true),
            ("78267", "78266", false),
            ("7826", "78266*", false),
            ("178266", "78266*", false),
            ("", "78266*", false),
        ] {
            let locality = Locality::new(Some(written), None);
            assert_eq!(locality.has_postal_code(&PostalCodes::read(pattern).unwrap()), matches, "{written} {pattern}");
        }
        assert_eq!([PostalCodes::read(" - "), PostalCodes::read("*")], [None, None]);
    }

    #[test]
    fn a_region_is_the_same_in_capitals_and_with_more_blanks() {
        let locality = Locality::new(None, Some("  British   COLUMBIA "));
        assert!(locality.is_in(&Region::read("British Columbia").unwrap()));
        assert!(!locality.is_in(&Region::read("Columbia").unwrap()));
        assert_eq!(Region::read("  "), None);
    }

    #[test]
    fn the_vat_area_ends_where_the_directive_says() {
        let is_inside = |country: &str, code: &str| {
            is_in_vat_area(country.parse().unwrap(), &Locality::new((!code.is_empty()).then_some(code), None))
        };
        for (country, code) in [
            ("ES", "35001"),
            ("ES", "E-38 314"),
            ("ES", "51001"),
            ("ES", "52001"),
            ("DE", "D 78266"),
            ("DE", "27498"),
            ("IT", "I-23041"),
            ("IT", "22061"),
            ("GR", "630 86"),
            ("GR", "63087"),
            ("FR", "97110"),
            ("FR", "98800"),
            ("GP", ""),
            ("IC", "35001"),
            ("EA", ""),
            ("GB", "IM1 1AA"),
        ] {
            assert!(!is_inside(country, code), "{country} {code}");
        }
        for (country, code) in [
            ("ES", "28013"),
            ("ES", ""),
            ("DE", "78262"),
            ("IT", "23030"),
            ("GR", "63100"),
            ("FR", "98000"),
            ("MC", "98000"),
            ("FI", "22100"),
            ("AX", "22100"),
            ("PT", "9000-082"),
        ] {
            assert!(is_inside(country, code), "{country} {code}");
        }
    }
}
