//! Who bills, and which of its rules of tax is a buyer's.

use crate::catalog::buyer::Buyer;
use crate::catalog::country::Country;
use crate::catalog::tax_rule::{Area, BuyerKind, ReverseChargeRequires, TaxCategory, TaxRule};
use crate::money::amount::{Currency, Money};
use crate::name::Name;
use crate::time::month::Month;
use crate::uid::Uid;

/// The legal entity that bills, as far as the amounts of an invoice depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Its name.
    pub name: Name,
    /// Its UID.
    pub uid: Uid,
    /// Where it is.
    pub country: Option<Country>,
    /// What an invoice has to come to, to be worth a payment: at most one amount in each currency.
    pub minimum_charges: Vec<Money>,
    /// How it taxes: the first rule that matches. Without any it charges no tax.
    pub tax_rules: Vec<TaxRule>,
    /// What a buyer's VAT id has to be for reverse charge.
    pub reverse_charge_requires: ReverseChargeRequires,
}

impl Issuer {
    /// What an invoice in a currency has to come to.
    pub fn minimum_charge(&self, currency: Currency) -> Option<Money> {
        self.minimum_charges.iter().copied().find(|minimum| minimum.currency() == currency)
    }

    /// The rules that tax a buyer in a month, in order: of each line the first that taxes its service. Those after one that taxes
    /// everything are never asked, so that one is the last.
    ///
    /// Nobody is freed of tax by an oversight: a rule without countries that charges nothing is not for a buyer whose
    /// country is not known, nor for one in a country that a rule in force names.
    pub fn tax_rules_for(&self, buyer: &Buyer, month: Month) -> Vec<&TaxRule> {
        let owes = |rule: &TaxRule| rule.category != TaxCategory::ReverseCharge || self.is_reverse_charged(rule, buyer);
        let mut rules = Vec::new();
        for rule in self.tax_rules.iter().filter(|rule| owes(rule) && self.would_match(rule, buyer, month)) {
            rules.push(rule);
            if rule.service_types.is_empty() {
                break;
            }
        }
        rules
    }

    /// The rule that would tax the service of a buyer, if nothing were asked of the buyer's VAT id.
    pub fn tax_rule_but_for_vat_id(&self, buyer: &Buyer, month: Month, service_type: Option<&str>) -> Option<&TaxRule> {
        self.tax_rules.iter().find(|rule| rule.taxes(service_type) && self.would_match(rule, buyer, month))
    }

    fn would_match(&self, rule: &TaxRule, buyer: &Buyer, month: Month) -> bool {
        let kind = match rule.buyer {
            BuyerKind::Any => true,
            BuyerKind::Business => buyer.business().is_some(),
            BuyerKind::Consumer => buyer.business().is_none(),
        };
        kind && rule.validity.contains(month) && self.reaches(rule, buyer, month)
    }

    /// Whether a rule is for where the buyer is.
    fn reaches(&self, rule: &TaxRule, buyer: &Buyer, month: Month) -> bool {
        let charges = rule.category == TaxCategory::Standard;
        if !rule.areas.is_empty() {
            return rule.names_country_of(buyer) && rule.is_for_place_of(buyer);
        }
        let named =
            || self.tax_rules.iter().any(|other| other.validity.contains(month) && other.names_country_of(buyer));
        charges || (buyer.country().is_some() && !named())
    }

    /// Whether the buyer owes the tax instead of the issuer: it has a VAT id of the country where it is, which is another than the
    /// issuer's unless the rule names that, and the id is as good as the issuer asks.
    fn is_reverse_charged(&self, rule: &TaxRule, buyer: &Buyer) -> bool {
        let (Some(vat), Some(country)) = (buyer.business(), buyer.country()) else { return false };
        let enough = match self.reverse_charge_requires {
            ReverseChargeRequires::Format => vat.is_well_formed(),
            ReverseChargeRequires::Confirmed => vat.finding.is_some(), // a business has no refused one
        };
        let own = vat.id.country.map(Country::of_vat) == Some(country.of_vat());
        let abroad = self.country.map(Country::of_vat) != Some(country.of_vat());
        enough && own && (abroad || rule.areas.contains(&Area::Country(country)))
    }
}
