//! Credit notes beside the invoices that they credit.

use super::formats::FORMATS;
use super::{cell, column, credit_note, invoice, sum};
use crate::export::dataset::Dataset;
use crate::export::document::ExportedDocument;
use crate::export::focus::Version;
use crate::export::focus::charge::charges;
use crate::export::focus::{cost_and_usage, invoice_detail};
use crate::export::table::Encoding;
use crate::export::{invoices, lines};
use crate::issued::IssuedInvoice;
use crate::issued_note::IssuedCreditNote;

/// Does something with the invoice and its credit note, changed.
fn with_note(
    change: impl FnOnce(&mut serde_json::Value),
    act: impl FnOnce(&ExportedDocument<'_>, &ExportedDocument<'_>),
) {
    let (invoice, note) = (invoice(|_| {}), credit_note(change));
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let credited = IssuedCreditNote::new(&note, &issued).expect("reads");
    act(&ExportedDocument::invoice(&issued), &ExportedDocument::credit_note(&credited).expect("reads"));
}

#[test]
fn every_format_adds_up_to_the_invoice_less_its_note_to_the_last_digit() {
    with_note(
        |_| {},
        |invoice, note| {
            for dataset in FORMATS.iter().flat_map(|format| format.datasets()) {
                let (name, of_both, of_note) = match dataset {
                    // Lines as JSON are before tax.
                    Dataset::JsonLines => ("total", "280.00", "-52.00"),
                    Dataset::Lines(_) | Dataset::Invoices(_) | Dataset::Document => ("total", "351.40", "-65.26"),
                    Dataset::CostAndUsage(..) | Dataset::InvoiceDetail(_) => ("BilledCost", "351.40", "-65.26"),
                };
                let (file, rows) = dataset.render(note).expect("renders");
                let cells = column(*dataset, &file, name);
                assert_eq!((sum(&cells).as_str(), cells.len() as u64), (of_note, rows), "{dataset:?}");
                assert_eq!(file, dataset.render(note).expect("renders").0, "the same note gives the same bytes");
                if *dataset != Dataset::Document {
                    let mut writer = dataset.writer().expect("begins");
                    [invoice, note].iter().for_each(|document| writer.append(document).expect("appends"));
                    let file = writer.finish().expect("finishes");
                    assert_eq!(sum(&column(*dataset, &file, name)), of_both, "{dataset:?}");
                }
            }
        },
    );
}

#[test]
fn a_line_of_a_note_says_what_its_invoice_line_is_about_and_which_it_credits() {
    with_note(
        |_| {},
        |_, note| {
            let columns = lines::columns();
            let rows: Vec<_> = lines::rows(note).collect();
            let told = |name: &str| rows.iter().map(|row| cell(&columns, name, row)).collect::<Vec<_>>();
            let last = "tax-S-25.5";
            assert_eq!(told("id"), ["1", "2", "3", "4", last]);
            assert_eq!(told("type"), ["ServiceCharge", "ExtraCharge", "ServiceCharge", "CreditNote", "Tax"]);
            assert_eq!(told("total"), ["-10.00", "-40.00", "-1.00", "-1.00", "-13.26"]);
            assert_eq!(told("adjusts_line"), ["db", "training", "db", "", ""]);
            assert_eq!(told("project"), ["shop", "", "shop", "", ""]);
            assert_eq!(told("service_type"), ["PostgreSQL", "", "PostgreSQL", "", ""]);
            assert_eq!(told("source_part"), ["", "Training", "", "", ""]);
            assert_eq!(told("start")[..2], ["2026-10-01T00:00:00Z", ""]);
            assert_eq!(told("tax_rate"), ["25.5"; 5]);
            for (name, text) in [
                ("invoice", "aaaaa-cn1"),
                ("document", "CreditNote"),
                ("phase", "Final"),
                ("organization", "acme"),
                ("billing_group", "main"),
                ("period", "2026-12"),
                ("adjusts_period", "2026-10"),
                ("adjusts_invoice", "aaaaa-2"),
                ("currency", "EUR"),
            ] {
                assert_eq!(told(name), [text; 5], "{name}");
            }
            // An amount has no quantity and no price.
            for name in ["quantity", "unit", "unit_price", "price_currency", "price_entry", "pre_discount", "discounts"]
            {
                assert_eq!(told(name), [""; 5], "{name}");
            }
        },
    );
}

