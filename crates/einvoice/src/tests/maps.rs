//! Which terms each part of a document becomes.

use rust_decimal::Decimal;
use serde_json::json;

use super::{bill, credit_note, einvoice, terms};
use crate::model::{Category, Invoice, Kind, Line};
use crate::{Profile, Syntax};

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a number")
}

fn priced(line: &Line) -> (String, &'static str, String, Option<String>) {
    let text = |number: Decimal| number.to_string();
    (text(line.quantity), line.unit.code(), text(line.price), line.price_quantity.map(text))
}

#[test]
fn a_service_is_its_quantity_at_its_price_less_its_discount() {
    let terms = terms(|_| {});
    let [service, support] = &terms.lines[..] else { panic!("two lines, not {:?}", terms.lines) };
    assert_eq!(priced(service), ("648".to_owned(), "HUR", "0.25".to_owned(), None));
    let discount = service.discount.as_ref().expect("a discount");
    assert_eq!((discount.amount, discount.percent), (decimal("23.49"), Some(decimal("14.5"))));
    assert_eq!(discount.reason, "Partner 10 %, Launch 5 %");
    let days = service.days.expect("days");
    assert_eq!((days.first.to_string(), days.last.to_string()), ("2026-10-05".to_owned(), "2026-10-31".to_owned()));
    assert_eq!(service.attributes[0], ("Project", "web".to_owned()));
    // What only names a discount is no line, and positions are those of the document.
    assert_eq!((service.id.as_str(), support.id.as_str()), ("1", "3"));
    assert_eq!(priced(support), ("1".to_owned(), "C62", "25.00".to_owned(), None));
}

#[test]
fn a_credit_before_tax_is_an_allowance_in_its_category() {
    let terms = terms(|_| {});
    let [credit] = &terms.allowances[..] else { panic!("one allowance, not {:?}", terms.allowances) };
    assert_eq!((credit.amount, credit.tax.category), (decimal("50.00"), Category::S));
    assert_eq!((terms.totals.lines, terms.totals.allowances), (decimal("163.51"), decimal("50.00")));
}

#[test]
fn who_bills_and_who_pays_are_as_on_the_document() {
    let Invoice { seller, buyer, buyer_reference, purchase_order, payment, period, due_on, .. } = terms(|_| {});
    assert_eq!((seller.vat_id.as_deref(), seller.registration.as_deref()), (Some("FI12345671"), Some("1234567-1")));
    assert_eq!((&*buyer.name, buyer.trading_name.as_deref()), ("Acme Oy", Some("Web shop")));
    assert_eq!((buyer.account.as_deref(), buyer_reference.as_deref()), (Some("shop"), Some("Cost centre 4711")));
    assert_eq!((purchase_order.as_deref(), payment.code, &*payment.reference), (Some("PO-42"), "58", "aaaaa-2"));
    assert_eq!((period.first.to_string(), period.last.to_string()), ("2026-10-01".to_owned(), "2026-10-31".to_owned()));
    assert_eq!(due_on.map(|day| day.to_string()), Some("2026-11-15".to_owned()));
}

/// What the price list says is not what the line comes to: the price is for the quantity as a whole.
#[test]
fn where_more_than_price_and_quantity_decides_the_price_is_for_all_of_it() {
    let tiers = terms(|document| {
        let line = json!({
            "id": "a", "type": "ServiceCharge", "description": "traffic", "quantity": "1500", "unit": "Unit", "unitName": "GiB",
            "unitPrice": "0.05", "before": "900", "tier": { "from": "1000", "upTo": "5000", "mode": "Graduated" },
            "preDiscount": "70.00", "total": "70.00",
        });
        bill(document, json!([line]), "70.00", "17.85", "87.85");
    });
    let line = &tiers.lines[0];
    assert_eq!(priced(line), ("1500".to_owned(), "C62", "70.00".to_owned(), Some("1500".to_owned())));
    assert_eq!(line.attributes, [("Unit", "GiB".to_owned()), ("Tier", "1000 to 5000".to_owned())]);

    let converted = terms(|document| {
        document["exchangeRate"] = json!({
            "source": "ecb", "from": "USD", "to": "EUR", "rate": "0.5", "base": "EUR", "fromQuote": "2", "toQuote": "1",
            "quoteDate": "2026-10-30",
        });
    });
    let line = &converted.lines[0];
    assert_eq!(priced(line), ("648".to_owned(), "HUR", "162.00".to_owned(), Some("648".to_owned())));
    assert_eq!(line.attributes.last(), Some(&("List price", "0.25 USD".to_owned())));
    assert_eq!(converted.note.as_deref(), Some("Converted at 1 USD = 0.5 EUR (ecb, 2026-10-30)."));

    let per = terms(|document| {
        document["lines"][0]["unitPrice"] = "250".into();
        document["lines"][0]["per"] = 1000.into();
    });
    assert_eq!(priced(&per.lines[0]), ("648".to_owned(), "HUR", "250".to_owned(), Some("1000".to_owned())));
}

