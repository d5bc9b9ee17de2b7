//! What has no e-invoice, and what is said of it. That the document is accepted without the fault, `maps` shows.

use serde_json::json;

use super::{Change, bill, credit_note, einvoice};
use crate::{Profile, Refusal};

/// Refused by a profile, in these words; and by no other profile, where `only` says so.
#[track_caller]
fn refused(profile: Profile, change: Change, said: &str) {
    match einvoice(change, profile) {
        Ok(_) => panic!("{profile:?} accepts what should be refused with: {said}"),
        Err(refusal) => assert!(refusal.to_string().contains(said), "{profile:?}: {refusal}"),
    }
}

/// Refused by these profiles alone.
#[track_caller]
fn refused_only(by: &[Profile], change: Change, said: &str) {
    for profile in Profile::ALL {
        match by.contains(&profile) {
            true => refused(profile, change, said),
            false => drop(einvoice(change, profile).unwrap_or_else(|refusal| panic!("{profile:?}: {refusal}"))),
        }
    }
}

fn without(document: &mut serde_json::Value, party: &str, field: &str) {
    document[party].as_object_mut().expect("a party").remove(field);
}

#[test]
fn an_estimate_has_none() {
    refused_only(&Profile::ALL, |document| document["asOf"] = "2026-10-15T00:00:00Z".into(), "it is an estimate");
}

#[test]
fn a_currency_with_three_decimals_has_none() {
    let dinars: Change = |document| {
        document["currency"] = "KWD".into();
        bill(
            document,
            json!([{ "id": "a", "type": "ExtraCharge", "description": "a", "total": "10.000" }]),
            "10.000",
            "2.550",
            "12.550",
        );
    };
    refused_only(&Profile::ALL, dinars, "amounts in KWD have 3 decimals");
}

#[test]
fn a_month_of_zeros_has_none() {
    let nothing: Change = |document| bill(document, json!([]), "0.00", "0.00", "0.00");
    refused_only(&Profile::ALL, nothing, "every line of it is zero");
    let zeros: Change = |document| {
        let lines = json!([{ "id": "a", "type": "ExtraCharge", "description": "a", "total": "0.00" }]);
        bill(document, lines, "0.00", "0.00", "0.00");
    };
    refused_only(&Profile::ALL, zeros, "every line of it is zero");
    let untaxed: Change = |document| {
        bill(document, json!([]), "0.00", "0.00", "0.00");
        document["taxes"] = json!([]);
        document["taxNote"] = "There is nothing to tax.".into();
    };
    refused_only(&Profile::ALL, untaxed, "every line of it is zero");
}

#[test]
fn what_is_outside_the_scope_of_tax_stands_alone() {
    let mixed: Change = |document| {
        let (standard, outside) = (json!({ "category": "S", "rate": "25.5" }), json!({ "category": "O", "rate": "0" }));
        document["lines"] = json!([
            { "id": "a", "type": "ExtraCharge", "description": "a", "total": "100.00", "tax": standard },
            { "id": "b", "type": "ExtraCharge", "description": "b", "total": "10.00", "tax": outside },
        ]);
        document["taxes"] = json!([
            { "category": "S", "rate": "25.5", "base": "100.00", "amount": "25.50" },
            { "category": "O", "rate": "0", "base": "10.00", "amount": "0.00", "reason": "Outside the scope" },
        ]);
        (document["subtotal"], document["tax"], document["total"]) = ("110.00".into(), "25.50".into(), "135.50".into());
    };
    refused_only(&Profile::ALL, mixed, "outside the scope of tax (category O) and some is not");
    refused_only(&Profile::ALL, mixed, "in spec.taxRules of InvoiceIssuer default");
}

#[test]
fn a_document_that_does_not_say_how_it_is_taxed_has_none() {
    let unknown: Change = |document| {
        document["taxes"] = json!([]);
        document["taxNote"] = "Tax is not known: no tax rule of the issuer matches the buyer.".into();
        (document["tax"], document["total"]) = ("0.00".into(), "113.51".into());
    };
    refused_only(&Profile::ALL, unknown, "set spec.taxRules of InvoiceIssuer default");
    let silent: Change = |document| {
        document["taxes"] = json!([]);
        (document["tax"], document["total"]) = ("0.00".into(), "113.51".into());
    };
    refused_only(&Profile::ALL, silent, "does not say how it is taxed");
}

#[test]
fn a_seller_without_any_id_is_told_which_fields_have_one() {
    let nameless: Change = |document| {
        without(document, "seller", "vatId");
        without(document, "seller", "registration");
    };
    refused_only(&Profile::ALL, nameless, "set spec.vatId or spec.registration of InvoiceIssuer default");
    let registered: Change = |document| without(document, "seller", "vatId");
    refused_only(&Profile::ALL, registered, "the seller has no VAT id or tax number");
    let outside: Change = |document| {
        without(document, "seller", "registration");
        document["taxes"][0] =
            json!({ "category": "O", "rate": "0", "base": "113.51", "amount": "0.00", "reason": "Outside the scope" });
        (document["tax"], document["total"]) = ("0.00".into(), "113.51".into());
    };
    refused_only(&Profile::ALL, outside, "set spec.registration of InvoiceIssuer default");
}

