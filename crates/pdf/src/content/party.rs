//! Who bills and who pays, as they are printed.

use billing_api::{Address, Buyer, Contact, Seller};
use serde::Serialize;

use super::Fact;
use super::words::Words;
use crate::labels::Label;
use crate::legible::breakable;

/// A company.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Party {
    label: &'static str,
    pub(super) name: String,
    lines: Vec<String>,
    facts: Vec<Fact>,
}

impl Party {
    pub(super) fn seller(seller: &Seller, words: &Words<'_>) -> Self {
        let Seller {
            legal_name,
            address,
            vat_id,
            registration,
            bank_account: _,       // with the payment
            electronic_address: _, // for machines
            contact,
            language: _,
            document: _,
        } = seller;
        Self {
            label: words.label(Label::From),
            name: breakable(legal_name),
            lines: [address.as_ref().map(address_lines), contact.as_ref().map(contact_lines)]
                .into_iter()
                .flatten()
                .flatten()
                .collect(),
            facts: facts(vat_id.as_deref(), registration.as_deref(), address.as_ref(), words),
        }
    }

    pub(super) fn buyer(buyer: &Buyer, words: &Words<'_>) -> Self {
        let Buyer {
            billing_group,
            display_name,
            company,
            billing_address,
            vat_id,
            registration,
            buyer_reference: _,    // among the document's facts
            purchase_order: _,     // likewise
            electronic_address: _, // for machines
            language: _,
            invoice_emails: _, // where it is sent to
            invoice_text: _,   // above the lines
            payment_method: _,
        } = buyer;
        let name = company.as_deref().or(display_name.as_deref()).unwrap_or(billing_group);
        let department =
            display_name.as_deref().filter(|department| company.is_some() && Some(*department) != company.as_deref());
        let lines = department.map(breakable).into_iter();
        Self {
            label: words.label(Label::BillTo),
            name: breakable(name),
            lines: lines.chain(billing_address.iter().flat_map(address_lines)).collect(),
            facts: facts(vat_id.as_deref(), registration.as_deref(), billing_address.as_ref(), words),
        }
    }
}

fn facts(vat_id: Option<&str>, registration: Option<&str>, address: Option<&Address>, words: &Words<'_>) -> Vec<Fact> {
    let vat_label = if has_vat(address) { Label::VatId } else { Label::TaxId };
    let vat_id = vat_id.map(|id| Fact { label: words.label(vat_label), value: breakable(id) });
    // It says itself which register it is of.
    let registration = registration.map(|number| Fact { label: "", value: breakable(number) });
    vat_id.into_iter().chain(registration).collect()
}

/// Whether the tax is called value added tax where somebody is. Elsewhere it may be a sales tax, or none of the kind.
pub(super) fn has_vat(address: Option<&Address>) -> bool {
    const WITHOUT: [&str; 10] = ["US", "CA", "AU", "NZ", "IN", "SG", "MY", "JP", "HK", "PR"];
    let country = address.and_then(|address| address.country_code.as_deref());
    country.is_none_or(|country| !WITHOUT.contains(&country))
}

/// An address as it is written on letters: in most of Europe the postal code stands before the city, elsewhere behind.
fn address_lines(address: &Address) -> Vec<String> {
    const CODE_BEHIND: [&str; 12] = ["US", "CA", "AU", "GB", "IE", "IN", "NZ", "BR", "SG", "TH", "TW", "ZA"];
    let Address { lines, city, state, zip_code, country_code } = address;
    let country = country_code.as_deref().unwrap_or_default();
    let joined = |parts: [&Option<String>; 2], between: &str| {
        let there: Vec<_> = parts.into_iter().flatten().map(String::as_str).filter(|part| !part.is_empty()).collect();
        there.join(between)
    };
    let place = match CODE_BEHIND.contains(&country) {
        true => joined([city, &Some(joined([state, zip_code], " "))], ", "),
        false => joined([&Some(joined([zip_code, city], " ")), state], ", "),
    };
    let all = lines.iter().cloned().chain([place, country.to_owned()]);
    all.filter(|line| !line.trim().is_empty()).map(|line| breakable(&line)).collect()
}

fn contact_lines(contact: &Contact) -> Vec<String> {
    let Contact { name, phone, email } = contact;
    let people: Vec<_> = [name, phone].into_iter().flatten().map(String::as_str).collect();
    let lines = [(!people.is_empty()).then(|| people.join(", ")), email.clone()];
    lines.into_iter().flatten().map(|line| breakable(&line)).collect()
}

#[cfg(test)]
mod tests {
    use billing_api::Address;

    use super::address_lines;

    #[test]
    fn an_address_is_written_as_where_it_is() {
        let address = |country: &str, state: Option<&str>| Address {
            lines: vec!["Street 1".to_owned()],
            city: Some("City".to_owned()),
            state: state.map(str::to_owned),
            zip_code: Some("12345".to_owned()),
            country_code: Some(country.to_owned()),
        };
        assert_eq!(address_lines(&address("FI", None)), ["Street 1", "12345 City", "FI"]);
        assert_eq!(address_lines(&address("US", Some("OR"))), ["Street 1", "City, OR 12345", "US"]);
        assert_eq!(address_lines(&address("IT", Some("MI"))), ["Street 1", "12345 City, MI", "IT"]);
        assert_eq!(address_lines(&Address::default()), Vec::<String>::new());
    }
}