#[test]
fn the_row_of_a_note_has_what_is_less_to_be_paid() {
    let expected = |prepaid: &str, due: &str| [prepaid, due].map(str::to_owned);
    let check = |change: fn(&mut serde_json::Value), told: [String; 2]| {
        with_note(change, |_, note| {
            let columns = invoices::columns();
            let cells = |names: &[&str]| names.iter().map(|name| cell(&columns, name, &note)).collect::<Vec<_>>();
            assert_eq!(cells(&["prepaid", "amount_due"]), told);
            assert_eq!(cells(&["total", "credited_invoice", "reason"]), ["-65.26", "aaaaa-2", "=Outage"]);
            assert_eq!(cells(&["period_start", "period_end"]), ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"]);
            assert_eq!(cells(&["issued_at", "due_at", "lines"]), ["2026-12-31T23:59:59.500000Z", "", "Count(4)"]);
        });
    };
    // What credits paid before tax goes back beside the total.
    check(|_| {}, expected("-24.70", "-40.56"));
    check(|note| note["status"]["document"]["credits"] = serde_json::json!([]), expected("", "-65.26"));
}

#[test]
fn a_note_is_a_correction_of_the_month_that_its_invoice_bills() {
    with_note(
        |_| {},
        |_, note| {
            let columns = cost_and_usage::columns(Version::V1_4);
            let charges: Vec<_> = charges(note).map(|charge| charge.expect("reads")).collect();
            let told = |name: &str| charges.iter().map(|charge| cell(&columns, name, charge)).collect::<Vec<_>>();
            assert_eq!(told("ChargeCategory"), ["Usage", "Purchase", "Usage", "Credit", "Tax"]);
            assert_eq!(told("ChargeFrequency"), ["Usage-Based", "One-Time", "Usage-Based", "One-Time", "One-Time"]);
            let sku = "PostgreSQL/Business-4/aws-eu-west-1";
            assert_eq!(told("SkuId"), [sku, "ExtraCharge/Training", sku, "", ""]);
            assert_eq!(told("SkuMeter"), ["Hours", "Charges", "Hours", "", ""]);
            assert_eq!(told("SubAccountId"), ["shop", "", "shop", "", ""]);
            assert_eq!(told("ServiceName"), ["PostgreSQL", "ExtraCharge", "PostgreSQL", "CreditNote", "Tax"]);
            for cost in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingCurrencyEffectiveCost"] {
                assert_eq!(told(cost), ["-10.00", "-40.00", "-1.00", "-1.00", "-13.26"], "{cost}");
            }
            for empty in ["ListUnitPrice", "ContractedUnitPrice", "PricingQuantity", "PricingUnit", "ConsumedQuantity"]
            {
                assert_eq!(told(empty), [""; 5], "{empty}");
            }
            for (name, text) in [
                ("ChargeClass", "Correction"),
                ("ChargePeriodStart", "2026-10-01T00:00:00Z"),
                ("ChargePeriodEnd", "2026-11-01T00:00:00Z"),
                ("BillingPeriodStart", "2026-12-01T00:00:00Z"),
                ("BillingPeriodEnd", "2027-01-01T00:00:00Z"),
                ("BillingAccountId", "5b1f2a64-0000-4000-8000-000000000001"),
                ("InvoiceId", "aaaaa-cn1"),
                ("x_CreditedInvoiceId", "aaaaa-2"),
                ("x_InvoicePhase", "Final"),
            ] {
                assert_eq!(told(name), [text; 5], "{name}");
            }
        },
    );
}

