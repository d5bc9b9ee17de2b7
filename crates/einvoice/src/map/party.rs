//! Seller and buyer.

use billing_api::{Buyer, Seller};

use super::said;
use crate::model::{Address, Category, Contact, ElectronicAddress, Party, Tax};

/// The seller. Outside the scope of tax nobody has a VAT id (BR-O-02).
pub(super) fn seller(seller: &Seller, taxes: &[Tax]) -> Party {
    let number = said(seller.vat_id.as_deref());
    let contact = seller.contact.clone().unwrap_or_default();
    Party {
        name: seller.legal_name.clone(),
        trading_name: None,
        account: None,
        registration: said(seller.registration.as_deref()),
        vat_id: number.as_deref().filter(|_| in_scope(taxes)).and_then(vat_id),
        tax_number: number.filter(|number| in_scope(taxes) && vat_id(number).is_none()),
        electronic_address: seller.electronic_address.as_ref().map(electronic_address),
        address: seller.address.as_ref().map(address).unwrap_or_default(),
        contact: Contact {
            name: said(contact.name.as_deref()),
            phone: said(contact.phone.as_deref()),
            email: said(contact.email.as_deref()),
        },
    }
}

/// The buyer.
pub(super) fn buyer(buyer: &Buyer, taxes: &[Tax]) -> Party {
    let [company, department] = [&buyer.company, &buyer.display_name].map(|name| said(name.as_deref()));
    let name = company.or_else(|| department.clone()).unwrap_or_else(|| buyer.billing_group.to_string());
    Party {
        trading_name: department.filter(|department| *department != name),
        name,
        account: Some(buyer.billing_group.to_string()),
        registration: said(buyer.registration.as_deref()),
        vat_id: said(buyer.vat_id.as_deref()).filter(|_| in_scope(taxes)).and_then(|number| vat_id(&number)),
        tax_number: None,
        electronic_address: buyer.electronic_address.as_ref().map(electronic_address),
        address: buyer.billing_address.as_ref().map(address).unwrap_or_default(),
        contact: Contact::default(),
    }
}

/// A buyer's tax number that is no VAT id, in words: the standard has no term for it.
pub(super) fn number_without_term(buyer: &Buyer) -> Option<String> {
    let number = said(buyer.vat_id.as_deref()).filter(|number| vat_id(number).is_none())?;
    Some(format!("Tax number of the buyer: {number}"))
}

fn in_scope(taxes: &[Tax]) -> bool {
    taxes.iter().all(|tax| tax.group.category != Category::O)
}

/// A number with the prefix of a country (BR-CO-09), without the blanks that people write in it.
fn vat_id(number: &str) -> Option<String> {
    let number: String = number.split_whitespace().collect();
    let is_known = number.get(..2).is_some_and(|prefix| {
        let mut countries = billing_api::codes::COUNTRIES.split_whitespace();
        prefix == "EL" || countries.any(|known| known == prefix && country(known) == known)
    });
    (is_known && number.len() > 2).then_some(number)
}

fn electronic_address(address: &billing_api::ElectronicAddress) -> ElectronicAddress {
    ElectronicAddress { scheme: address.scheme.clone(), value: address.value.clone() }
}

fn address(address: &billing_api::Address) -> Address {
    let billing_api::Address { lines, city, state, zip_code, country_code } = address;
    Address {
        lines: lines.iter().filter_map(|line| said(Some(line))).collect(),
        city: said(city.as_deref()),
        post_code: said(zip_code.as_deref()),
        subdivision: said(state.as_deref()),
        country: country_code.as_deref().map(|code| country(code).to_owned()),
    }
}

/// A country by the code that the standard has for it (BR-CL-14): addresses may have those of VAT ids, too, and some that ISO 3166 only
/// reserves.
fn country(code: &str) -> &str {
    match code {
        "EL" => "GR",
        "UK" => "GB",
        "EA" | "IC" => "ES",
        "XK" => "1A",
        code => code,
    }
}
