//! Who bills.

use crate::catalog::country::Country;
use crate::catalog::tax::{ReverseChargeRequires, TaxRule};
use crate::money::amount::{Currency, Money};
use crate::name::Name;
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
}
