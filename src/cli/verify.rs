//! `kubectl billing verify`: whether an invoice is right.

use std::io::{self, Read, Write};

use clap::Args;
use thiserror::Error;

use super::Ended;
use super::invoice::{Found, InvoiceArguments, InvoiceError};
use crate::api::{Document, Invoice, InvoicePhase};
use crate::render::verify::{Finding, verify_document};

const EXAMPLES: &str = "\
Examples:
  # Does the invoice follow from what it records, and are those before it unchanged?
  kubectl billing verify f3397-3 -n acme

  # Without a cluster, from a backup
  kubectl billing verify f3397-3 -f backup.yaml

Exit status: 0 when everything is right, 1 when anything is not, 2 when the command cannot be run.";

/// Check that an invoice follows from what it records
///
/// Computes every charge, sum and digest again from what the invoice records, looks for all of its slices, and follows
/// the chain of digests back to the first invoice of the series.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArguments {
    #[command(flatten)]
    invoice: InvoiceArguments,
}

/// Why nothing is verified.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// There is no invoice.
    #[error(transparent)]
    Invoice(#[from] InvoiceError),
    /// What was to be printed was not.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
}

/// Runs the command.
///
/// # Errors
/// There is no such invoice, or nothing can be printed.
pub fn run(arguments: &VerifyArguments, stdin: &mut dyn Read, stdout: &mut dyn Write) -> Result<Ended, VerifyError> {
    let number = &arguments.invoice.number;
    let found = arguments.invoice.find(stdin)?;
    let document = found.document(number)?;
    let Some(invoice) = found.invoice(number) else { return Ok(Ended::Failed) };
    let mut right = report(stdout, number, &verify(&found, invoice, document))?;
    for before in predecessors(invoice) {
        let findings = match (found.invoice(&before), found.document(&before)) {
            (Some(invoice), Ok(document)) => verify_chained(&found, invoice, document),
            _ => vec![Finding::Missing(format!("invoice {before}"))],
        };
        right &= report(stdout, &before, &findings)?;
    }
    Ok(if right { Ended::Well } else { Ended::Refused })
}

/// The numbers of the series before an invoice's, the newest first.
fn predecessors(invoice: &Invoice) -> impl Iterator<Item = String> {
    let series = invoice.spec.series.to_string();
    (1..invoice.spec.sequence).rev().map(move |sequence| format!("{series}-{sequence}"))
}

fn verify(found: &Found, invoice: &Invoice, document: &Document) -> Vec<Finding> {
    let is_final = invoice.status.as_ref().is_some_and(|status| status.phase == Some(InvoicePhase::Final));
    // An estimate is not chained yet.
    let previous = predecessors(invoice).next().filter(|_| is_final);
    let previous = previous.and_then(|number| found.document(&number).ok());
    verify_document(document, |name| found.slice(name), previous.map(|previous| previous.digest.as_str()))
}

/// Of an invoice further back only what the chain is made of: its slices were not asked for.
fn verify_chained(found: &Found, invoice: &Invoice, document: &Document) -> Vec<Finding> {
    let findings = verify(found, invoice, document).into_iter();
    findings.filter(|finding| !matches!(finding, Finding::Missing(_))).collect()
}

fn report(out: &mut dyn Write, number: &str, findings: &[Finding]) -> io::Result<bool> {
    if findings.is_empty() {
        writeln!(out, "{number}: right")?;
    }
    findings.iter().try_for_each(|finding| writeln!(out, "{number}: {finding}"))?;
    Ok(findings.is_empty())
}
