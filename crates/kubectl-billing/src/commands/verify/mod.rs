//! `kubectl billing verify`: whether an invoice is right.

mod print;

use std::error::Error as _;
use std::io::{Read, Write};

use clap::Args;
use kube::ResourceExt;
use serde::Serialize;
use thiserror::Error;

use crate::ExitStatus;
use crate::invoice::{InvoiceArguments, InvoiceError, InvoiceOutput, InvoiceSet, RecordSet, RecordsError};
use crate::output::{OutputError, print_json, print_yaml};
use billing_api::{Document, Invoice, ReissuedInvoice};
use billing_documents::issued::final_document;
use billing_documents::reissue::verify_reissue;
use billing_documents::verify::{Finding, verify_document};
use billing_domain::{Name, Timestamp};
use billing_planning::recompute::{Difference, Incomparable, RecomputeInputs, compare, last_final};

const EXAMPLES: &str = "\
Examples:
  # Does the invoice follow from what it records, and from the records of the cluster?
  kubectl billing verify f3397-3 -n acme

  # For who may read the invoice, and not usage, prices and terms
  kubectl billing verify f3397-3 -n acme --document-only

  # Without a cluster, from a backup of everything
  kubectl billing verify f3397-3 -f backup.yaml

  # What is different, and why, for a program
  kubectl billing verify f3397-3 -n acme -o json | jq '.records.differences[].explanation.reason'

Exit status: 0 when the invoice follows from what it records, and every difference from today's records has a lawful
reason: usage that came, ended or was replaced late, records that were deleted, terms, prices or issuers that were
edited. 1 when the document contradicts itself, a slice or an earlier invoice of the chain is missing, or nothing
explains a difference. 2 when the command cannot be run, or the records cannot be read.";

/// Check that an invoice follows from what it records, and from the records as they are now
///
/// First, every charge, sum and digest is computed again from what the invoice records, all of its slices are looked
/// for, and the chain of digests is followed back to the first invoice of the series. Then the month is computed again
/// from usage, ledgers, prices, terms, rates, credits and the issuer as they are now: a final comes out byte for byte,
/// or what differs is named, with the reason. A final never changes; the oldest open month bills the difference.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArguments {
    #[command(flatten)]
    invoice: InvoiceArguments,

    /// Check the invoice only against what it records; no other kind is read
    #[arg(long)]
    document_only: bool,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = InvoiceOutput::Text)]
    output: InvoiceOutput,
}

/// Why nothing is verified.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// There is no invoice.
    #[error(transparent)]
    Invoice(#[from] InvoiceError),
    /// Nothing can be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// What was found about an invoice.
#[derive(Debug, Serialize)]
struct Verdict {
    /// The invoice.
    invoice: String,
    /// Whether nothing is wrong.
    right: bool,
    /// The invoice by what it records, and those before it in the chain, the newest first.
    recorded: Vec<RecordedCheck>,
    /// The invoice by the records as they are now; absent when these were not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<RecordsCheck>,
}

/// What is wrong with an invoice by what it records.
#[derive(Debug, Serialize)]
struct RecordedCheck {
    invoice: String,
    findings: Vec<String>,
}

/// What comes out when an invoice is computed again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordsCheck {
    outcome: Outcome,
    /// The digest of the final.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Why it was not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<Difference>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Outcome {
    /// The same bytes.
    Identical,
    /// Something differs, and has a lawful reason.
    Explained,
    /// Something differs, and nothing explains it.
    Unexplained,
    /// There is nothing to compare it with.
    NotCompared,
    /// What it is to be compared with cannot be read.
    NotRead,
}

/// Runs the command.
///
/// # Errors
/// There is no such invoice, or nothing can be printed.
pub fn run(
    arguments: &VerifyArguments,
    now: Timestamp,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
) -> Result<ExitStatus, VerifyError> {
    let number = &arguments.invoice.number;
    let (invoices, records) = match arguments.document_only {
        true => (arguments.invoice.find(stdin)?, None),
        false => {
            arguments.invoice.find_with_records(stdin, now).map(|(invoices, records)| (invoices, Some(records)))?
        }
    };
    let document = invoices.document(number)?;
    let Some(invoice) = invoices.invoice(number) else { return Ok(ExitStatus::Failed) };
    let recorded = judge(&invoices, invoice, document);
    let records = records.map(|records| compared(&invoices, invoice, document, records.as_ref()));
    let wrong = |compared: &RecordsCheck| compared.outcome == Outcome::Unexplained;
    let right = recorded.iter().all(|judged| judged.findings.is_empty()) && !records.as_ref().is_some_and(wrong);
    let unread = records.as_ref().is_some_and(|compared| compared.outcome == Outcome::NotRead);
    let verdict = Verdict { invoice: number.clone(), right, recorded, records };
    match arguments.output {
        InvoiceOutput::Text => print::print(&verdict, stdout)?,
        InvoiceOutput::Yaml => print_yaml(&verdict, stdout)?,
        InvoiceOutput::Json => print_json(&verdict, stdout)?,
    }
    Ok(match (right, unread) {
        (false, _) => ExitStatus::Refused,
        (true, true) => ExitStatus::Failed,
        (true, false) => ExitStatus::Ok,
    })
}

