//! What holds for a group's month beside its usage, resolved for that month: as it is agreed now, or as its final recorded it.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::buyer::Buyer;
use crate::catalog::issuer::Issuer;
use crate::catalog::rates::CrossRate;
use crate::catalog::tax_rule::{TaxGroup, TaxRule};
use crate::catalog::terms::Terms;
use crate::catalog::terms::charge::{AgreedCharge, ChargeAmount};
use crate::catalog::terms::commitment::Commitment;
use crate::catalog::terms::discount::Discount;
use crate::invoice::source::{Source, SourceKind};
use crate::invoice::tax::{TaxSubtotal, Untaxed};
use crate::money::amount::{Currency, Money};
use crate::money::ratio::Ratio;
use crate::name::Name;
use crate::time::month::Month;

/// What a month is billed by, beside usage and prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonthTerms {
    /// The price lists, in the order in which they are asked, as far as that is recorded.
    pub price_lists: Vec<Name>,
    /// The discounts in force, in the order in which they are written.
    pub discounts: Vec<Discount>,
    /// The charges in force, in the order in which they are written.
    pub charges: Vec<AgreedCharge>,
    /// The commitment, if one is in force.
    pub commitment: Option<Commitment>,
    /// The projects for each of which a charge is owed: those that the group pays for at the month's end. `None` where no charge is by
    /// project.
    pub projects: Option<u32>,
    /// What the month has to come to, to be worth a payment.
    pub minimum_charge: Option<MinimumCharge>,
    /// How its lines are taxed.
    pub tax: TaxScheme,
    /// What the currency of its prices was in the group's, where that is recorded; else what it is by the quotes that there are.
    pub exchange_rate: Option<CrossRate>,
}

/// What a month has to come to, and who says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinimumCharge {
    /// The amount.
    pub amount: Money,
    /// The issuer.
    pub issuer: Source,
}

/// How the lines of one buyer are taxed in a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaxScheme {
    /// Not at all.
    Untaxed(Untaxed),
    /// By the first of these that taxes the service of the line. One that taxes everything is the last.
    Treatments(Vec<TaxTreatment>),
}

/// How some services, or all that is left, are taxed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxTreatment {
    /// The types of services; empty for everything.
    pub service_types: Vec<Name>,
    /// How.
    pub group: TaxGroup,
    /// Why no tax is charged, where that is so.
    pub reason: Option<String>,
}

/// Why no tax is charged, by what is taxed alike. What has several reasons prints them all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaxReasons(BTreeMap<TaxGroup, BTreeSet<String>>);

impl MonthTerms {
    /// What is agreed for a month now, of a group that pays in a currency, if that is known. Projects are for the bill to count.
    pub fn now(
        terms: &Terms,
        issuer: Option<&Issuer>,
        buyer: &Buyer,
        currency: Option<Currency>,
        month: Month,
    ) -> Self {
        let charges = terms.charges.iter().filter(|charge| charge.validity.contains(month));
        let commitment = terms.commitment.as_ref().filter(|commitment| commitment.validity.contains(month));
        let minimum_charge = issuer.and_then(|issuer| {
            let source = Source { kind: SourceKind::InvoiceIssuer, name: issuer.name.clone(), uid: issuer.uid };
            issuer.minimum_charge(currency?).map(|amount| MinimumCharge { amount, issuer: source })
        });
        MonthTerms {
            price_lists: Vec::new(),
            discounts: terms.discounts_in(month).cloned().collect(),
            charges: charges.cloned().collect(),
            commitment: commitment.cloned(),
            projects: None,
            minimum_charge,
            tax: TaxScheme::now(issuer, buyer, month),
            exchange_rate: None,
        }
    }

    /// Nothing is agreed, and nothing is taxed.
    pub fn untaxed() -> Self {
        MonthTerms {
            price_lists: Vec::new(),
            discounts: Vec::new(),
            charges: Vec::new(),
            commitment: None,
            projects: None,
            minimum_charge: None,
            tax: TaxScheme::Untaxed(Untaxed::NoIssuer),
            exchange_rate: None,
        }
    }

