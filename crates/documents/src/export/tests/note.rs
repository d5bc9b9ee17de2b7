//! A credit note of the invoice: of two of its lines, of one of them twice, and of all of it.

use billing_api::CreditNote;
use serde_json::{Value, json};

/// The credit note, changed.
pub fn credit_note(change: impl FnOnce(&mut Value)) -> CreditNote {
    let mut note = json!({
        "metadata": { "name": "outage", "namespace": "acme" },
        "spec": { "invoice": "aaaaa-2", "reason": "=Outage", "lines": [{ "line": "db", "amount": "10.00" }] },
        "status": {
            "phase": "Final", "number": "aaaaa-cn1",
            "document": {
                "number": "aaaaa-cn1", "issuedAt": "2026-12-31T23:59:59.5Z", "currency": "EUR", "reason": "=Outage",
                "invoice": {
                    "number": "aaaaa-2", "digest": "sha256:0123456789abcdef0123", "issuedAt": "2026-11-01T01:00:00.5Z",
                    "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
                },
                "seller": { "legalName": "Example Cloud Oy" },
                "buyer": { "billingGroup": "main", "paymentMethod": "Card", "company": "Acme, \"Inc\"" },
                "lines": [
                    { "line": "db", "description": "db: PostgreSQL", "total": "-10.00" },
                    { "line": "training", "description": "training of the terms", "total": "-40.00" },
                    { "line": "db", "description": "db: the other outage", "total": "-1.00" },
                    { "description": "=Goodwill", "total": "-1.00" },
                ],
                "subtotal": "-52.00", "tax": "-13.26", "total": "-65.26",
                "taxes": [{ "category": "S", "rate": "25.5", "base": "-52.00", "amount": "-13.26" }],
                // The first is beside the total, the others are a part of it.
                "credits": [
                    { "name": "aaaaa-cn1-welcome", "credit": "welcome", "amount": "100.00" },
                    { "name": "aaaaa-cn1-b", "credit": "b", "amount": "20.00", "application": "AfterTax" },
                    { "name": "aaaaa-cn1-a", "credit": "a", "amount": "4.70", "application": "AfterTax" },
                ],
                "previousDigest": "sha256:1", "digest": "sha256:fedcba9876543210",
            },
        },
    });
    change(&mut note);
    serde_json::from_value(note).expect("a credit note")
}
