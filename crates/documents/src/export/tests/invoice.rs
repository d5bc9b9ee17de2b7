//! An invoice with every type of line, in another currency than its prices, with discounts and an adjustment.

use billing_api::Invoice;
use serde_json::{Value, json};

fn service(id: &str, service: &Value, quantity: &str, price: &str, pre_discount: &str, total: &str) -> Value {
    json!({
        "id": id, "type": "ServiceCharge", "project": "shop", "service": service,
        "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z", "quantity": quantity, "unit": "Hour",
        "unitPrice": price, "price": { "list": "default", "entry": "pg", "validFrom": "2020-01-01T00:00:00Z" },
        "preDiscount": pre_discount, "total": total, "description": format!("{id}: PostgreSQL"),
        "tags": { "team": "a \"b\"", "cost=centre": "7" },
        "source": { "kind": "UsageRecord", "name": id, "uid": "5b1f2a64-0000-4000-8000-0000000000aa" },
    })
}

fn item(id: &str, kind: &str, total: &str, source: &str, part: &str) -> Value {
    json!({
        "id": id, "type": kind, "total": total, "description": format!("={id} of the terms"),
        "source": { "kind": source, "name": "main", "uid": "5b1f2a64-0000-4000-8000-000000000001", "part": part },
    })
}

/// The invoice, changed.
pub fn invoice(change: impl FnOnce(&mut Value)) -> Invoice {
    let postgres = json!({ "name": "web-db", "type": "PostgreSQL", "plan": "Business-4", "cloud": "aws-eu-west-1" });
    let kafka = json!({ "name": "queue", "type": "Kafka" });
    // 744 × 0.27397 USD × 0.9217 = 187.87…, less 10 %: 169.08…
    let mut instant = service("query", &kafka, "21700", "0.00001", "0.20", "0.18");
    instant["unit"] = "Unit".into();
    instant["start"] = "2026-10-31T12:00:00Z".into();
    instant["end"] = instant["start"].clone();
    let mut late = service("late", &kafka, "10", "2", "18.43", "18.43");
    late["type"] = "OtherEvent".into();
    late["start"] = "2026-09-03T00:00:00Z".into();
    late["end"] = "2026-09-03T10:00:00Z".into();
    late["adjusts"] = json!({ "period": "2026-09" });
    late["exchangeRate"] = rate();
    let mut correction = item("less", "OtherEvent", "-5.00", "UsageRecord", "");
    correction["adjusts"] = json!({ "period": "2026-09", "invoice": "aaaaa-1", "billed": "15.00", "due": "10.00" });
    let mut invoice = json!({
        "metadata": { "name": "aaaaa-2", "namespace": "acme", "creationTimestamp": "2026-11-01T00:01:02Z" },
        "spec": {
            "billingGroup": "main", "billingGroupUID": "5b1f2a64-0000-4000-8000-000000000001", "period": "2026-10",
            "series": "aaaaa", "sequence": 2,
        },
        "status": {
            "phase": "Final",
            "document": {
                "number": "aaaaa-2", "issuedAt": "2026-11-01T01:00:00.5Z", "dueAt": "2026-11-15T01:00:00.5Z",
                "attribution": "MonthEnd", "currency": "EUR", "hours": "Ceil", "exchangeRate": rate(),
                "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
                "discounts": [{ "name": "Partner", "percent": "10" }],
                "seller": { "legalName": "Example Cloud Oy" },
                "buyer": { "billingGroup": "main", "paymentMethod": "Card", "company": "Acme, \"Inc\"" },
                "lines": [
                    service("db", &postgres, "744", "0.27397", "187.87", "169.09"),
                    instant,
                    item("partner", "Multiplier", "0.00", "BillingGroup", "Partner"),
                    item("training", "ExtraCharge", "40.00", "BillingGroup", "Training"),
                    item("support", "SupportCharge", "25.00", "BillingGroup", "Support"),
                    item("commitment", "CommitmentFee", "64.53", "BillingGroup", "Plan"),
                    late,
                    correction,
                    item("event", "OtherEvent", "120.00", "BillingGroup", "Event"),
                    item("credit", "CreditConsumption", "-100.00", "Credit", "welcome"),
                    item("rounding", "Rounding", "-0.23", "InvoiceIssuer", ""),
                ],
                "subtotal": "332.00", "total": "416.66", "tax": "84.66",
                "taxes": [{ "category": "S", "rate": "25.5", "base": "332.00", "amount": "84.66" }],
                "digest": "sha256:0123456789abcdef0123",
            },
        },
    });
    change(&mut invoice);
    serde_json::from_value(invoice).expect("an invoice")
}

fn rate() -> Value {
    json!({
        "source": "ecb", "from": "USD", "to": "EUR", "rate": "0.9217", "base": "EUR", "fromQuote": "1.08495", "toQuote": "1",
        "quoteDate": "2026-10-30",
    })
}