#[test]
fn a_correction_of_a_closed_month_has_a_quantity_below_zero_and_its_month_in_words() {
    let terms = terms(|document| {
        let correction = json!({
            "id": "x", "type": "OtherEvent", "description": "db: less of September", "total": "-12.34",
            "start": "2026-09-01T00:00:00Z", "end": "2026-09-11T00:00:00Z",
            "adjusts": { "period": "2026-09", "invoice": "aaaaa-1", "billed": "20.00", "due": "7.66" },
        });
        let late = json!({
            "id": "y", "type": "ServiceCharge", "description": "db2", "quantity": "10", "unit": "Hour", "unitPrice": "2",
            "start": "2026-08-31T14:00:00Z", "end": "2026-09-01T00:00:00Z", "preDiscount": "20.00", "total": "18.00",
            "discounts": [{ "name": "August", "percent": "10" }], "adjusts": { "period": "2026-08" },
        });
        bill(document, json!([late, correction]), "5.66", "1.44", "7.10");
        document["adjustedInvoices"] = json!([{ "number": "aaaaa-1", "issuedAt": "2026-10-01T01:00:00Z" }]);
    });
    let [late, correction] = &terms.lines[..] else { panic!("two lines") };
    assert_eq!((late.days, late.discount.as_ref().map(|one| &*one.reason)), (None, Some("August 10 %")));
    assert_eq!(
        late.description.as_deref(),
        Some("Late usage of 2026-08; 2026-08-31 14:00:00 to 2026-09-01 00:00:00 UTC")
    );
    assert_eq!(priced(correction), ("-1".to_owned(), "C62", "12.34".to_owned(), None));
    assert_eq!(
        correction.description.as_deref(),
        Some("Corrects invoice aaaaa-1 of 2026-09: due 7.66, billed 20.00; 2026-09-01 to 2026-09-10")
    );
    let preceding = &terms.preceding[0];
    assert_eq!(
        (&*preceding.number, preceding.issued_on.map(|day| day.to_string())),
        ("aaaaa-1", Some("2026-10-01".to_owned()))
    );
}

/// What late usage moves of an earlier month's tiers is a line of its own.
#[test]
fn a_refill_of_tiers_says_both_quantities() {
    let terms = terms(|document| {
        let refill = json!({
            "id": "r", "type": "OtherEvent", "description": "traffic of September", "total": "3.00",
            "adjusts": {
                "period": "2026-09", "invoice": "aaaaa-1", "type": "ServiceCharge", "part": "traffic", "billed": "20.00", "due": "24.00",
                "settled": "1.00", "quantityBefore": "900", "quantityAfter": "1200",
            },
        });
        bill(document, json!([refill]), "3.00", "0.77", "3.77");
    });
    assert_eq!(
        terms.lines[0].description.as_deref(),
        Some(
            "Corrects invoice aaaaa-1 of 2026-09: due 24.00, billed 20.00, credited by notes 1.00, quantity 1200 instead of 900"
        )
    );
}

#[test]
fn a_term_that_is_longer_than_the_month_is_in_words() {
    let terms = terms(|document| {
        let fee = json!({
            "id": "f", "type": "CommitmentFee", "description": "committed: what is missing to 1000.00", "total": "100.00",
            "start": "2026-01-01T00:00:00Z", "end": "2026-11-01T00:00:00Z",
        });
        bill(document, json!([fee]), "100.00", "25.50", "125.50");
    });
    let fee = &terms.lines[0];
    assert_eq!((fee.days, fee.description.as_deref()), (None, Some("2026-01-01 to 2026-10-31")));
}

