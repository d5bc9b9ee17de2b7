//! Lines as charges in the sense of FOCUS.

use super::{cell, invoice};
use crate::export::document::ExportedDocument;
use crate::export::focus::Version;
use crate::export::focus::charge::{Charge, charges};
use crate::export::focus::{cost_and_usage, invoice_detail};
use crate::issued::IssuedInvoice;

/// The cells of the named columns, of the charge of a line.
fn cells(document: &ExportedDocument<'_>, line: &str, names: &[&str]) -> Vec<String> {
    let charge = charges(document).map(|charge| charge.expect("reads")).find(|charge| charge.row.id() == line);
    let charge = charge.unwrap_or_else(|| panic!("no charge of {line}"));
    let columns = cost_and_usage::columns(Version::V1_4);
    names.iter().map(|name| cell(&columns, name, &charge)).collect()
}

#[test]
fn each_type_of_line_has_its_category() {
    let invoice = invoice(|_| {});
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    let names = ["ChargeCategory", "ChargeFrequency", "ChargeClass", "BilledCost", "EffectiveCost", "SkuId"];
    for (line, expected) in [
        ("db", ["Usage", "Usage-Based", "", "169.09", "169.09", "PostgreSQL/Business-4/aws-eu-west-1"]),
        ("query", ["Usage", "Usage-Based", "", "0.18", "0.18", "Kafka"]),
        ("training", ["Purchase", "One-Time", "", "40.00", "40.00", "ExtraCharge/Training"]),
        ("support", ["Purchase", "Recurring", "", "25.00", "25.00", "SupportCharge/Support"]),
        ("commitment", ["Usage", "One-Time", "", "64.53", "64.53", "CommitmentFee/Plan"]),
        ("late", ["Usage", "Usage-Based", "Correction", "18.43", "18.43", "Kafka"]),
        ("less", ["Usage", "Usage-Based", "Correction", "-5.00", "-5.00", ""]),
        ("event", ["Adjustment", "One-Time", "", "120.00", "120.00", ""]),
        ("credit", ["Credit", "One-Time", "", "-100.00", "-100.00", ""]),
        ("rounding", ["Adjustment", "One-Time", "", "-0.23", "-0.23", ""]),
        ("tax-S-25.5", ["Tax", "One-Time", "", "84.66", "84.66", ""]),
    ] {
        assert_eq!(cells(&document, line, &names), expected, "{line}");
    }
    let all: Vec<_> = charges(&document).map(|charge| charge.expect("reads").row.id()).collect();
    assert!(all.iter().all(|id| id != "partner"), "a discount is in its services: {all:?}");
}

#[test]
fn what_settles_a_closed_month_is_of_the_category_of_its_part() {
    for (kind, category) in [
        ("SupportCharge", "Purchase"),
        ("CommitmentFee", "Usage"),
        ("CreditConsumption", "Credit"),
        ("Rounding", "Adjustment"),
        ("OtherEvent", "Adjustment"),
    ] {
        let invoice = invoice(|invoice| {
            invoice["status"]["document"]["lines"][8]["adjusts"] = serde_json::json!({
                "period": "2026-09", "invoice": "aaaaa-1", "type": kind, "part": "Event", "billed": "0.00", "due": "120.00",
            });
        });
        let issued = IssuedInvoice::new(&invoice, []).expect("reads");
        let document = ExportedDocument::invoice(&issued);
        assert_eq!(cells(&document, "event", &["ChargeCategory", "ChargeClass"]), [category, "Correction"], "{kind}");
    }
}

#[test]
fn a_service_costs_its_unit_price_times_its_quantity_in_both_currencies() {
    let invoice = invoice(|_| {});
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    let names =
        ["ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingUnit", "ListCost", "ContractedCost"];
    // 0.27397 USD ÷ 1.08495 = 0.2525185…, times 0.9 = 0.2272666…; times 744 hours.
    let expected = ["0.252518549242", "0.227266694318", "744.00", "Hours", "187.873800636048", "169.086420572592"];
    assert_eq!(cells(&document, "db", &names), expected);
    let names = [
        "PricingCurrency",
        "PricingCurrencyListUnitPrice",
        "PricingCurrencyContractedUnitPrice",
        "PricingCurrencyEffectiveCost",
        "ConsumedQuantity",
        "ConsumedUnit",
    ];
    // 744 × 0.246573 USD
    assert_eq!(cells(&document, "db", &names), ["USD", "0.27397", "0.246573", "183.450312", "744.00", "Hours"]);
    assert_eq!(cells(&document, "training", &names), ["EUR", "40.00", "40.00", "40.00", "", ""]);
    assert_eq!(cells(&document, "credit", &names), ["EUR", "", "", "-100.00", "", ""]);
}

