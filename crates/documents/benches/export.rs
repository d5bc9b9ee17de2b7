//! How long it takes to write a million lines, and how much memory.
//!
//! `cargo bench -p billing-documents --features export`, or of one dataset with its name behind `--`. Ten invoices of 100,000 lines each, which is the most that one can
//! have, with services, prices, discounts, tags and an exchange rate. Each is written as a file of its own into memory, as
//! the export does it. The invoice is made before the clock starts. Processor time is what counts where others use the
//! machine, too; one core does all the work.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops when its data is wrong")]

use std::hint::black_box;
use std::time::Instant;

use billing_api::Invoice;
use billing_documents::export::dataset::Dataset;
use billing_documents::export::document::ExportedDocument;
use billing_documents::export::focus::Version;
use billing_documents::export::table::Encoding;
use billing_documents::issued::IssuedInvoice;
use serde_json::{Value, json};

const INVOICES: usize = 10;
const LINES: usize = 100_000;
const GOAL_SECS: f64 = 5.0;

fn main() {
    let invoice = invoice();
    let issued = IssuedInvoice::new(&invoice, []).unwrap();
    let document = ExportedDocument::invoice(&issued);
    let before = peak_mib();
    println!("{INVOICES} invoices of {LINES} lines; {before} MiB at most before the first file");
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |dataset: &Dataset| wanted.is_empty() || wanted.iter().any(|name| name == dataset.name());
    let datasets = [
        Dataset::Lines(Encoding::Parquet),
        Dataset::Lines(Encoding::Csv),
        Dataset::JsonLines,
        Dataset::CostAndUsage(Version::V1_2, Encoding::Parquet),
        Dataset::CostAndUsage(Version::V1_4, Encoding::Csv),
        Dataset::InvoiceDetail(Encoding::Parquet),
    ];
    for dataset in datasets.into_iter().filter(is_wanted) {
        let (mut rows, mut bytes) = (0, 0);
        let (begun, used) = (Instant::now(), processor_secs());
        for _ in 0..INVOICES {
            let (file, of_file) = dataset.render(black_box(&document)).unwrap();
            (rows, bytes) = (rows + of_file, bytes + file.len());
        }
        let (took, used) = (begun.elapsed().as_secs_f64(), processor_secs() - used);
        let verdict = if used < GOAL_SECS { "" } else { "  (more than the goal)" };
        println!(
            "{:<14} {:<8} {rows} rows, {:>4} MB: {took:.2} s, {used:.2} s of processor time, {} MiB at most{verdict}",
            dataset.name(),
            dataset.extension(),
            bytes / 1_000_000,
            peak_mib()
        );
    }
}

/// The most memory that this process ever had.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() / 1024
}

/// What this process used of processors until now. Linux counts it in hundredths of a second.
fn processor_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn line(number: usize) -> Value {
    let project = number / 100;
    json!({
        "id": format!("{:016x}", number * 7_919_777), "type": "ServiceCharge", "project": format!("project-{project}"),
        "service": {
            "name": format!("service-{}", number % 100), "type": format!("Type{}", number % 20), "plan": "Business-4",
            "cloud": format!("cloud-{}", number % 7),
        },
        "start": "2026-10-01T00:00:00Z", "end": format!("2026-10-{:02}T{:02}:00:00Z", 2 + number % 29, number % 24),
        "quantity": format!("{}", 1 + number % 744), "unit": "Hour", "unitPrice": format!("0.{:08}", 1 + number * 31 % 99_999_999),
        "price": { "list": "default", "entry": format!("type{}-business-4", number % 20), "validFrom": "2020-01-01T00:00:00Z" },
        "preDiscount": "0.00", "total": "0.00", "description": format!("service-{}: Type{} Business-4", number % 100, number % 20),
        "tags": { "team": format!("team-{}", project % 13) },
        "source": {
            "kind": "UsageRecord", "name": format!("record-{number}"), "uid": format!("5b1f2a64-0000-4000-8000-{number:012x}"),
        },
    })
}

fn invoice() -> Invoice {
    let lines: Vec<_> = (0..LINES).map(priced).collect();
    let subtotal: i64 =
        lines.iter().map(|line| line["total"].as_str().unwrap().replace('.', "").parse::<i64>().unwrap()).sum();
    let subtotal = format!("{}.{:02}", subtotal / 100, subtotal % 100);
    serde_json::from_value(json!({
        "metadata": { "name": "aaaaa-2", "namespace": "acme", "creationTimestamp": "2026-11-01T00:01:02Z" },
        "spec": {
            "billingGroup": "main", "billingGroupUID": "5b1f2a64-0000-4000-8000-000000000001", "period": "2026-10",
            "series": "aaaaa", "sequence": 2,
        },
        "status": {
            "phase": "Final",
            "document": {
                "number": "aaaaa-2", "issuedAt": "2026-11-01T01:00:00Z", "dueAt": "2026-11-15T01:00:00Z",
                "attribution": "MonthEnd", "currency": "EUR", "hours": "Ceil",
                "exchangeRate": {
                    "source": "ecb", "from": "USD", "to": "EUR", "rate": "0.9217", "base": "EUR", "fromQuote": "1.08495",
                    "toQuote": "1", "quoteDate": "2026-10-30",
                },
                "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
                "discounts": [{ "name": "Partner", "percent": "10" }],
                "seller": { "legalName": "Example Cloud Oy" },
                "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
                "lines": lines, "subtotal": subtotal, "total": subtotal, "tax": "0.00", "digest": "sha256:0123456789abcdef",
            },
        },
    }))
    .unwrap()
}

/// A line with the amounts that follow from its price.
fn priced(number: usize) -> Value {
    let mut line = line(number);
    let quantity: f64 = line["quantity"].as_str().unwrap().parse().unwrap();
    let price: f64 = line["unitPrice"].as_str().unwrap().parse().unwrap();
    let before = quantity * price / 1.08495;
    line["preDiscount"] = format!("{before:.2}").into();
    line["total"] = format!("{:.2}", before * 0.9).into();
    line
}