/// Finals of earlier versions do not list what they adjust.
#[test]
fn an_adjusted_final_that_only_a_line_names_precedes_too() {
    let terms = terms(|document| {
        let line = json!({
            "id": "x", "type": "OtherEvent", "description": "more", "total": "10.00",
            "adjusts": { "period": "2026-09", "invoice": "aaaaa-1", "billed": "1.00", "due": "11.00" },
        });
        bill(document, json!([line]), "10.00", "2.55", "12.55");
    });
    assert_eq!((&*terms.preceding[0].number, terms.preceding[0].issued_on), ("aaaaa-1", None));
}

/// CII has room for one.
#[test]
fn all_adjusted_finals_are_in_ubl_and_in_cii_the_others_are_in_the_note() {
    let change = |document: &mut serde_json::Value| {
        document["adjustedInvoices"] = json!([
            { "number": "aaaaa-1", "issuedAt": "2026-10-01T01:00:00Z" },
            { "number": "bbbbb-7", "issuedAt": "2026-09-01T01:00:00Z" },
        ]);
    };
    let einvoice = einvoice(change, Profile::En16931).expect("is accepted");
    let (ubl, cii) = (einvoice.xml(Syntax::Ubl).expect("writes"), einvoice.xml(Syntax::Cii).expect("writes"));
    assert_eq!(ubl.matches("<cac:BillingReference>").count(), 2, "{ubl}");
    assert!(cii.contains("Adjusts also bbbbb-7 of 2026-09-01.") && !ubl.contains("Adjusts also"), "{cii}");
}

/// Whoever books it must find what it replaces, and must not book both: in CII, too, which has room for one.
#[test]
fn what_an_invoice_replaces_precedes_it_before_all_that_it_adjusts() {
    let change = |document: &mut serde_json::Value| {
        document["reissues"] = json!({
            "number": "aaaaa-2", "issuedAt": "2026-11-01T01:00:00Z", "digest": "sha256:0", "creditNote": "aaaaa-cn1",
        });
        document["adjustedInvoices"] = json!([{ "number": "aaaaa-1", "issuedAt": "2026-10-01T01:00:00Z" }]);
    };
    let terms = terms(change);
    let preceding = terms.preceding.iter().map(|one| (&*one.number, one.issued_on.map(|day| day.to_string())));
    let [first, second] =
        [("aaaaa-2", "2026-11-01"), ("aaaaa-1", "2026-10-01")].map(|(n, day)| (n, Some(day.to_owned())));
    assert_eq!(preceding.collect::<Vec<_>>(), [first, second]);
    let says = "Replaces invoice aaaaa-2 of 2026-11-01, which credit note aaaaa-cn1 takes back.";
    assert_eq!(terms.note.as_deref(), Some(says));
    let cii = einvoice(change, Profile::En16931).expect("is accepted").xml(Syntax::Cii).expect("writes");
    assert!(cii.contains("<ram:IssuerAssignedID>aaaaa-2</ram:IssuerAssignedID>"), "{cii}");
    assert!(cii.contains("Adjusts also aaaaa-1 of 2026-10-01."), "{cii}");
}

#[test]
fn a_credit_note_names_the_invoice_that_comes_in_the_place_of_its_own() {
    let note = credit_note(|note| note["reissuedAs"] = "aaaaa-2-r1".into(), Profile::Peppol).expect("is accepted");
    let says = "Reason: Outage of 12 October\nIt is replaced by invoice aaaaa-2-r1.";
    assert_eq!(note.terms.note.as_deref(), Some(says));
}

#[test]
fn a_minimum_charge_is_a_line_below_zero() {
    let terms = terms(|document| {
        let lines = json!([
            { "id": "a", "type": "ExtraCharge", "description": "a little", "total": "0.20" },
            { "id": "r", "type": "Rounding", "description": "below the minimum charge", "total": "-0.20" },
        ]);
        bill(document, lines, "0.00", "0.00", "0.00");
    });
    assert_eq!(priced(&terms.lines[1]), ("-1".to_owned(), "C62", "0.20".to_owned(), None));
    assert_eq!(terms.payment_terms.as_deref(), Some("Nothing is due."));
}

