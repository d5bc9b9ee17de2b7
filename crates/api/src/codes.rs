//! The codes of currencies and countries that may be written, and the rules of definitions that say so.
//!
//! A test of the crate `billing-state` compares them with what billing knows. What is stored may be older: documents are
//! not asked.

use kube_core::{Message, Rule};

/// The currencies in use, by how many decimals their amounts have.
pub const CURRENCIES: [(u32, &str); 3] = [
    (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"),
    (
        2,
        "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP \
         CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES \
         KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK \
         NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB \
         TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG",
    ),
    (3, "BHD IQD JOD KWD LYD OMR TND"),
];

/// The countries of ISO 3166-1 and `XK`, with what VAT ids say instead (`EL`, `UK`, `XI`).
pub const COUNTRIES: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA \
    CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EA EC EE EG EH EL ER ES ET FI FJ FK FM FO FR \
    GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU IC ID IE IL IM IN IO IQ IR IS IT JE JM JO \
    JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
    MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO \
    RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV \
    TW TZ UA UG UK UM US UY UZ VA VC VE VG VI VN VU WF WS XI XK YE YT ZA ZM ZW";

/// CEL: whether a text is one of these codes.
fn is_one_of<'a>(text: &str, codes: impl IntoIterator<Item = &'a str>) -> String {
    let codes: Vec<&str> = codes.into_iter().flat_map(str::split_whitespace).collect();
    format!("{text}.matches('^({})$')", codes.join("|"))
}

fn currencies_with(digits: u32) -> impl Iterator<Item = &'static str> {
    CURRENCIES.into_iter().filter(move |(decimals, _)| *decimals == digits).map(|(_, codes)| codes)
}

/// A code is that of a currency in use.
pub(crate) fn currency_rule() -> Rule {
    Rule::new(is_one_of("self", CURRENCIES.into_iter().map(|(_, codes)| codes)))
        .message(Message::Expression("self + ' is no currency of ISO 4217 that is in use'".to_owned()))
}

/// The currency of an amount is one in use.
pub(crate) fn currency_of_amount_rule() -> Rule {
    Rule::new(is_one_of("self.currency", CURRENCIES.into_iter().map(|(_, codes)| codes)))
        .message(Message::Expression("self.currency + ' is no currency of ISO 4217 that is in use'".to_owned()))
}

/// An amount has no more decimals than its currency.
pub(crate) fn decimals_rule() -> Rule {
    let (none, three) =
        (is_one_of("self.currency", currencies_with(0)), is_one_of("self.currency", currencies_with(3)));
    Rule::new(format!("!self.amount.contains('.') || self.amount.split('.')[1].size() <= ({none} ? 0 : {three} ? 3 : 2)"))
        .message(Message::Expression(format!(
            "self.amount + ' ' + self.currency + ': ' + self.currency + ({none} ? ' has no decimals' : {three} ? ' has 3 decimals' : ' has 2 decimals')"
        )))
}

/// The country of an address is one.
pub(crate) fn country_rule() -> Rule {
    Rule::new(format!("!has(self.countryCode) || {}", is_one_of("self.countryCode", [COUNTRIES])))
        .message(Message::Expression("'countryCode ' + self.countryCode + ' is no country of ISO 3166-1'".to_owned()))
}

/// The countries of a tax rule are some, or all of the EU.
pub(crate) fn tax_countries_rule() -> Rule {
    let known = is_one_of("c", ["EU", COUNTRIES]);
    Rule::new(format!("!has(self.countries) || self.countries.all(c, {known})")).message(Message::Expression(format!(
        "'countries: ' + self.countries.filter(c, !{known})[0] + ' is no country of ISO 3166-1'"
    )))
}
