//! Every format of the same invoice: the same sums, the same order, the same names.

use super::{column, invoice, sum};
use crate::export::Format;
use crate::export::dataset::Dataset;
use crate::export::document::ExportedDocument;
use crate::export::focus::Version;
use crate::export::focus::billing_period::BillingPeriods;
use crate::export::json::whole_document;
use crate::export::table::Encoding;
use crate::issued::IssuedInvoice;
use billing_domain::Month;

/// All of them.
pub const FORMATS: [Format; 7] = [
    Format::Csv,
    Format::Json,
    Format::Parquet,
    Format::Focus(Version::V1_2, Encoding::Csv),
    Format::Focus(Version::V1_2, Encoding::Parquet),
    Format::Focus(Version::V1_4, Encoding::Csv),
    Format::Focus(Version::V1_4, Encoding::Parquet),
];

#[test]
fn every_format_adds_up_to_the_invoice_s_total_to_the_last_digit() {
    let invoice = invoice(|_| {});
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    for format in FORMATS {
        for dataset in format.datasets() {
            let (file, rows) = dataset.render(&document).expect("renders");
            let (name, expected, count) = match dataset {
                Dataset::Lines(_) => ("total", "416.66", 12),
                Dataset::Invoices(_) | Dataset::Document => ("total", "416.66", 1),
                Dataset::JsonLines => ("total", "332.00", 11),
                // The line of the discount is no charge.
                Dataset::CostAndUsage(..) | Dataset::InvoiceDetail(_) => ("BilledCost", "416.66", 11),
            };
            let cells = column(*dataset, &file, name);
            assert_eq!((sum(&cells).as_str(), cells.len(), rows), (expected, count, count as u64), "{dataset:?}");
        }
    }
}

#[test]
fn lines_keep_the_document_s_order_and_the_id_comes_first() {
    let invoice = invoice(|_| {});
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    let mut expected: Vec<_> = issued.lines.iter().map(|line| line.id.clone()).collect();
    let (ndjson, _) = Dataset::JsonLines.render(&document).expect("renders");
    assert_eq!(column(Dataset::JsonLines, &ndjson, "id"), expected);
    assert!(ndjson.starts_with(b"{\"id\":\"db\","));
    expected.push("tax-S-25.5".to_owned());
    for encoding in [Encoding::Csv, Encoding::Parquet] {
        let (file, _) = Dataset::Lines(encoding).render(&document).expect("renders");
        assert_eq!(column(Dataset::Lines(encoding), &file, "id"), expected);
    }
    let (csv, _) = Dataset::Lines(Encoding::Csv).render(&document).expect("renders");
    assert!(csv.starts_with(b"id,invoice,position,"));
    // Text that begins like a formula is harmless, and negative amounts are numbers.
    let csv = String::from_utf8(csv).expect("UTF-8");
    assert!(csv.contains(",'=credit of the terms,") && csv.contains(",-100.00,EUR,"), "{csv}");
}

#[test]
fn the_same_invoice_gives_the_same_bytes() {
    let invoice = invoice(|_| {});
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    for dataset in FORMATS.iter().flat_map(|format| format.datasets()) {
        assert_eq!(dataset.render(&document).expect("renders").0, dataset.render(&document).expect("renders").0);
    }
}

#[test]
fn several_invoices_follow_each_other_under_one_head() {
    let (one, other) = (invoice(|_| {}), invoice(|invoice| invoice["status"]["document"]["number"] = "aaaaa-3".into()));
    for dataset in FORMATS.iter().flat_map(|format| format.datasets()) {
        let mut writer = dataset.writer().expect("begins");
        let mut file = Vec::new();
        for invoice in [&one, &other] {
            let issued = IssuedInvoice::new(invoice, []).expect("reads");
            writer.append(&ExportedDocument::invoice(&issued)).expect("appends");
            file.extend(writer.take().expect("takes"));
        }
        let rows = writer.rows();
        file.extend(writer.finish().expect("finishes"));
        if *dataset != Dataset::Document {
            let name = if matches!(dataset, Dataset::CostAndUsage(..) | Dataset::InvoiceDetail(_)) {
                "InvoiceId"
            } else {
                "invoice"
            };
            let numbers = column(*dataset, &file, name);
            let half = numbers.len() / 2;
            assert_eq!(numbers.len() as u64, rows);
            assert!(numbers[..half].iter().all(|number| number == "aaaaa-2"), "{dataset:?}");
            assert!(numbers[half..].iter().all(|number| number == "aaaaa-3"), "{dataset:?}");
        }
    }
}