#[test]
fn what_was_paid_in_advance_is_no_longer_due() {
    let terms = terms(|document| {
        document["prepayments"] = json!([
            { "kind": "Invoice", "name": "aaaaa-1", "uid": "5b1f2a64-0000-4000-8000-000000000003", "amount": "42.46" },
        ]);
        (document["prepaid"], document["amountDue"]) = ("42.46".into(), "100.00".into());
    });
    assert_eq!((terms.totals.prepaid, terms.totals.due), (decimal("42.46"), decimal("100.00")));
}

#[test]
fn a_total_below_zero_is_due_below_zero_and_carried_forward() {
    let terms = terms(|document| {
        let lines = json!([{ "id": "x", "type": "OtherEvent", "description": "less", "total": "-10.00" }]);
        bill(document, lines, "-10.00", "-2.55", "-12.55");
        (document["amountDue"], document["carriedForward"]) = ("0.00".into(), "12.55".into());
        document["returnedCredits"] =
            json!([{ "name": "aaaaa-2-1-welcome", "credit": "welcome", "period": "2026-09", "amount": "3.00" }]);
    });
    assert_eq!((terms.totals.total, terms.totals.due), (decimal("-12.55"), decimal("-12.55")));
    assert_eq!(
        terms.payment_terms.as_deref(),
        Some("Nothing is due. 12.55 EUR are carried forward to the next invoice.")
    );
    assert_eq!(terms.note.as_deref(), Some("3.00 EUR go back to credit welcome, which had paid for 2026-09."));
}

#[test]
fn several_taxes_are_of_their_lines_and_allowances() {
    let terms = terms(|document| {
        let (standard, exempt) = (json!({ "category": "S", "rate": "25.5" }), json!({ "category": "E", "rate": "0" }));
        document["lines"] = json!([
            { "id": "a", "type": "ExtraCharge", "description": "taxed", "total": "100.00", "tax": standard },
            { "id": "b", "type": "ExtraCharge", "description": "exempt", "total": "50.00", "tax": exempt },
            { "id": "c", "type": "CreditConsumption", "description": "welcome", "total": "-20.00", "tax": standard },
            { "id": "d", "type": "CreditConsumption", "description": "welcome", "total": "-10.00", "tax": exempt },
        ]);
        document["taxes"] = json!([
            { "category": "S", "rate": "25.5", "base": "80.00", "amount": "20.40" },
            { "category": "E", "rate": "0", "base": "40.00", "amount": "0.00", "reason": "Exempt: training" },
        ]);
        (document["subtotal"], document["tax"], document["total"]) = ("120.00".into(), "20.40".into(), "140.40".into());
    });
    let categories: Vec<_> = terms.allowances.iter().map(|one| one.tax.category.code()).collect();
    assert_eq!((categories, terms.taxes[1].reason.as_deref()), (vec!["S", "E"], Some("Exempt: training")));
}

/// A line that only names a discount has no tax, as it charges nothing.
#[test]
fn several_taxes_and_a_line_that_names_a_discount_go_together() {
    let terms = terms(|document| {
        super::everything(document);
        let tells = |line: &&mut serde_json::Value| line["type"] == "Multiplier";
        let line = document["lines"].as_array_mut().and_then(|lines| lines.iter_mut().find(tells)).expect("a discount");
        line.as_object_mut().expect("a line").remove("tax");
    });
    assert!(terms.lines.iter().all(|line| line.id != "2"), "it is no line");
    assert_eq!(terms.taxes.len(), 2);
}

#[test]
fn a_tax_that_nothing_has_is_not_stated() {
    let terms = terms(|document| {
        let nothing = json!({ "category": "Z", "rate": "0", "base": "0.00", "amount": "0.00" });
        for line in document["lines"].as_array_mut().expect("lines") {
            line["tax"] = json!({ "category": "S", "rate": "25.5" });
        }
        document["taxes"].as_array_mut().expect("taxes").push(nothing);
    });
    assert_eq!(terms.taxes.iter().map(|tax| tax.group.category).collect::<Vec<_>>(), [Category::S]);
}