/// Costs are what FOCUS computes with, so they must fit to the last digit whatever a line says.
#[test]
fn where_a_price_does_not_make_the_amount_the_unit_costs_its_average() {
    let invoice = invoice(|invoice| {
        let line = &mut invoice["status"]["document"]["lines"][0];
        line["preDiscount"] = "300.00".into(); // the least that the tier costs
        line["total"] = "169.09".into();
    });
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    let names = ["ListUnitPrice", "ContractedUnitPrice", "PricingCurrency", "ListCost"];
    assert_eq!(cells(&document, "db", &names), ["0.403225806452", "0.227271505376", "EUR", "300.000000000288"]);
    for charge in charges(&document).map(|charge| charge.expect("reads")) {
        let Some(pricing) = &charge.pricing else { continue };
        let cost = pricing.costs.contracted.units() - charge.billed.units();
        assert!(cost.abs() <= 10_i128.pow(10), "{} is off by {cost}", charge.row.id());
    }
}

#[test]
fn a_charge_has_a_period_that_is_not_empty() {
    let invoice = invoice(|_| {});
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    for (line, start, end) in [
        ("db", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("query", "2026-10-31T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("late", "2026-09-03T00:00:00Z", "2026-09-03T10:00:00Z"),
        ("less", "2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("support", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        ("tax-S-25.5", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
    ] {
        assert_eq!(cells(&document, line, &["ChargePeriodStart", "ChargePeriodEnd"]), [start, end], "{line}");
    }
}

#[test]
fn an_invoice_detail_belongs_to_each_charge_and_says_what_it_is_about() {
    let invoice = invoice(|_| {});
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    let (details, usage) = (invoice_detail::columns(), cost_and_usage::columns(Version::V1_4));
    for charge in charges(&document).map(|charge| charge.expect("reads")) {
        for shared in ["InvoiceDetailId", "BilledCost", "InvoiceId", "ChargeCategory", "InvoiceIssuerName"] {
            assert_eq!(cell(&details, shared, &charge), cell(&usage, shared, &charge));
        }
    }
    let detail = |line: &str, name: &str| -> String {
        let charge: Charge<'_> =
            charges(&document).map(|charge| charge.expect("reads")).find(|c| c.row.id() == line).expect("is there");
        cell(&details, name, &charge)
    };
    assert_eq!(
        detail("db", "InvoiceDetailGrain"),
        r#"{"RegionId":"aws-eu-west-1","ResourceId":"shop/web-db","ResourceType":"PostgreSQL","ServiceName":"PostgreSQL","SkuId":"PostgreSQL/Business-4/aws-eu-west-1","SkuMeter":"Hours","SkuPriceId":"PostgreSQL/Business-4/aws-eu-west-1/default/pg","SubAccountId":"shop","x_LineId":"db"}"#
    );
    assert_eq!(detail("db", "PaymentTerms"), "Net 14");
    assert_eq!(detail("db", "InvoiceIssueStatus"), "Issued");
    assert_eq!(detail("db", "InvoiceIssueDate"), "2026-11-01T01:00:00Z");
    assert_eq!(
        (detail("db", "ReferenceInvoiceId"), detail("less", "ReferenceInvoiceId")),
        ("aaaaa-2".into(), "aaaaa-1".into())
    );
}

#[test]
fn an_estimate_is_open_and_has_no_due_date() {
    let invoice = invoice(|invoice| {
        invoice["status"]["phase"] = "Estimate".into();
        let document = invoice["status"]["document"].as_object_mut().expect("an object");
        document.remove("issuedAt");
        document.remove("dueAt");
        document.insert("asOf".to_owned(), "2026-10-15T00:00:00Z".into());
    });
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    let charge = charges(&document).next().expect("a charge").expect("reads");
    let columns = invoice_detail::columns();
    let names =
        ["InvoiceIssueStatus", "InvoiceIssueDate", "PaymentDueDate", "PaymentTerms", "InvoiceDetailLastUpdated"];
    let found: Vec<_> = names.iter().map(|name| cell(&columns, name, &charge)).collect();
    assert_eq!(found, ["Open", "", "", "Not invoiced yet", "2026-10-15T00:00:00Z"]);
}

#[test]
fn each_version_has_its_columns_in_order_and_ours_come_last() {
    for (version, with, without) in
        [(Version::V1_2, "PublisherName", "InvoiceDetailId"), (Version::V1_4, "ServiceProviderName", "ProviderName")]
    {
        let columns = cost_and_usage::columns(version);
        let names: Vec<_> = columns.iter().map(|column| column.field.name).collect();
        assert!(names.contains(&with) && !names.contains(&without), "{names:?}");
        let own = names.iter().position(|name| name.starts_with("x_")).expect("columns of our own");
        assert!(names[..own].is_sorted() && names[own..].iter().all(|name| name.starts_with("x_")), "{names:?}");
    }
    assert!(invoice_detail::columns().iter().map(|column| column.field.name).is_sorted());
}
