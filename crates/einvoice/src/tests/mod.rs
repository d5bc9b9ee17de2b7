//! Documents as JSON, changed, and what becomes of them.

mod docs;
mod frozen;
mod maps;
mod refuses;
mod sums;

use billing_api::{CreditNote, Invoice};
use billing_documents::issued::IssuedInvoice;
use billing_documents::issued_note::IssuedCreditNote;
use serde_json::{Value, json};

use crate::{EInvoice, Profile, Refusal, Syntax, model};

/// What a document is changed by.
type Change = fn(&mut Value);

/// A final with a service that has a discount, support, and a credit before tax.
fn final_document() -> Value {
    json!({
        "number": "aaaaa-2", "issuedAt": "2026-11-01T01:00:00Z", "dueAt": "2026-11-15T01:00:00Z", "attribution": "MonthEnd",
        "currency": "EUR",
        "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
        "seller": {
            "legalName": "Example Cloud Oy", "vatId": "FI12345671", "registration": "1234567-1",
            "address": { "lines": ["Esimerkkikatu 1"], "city": "Helsinki", "zipCode": "00100", "countryCode": "FI" },
            "bankAccount": { "iban": "FI2112345600000785", "bic": "EXAMFIHH" },
            "electronicAddress": { "scheme": "0216", "value": "003712345671" },
            "contact": { "name": "Invoices", "phone": "+358 9 5550 1234", "email": "invoices@cloud.example" },
        },
        "buyer": {
            "billingGroup": "shop", "company": "Acme Oy", "displayName": "Web shop", "vatId": "FI23456783",
            "billingAddress": { "lines": ["Mallikatu 2", "3rd floor"], "city": "Espoo", "zipCode": "02100", "countryCode": "FI" },
            "electronicAddress": { "scheme": "0216", "value": "003723456783" },
            "buyerReference": "Cost centre 4711", "purchaseOrder": "PO-42", "paymentMethod": "BankTransfer",
        },
        "discounts": [{ "name": "Partner", "percent": "10" }, { "name": "Launch", "percent": "5" }],
        "lines": [
            {
                "id": "a", "type": "ServiceCharge", "project": "web", "description": "db: PostgreSQL business-8",
                "service": { "name": "db", "type": "PostgreSQL", "plan": "business-8" },
                "start": "2026-10-05T00:00:00Z", "end": "2026-11-01T00:00:00Z",
                "quantity": "648", "unit": "Hour", "unitPrice": "0.25", "preDiscount": "162.00", "total": "138.51",
            },
            { "id": "m", "type": "Multiplier", "description": "Partner: -10 % on services", "total": "0.00" },
            { "id": "s", "type": "SupportCharge", "description": "Business support", "total": "25.00" },
            { "id": "c", "type": "CreditConsumption", "description": "welcome: credit", "total": "-50.00" },
        ],
        "subtotal": "113.51",
        "taxes": [{ "category": "S", "rate": "25.5", "base": "113.51", "amount": "28.95" }],
        "tax": "28.95", "total": "142.46",
        "inputs": { "issuer": { "name": "default", "uid": "5b1f2a64-0000-4000-8000-000000000002", "generation": 1 } },
        "digest": "sha256:1",
    })
}

fn invoice(change: impl FnOnce(&mut Value)) -> Invoice {
    let mut document = final_document();
    change(&mut document);
    let phase = if document["asOf"].is_string() { "Estimate" } else { "Final" };
    let invoice = json!({
        "metadata": { "name": "aaaaa-2", "namespace": "acme" },
        "spec": {
            "billingGroup": "shop", "billingGroupUID": "5b1f2a64-0000-4000-8000-000000000001", "period": "2026-10",
            "series": "aaaaa", "sequence": 2,
        },
        "status": { "phase": phase, "document": document },
    });
    serde_json::from_value(invoice).expect("an invoice")
}

/// The e-invoice of a changed final.
fn einvoice(change: impl FnOnce(&mut Value), profile: Profile) -> Result<EInvoice, Refusal> {
    let invoice = invoice(change);
    EInvoice::of_invoice(&IssuedInvoice::new(&invoice, []).expect("reads"), profile)
}

/// The terms of a changed final, which every profile accepts in both syntaxes.
#[track_caller]
fn terms(change: Change) -> model::Invoice {
    for profile in Profile::ALL {
        let einvoice = einvoice(change, profile).unwrap_or_else(|refusal| panic!("{profile:?}: {refusal}"));
        for syntax in [Syntax::Ubl, Syntax::Cii] {
            einvoice.xml(syntax).unwrap_or_else(|refusal| panic!("{profile:?} {syntax:?}: {refusal}"));
        }
    }
    einvoice(change, Profile::En16931).expect("is accepted").terms
}