#[test]
fn reverse_charge_and_zero_rates_are_said_with_their_reason() {
    let terms = terms(|document| {
        document["taxes"] = json!([{
            "category": "AE", "rate": "0", "base": "113.51", "amount": "0.00", "reason": "Reverse charge, Article 196",
        }]);
        (document["tax"], document["total"]) = ("0.00".into(), "113.51".into());
    });
    assert_eq!(terms.taxes[0].reason.as_deref(), Some("Reverse charge, Article 196"));
}

/// Nobody has a VAT id on an invoice outside the scope of tax (BR-O-02), so the seller's number in a register identifies it.
#[test]
fn an_issuer_that_taxes_nothing_bills_outside_the_scope_of_tax() {
    let terms = terms(|document| {
        document["taxes"] = json!([]);
        document["taxNote"] = "No tax is charged: the issuer taxes nothing.".into();
        (document["tax"], document["total"]) = ("0.00".into(), "113.51".into());
    });
    assert_eq!((terms.taxes[0].group.category, terms.taxes[0].base), (Category::O, decimal("113.51")));
    assert_eq!((terms.seller.vat_id, terms.buyer.vat_id), (None, None));
}

#[test]
fn ids_are_those_that_the_standard_knows() {
    let terms = terms(|document| {
        document["seller"]["vatId"] = "FI 1234 5671".into();
        document["buyer"]["vatId"] = "12-3456789".into();
        document["buyer"]["billingAddress"]["countryCode"] = "US".into();
        document["buyer"]["invoiceText"] = "For the team.\nThank you.".into();
    });
    assert_eq!((terms.seller.vat_id.as_deref(), terms.buyer.vat_id), (Some("FI12345671"), None));
    assert_eq!(terms.note.as_deref(), Some("For the team.\nThank you.\nTax number of the buyer: 12-3456789"));
}

/// A tax number without the prefix of a country is the seller's tax registration (BT-32); its number in a register identifies it.
#[test]
fn a_tax_number_of_the_seller_that_is_no_vat_id_is_one_all_the_same() {
    let terms = terms(|document| document["seller"]["vatId"] = "12-3456789".into());
    assert_eq!((terms.seller.vat_id, terms.seller.tax_number.as_deref()), (None, Some("12-3456789")));
}

#[test]
fn countries_are_those_of_the_standard() {
    for (written, said) in [("EL", "GR"), ("UK", "GB"), ("IC", "ES"), ("XK", "1A"), ("XI", "XI"), ("US", "US")] {
        let einvoice =
            einvoice(|document| document["buyer"]["billingAddress"]["countryCode"] = written.into(), Profile::Peppol);
        let country = einvoice.unwrap_or_else(|refusal| panic!("{written}: {refusal}")).terms.buyer.address.country;
        assert_eq!(country.as_deref(), Some(said), "{written}");
    }
    for (number, is_vat_id) in [("EL123456783", true), ("XI123456782", true), ("UK123456782", false), ("XK123", false)]
    {
        let einvoice = einvoice(|document| document["buyer"]["vatId"] = number.into(), Profile::En16931);
        let buyer = einvoice.unwrap_or_else(|refusal| panic!("{number}: {refusal}")).terms.buyer;
        assert_eq!(buyer.vat_id.is_some(), is_vat_id, "{number}");
    }
}

#[test]
fn currencies_without_decimals_have_none() {
    let terms = terms(|document| {
        document["currency"] = "JPY".into();
        document["discounts"] = json!([]);
        let line = json!({
            "id": "a", "type": "ServiceCharge", "description": "db", "quantity": "744", "unit": "Hour", "unitPrice": "3.95",
            "preDiscount": "2939", "total": "2939",
        });
        bill(document, json!([line]), "2939", "749", "3688");
    });
    // 744 × 3.95 is 2938.80, further off than Peppol allows.
    assert_eq!(priced(&terms.lines[0]), ("744".to_owned(), "HUR", "2939".to_owned(), Some("744".to_owned())));
    assert_eq!(terms.payment.code, "30");
}

#[test]
fn ways_to_pay_are_those_that_ask_for_nothing_more() {
    for (method, code) in [("Card", "68"), ("AWSMarketplace", "68"), ("NoPaymentExpected", "1"), ("BankTransfer", "1")]
    {
        let einvoice = einvoice(
            |document| {
                document["buyer"]["paymentMethod"] = method.into();
                document["seller"].as_object_mut().expect("a seller").remove("bankAccount");
            },
            Profile::XRechnung,
        );
        let payment = einvoice.unwrap_or_else(|refusal| panic!("{method}: {refusal}")).terms.payment;
        assert_eq!((payment.code, payment.account), (code, None), "{method}");
    }
}