/// Judges an invoice, and those before it, by what they record.
fn judge(invoices: &InvoiceSet, invoice: &Invoice, document: &Document) -> Vec<RecordedCheck> {
    let judged = |invoice: &str, findings: Vec<Finding>| RecordedCheck {
        invoice: invoice.to_owned(),
        findings: findings.iter().map(ToString::to_string).collect(),
    };
    let mut replaced = Vec::new();
    let mut number = document.number.to_string();
    while let Some(before) = invoices.replaced_by(&number) {
        number = before.name_any();
        replaced.push(number.clone());
    }
    let before = replaced.into_iter().chain(predecessors(invoice)).map(|before| {
        let findings = match (invoices.invoice(&before), invoices.document(&before)) {
            (Some(invoice), Ok(document)) => verify_chained(invoices, invoice, document),
            _ => vec![Finding::Missing(format!("invoice {before}"))],
        };
        judged(&before, findings)
    });
    std::iter::once(judged(&document.number, verify(invoices, invoice, document))).chain(before).collect()
}

/// The numbers of the series before an invoice's, the newest first.
fn predecessors(invoice: &Invoice) -> impl Iterator<Item = String> {
    let series = invoice.spec.series.to_string();
    (1..invoice.spec.sequence).rev().map(move |sequence| format!("{series}-{sequence}"))
}

fn verify(invoices: &InvoiceSet, invoice: &Invoice, document: &Document) -> Vec<Finding> {
    if let Some(replaced) = &document.reissues {
        return verify_again(invoices, document, replaced);
    }
    let is_final = final_document(invoice).is_some();
    // An estimate is not chained yet.
    let previous = predecessors(invoice).next().filter(|_| is_final);
    let previous = previous.and_then(|number| invoices.document(&number).ok());
    verify_document(document, |name| invoices.slice(name), previous.map(|previous| previous.digest.as_str()))
}

/// Judges an invoice that was issued again, beside the one that it replaces.
fn verify_again(invoices: &InvoiceSet, document: &Document, replaced: &ReissuedInvoice) -> Vec<Finding> {
    let mut findings = verify_document(document, |name| invoices.slice(name), document.previous_digest.as_deref());
    let missing = |what: &str, name: &str| Finding::Missing(format!("{what} {name}"));
    let Some(original) = invoices.invoice(&replaced.number) else {
        return vec![missing("invoice", &replaced.number)];
    };
    let Some(note) = invoices.note_between(original, &document.number) else {
        findings.push(missing("credit note", &replaced.credit_note));
        return findings;
    };
    match (invoices.issued(&replaced.number), invoices.issued(&document.number)) {
        (Ok(original), Ok(again)) => findings.extend(verify_reissue(&original, note, &again)),
        (Err(error), _) | (_, Err(error)) => findings.push(Finding::Unreadable(error.to_string())),
    }
    findings
}

/// Of an invoice further back only what the chain is made of: its slices were not asked for.
fn verify_chained(invoices: &InvoiceSet, invoice: &Invoice, document: &Document) -> Vec<Finding> {
    let findings = verify(invoices, invoice, document).into_iter();
    findings.filter(|finding| !matches!(finding, Finding::Missing(_))).collect()
}

/// Computes an invoice again from the records.
fn compared(
    invoices: &InvoiceSet,
    invoice: &Invoice,
    document: &Document,
    records: Result<&RecordSet, &RecordsError>,
) -> RecordsCheck {
    let nothing =
        |outcome, reason: String| RecordsCheck { outcome, digest: None, reason: Some(reason), differences: Vec::new() };
    let records = match records {
        Ok(records) => records,
        Err(error) => return nothing(Outcome::NotRead, error.to_string()),
    };
    match differences(invoices, invoice, document, records) {
        Err(reason) => nothing(Outcome::NotCompared, reason.to_string()),
        Ok(differences) => RecordsCheck {
            outcome: match (differences.is_empty(), differences.iter().any(Difference::is_unexplained)) {
                (true, _) => Outcome::Identical,
                (false, false) => Outcome::Explained,
                (false, true) => Outcome::Unexplained,
            },
            digest: Some(document.digest.clone()),
            reason: None,
            differences,
        },
    }
}

fn differences(
    invoices: &InvoiceSet,
    invoice: &Invoice,
    document: &Document,
    records: &RecordSet,
) -> Result<Vec<Difference>, Incomparable> {
    if let Some(missing) = invoices.missing(document).next() {
        return Err(Incomparable::SliceMissing(missing.to_owned()));
    }
    let recorded = invoices.issued(&document.number).map_err(|error| Incomparable::Unreadable {
        object: format!("Invoice {}", document.number.as_str()),
        error: error.source().map_or_else(|| error.to_string(), ToString::to_string),
    })?;
    let namespace = invoice.metadata.namespace.as_deref().ok_or_else(|| Incomparable::Unreadable {
        object: format!("Invoice {}", document.number.as_str()),
        error: "it has no metadata.namespace".to_owned(),
    })?;
    let organization = Name::from(namespace);
    let previous = predecessors(invoice).next().and_then(|number| last_final(invoices.invoice(&number)?));
    let (state, organization, settings) = (&records.state, &organization, &records.settings);
    compare(&RecomputeInputs { state, organization, previous: previous.as_ref(), settings }, &recorded)
}