/// The e-invoice of a credit note of the final: of 10.00 of the service and of 5.00 of the whole.
fn credit_note(change: impl FnOnce(&mut Value), profile: Profile) -> Result<EInvoice, Refusal> {
    let invoice = invoice(|_| {});
    let of = final_document();
    let mut document = json!({
        "number": "aaaaa-cn1", "issuedAt": "2026-11-20T10:00:00Z", "currency": "EUR", "reason": "Outage of 12 October",
        "invoice": { "number": "aaaaa-2", "issuedAt": of["issuedAt"], "period": of["period"], "digest": of["digest"] },
        "seller": of["seller"], "buyer": of["buyer"],
        "lines": [
            { "line": "a", "description": "db: PostgreSQL business-8", "total": "-10.00" },
            { "description": "Goodwill", "total": "-5.00" },
        ],
        "subtotal": "-15.00",
        "taxes": [{ "category": "S", "rate": "25.5", "base": "-15.00", "amount": "-3.83" }],
        "tax": "-3.83", "total": "-18.83", "digest": "sha256:2",
    });
    change(&mut document);
    let note = json!({
        "metadata": { "name": "outage", "namespace": "acme" },
        "spec": { "invoice": "aaaaa-2", "reason": "Outage of 12 October" },
        "status": { "phase": "Final", "number": "aaaaa-cn1", "document": document },
    });
    let note: CreditNote = serde_json::from_value(note).expect("a credit note");
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    EInvoice::of_credit_note(&IssuedCreditNote::new(&note, &issued).expect("reads"), profile)
}

/// Sets the lines, and the sums that follow from them at 25.5 %.
fn bill(document: &mut Value, lines: Value, subtotal: &str, tax: &str, total: &str) {
    document["lines"] = lines;
    (document["subtotal"], document["tax"], document["total"]) = (subtotal.into(), tax.into(), total.into());
    (document["taxes"][0]["base"], document["taxes"][0]["amount"]) = (subtotal.into(), tax.into());
}

/// Adds what a final may have beside: late usage, a correction, tiers, two taxes, prices in another currency, money in advance.
fn everything(document: &mut Value) {
    let (standard, exempt) = (json!({ "category": "S", "rate": "25.5" }), json!({ "category": "E", "rate": "0" }));
    for line in document["lines"].as_array_mut().into_iter().flatten() {
        line["tax"] = standard.clone();
    }
    let more = [
        json!({
            "id": "t", "type": "ServiceCharge", "description": "traffic <&>", "quantity": "1500", "unit": "Unit", "unitName": "GiB",
            "unitPrice": "0.05", "before": "900", "tier": { "from": "1000", "mode": "Graduated" },
            "preDiscount": "70.00", "total": "59.85", "tax": standard,
        }),
        json!({
            "id": "l", "type": "ServiceCharge", "description": "late", "quantity": "10", "unit": "Month", "unitPrice": "2.5",
            "start": "2026-08-31T14:00:00Z", "end": "2026-09-01T00:00:00Z", "preDiscount": "23.04", "total": "20.74",
            "discounts": [{ "name": "August", "percent": "10" }], "adjusts": { "period": "2026-08" }, "tax": exempt,
            "exchangeRate": {
                "source": "ecb", "from": "USD", "to": "EUR", "rate": "0.921658986175115", "base": "EUR", "fromQuote": "1.085",
                "toQuote": "1", "quoteDate": "2026-08-31",
            },
        }),
        json!({
            "id": "x", "type": "OtherEvent", "description": "db: less of September", "total": "-12.34", "tax": standard,
            "start": "2026-09-01T00:00:00Z", "end": "2026-09-11T00:00:00Z",
            "adjusts": { "period": "2026-09", "invoice": "aaaaa-1", "billed": "20.00", "due": "7.66" },
        }),
    ];
    if let Some(lines) = document["lines"].as_array_mut() {
        lines.extend(more);
    }
    document["adjustedInvoices"] = json!([
        { "number": "aaaaa-1", "issuedAt": "2026-10-01T01:00:00Z" }, { "number": "aaaaa-0", "issuedAt": "2026-09-01T01:00:00Z" },
    ]);
    document["buyer"]["invoiceText"] = "For the team.".into();
    document["taxes"] = json!([
        { "category": "S", "rate": "25.5", "base": "161.02", "amount": "41.06" },
        { "category": "E", "rate": "0", "base": "20.74", "amount": "0.00", "reason": "Exempt: training" },
    ]);
    (document["subtotal"], document["tax"], document["total"]) = ("181.76".into(), "41.06".into(), "222.82".into());
    (document["prepaid"], document["amountDue"]) = ("22.82".into(), "200.00".into());
}