#[test]
fn a_credit_note_says_what_it_gives_back_above_zero_and_of_which_invoice() {
    for profile in Profile::ALL {
        let einvoice = credit_note(|_| {}, profile).unwrap_or_else(|refusal| panic!("{profile:?}: {refusal}"));
        let terms = &einvoice.terms;
        assert_eq!((terms.kind, &*terms.preceding[0].number), (Kind::CreditNote, "aaaaa-2"));
        assert_eq!((terms.totals.subtotal, terms.totals.total), (decimal("15.00"), decimal("18.83")));
        assert_eq!(priced(&terms.lines[0]), ("1".to_owned(), "C62", "10.00".to_owned(), None));
        assert_eq!(terms.note.as_deref(), Some("Reason: Outage of 12 October"));
        let (ubl, cii) = (einvoice.xml(Syntax::Ubl).expect("writes"), einvoice.xml(Syntax::Cii).expect("writes"));
        assert!(ubl.contains("<CreditNote ") && ubl.contains("<cbc:ID>aaaaa-2</cbc:ID>"), "{ubl}");
        assert!(cii.contains("<ram:TypeCode>381</ram:TypeCode>"), "{cii}");
    }
}

#[test]
fn what_goes_back_to_a_credit_is_paid_and_lines_that_were_below_zero_are_so_again() {
    let einvoice = credit_note(
        |note| {
            note["lines"][1] = json!({ "line": "c", "description": "welcome", "total": "5.00" });
            (note["subtotal"], note["tax"], note["total"]) = ("-5.00".into(), "-1.28".into(), "-6.28".into());
            (note["taxes"][0]["base"], note["taxes"][0]["amount"]) = ("-5.00".into(), "-1.28".into());
            note["credits"] = json!([
                { "name": "aaaaa-cn1-gift", "credit": "gift", "amount": "2.28", "application": "AfterTax" },
                { "name": "aaaaa-cn1-welcome", "credit": "welcome", "amount": "5.00" },
            ]);
        },
        Profile::Peppol,
    );
    let terms = einvoice.expect("is accepted").terms;
    assert_eq!(priced(&terms.lines[1]), ("-1".to_owned(), "C62", "5.00".to_owned(), None));
    assert_eq!((terms.totals.prepaid, terms.totals.due), (decimal("2.28"), decimal("4.00")));
    let note = terms.note.expect("a note");
    assert!(note.contains("2.28 EUR go back to credit gift, which paid in advance."), "{note}");
    assert!(note.contains("5.00 EUR go back to credit welcome, which was used before tax."), "{note}");
}

/// A note in full has all lines of its invoice, and the one that only names a discount has no tax.
#[test]
fn a_credit_note_in_full_of_several_taxes_has_no_line_for_a_discount() {
    let change = |note: &mut serde_json::Value| {
        let (standard, reduced) =
            (json!({ "category": "S", "rate": "25.5" }), json!({ "category": "S", "rate": "14" }));
        note["lines"] = json!([
            { "line": "a", "description": "db", "total": "-10.00", "tax": standard },
            { "line": "m", "description": "Partner: 10 % off services", "total": "0.00" },
            { "line": "s", "description": "support", "total": "-5.00", "tax": reduced },
        ]);
        note["taxes"] = json!([
            { "category": "S", "rate": "14", "base": "-5.00", "amount": "-0.70" },
            { "category": "S", "rate": "25.5", "base": "-10.00", "amount": "-2.55" },
        ]);
        (note["tax"], note["total"]) = ("-3.25".into(), "-18.25".into());
    };
    let einvoice = credit_note(change, Profile::Peppol).unwrap_or_else(|refusal| panic!("{refusal}"));
    let ids: Vec<_> = einvoice.terms.lines.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids, ["1", "3"]);
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    for syntax in [Syntax::Ubl, Syntax::Cii] {
        let xml = || einvoice(|_| {}, Profile::En16931).expect("is accepted").xml(syntax).expect("writes");
        assert_eq!(xml(), xml());
    }
}
