//! What an organization says of a billing group: the flags that `create` and `update` share.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use billing_api::ElectronicAddress;

/// The fields of a group that people set.
#[derive(Args, Debug, Default)]
pub(super) struct ProfileArguments {
    /// What people call the group; printed on its invoices
    #[arg(long, value_name = "TEXT")]
    pub(super) display_name: Option<String>,

    /// The currency of the invoices, by its ISO 4217 code
    #[arg(long, value_name = "CODE")]
    pub(super) currency: Option<String>,

    /// The name of the company that pays
    #[arg(long, value_name = "TEXT")]
    pub(super) company: Option<String>,

    /// A line of its address: street, floor; can be given up to 3 times
    #[arg(long = "address-line", value_name = "TEXT")]
    pub(super) address_lines: Vec<String>,

    /// The city
    #[arg(long, value_name = "TEXT")]
    pub(super) city: Option<String>,

    /// The state or province
    #[arg(long, value_name = "TEXT")]
    pub(super) state: Option<String>,

    /// The postal code
    #[arg(long, value_name = "TEXT")]
    pub(super) zip_code: Option<String>,

    /// The country, by its ISO 3166-1 code of two letters
    #[arg(long, visible_alias = "country-code", value_name = "CODE")]
    pub(super) country: Option<String>,

    /// The VAT or tax number of the company
    #[arg(long, value_name = "ID")]
    pub(super) vat_id: Option<String>,

    /// The number of the company in its register
    #[arg(long, value_name = "NUMBER")]
    pub(super) registration: Option<String>,

    /// What the company wants to find on its invoices: a cost centre, a Leitweg-ID
    #[arg(long, value_name = "TEXT")]
    pub(super) buyer_reference: Option<String>,

    /// The number of the company's order
    #[arg(long, value_name = "NUMBER")]
    pub(super) purchase_order: Option<String>,

    /// Where the company gets e-invoices: the scheme, by its code in the list EAS, and the address in it, such as
    /// 0216:003712345671
    #[arg(long, value_name = "SCHEME:ADDRESS", value_parser = electronic_address)]
    pub(super) electronic_address: Option<ElectronicAddress>,

    /// The language of the invoices, by its tag of BCP 47
    #[arg(long, value_name = "TAG")]
    pub(super) language: Option<String>,

    /// Who gets the invoice; can be given up to 10 times
    #[arg(long = "invoice-email", visible_alias = "billing-email", value_name = "ADDRESS")]
    pub(super) invoice_emails: Vec<String>,

    /// Who is asked about problems; can be given up to 10 times
    #[arg(long = "contact-email", value_name = "ADDRESS")]
    pub(super) contact_emails: Vec<String>,

    /// Printed on every invoice
    #[arg(long, visible_alias = "billing-extra-text", value_name = "TEXT")]
    pub(super) invoice_text: Option<String>,

    /// How the group pays; anything but Card is agreed with the provider
    #[arg(long, value_name = "TYPE")]
    pub(super) payment_method: Option<String>,
}

/// A field that can be taken away again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Clearable {
    DisplayName,
    Company,
    /// The whole billing address
    Address,
    AddressLine,
    City,
    State,
    ZipCode,
    #[value(alias = "country-code")]
    Country,
    VatId,
    Registration,
    BuyerReference,
    PurchaseOrder,
    ElectronicAddress,
    Language,
    #[value(alias = "billing-email")]
    InvoiceEmail,
    ContactEmail,
    #[value(alias = "billing-extra-text")]
    InvoiceText,
    ShippingAddress,
    AllowedProjects,
}

impl Clearable {
    /// Where it stands in `spec`.
    fn path(self) -> &'static [&'static str] {
        match self {
            Self::DisplayName => &["displayName"],
            Self::Company => &["company"],
            Self::Address => &["billingAddress"],
            Self::AddressLine => &["billingAddress", "lines"],
            Self::City => &["billingAddress", "city"],
            Self::State => &["billingAddress", "state"],
            Self::ZipCode => &["billingAddress", "zipCode"],
            Self::Country => &["billingAddress", "countryCode"],
            Self::VatId => &["vatId"],
            Self::Registration => &["registration"],
            Self::BuyerReference => &["buyerReference"],
            Self::PurchaseOrder => &["purchaseOrder"],
            Self::ElectronicAddress => &["electronicAddress"],
            Self::Language => &["language"],
            Self::InvoiceEmail => &["invoiceEmails"],
            Self::ContactEmail => &["contactEmails"],
            Self::InvoiceText => &["invoiceText"],
            Self::ShippingAddress => &["shippingAddress"],
            Self::AllowedProjects => &["allowedProjects"],
        }
    }
}

