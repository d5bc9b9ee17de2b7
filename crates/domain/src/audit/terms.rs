//! The second resolution of what holds for a month: terms, the minimum charge, the rules of tax.

use crate::bill::inputs::GroupMonth;
use crate::catalog::buyer::{Buyer, VatFinding};
use crate::catalog::country::Country;
use crate::catalog::issuer::Issuer;
use crate::catalog::tax_rule::{Area, BuyerKind, ReverseChargeRequires, TaxCategory, TaxGroup, TaxRule};
use crate::catalog::terms::commitment::CommitmentSettlement;
use crate::catalog::vat::VatCheck;
use crate::invoice::month_terms::{MinimumCharge, MonthTerms, TaxScheme, TaxTreatment};
use crate::invoice::source::{Source, SourceKind};
use crate::invoice::tax::Untaxed;
use crate::time::month::Month;
use crate::time::validity::Validity;

/// What is agreed for the month; `None` when that contradicts itself.
pub(super) fn derive_terms(month: &GroupMonth<'_>) -> Option<MonthTerms> {
    let terms = month.group.terms.as_ref().ok()?;
    let mut derived = MonthTerms::untaxed();
    derived.discounts.extend(terms.discounts.iter().filter(|one| holds(one.validity, month)).cloned());
    derived.charges.extend(terms.charges.iter().filter(|one| holds(one.validity, month)).cloned());
    derived.commitment = terms.commitment.clone().filter(|one| holds(one.validity, month));
    if let (Some(commitment), Some(deleted)) = (&mut derived.commitment, month.group.deleted)
        && let CommitmentSettlement::Term(term) = &mut commitment.settlement
        && term.last.start() > deleted
    {
        term.last = Month::of(deleted); // a group that goes pays until then
    }
    let Some(issuer) = month.issuer else { return Some(derived) };
    let in_currency = |code: &str| month.group.currency.is_some_and(|currency| currency.code() == code);
    let minimum = issuer.minimum_charges.iter().find(|minimum| in_currency(minimum.currency().code()));
    derived.minimum_charge = minimum.map(|amount| MinimumCharge {
        amount: *amount,
        issuer: Source { kind: SourceKind::InvoiceIssuer, name: issuer.name.clone(), uid: issuer.uid },
    });
    derived.tax = match issuer.tax_rules.len() {
        0 => TaxScheme::Untaxed(Untaxed::NoRules),
        _ => TaxScheme::Treatments(treatments(issuer, month)),
    };
    Some(derived)
}

fn holds(validity: Validity, month: &GroupMonth<'_>) -> bool {
    let begun = validity.first.is_none_or(|first| first.start() <= month.month.start());
    let ended = validity.last.is_some_and(|last| last.end() <= month.month.start());
    begun && !ended
}

/// How a service of a type, or something else, is taxed.
pub(super) fn group_of(terms: &MonthTerms, service_type: Option<&str>) -> Option<TaxGroup> {
    for treatment in terms.tax.treatments() {
        let mut types = treatment.service_types.iter();
        if treatment.service_types.is_empty() || types.any(|listed| Some(listed.as_str()) == service_type) {
            return Some(treatment.group);
        }
    }
    None
}

/// The rules in force from which nothing keeps the buyer, until one leaves nothing over.
fn treatments(issuer: &Issuer, month: &GroupMonth<'_>) -> Vec<TaxTreatment> {
    let in_force: Vec<&TaxRule> = issuer.tax_rules.iter().filter(|rule| holds(rule.validity, month)).collect();
    let buyer = &month.group.buyer;
    let named = in_force.iter().any(|rule| names(rule, buyer));
    let mut treatments = Vec::new();
    for rule in in_force {
        let elsewhere = match (rule.areas.len(), rule.category) {
            (0, TaxCategory::Standard) => false,
            (0, _) => named || buyer.country().is_none(),
            _ => !names(rule, buyer) || !is_near(rule, buyer),
        };
        let somebody_else = match rule.buyer {
            BuyerKind::Any => false,
            BuyerKind::Business => !has_good_id(buyer),
            BuyerKind::Consumer => has_good_id(buyer),
        };
        let owed_here = rule.category == TaxCategory::ReverseCharge && !owes_itself(rule, issuer, buyer);
        if elsewhere || somebody_else || owed_here {
            continue;
        }
        let TaxRule { service_types, category, rate, reason, .. } = rule.clone();
        let is_last = service_types.is_empty();
        treatments.push(TaxTreatment { service_types, group: TaxGroup { category, rate }, reason });
        if is_last {
            break;
        }
    }
    treatments
}

fn names(rule: &TaxRule, buyer: &Buyer) -> bool {
    let Some(country) = buyer.country() else { return false };
    (buyer.is_in_vat_area() && rule.areas.contains(&Area::Eu)) || rule.areas.contains(&Area::Country(country))
}

/// Whether the buyer's address is none that the rule leaves out.
fn is_near(rule: &TaxRule, buyer: &Buyer) -> bool {
    let place = buyer.locality();
    let other_code =
        !rule.postal_codes.is_empty() && !rule.postal_codes.iter().any(|codes| place.has_postal_code(codes));
    let other_region = !rule.regions.is_empty() && !rule.regions.iter().any(|region| place.is_in(region));
    !other_code && !other_region
}

fn has_good_id(buyer: &Buyer) -> bool {
    buyer.vat().is_some_and(|vat| match vat.finding {
        Some(finding) => finding == VatFinding::Confirmed,
        None => vat.id.check != VatCheck::Failed,
    })
}

fn owes_itself(rule: &TaxRule, issuer: &Issuer, buyer: &Buyer) -> bool {
    let (Some(vat), Some(place)) = (buyer.vat(), buyer.country()) else { return false };
    let confirmed = vat.finding == Some(VatFinding::Confirmed);
    let checked = vat.finding.is_none() && vat.id.check == VatCheck::Passed;
    let trusted = confirmed || (checked && issuer.reverse_charge_requires == ReverseChargeRequires::Format);
    let same = |country: Option<Country>| country.is_some_and(|country| country.of_vat() == place.of_vat());
    let at_home = same(issuer.country) && !rule.areas.contains(&Area::Country(place));
    trusted && same(vat.id.country) && !at_home
}
