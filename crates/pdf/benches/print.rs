//! How long it takes to print an invoice, and how much memory: one of a page, and one of 2,000 lines.
//!
//! `cargo bench -p billing-pdf`. Each is printed in a process of its own, as the plugin does it, and the time is that of the printing
//! alone; for the page also once the process has printed one before.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops when its data is wrong")]

use std::process::Command;
use std::time::Instant;

use billing_api::Invoice;
use billing_documents::issued::IssuedInvoice;
use billing_pdf::Printer;
use serde_json::{Value, json};

/// Lines, with the goals: milliseconds, and MiB at most.
const GOALS: [(usize, u128, u64); 2] = [(10, 50, 60), (2_000, 1_000, 300)];

fn main() {
    // Cargo gives a benchmark arguments of its own.
    let lines = std::env::args().find_map(|argument| argument.strip_prefix("lines=")?.parse().ok());
    match lines {
        Some(lines) => print(lines),
        None => GOALS.into_iter().for_each(|(lines, millis, mib)| {
            println!("{lines} lines; the goal is {millis} ms and {mib} MiB");
            let program = std::env::current_exe().unwrap();
            assert!(Command::new(program).arg(format!("lines={lines}")).status().unwrap().success());
        }),
    }
}

fn print(lines: usize) {
    let invoice = invoice(lines);
    let issued = IssuedInvoice::new(&invoice, []).unwrap();
    for time in ["first", "second"] {
        let (begun, used) = (Instant::now(), processor_secs());
        let pdf = Printer::default().invoice(&issued).unwrap();
        let (took, used) = (begun.elapsed().as_millis(), processor_secs() - used);
        println!(
            "  {time}: {took} ms, {used:.2} s of processor time, {} KB, {} MiB at most",
            pdf.bytes.len() / 1000,
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
    json!({
        "id": format!("line-{number}"), "type": "ServiceCharge", "project": format!("project-{}", number / 100),
        "start": "2026-10-01T00:00:00Z", "end": format!("2026-10-{:02}T00:00:00Z", 2 + number % 29),
        "quantity": "744", "unit": "Hour", "unitPrice": "0.27397", "preDiscount": "203.83", "total": "183.45",
        "description": format!("service-{number}: PostgreSQL Business-4 aws-eu-west-1"),
    })
}

fn invoice(lines: usize) -> Invoice {
    let project = |at| json!({ "project": format!("project-{at}"), "subtotal": "18345.00" });
    serde_json::from_value(json!({
        "metadata": { "name": "aaaaa-1", "namespace": "acme" },
        "spec": {
            "billingGroup": "main", "billingGroupUID": "5b1f2a64-0000-4000-8000-000000000001", "period": "2026-10",
            "series": "aaaaa", "sequence": 1,
        },
        "status": { "phase": "Final", "document": {
            "number": "aaaaa-1", "issuedAt": "2026-11-01T01:00:00Z", "dueAt": "2026-11-15T01:00:00Z", "attribution": "MonthEnd",
            "currency": "EUR", "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
            "seller": { "legalName": "Example Cloud Oy" }, "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
            "projects": (0..lines.div_ceil(100)).map(project).collect::<Vec<_>>(),
            "lines": (0..lines).map(line).collect::<Vec<_>>(),
            "discounts": [{ "name": "Partner", "percent": "10" }],
            "subtotal": "366900.00", "taxes": [{ "category": "S", "rate": "25.5", "base": "366900.00", "amount": "93559.50" }],
            "tax": "93559.50", "total": "460459.50", "digest": format!("sha256:{}", "0".repeat(64)),
        } },
    }))
    .expect("an invoice")
}
