//! Who pays, as far as tax depends on it.

use std::str::FromStr;

use billing_api as api;
use billing_domain::{Buyer, BuyerVat, Country, Locality, VatFinding, VatId, VatState};

/// A group's country and VAT id, with what was found out about that id: a finding about another id, or about the same one
/// when it was another country's, is void.
pub fn buyer(object: &api::BillingGroup) -> Buyer {
    let address = object.spec.billing_address.as_ref();
    let home = address.and_then(|address| Country::from_str(address.country_code.as_deref()?).ok());
    let vat = object.spec.vat_id.as_deref().and_then(|text| VatId::read(text, home)).map(|id| {
        let recorded = object.status.as_ref().and_then(|status| status.vat_id.as_ref());
        let finding = recorded.filter(|recorded| is_about(recorded, &id)).and_then(finding);
        BuyerVat { id, finding }
    });
    let locality = address.map(|address| Locality::new(address.zip_code.as_deref(), address.state.as_deref()));
    Buyer::new(home, vat).within(locality.unwrap_or_default())
}

fn is_about(recorded: &api::GroupVatId, id: &VatId) -> bool {
    recorded.value == id.value && recorded.country.as_deref() == id.country.as_ref().map(Country::code)
}

/// What a person found has a reference; without one it is the operator's own word.
fn finding(recorded: &api::GroupVatId) -> Option<VatFinding> {
    recorded.reference.as_ref()?;
    match recorded.state {
        api::VatIdState::Unconfirmed => None,
        api::VatIdState::Invalid => Some(VatFinding::Refused),
        api::VatIdState::Confirmed => Some(VatFinding::Confirmed),
    }
}

/// What the status says of a group's VAT id; a finding that still counts stays, with its reference.
pub fn wire_vat_id(buyer: &Buyer, recorded: Option<&api::GroupVatId>) -> Option<api::GroupVatId> {
    let BuyerVat { id, finding } = buyer.vat()?;
    let state = match buyer.vat()?.state() {
        VatState::Unconfirmed => api::VatIdState::Unconfirmed,
        VatState::Invalid => api::VatIdState::Invalid,
        VatState::Confirmed => api::VatIdState::Confirmed,
    };
    Some(api::GroupVatId {
        value: id.value.clone(),
        country: id.country.map(|country| country.code().to_owned()),
        state,
        reference: finding.and_then(|_| recorded?.reference.clone()),
    })
}