#[test]
fn countries_are_asked_for_where_they_are_written() {
    let seller: Change = |document| without(document, "seller", "address");
    refused_only(&Profile::ALL, seller, "set spec.address.countryCode of InvoiceIssuer default");
    let buyer: Change = |document| without(document, "buyer", "billingAddress");
    refused_only(&Profile::ALL, buyer, "set spec.billingAddress.countryCode of BillingGroup acme/shop");
}

#[test]
fn a_buyer_who_owes_the_tax_has_an_id() {
    let anonymous: Change = |document| {
        without(document, "buyer", "vatId");
        document["taxes"][0] =
            json!({ "category": "AE", "rate": "0", "base": "113.51", "amount": "0.00", "reason": "Reverse charge" });
        (document["tax"], document["total"]) = ("0.00".into(), "113.51".into());
    };
    refused_only(&Profile::ALL, anonymous, "set spec.vatId of BillingGroup acme/shop");
}

#[test]
fn references_are_asked_for_by_the_profiles_that_demand_one() {
    let none: Change = |document| {
        without(document, "buyer", "buyerReference");
        without(document, "buyer", "purchaseOrder");
    };
    refused(Profile::Peppol, none, "set spec.buyerReference or spec.purchaseOrder of BillingGroup acme/shop");
    refused(Profile::XRechnung, none, "set spec.buyerReference of BillingGroup acme/shop");
    refused_only(&[Profile::Peppol, Profile::XRechnung], none, "BillingGroup acme/shop");
    let order: Change = |document| without(document, "buyer", "buyerReference");
    refused_only(&[Profile::XRechnung], order, "set spec.buyerReference of BillingGroup acme/shop");
}

#[test]
fn electronic_addresses_are_asked_for_by_the_profiles_that_deliver() {
    let profiles = [Profile::Peppol, Profile::XRechnung];
    let seller: Change = |document| without(document, "seller", "electronicAddress");
    refused_only(&profiles, seller, "set spec.electronicAddress of InvoiceIssuer default");
    let buyer: Change = |document| without(document, "buyer", "electronicAddress");
    refused_only(&profiles, buyer, "set spec.electronicAddress of BillingGroup acme/shop");
    let mail: Change =
        |document| document["buyer"]["electronicAddress"] = json!({ "scheme": "EM", "value": "a@shop.example" });
    refused_only(&[Profile::Peppol], mail, "a scheme that Peppol delivers to");
}

#[test]
fn xrechnung_asks_for_somebody_to_ask_and_for_whole_addresses() {
    let only = [Profile::XRechnung];
    let changes: [(Change, &str); 7] = [
        (|document| without(document, "seller", "contact"), "spec.contact.name of InvoiceIssuer default"),
        (|document| drop(document["seller"]["contact"]["phone"].take()), "spec.contact.phone of InvoiceIssuer default"),
        (|document| drop(document["seller"]["contact"]["email"].take()), "spec.contact.email of InvoiceIssuer default"),
        (|document| drop(document["seller"]["address"]["city"].take()), "spec.address.city of InvoiceIssuer default"),
        (|document| drop(document["seller"]["address"]["zipCode"].take()), "spec.address.zipCode of InvoiceIssuer"),
        (
            |document| drop(document["buyer"]["billingAddress"]["city"].take()),
            "spec.billingAddress.city of BillingGroup",
        ),
        (
            |document| drop(document["buyer"]["billingAddress"]["zipCode"].take()),
            "spec.billingAddress.zipCode of Billing",
        ),
    ];
    for (change, said) in changes {
        refused_only(&only, change, said);
    }
}

/// What our own checks do not ask for, the rules of the standard do: in their words.
#[test]
fn what_breaks_another_rule_is_told_in_the_words_of_the_rule() {
    let unknown: Change = |document| document["currency"] = "QQQ".into();
    match einvoice(unknown, Profile::En16931) {
        Err(Refusal::Rules { profile, rules }) => {
            assert_eq!(profile, "EN 16931");
            assert!(rules.iter().any(|rule| rule.contains("BR-CL-04")), "{rules:?}");
        }
        Err(refusal) => panic!("{refusal}"),
        Ok(_) => panic!("there is no currency QQQ"),
    }
}

#[test]
fn what_xml_cannot_carry_is_refused() {
    let bell: Change = |document| document["lines"][0]["description"] = "a\u{7}b".into();
    let einvoice = einvoice(bell, Profile::En16931).expect("says what it says");
    let refusal = einvoice.xml(crate::Syntax::Ubl).expect_err("no XML has a bell");
    assert!(matches!(refusal, Refusal::Unwritable(_)), "{refusal}");
}

#[test]
fn a_credit_note_is_refused_as_an_invoice_is() {
    let refusal =
        credit_note(|note| without(note, "buyer", "electronicAddress"), Profile::Peppol).expect_err("lacks one");
    assert!(refusal.to_string().contains("set spec.electronicAddress of BillingGroup acme/shop"), "{refusal}");
    let refusal = credit_note(|note| note["total"] = "-18.84".into(), Profile::En16931).expect_err("does not add up");
    assert!(matches!(refusal, Refusal::Sum { .. }), "{refusal}");
}