    /// Whether a charge is owed for each project.
    pub fn charges_projects(&self) -> bool {
        self.charges.iter().any(|charge| matches!(charge.amount, ChargeAmount::PerProject(_)))
    }

    /// What is left of a service's price after the discounts; `None` when there are none.
    pub fn discount_factor(&self) -> Option<Ratio> {
        self.discounts.iter().map(|discount| discount.percent.rest()).reduce(Ratio::times)
    }
}

impl TaxScheme {
    /// How an issuer taxes a buyer in a month now.
    pub fn now(issuer: Option<&Issuer>, buyer: &Buyer, month: Month) -> Self {
        match issuer {
            None => TaxScheme::Untaxed(Untaxed::NoIssuer),
            Some(issuer) if issuer.tax_rules.is_empty() => TaxScheme::Untaxed(Untaxed::NoRules),
            Some(issuer) => {
                let rules = issuer.tax_rules_for(buyer, month).into_iter();
                TaxScheme::Treatments(rules.map(TaxTreatment::of).collect())
            }
        }
    }

    /// Everything in one way, or nothing at all.
    pub fn only(group: Option<TaxSubtotal>) -> Self {
        let Some(tax) = group else { return TaxScheme::Untaxed(Untaxed::NoRules) };
        let (group, reason) = (tax.group(), tax.reason);
        TaxScheme::Treatments(vec![TaxTreatment { service_types: Vec::new(), group, reason }])
    }

    /// How a service of this type is taxed; `None`: a line without a service. `None` as the answer: not at all, or nobody says how.
    pub fn treatment(&self, service_type: Option<&str>) -> Option<&TaxTreatment> {
        let TaxScheme::Treatments(treatments) = self else { return None };
        treatments.iter().find(|treatment| treatment.taxes(service_type))
    }

    /// All treatments, in order.
    pub fn treatments(&self) -> impl Iterator<Item = &TaxTreatment> {
        match self {
            TaxScheme::Untaxed(_) => [].iter(),
            TaxScheme::Treatments(treatments) => treatments.iter(),
        }
    }

    /// What a line without a service is taxed alike with.
    pub fn general(&self) -> Option<TaxGroup> {
        self.treatment(None).map(|treatment| treatment.group)
    }
}

impl TaxTreatment {
    fn of(rule: &TaxRule) -> Self {
        TaxTreatment { service_types: rule.service_types.clone(), group: rule.group(), reason: rule.reason.clone() }
    }

    fn taxes(&self, service_type: Option<&str>) -> bool {
        let listed = |kind: &str| self.service_types.iter().any(|listed| listed.as_str() == kind);
        self.service_types.is_empty() || service_type.is_some_and(listed)
    }
}

impl TaxReasons {
    /// Notes the reason of a treatment that something on the invoice has.
    pub fn add(&mut self, treatment: &TaxTreatment) {
        self.add_reason(treatment.group, treatment.reason.as_deref());
    }

    /// Notes a reason of what is taxed alike.
    pub fn add_reason(&mut self, group: TaxGroup, reason: Option<&str>) {
        let reasons = self.0.entry(group).or_default();
        reasons.extend(reason.map(str::to_owned));
    }

    /// Takes in what others noted.
    pub fn extend(&mut self, others: TaxReasons) {
        for (group, reasons) in others.0 {
            self.0.entry(group).or_default().extend(reasons);
        }
    }

    /// What is printed of a group: its reasons, in the order of the alphabet.
    pub fn of(&self, group: TaxGroup) -> Option<String> {
        let reasons = self.0.get(&group).filter(|reasons| !reasons.is_empty())?;
        Some(reasons.iter().map(String::as_str).collect::<Vec<_>>().join("; "))
    }
}
