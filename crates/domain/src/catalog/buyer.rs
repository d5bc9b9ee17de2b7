//! Who pays, as far as tax depends on it.

use crate::catalog::country::Country;
use crate::catalog::locality::{Locality, is_in_vat_area};
use crate::catalog::vat::{VatCheck, VatId};

/// Who pays: where, and under which VAT id. By default nothing is known of both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Buyer {
    home: Option<Country>,
    locality: Locality,
    vat: Option<BuyerVat>,
}

/// A buyer's VAT id, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuyerVat {
    /// The id.
    pub id: VatId,
    /// What a person found out about it, and wrote down with a reference.
    pub finding: Option<VatFinding>,
}

/// What a person found out about a VAT id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VatFinding {
    /// It is in use, and the buyer's.
    Confirmed,
    /// It is not.
    Refused,
}

/// What is known of a VAT id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VatState {
    /// Nobody looked it up; its form and check digits are right, or cannot be checked.
    Unconfirmed,
    /// Its form or its check digits are wrong, or a person found that it is not the buyer's.
    Invalid,
    /// A person found that it is the buyer's.
    Confirmed,
}

impl BuyerVat {
    /// What is known of it. A person's finding counts more than the check.
    pub fn state(&self) -> VatState {
        match (self.finding, self.id.check) {
            (Some(VatFinding::Confirmed), _) => VatState::Confirmed,
            (Some(VatFinding::Refused), _) | (None, VatCheck::Failed) => VatState::Invalid,
            (None, VatCheck::Passed | VatCheck::Unknown) => VatState::Unconfirmed,
        }
    }

    /// Whether its form is known to be right.
    pub fn is_well_formed(&self) -> bool {
        match self.state() {
            VatState::Confirmed => true,
            VatState::Unconfirmed => self.id.check == VatCheck::Passed,
            VatState::Invalid => false,
        }
    }
}

impl Buyer {
    /// A buyer with an address in a country, and a VAT id.
    pub fn new(home: Option<Country>, vat: Option<BuyerVat>) -> Self {
        Buyer { home, locality: Locality::default(), vat }
    }

    /// The same buyer, at this place within the country of its address.
    #[must_use]
    pub fn within(self, locality: Locality) -> Self {
        Buyer { locality, ..self }
    }

    /// Where in its country it is, as far as its address says so.
    pub fn locality(&self) -> &Locality {
        &self.locality
    }

    /// Whether it is in the VAT area of the European Union.
    pub fn is_in_vat_area(&self) -> bool {
        self.country().is_some_and(|country| is_in_vat_area(country, &self.locality))
    }

    /// Where the buyer is: the country of the address; without one, that of a VAT id that is well formed.
    pub fn country(&self) -> Option<Country> {
        let registered = || self.vat.as_ref().filter(|vat| vat.is_well_formed()).and_then(|vat| vat.id.country);
        self.home.or_else(registered)
    }

    /// The country of the address.
    pub fn home(&self) -> Option<Country> {
        self.home
    }

    /// The VAT id that the buyer gave, right or wrong.
    pub fn vat(&self) -> Option<&BuyerVat> {
        self.vat.as_ref()
    }

    /// The VAT id, unless it is invalid: who has one is a business, and who has none, or a wrong one, is taxed as a consumer
    /// (Council Implementing Regulation (EU) No 282/2011, Article 18).
    pub fn business(&self) -> Option<&BuyerVat> {
        self.vat.as_ref().filter(|vat| vat.state() != VatState::Invalid)
    }
}
