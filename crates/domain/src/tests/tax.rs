//! The minimum charge, and tax.

use super::world::*;
use crate::bill::rounding::round_to_zero;
use crate::bill::tally::Tally;
use crate::*;

/// A single charge of this amount, for a buyer, billed by an issuer in Finland with these rules.
fn world(amount: &str, buyer: Buyer, tax_rules: Vec<TaxRule>) -> World {
    let mut world = World::new([Group { buyer, ..group("g") }])
        .project("p", &[segment("2020-01-01", "g")])
        .usage(usage("db", "p", "2020-11-01", "2020-12-01"));
    world.prices = price_list(vec![by_unit("PostgreSQL", amount)]);
    world.issuer = Some(issuer(tax_rules));
    world
}

pub fn issuer(tax_rules: Vec<TaxRule>) -> Issuer {
    Issuer {
        name: name("default"),
        uid: uid("issuer"),
        country: country("FI"),
        minimum_charges: Vec::new(),
        tax_rules,
        reverse_charge_requires: ReverseChargeRequires::Confirmed,
    }
}

fn country(code: &str) -> Option<Country> {
    code.parse().ok()
}

/// A buyer in a country ("" if that is not known), with this VAT id ("" for none).
pub fn buyer(home: &str, vat_id: &str) -> Buyer {
    judged(home, vat_id, None)
}

pub fn judged(home: &str, vat_id: &str, finding: Option<VatFinding>) -> Buyer {
    let vat = VatId::read(vat_id, country(home)).map(|id| BuyerVat { id, finding });
    Buyer::new(country(home), vat)
}

/// A rule for these countries, separated by blanks.
pub fn rule(text: &str, countries: &str, buyer: BuyerKind, category: TaxCategory, rate: &str) -> TaxRule {
    let area = |code: &str| if code == "EU" { Area::Eu } else { Area::Country(code.parse().unwrap()) };
    let untaxed = !matches!(category, TaxCategory::Standard | TaxCategory::ZeroRated);
    TaxRule {
        name: name(text),
        areas: countries.split_ascii_whitespace().map(area).collect(),
        postal_codes: Vec::new(),
        regions: Vec::new(),
        buyer,
        service_types: Vec::new(),
        category,
        rate: rate.parse().unwrap(),
        reason: untaxed.then(|| format!("{text}: no tax")),
        validity: Validity::default(),
    }
}

fn vat(countries: &str, rate: &str) -> TaxRule {
    rule("VAT", countries, BuyerKind::Any, TaxCategory::Standard, rate)
}

fn reverse_charge(countries: &str) -> TaxRule {
    rule("reverse charge", countries, BuyerKind::Business, TaxCategory::ReverseCharge, "0")
}

fn export() -> TaxRule {
    rule("export", "", BuyerKind::Any, TaxCategory::OutsideScope, "0")
}

/// What a Finnish company would have: VAT at home and for consumers in the Union, reverse charge, exports.
fn rules() -> Vec<TaxRule> {
    let consumers = TaxRule { buyer: BuyerKind::Consumer, ..vat("EU", "25.5") };
    vec![vat("FI", "25.5"), reverse_charge("EU"), consumers, export()]
}

/// `category rate % of base: amount`, or what is said instead, or the hold.
fn taxes(bill: &Bill) -> String {
    let shown = |tax: &TaxSubtotal| format!("{} {} % of {}: {}", tax.category.code(), tax.rate, tax.base, tax.amount);
    match (&bill.taxes[..], &bill.holds[..]) {
        ([tax], []) => shown(tax),
        ([], []) => bill.untaxed.unwrap().as_str().to_owned(),
        ([], [hold]) => format!("{}: {}", hold.reason.as_str(), hold.message),
        other => panic!("{other:?}"),
    }
}

fn taxed(buyer: Buyer) -> String {
    taxes(&world("100", buyer, rules()).bill("g", "2020-11"))
}

