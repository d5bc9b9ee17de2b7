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

/// The schemes of electronic addresses: the list EAS of the European Commission, as the validation of EN 16931 has it in its version
/// 1.3.16.
pub const ADDRESS_SCHEMES: &str = "\
    0002 0007 0009 0037 0060 0088 0096 0097 0106 0130 0135 0142 0147 0151 0154 0158 0170 0177 0183 0184 0188 0190 0191 \
    0192 0193 0194 0195 0196 0198 0199 0200 0201 0202 0203 0204 0205 0208 0209 0210 0211 0212 0213 0215 0216 0217 0218 \
    0219 0220 0221 0225 0230 0235 0240 0242 0244 0245 0246 0248 9910 9913 9914 9915 9918 9919 9920 9922 9923 9924 9925 \
    9926 9927 9928 9929 9930 9931 9932 9933 9934 9935 9936 9937 9938 9939 9940 9941 9942 9943 9944 9945 9946 9947 9948 \
    9949 9950 9951 9952 9953 9957 9959 AN AQ AS AU EM";

/// The languages of ISO 639-1. Those that only have a code of three letters are not asked for.
pub const LANGUAGES: &str = "\
    aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo \
    es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka \
    kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng \
    nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr ss st \
    su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu";

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

/// The scheme of an electronic address is on the list.
pub(crate) fn address_scheme_rule() -> Rule {
    Rule::new(is_one_of("self.scheme", [ADDRESS_SCHEMES])).message(Message::Expression(
        "'electronicAddress.scheme ' + self.scheme + ' is not on the list EAS of electronic addresses'".to_owned(),
    ))
}

/// A language is one, and its region is a country, where it has one of two letters. `UK` and `EL` are what VAT ids say.
pub(crate) fn language_rule() -> Rule {
    let regions = COUNTRIES.split_whitespace().filter(|code| !["EL", "UK", "XI"].contains(code));
    let languages: Vec<&str> = LANGUAGES.split_whitespace().collect();
    Rule::new(format!(
        "self.matches('^({}|[a-z]{{3}})(-[A-Z][a-z]{{3}})?(-({}|[0-9]{{3}}))?$')",
        languages.join("|"),
        regions.collect::<Vec<_>>().join("|")
    ))
    .message(Message::Expression(
        "self + ' is no tag of a language (BCP 47) with codes of ISO 639 and ISO 3166-1, such as de or pt-BR'"
            .to_owned(),
    ))
}