#[test]
fn the_details_of_a_note_refer_to_its_invoice() {
    with_note(
        |_| {},
        |_, note| {
            let columns = invoice_detail::columns();
            let charges: Vec<_> = charges(note).map(|charge| charge.expect("reads")).collect();
            let told = |name: &str| charges.iter().map(|charge| cell(&columns, name, charge)).collect::<Vec<_>>();
            let ids = ["1", "2", "3", "4", "tax-S-25.5"].map(|id| format!("aaaaa-cn1/{id}"));
            assert_eq!(told("InvoiceDetailId"), ids);
            for (name, text) in [
                ("InvoiceIssueStatus", "Issued"),
                ("InvoiceIssueDate", "2026-12-31T23:59:59Z"),
                ("InvoiceDetailCreated", "2026-12-31T23:59:59Z"),
                ("PaymentDueDate", ""),
                ("PaymentTerms", "Credited"),
                ("ReferenceInvoiceId", "aaaaa-2"),
                ("InvoiceIssuerName", "Example Cloud Oy"),
            ] {
                assert_eq!(told(name), [text; 5], "{name}");
            }
        },
    );
}

#[test]
fn a_note_as_json_is_its_document_and_its_lines() {
    with_note(
        |_| {},
        |_, note| {
            let (file, _) = Dataset::JsonLines.render(note).expect("renders");
            let text = String::from_utf8(file).expect("UTF-8");
            let expected = concat!(
                r#"{"id":"1","type":"ServiceCharge","project":"shop","line":"db","description":"db: PostgreSQL","total":"-10.00","#,
                r#""adjusts":{"period":"2026-10","invoice":"aaaaa-2"},"document":"CreditNote","invoice":"aaaaa-cn1","#,
                r#""phase":"Final","organization":"acme","billingGroup":"main","period":"2026-12","currency":"EUR"}"#
            );
            assert_eq!(text.lines().next(), Some(expected));
            let (file, _) = Dataset::Document.render(note).expect("renders");
            let document: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
            assert_eq!((&document["number"], &document["reason"]), (&"aaaaa-cn1".into(), &"=Outage".into()));
        },
    );
}

#[test]
fn what_a_note_says_is_harmless_to_a_spreadsheet() {
    with_note(
        |_| {},
        |_, note| {
            for (dataset, harmless) in
                [(Dataset::Lines(Encoding::Csv), ",'=Goodwill,"), (Dataset::Invoices(Encoding::Csv), ",'=Outage\r\n")]
            {
                let (file, _) = dataset.render(note).expect("renders");
                let text = String::from_utf8(file).expect("UTF-8");
                assert!(text.contains(harmless), "{text}");
            }
        },
    );
}

#[test]
fn each_tax_of_a_note_is_a_row_and_each_line_has_its_own() {
    let two_taxes = |note: &mut serde_json::Value| {
        let document = &mut note["status"]["document"];
        document["lines"][1]["tax"] = serde_json::json!({ "category": "S", "rate": "10" });
        document["taxes"] = serde_json::json!([
            { "category": "S", "rate": "25.5", "base": "-12.00", "amount": "-3.06" },
            { "category": "S", "rate": "10", "base": "-40.00", "amount": "-10.20" },
        ]);
    };
    with_note(two_taxes, |_, note| {
        let columns = lines::columns();
        let rates: Vec<_> = lines::rows(note).map(|row| cell(&columns, "tax_rate", &row)).collect();
        assert_eq!(rates, ["", "10", "", "", "25.5", "10"]);
        note.check_sums().expect("adds up");
    });
}

#[test]
fn a_note_that_does_not_add_up_is_refused() {
    with_note(|_| {}, |_, note| note.check_sums().expect("adds up"));
    for (pointer, amount, said) in [
        ("/lines/3/total", "-1.01", "its subtotal is -52.00, and its lines add up to -52.01"),
        ("/taxes/0/amount", "-13.25", "its total is -65.26, and its lines add up to -65.25"),
        ("/total", "-65.27", "its total is -65.27, and its lines add up to -65.26"),
    ] {
        let change = |note: &mut serde_json::Value| {
            *note["status"]["document"].pointer_mut(pointer).expect("is there") = amount.into();
        };
        with_note(change, |_, note| {
            let error = note.check_sums().expect_err(pointer).to_string();
            assert!(error.starts_with(said), "{error}");
        });
    }
}