#[test]
fn golden_11_tax_is_rounded_once() {
    for (amount, rate, tax, total) in [
        ("100", "25.5", "25.50", "125.50"),
        ("615.06", "25.5", "156.84", "771.90"),
        ("127.50", "25", "31.88", "159.38"),
    ] {
        let bill = world(amount, buyer("FI", ""), vec![vat("FI", rate)]).bill("g", "2020-11");
        assert_eq!((bill.tax, bill.total), (money(tax, "USD"), money(total, "USD")), "{rate} % of {amount}");
        assert_eq!(bill.subtotal.checked_add(bill.tax), Some(bill.total));
    }
}

/// A part of Spain outside of the VAT area, and a province with a rate of its own: named by rules before those of the whole country.
#[test]
fn a_rule_is_for_a_part_of_a_country_by_postal_code_or_region() {
    let of_codes = |codes: &[&str]| codes.iter().map(|code| PostalCodes::read(code).unwrap()).collect();
    let islands = rule("islands", "ES", BuyerKind::Any, TaxCategory::OutsideScope, "0");
    let quebec = TaxRule { regions: vec![Region::read("Québec").unwrap()], ..vat("CA", "14.975") };
    let rules =
        vec![TaxRule { postal_codes: of_codes(&["35*", "38001"]), ..islands }, vat("ES", "21"), quebec, vat("CA", "5")];
    for (home, code, region, expected) in [
        ("ES", "35 001", "", "O 0 % of 100.00: 0.00"),
        ("ES", "E-38001", "", "O 0 % of 100.00: 0.00"),
        ("ES", "38002", "", "S 21 % of 100.00: 21.00"),
        ("ES", "28001", "Québec", "S 21 % of 100.00: 21.00"),
        ("ES", "", "", "S 21 % of 100.00: 21.00"),
        ("CA", "35001", "QUÉBEC", "S 14.975 % of 100.00: 14.98"),
        ("CA", "", "Ontario", "S 5 % of 100.00: 5.00"),
    ] {
        let buyer = buyer(home, "").within(Locality::new(Some(code), Some(region)));
        assert_eq!(taxes(&world("100", buyer, rules.clone()).bill("g", "2020-11")), expected, "{home} {code} {region}");
    }
}

#[test]
fn a_tie_goes_up() {
    let bill = world("0.10", buyer("FI", ""), vec![vat("FI", "25")]).bill("g", "2020-11");
    assert_eq!(bill.tax, money("0.03", "USD"), "0.025");
}

#[test]
fn each_buyer_is_taxed_by_the_first_rule_that_is_its() {
    for (buyer, expected) in [
        (buyer("FI", ""), "S 25.5 % of 100.00: 25.50"),
        (judged("FI", "FI20774740", Some(VatFinding::Confirmed)), "S 25.5 % of 100.00: 25.50"),
        (judged("DE", "DE136695976", Some(VatFinding::Confirmed)), "AE 0 % of 100.00: 0.00"),
        (judged("", "DE136695976", Some(VatFinding::Confirmed)), "AE 0 % of 100.00: 0.00"),
        (judged("GR", "EL094259216", Some(VatFinding::Confirmed)), "AE 0 % of 100.00: 0.00"),
        (judged("MC", "FR40303265045", Some(VatFinding::Confirmed)), "AE 0 % of 100.00: 0.00"),
        (buyer("DE", ""), "S 25.5 % of 100.00: 25.50"),
        (buyer("DE", "DE136695977"), "S 25.5 % of 100.00: 25.50"),
        (judged("DE", "DE136695976", Some(VatFinding::Refused)), "S 25.5 % of 100.00: 25.50"),
        (buyer("US", ""), "O 0 % of 100.00: 0.00"),
        (buyer("US", "12-3456789"), "O 0 % of 100.00: 0.00"),
        (buyer("AX", ""), "S 25.5 % of 100.00: 25.50"),
        (buyer("IC", ""), "O 0 % of 100.00: 0.00"),
        (buyer("GB", "XI980780684"), "O 0 % of 100.00: 0.00"),
    ] {
        assert_eq!(taxed(buyer.clone()), expected, "{buyer:?}");
    }
}