impl ProfileArguments {
    /// The part of `spec` that the flags set, and no more; `cleared` is null in it, as a merge patch takes fields away.
    pub(super) fn spec(&self, cleared: &[Clearable]) -> Value {
        let Self {
            display_name,
            currency,
            company,
            address_lines,
            city,
            state,
            zip_code,
            country,
            vat_id,
            registration,
            buyer_reference,
            purchase_order,
            electronic_address,
            language,
            invoice_emails,
            contact_emails,
            invoice_text,
            payment_method,
        } = self;
        let listed = |texts: &Vec<String>| (!texts.is_empty()).then(|| json!(texts));
        let single = |text: &Option<String>| text.as_ref().map(|text| json!(text));
        let mut spec = json!({});
        for clear in cleared {
            set(&mut spec, clear.path(), Value::Null);
        }
        let set_fields: [(&[&str], Option<Value>); 18] = [
            (&["displayName"], single(display_name)),
            (&["currency"], single(currency)),
            (&["company"], single(company)),
            (&["billingAddress", "lines"], listed(address_lines)),
            (&["billingAddress", "city"], single(city)),
            (&["billingAddress", "state"], single(state)),
            (&["billingAddress", "zipCode"], single(zip_code)),
            (&["billingAddress", "countryCode"], single(country)),
            (&["vatId"], single(vat_id)),
            (&["registration"], single(registration)),
            (&["buyerReference"], single(buyer_reference)),
            (&["purchaseOrder"], single(purchase_order)),
            (&["electronicAddress"], electronic_address.as_ref().map(|address| json!(address))),
            (&["language"], single(language)),
            (&["invoiceEmails"], listed(invoice_emails)),
            (&["contactEmails"], listed(contact_emails)),
            (&["invoiceText"], single(invoice_text)),
            (&["paymentMethod", "type"], single(payment_method)),
        ];
        for (path, value) in set_fields {
            if let Some(value) = value {
                set(&mut spec, path, value);
            }
        }
        spec
    }
}

/// `SCHEME:ADDRESS`. The API server knows which schemes there are.
fn electronic_address(text: &str) -> Result<ElectronicAddress, String> {
    match text.split_once(':') {
        Some((scheme, value)) if !scheme.is_empty() && !value.is_empty() => {
            Ok(ElectronicAddress { scheme: scheme.to_owned(), value: value.to_owned() })
        }
        _ => Err("write the scheme before the address, with a colon between them: 0216:003712345671".to_owned()),
    }
}

fn set(value: &mut Value, path: &[&str], to: Value) {
    match path {
        [] => *value = to,
        [first, rest @ ..] => {
            if !value.is_object() {
                *value = Value::Object(Map::new());
            }
            set(&mut value[*first], rest, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Clearable, ProfileArguments};

    #[test]
    fn what_is_set_is_in_the_spec_and_what_is_cleared_is_null() {
        let profile = ProfileArguments {
            company: Some("Acme".to_owned()),
            address_lines: vec!["Street 1".to_owned()],
            country: Some("FI".to_owned()),
            ..ProfileArguments::default()
        };
        assert_eq!(
            profile.spec(&[Clearable::VatId, Clearable::City]),
            json!({
                "company": "Acme", "vatId": null,
                "billingAddress": { "lines": ["Street 1"], "countryCode": "FI", "city": null },
            })
        );
        assert_eq!(ProfileArguments::default().spec(&[]), json!({}));
        let address = |text| ProfileArguments {
            electronic_address: super::electronic_address(text).ok(),
            ..ProfileArguments::default()
        };
        let wanted = json!({ "electronicAddress": { "scheme": "EM", "value": "a:b@acme.example" } });
        assert_eq!(address("EM:a:b@acme.example").spec(&[]), wanted);
        for text in ["0216", ":1", "0216:", ""] {
            assert_eq!(address(text).spec(&[]), json!({}), "{text}");
        }
        // An address that is cleared and set anew keeps nothing of the old one but what is set.
        assert_eq!(ProfileArguments::default().spec(&[Clearable::Address]), json!({ "billingAddress": null }));
    }
}