#[test]
fn the_name_of_a_final_s_file_carries_its_digest() {
    let month: Month = "2026-10".parse().expect("a month");
    let lines = Dataset::Lines(Encoding::Parquet);
    let digest = Some("sha256:0123456789abcdef0123");
    assert_eq!(lines.path(month, "aaaaa-2", digest), "period=2026-10/lines-aaaaa-2-0123456789ab.parquet");
    assert_eq!(lines.path(month, "aaaaa-2", None), "period=2026-10/lines-aaaaa-2.parquet");
    assert_eq!(Dataset::Document.path(month, "a-1", None), "period=2026-10/document-a-1.json");
    assert_eq!(Dataset::JsonLines.path(month, "a-1", None), "period=2026-10/lines-a-1.ndjson");
}

#[test]
fn an_invoice_that_does_not_add_up_is_not_exported() {
    let good = invoice(|_| {});
    let issued = IssuedInvoice::new(&good, []).expect("reads");
    ExportedDocument::invoice(&issued).check_sums().expect("adds up");
    for (pointer, amount, said) in [
        ("/lines/0/total", "169.10", "its subtotal is 332.00, and its lines add up to 332.01"),
        ("/total", "416.67", "its total is 416.67, and its lines add up to 416.66"),
        ("/taxes/0/amount", "84.65", "its total is 416.66, and its lines add up to 416.65"),
    ] {
        let invoice = invoice(|invoice| {
            let document = &mut invoice["status"]["document"];
            *document.pointer_mut(pointer).expect("is there") = amount.into();
        });
        let issued = IssuedInvoice::new(&invoice, []).expect("reads");
        let error = ExportedDocument::invoice(&issued).check_sums().expect_err(pointer).to_string();
        assert!(error.starts_with(said), "{error}");
    }
}

#[test]
fn several_rates_of_tax_are_rows_of_their_own_and_each_line_has_its_own() {
    let invoice = invoice(|invoice| {
        invoice["status"]["document"]["lines"][0]["tax"] = serde_json::json!({ "category": "S", "rate": "14" });
        invoice["status"]["document"]["taxes"] = serde_json::json!([
            { "category": "S", "rate": "25.5", "base": "300.00", "amount": "76.50" },
            { "category": "S", "rate": "14", "base": "32.00", "amount": "8.16" },
        ]);
    });
    let issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let document = ExportedDocument::invoice(&issued);
    let (file, _) = Dataset::Lines(Encoding::Csv).render(&document).expect("renders");
    let lines = Dataset::Lines(Encoding::Csv);
    assert_eq!(sum(&column(lines, &file, "total")), "416.66");
    let ids = column(lines, &file, "id");
    assert_eq!(ids[11..], ["tax-S-25.5", "tax-S-14"]);
    let rates = column(lines, &file, "tax_rate");
    // A line that says nothing only tells: of which rate, nobody guesses.
    assert!(rates[1..11].iter().all(String::is_empty), "{rates:?}");
    assert_eq!((rates[0].as_str(), &rates[11..]), ("14", &["25.5".to_owned(), "14".to_owned()][..]));
}

#[test]
fn a_whole_document_has_its_lines_in_place() {
    let invoice = invoice(|_| {});
    let mut issued = IssuedInvoice::new(&invoice, []).expect("reads");
    let first = issued.lines[0];
    issued.lines.insert(0, first);
    assert_eq!(whole_document(&issued).lines.len(), issued.document.lines.len() + 1);
    assert_eq!(whole_document(&issued).digest, issued.document.digest);
}

#[test]
fn a_month_is_closed_for_an_issuer_when_all_its_invoices_are_final() {
    let at = |text: &str| text.parse().expect("an instant");
    let mut periods = BillingPeriods::new("2026-10".parse().expect("a month"), at("2026-11-01T00:00:00Z"));
    periods.add("A", true, at("2026-11-01T01:00:00Z"));
    periods.add("B", true, at("2026-11-01T01:00:00Z"));
    periods.add("B", false, at("2026-11-02T01:00:00.5Z"));
    let text = String::from_utf8(periods.render(Encoding::Csv).expect("renders")).expect("UTF-8");
    let start = "2026-10-01T00:00:00Z";
    let end = "2026-11-01T00:00:00Z";
    assert_eq!(
        text.lines().skip(1).collect::<Vec<_>>(),
        [
            format!("{start},{end},2026-11-01T01:00:00Z,{start},Closed,A"),
            format!("{start},{end},2026-11-02T01:00:00Z,{start},Open,B"),
        ]
    );
    assert_eq!(periods.rows(), 2);
    // A credit note may come at any time before the month is over.
    let mut running = BillingPeriods::new("2026-10".parse().expect("a month"), at("2026-10-31T23:59:59Z"));
    running.add("A", true, at("2026-10-12T01:00:00Z"));
    let text = String::from_utf8(running.render(Encoding::Csv).expect("renders")).expect("UTF-8");
    assert!(text.ends_with(",Open,A\r\n"), "{text}");
}