#[test]
fn a_buyer_without_a_rule_waits_and_is_told_what_would_help() {
    for (buyer, expected) in [
        (
            buyer("DE", "DE136695976"),
            "NoTaxRule: tax rule reverse charge of InvoiceIssuer default needs the VAT id confirmed in status.vatId (DE136695976), and no other matches a business in DE",
        ),
        (
            judged("FR", "DE136695976", Some(VatFinding::Confirmed)),
            "NoTaxRule: tax rule reverse charge of InvoiceIssuer default needs a VAT id of FR (DE136695976), and no other matches a business in FR",
        ),
        (
            buyer("", ""),
            "NoTaxRule: no tax rule of InvoiceIssuer default matches a consumer whose country is not known; set spec.billingAddress.countryCode",
        ),
    ] {
        assert_eq!(taxed(buyer), expected);
    }
    let finnish = judged("FI", "FI20774740", Some(VatFinding::Confirmed));
    assert_eq!(
        taxes(&world("100", finnish, vec![reverse_charge("EU")]).bill("g", "2020-11")),
        "NoTaxRule: tax rule reverse charge of InvoiceIssuer default needs its country in countries (FI20774740), and no other matches a business in FI"
    );
    let bill = world("100", buyer("SE", ""), vec![vat("FI", "25.5")]).bill("g", "2020-11");
    assert_eq!(
        taxes(&bill),
        "NoTaxRule: no tax rule of InvoiceIssuer default matches a consumer in SE; add one to its spec.taxRules"
    );
    assert_eq!((bill.tax, bill.total), (money("0.00", "USD"), money("100.00", "USD")), "the estimate goes on");
}

#[test]
fn what_reverse_charge_requires_is_the_issuers_choice() {
    for (requires, finding, id, expected) in [
        (ReverseChargeRequires::Confirmed, Some(VatFinding::Confirmed), "DE136695976", "AE"),
        (ReverseChargeRequires::Confirmed, Some(VatFinding::Confirmed), "DE136695977", "AE"),
        (ReverseChargeRequires::Confirmed, None, "DE136695976", "S"),
        (ReverseChargeRequires::Format, None, "DE136695976", "AE"),
        (ReverseChargeRequires::Format, Some(VatFinding::Confirmed), "DE136695977", "AE"),
        (ReverseChargeRequires::Format, Some(VatFinding::Refused), "DE136695976", "S"),
        (ReverseChargeRequires::Format, None, "DE136695977", "S"),
    ] {
        let mut world = world("100", judged("DE", id, finding), vec![reverse_charge("EU"), vat("EU", "19")]);
        world.issuer = world.issuer.map(|issuer| Issuer { reverse_charge_requires: requires, ..issuer });
        let bill = world.bill("g", "2020-11");
        assert_eq!(bill.taxes[0].category.code(), expected, "{requires:?} {finding:?} {id}");
    }
}

#[test]
fn an_id_that_cannot_be_checked_is_enough_for_reverse_charge_only_when_confirmed() {
    for (finding, expected) in [(None, "S"), (Some(VatFinding::Confirmed), "AE")] {
        let mut world = world("100", judged("AU", "51824753556", finding), vec![reverse_charge("AU"), vat("AU", "10")]);
        world.issuer =
            world.issuer.map(|issuer| Issuer { reverse_charge_requires: ReverseChargeRequires::Format, ..issuer });
        assert_eq!(world.bill("g", "2020-11").taxes[0].category.code(), expected);
    }
}

#[test]
fn reverse_charge_is_for_abroad_unless_a_rule_names_the_issuers_own_country() {
    for (countries, expected) in [("EU", "S"), ("FI", "AE"), ("EU FI", "AE"), ("", "S")] {
        let finnish = judged("FI", "FI20774740", Some(VatFinding::Confirmed));
        let bill = world("100", finnish, vec![reverse_charge(countries), vat("", "25.5")]).bill("g", "2020-11");
        assert_eq!(bill.taxes[0].category.code(), expected, "{countries:?}");
    }
}

#[test]
fn monaco_is_not_abroad_for_an_issuer_in_france() {
    for (home, countries, expected) in [("FR", "EU", "S"), ("FR", "MC", "AE"), ("FI", "EU", "AE")] {
        let monegasque = judged("MC", "FR40303265045", Some(VatFinding::Confirmed));
        let mut world = world("100", monegasque, vec![reverse_charge(countries), vat("", "20")]);
        world.issuer = world.issuer.map(|issuer| Issuer { country: country(home), ..issuer });
        assert_eq!(world.bill("g", "2020-11").taxes[0].category.code(), expected, "from {home} to {countries}");
    }
}

