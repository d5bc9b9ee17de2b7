//! Countries, by their codes of two letters.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A country by its ISO 3166-1 code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(&'static str);

/// A text that is no country.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not the ISO 3166-1 code of a country")]
pub struct CountryError(pub String);

/// Every code that is assigned; and what nobody assigns and addresses have all the same: `XK`, which banks and the European
/// Commission use for Kosovo, and `IC` and `EA`, which the standard reserves for the Canary Islands and for Ceuta and Melilla.
const CODES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ \
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EA EC EE EG EH ER ES ET FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU IC ID IE IL IM IN IO IQ IR IS IT JE JM JO \
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO \
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV \
    TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// The member states; Monaco, which counts as France (Council Directive 2006/112/EC, Article 7); and Åland, which is outside
/// of the area (Article 6) and where Finland taxes services all the same (Act 1266/1996). Other territories outside of it
/// that have a code of their own (GP, MQ, IC, …) are not here.
const EU: &str = "AT AX BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE SI SK";

impl Country {
    /// The code.
    pub fn code(&self) -> &str {
        self.0
    }

    /// Whether it belongs to the VAT area of the European Union, but for what of it lies outside: see
    /// [`Locality`](super::locality::Locality).
    pub fn is_eu(self) -> bool {
        EU.split_ascii_whitespace().any(|code| code == self.code())
    }

    /// The country whose VAT it levies: Monaco has France's, Åland Finland's for services, the Isle of Man the United Kingdom's.
    #[must_use]
    pub fn of_vat(self) -> Country {
        match self.0 {
            "MC" => Country("FR"),
            "AX" => Country("FI"),
            "IM" => Country("GB"),
            _ => self,
        }
    }
}

impl FromStr for Country {
    type Err = CountryError;

    /// Reads a code of ISO 3166-1, and what VAT numbers say instead: `EL` is Greece, `UK` and `XI` the United Kingdom.
    fn from_str(text: &str) -> Result<Self, CountryError> {
        let code = match text {
            "EL" => "GR",
            "UK" | "XI" => "GB",
            code => code,
        };
        let known = CODES.split_ascii_whitespace().find(|known| *known == code);
        known.map(Country).ok_or_else(|| CountryError(text.to_owned()))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}
