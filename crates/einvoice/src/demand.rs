//! What the standard and its profiles ask for, and where it is written when it is missing.

use crate::map::Origin;
use crate::model::{Category, Invoice, Party};
use crate::write::peppol_delivers_to;
use crate::{Profile, Refusal};

/// Who lacks what, by which rule, and the field that says it.
struct Demand {
    is_met: bool,
    lacks: &'static str,
    rule: &'static str,
    field: &'static str,
    of: Of,
}

/// The object that has the field.
enum Of {
    Issuer,
    Group,
}

/// Whether everything is there.
pub(crate) fn check(terms: &Invoice, origin: &Origin, profile: Profile) -> Result<(), Refusal> {
    let own = match profile {
        Profile::En16931 => Vec::new(),
        Profile::Peppol => peppol(terms),
        Profile::XRechnung => xrechnung(terms),
    };
    let unmet = standard(terms).into_iter().chain(own).find(|demand| !demand.is_met);
    unmet.map_or(Ok(()), |Demand { is_met: _, lacks, rule, field, of }| {
        let object = match of {
            Of::Issuer => origin.issuer.clone(),
            Of::Group => origin.group.clone(),
        };
        Err(Refusal::Missing { lacks, rule, field, object })
    })
}

fn standard(terms: &Invoice) -> Vec<Demand> {
    let Invoice { seller, buyer, .. } = terms;
    let has = |category| terms.taxes.iter().any(|tax| tax.group.category == category);
    let (reverse, outside) = (has(Category::AE), has(Category::O));
    let (lacks, field) = match outside {
        // Its VAT id must not be said.
        true => ("outside the scope of tax (category O) the seller needs a number in a register", "spec.registration"),
        false => ("the seller has neither a VAT id nor a number in a register", "spec.vatId or spec.registration"),
    };
    vec![
        issuer(
            seller.address.country.is_some(),
            "the seller has no country",
            "EN 16931 (BR-09)",
            "spec.address.countryCode",
        ),
        group(
            buyer.address.country.is_some(),
            "the buyer has no country",
            "EN 16931 (BR-11)",
            "spec.billingAddress.countryCode",
        ),
        issuer(has_id(seller), lacks, "EN 16931 (BR-CO-26)", field),
        issuer(
            outside || seller.vat_id.is_some() || seller.tax_number.is_some(),
            "the seller has no VAT id or tax number",
            "EN 16931 (BR-S-02, BR-Z-02, BR-E-02, BR-AE-02)",
            "spec.vatId",
        ),
        group(
            !reverse || buyer.vat_id.is_some() || buyer.registration.is_some(),
            "the buyer owes the tax (category AE) and has no VAT id",
            "EN 16931 (BR-AE-02)",
            "spec.vatId",
        ),
    ]
}

fn has_id(seller: &Party) -> bool {
    seller.vat_id.is_some() || seller.registration.is_some()
}

fn peppol(terms: &Invoice) -> Vec<Demand> {
    let delivered =
        |party: &Party| party.electronic_address.as_ref().is_none_or(|address| peppol_delivers_to(&address.scheme));
    let (rule, field) = ("Peppol (CL008)", "spec.electronicAddress");
    let referenced = terms.buyer_reference.is_some() || terms.purchase_order.is_some();
    let [seller, buyer] = addresses(terms);
    vec![
        seller,
        buyer,
        issuer(
            delivered(&terms.seller),
            "the seller has no electronic address of a scheme that Peppol delivers to",
            rule,
            field,
        ),
        group(
            delivered(&terms.buyer),
            "the buyer has no electronic address of a scheme that Peppol delivers to",
            rule,
            field,
        ),
        group(
            referenced,
            "there is neither a reference of the buyer nor an order",
            "Peppol (R003)",
            "spec.buyerReference or spec.purchaseOrder",
        ),
    ]
}

fn addresses(terms: &Invoice) -> [Demand; 2] {
    let field = "spec.electronicAddress";
    [
        issuer(
            terms.seller.electronic_address.is_some(),
            "the seller has no electronic address",
            "Peppol (R020)",
            field,
        ),
        group(terms.buyer.electronic_address.is_some(), "the buyer has no electronic address", "Peppol (R010)", field),
    ]
}

fn xrechnung(terms: &Invoice) -> Vec<Demand> {
    let Invoice { seller, buyer, .. } = terms;
    let contact = &seller.contact;
    let of_seller = |is_met, lacks, rule, field| issuer(is_met, lacks, rule, field);
    let mut demands = vec![
        group(
            terms.buyer_reference.is_some(),
            "there is no reference of the buyer, such as its Leitweg-ID",
            "XRechnung (BR-DE-15)",
            "spec.buyerReference",
        ),
        of_seller(contact.name.is_some(), "the seller names nobody to ask", "XRechnung (BR-DE-5)", "spec.contact.name"),
        of_seller(contact.phone.is_some(), "the seller has no telephone", "XRechnung (BR-DE-6)", "spec.contact.phone"),
        of_seller(
            contact.email.is_some(),
            "the seller has no e-mail address",
            "XRechnung (BR-DE-7)",
            "spec.contact.email",
        ),
        of_seller(seller.address.city.is_some(), "the seller has no city", "XRechnung (BR-DE-3)", "spec.address.city"),
        of_seller(
            seller.address.post_code.is_some(),
            "the seller has no postal code",
            "XRechnung (BR-DE-4)",
            "spec.address.zipCode",
        ),
        group(buyer.address.city.is_some(), "the buyer has no city", "XRechnung (BR-DE-8)", "spec.billingAddress.city"),
        group(
            buyer.address.post_code.is_some(),
            "the buyer has no postal code",
            "XRechnung (BR-DE-9)",
            "spec.billingAddress.zipCode",
        ),
    ];
    demands.extend(addresses(terms));
    demands
}

fn issuer(is_met: bool, lacks: &'static str, rule: &'static str, field: &'static str) -> Demand {
    Demand { is_met, lacks, rule, field, of: Of::Issuer }
}

fn group(is_met: bool, lacks: &'static str, rule: &'static str, field: &'static str) -> Demand {
    Demand { is_met, lacks, rule, field, of: Of::Group }
}