#[test]
fn without_an_address_a_buyer_is_where_its_vat_id_says_unless_that_is_wrong() {
    for (vat_id, finding, known) in [
        ("FI20774740", None, true),
        ("FI20774740", Some(VatFinding::Refused), false),
        ("FI20774741", None, false),
        ("FI20774741", Some(VatFinding::Confirmed), true),
    ] {
        let told = taxed(judged("", vat_id, finding));
        let expected = if known { "S 25.5 % of 100.00: 25.50" } else { "NoTaxRule: " };
        assert!(told.starts_with(expected), "{vat_id} {finding:?}: {told}");
    }
}

#[test]
fn a_rate_is_a_percentage_from_zero_to_a_hundred() {
    for good in ["0", "0.0001", "25.5", "100", "100.0000"] {
        assert!(good.parse::<TaxRate>().is_ok(), "{good}");
    }
    for bad in ["-0.0001", "100.0001", "0.00001", "25.50000", "", "5%", "1e1", "ten"] {
        assert!(bad.parse::<TaxRate>().is_err(), "{bad}");
    }
}

#[test]
fn the_european_union_has_27_members_and_monaco_and_aland() {
    let letters = || ('A'..='Z').map(String::from);
    let codes = letters().flat_map(|first| letters().map(move |second| format!("{first}{second}")));
    let countries = codes.filter_map(|code| code.parse::<Country>().ok()).filter(|country| country.is_eu());
    let found: std::collections::BTreeSet<String> = countries.map(|country| country.to_string()).collect();
    let members = "AT AX BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE SI SK";
    assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), members);
}

#[test]
fn nobody_is_freed_of_tax_by_an_oversight() {
    let all = |category, rate| rule("all", "", BuyerKind::Any, category, rate);
    // Whose country is not known is taxed where everybody is, and else waits.
    for (rule, category) in [(all(TaxCategory::Standard, "20"), Some("S")), (export(), None), (vat("FI", "20"), None)] {
        let bill = world("100", Buyer::default(), vec![rule]).bill("g", "2020-11");
        assert_eq!(bill.taxes.first().map(|tax| tax.category.code()), category);
    }
    // An export is not for a country that a rule names, before it or after it, for businesses or consumers.
    let consumers = rule("German consumers", "DE", BuyerKind::Consumer, TaxCategory::Standard, "19");
    for rules in [vec![consumers.clone(), export()], vec![export(), consumers.clone()]] {
        let german = || buyer("DE", "DE136695976");
        assert!(taxes(&world("100", german(), rules.clone()).bill("g", "2020-11")).starts_with("NoTaxRule"));
        let mut over = rules.clone();
        over.iter_mut().filter(|rule| rule.category == TaxCategory::Standard).for_each(|rule| {
            rule.validity.last = Some(month("2020-10"));
        });
        assert!(taxes(&world("100", german(), over).bill("g", "2020-11")).starts_with('O'), "it is not in force");
        assert!(taxes(&world("100", buyer("US", ""), rules).bill("g", "2020-11")).starts_with('O'));
    }
}

#[test]
fn a_rule_is_in_force_from_its_first_month_to_its_last() {
    // Finland went from 24 to 25.5 % with September 2024; here it is November 2020.
    let old = TaxRule { validity: Validity { first: None, last: Some(month("2020-11")) }, ..vat("FI", "24") };
    let new = TaxRule { validity: Validity { first: Some(month("2020-12")), last: None }, ..vat("FI", "25.5") };
    let world = world("100", buyer("FI", ""), vec![new, old]).usage(usage("late", "p", "2020-12-05", "2020-12-06"));
    assert_eq!(world.bill("g", "2020-11").tax, money("24.00", "USD"));
    assert_eq!(world.bill("g", "2020-12").tax, money("25.50", "USD"));
}

#[test]
fn what_is_not_taxed_says_why() {
    let reason = |bill: &Bill| bill.taxes[0].reason.clone();
    let bill = world("100", buyer("US", ""), rules()).bill("g", "2020-11");
    assert_eq!(reason(&bill).as_deref(), Some("export: no tax"));
    let bill = world("100", buyer("FI", ""), rules()).bill("g", "2020-11");
    assert_eq!(reason(&bill), None);
    let mut chargeback = world("100", buyer("FI", ""), Vec::new());
    assert_eq!(taxes(&chargeback.bill("g", "2020-11")), "No tax is charged: the issuer taxes nothing.");
    chargeback.issuer = None;
    assert_eq!(taxes(&chargeback.bill("g", "2020-11")), "Tax is not known: there is no issuer.");
}

#[test]
fn nothing_to_tax_needs_no_rule_but_says_what_rule_there_is() {
    assert_eq!(taxes(&world("0", Buyer::default(), rules()).bill("g", "2020-11")), "There is nothing to tax.");
    assert_eq!(taxes(&world("0", buyer("FI", ""), rules()).bill("g", "2020-11")), "S 25.5 % of 0.00: 0.00");
}

#[test]
fn less_than_the_minimum_is_not_charged() {
    for (amount, minimum, rounding) in [
        ("0.99", "1.00", Some("-0.99")),
        ("1.00", "1.00", None),
        ("0.01", "1.00", Some("-0.01")),
        ("0", "1.00", None),
        ("5", "0.00", None),
    ] {
        let mut world = world(amount, buyer("FI", ""), rules());
        let minimum_charges = vec![money("7.00", "EUR"), money(minimum, "USD")];
        world.issuer = world.issuer.map(|issuer| Issuer { minimum_charges, ..issuer });
        let bill = world.bill("g", "2020-11");
        assert_eq!(bill.items.first().map(|item| item.total), rounding.map(|text| money(text, "USD")), "{amount}");
        if let Some(item) = bill.items.first() {
            assert_eq!(item.kind, LineType::Rounding);
            assert_eq!(item.description, format!("{amount} USD is below the minimum charge of 1.00 USD"));
            assert_eq!((bill.subtotal, bill.total), (money("0.00", "USD"), money("0.00", "USD")));
        }
    }
}

#[test]
fn the_minimum_is_looked_at_after_credits_and_before_tax() {
    let mut world = world("10", buyer("FI", ""), rules());
    world.credits = vec![offer("welcome", "9.50")];
    world.issuer = world.issuer.map(|issuer| Issuer { minimum_charges: vec![money("1.00", "USD")], ..issuer });
    let bill = world.bill("g", "2020-11");
    let kinds: Vec<_> = bill.items.iter().map(|item| (item.kind, item.total)).collect();
    let (credit, rounding) = (money("-9.50", "USD"), money("-0.50", "USD"));
    assert_eq!(kinds, [(LineType::CreditConsumption, credit), (LineType::Rounding, rounding)]);
    assert_eq!(bill.total, money("0.00", "USD"));
}

#[test]
fn what_is_below_zero_is_not_rounded_away() {
    let mut world = world("1", buyer("FI", ""), rules());
    let minimum_charges = vec![money("1.00", "USD")];
    world.issuer = world.issuer.map(|issuer| Issuer { minimum_charges, ..issuer });
    let terms = world.input("g", "2020-11", at("2020-12-01")).terms().unwrap();
    let below = ServiceSum { project: name("p"), tax: terms.tax.general(), total: money("-0.01", "USD") };
    let mut tally = Tally::new(currency("USD"), &[below]).unwrap();
    round_to_zero(&terms, &mut tally).unwrap();
    assert_eq!((tally.net(), tally.into_items()), (money("-0.01", "USD"), Vec::new()));
}

#[test]
fn tax_that_is_too_much_for_a_document_is_refused() {
    let world = world("99999999.99999999", buyer("FI", ""), vec![vat("FI", "100")]);
    let huge = Usage { quantity: decimal("99999"), ..usage("db", "p", "2020-11-01", "2020-12-01") };
    let world = world.usage(huge);
    let input = world.input("g", "2020-11", at("2020-12-01"));
    assert!(matches!(bill_group_month(&input), Err(BillError::Overflow { .. })));
}
