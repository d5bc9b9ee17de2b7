//! `kubectl billing explain`: how every amount of an invoice came about.

use std::io::{self, Read, Write};

use clap::Args;
use thiserror::Error;

use crate::ExitStatus;
use crate::invoice::{InvoiceArguments, InvoiceError, InvoiceOutput};
use crate::output::{OutputError, one_line, print_json, print_yaml};
use billing_documents::explain::{ExplainedLine, InvoiceExplanation, explain};

const EXAMPLES: &str = "\
Examples:
  # Where does every amount of an invoice come from?
  kubectl billing explain f3397-3 -n acme

  # One line: by its id, or by the usage record behind it
  kubectl billing explain f3397-3 db-2026-10 -n acme

  # Without a cluster
  kubectl get invoice f3397-3 -n acme -o yaml | kubectl billing explain f3397-3 -f -";

/// Show how every amount of an invoice was computed
///
/// Prints the derivation of each line, from hours and prices to the amount, and how lines add up to the total. It uses only
/// what the invoice itself records.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArguments {
    #[command(flatten)]
    invoice: InvoiceArguments,

    /// Only this line: the beginning of its id, or the name of the object behind it
    #[arg(value_name = "LINE")]
    line: Option<String>,

    /// How to print it
    #[arg(short, long, value_enum, default_value_t = InvoiceOutput::Text)]
    output: InvoiceOutput,
}

/// Why nothing is explained.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// There is no invoice.
    #[error(transparent)]
    Invoice(#[from] InvoiceError),
    /// The invoice has no such line.
    #[error("invoice {number} has no line {line}; leave it out to see all of them")]
    NoLine {
        /// The invoice.
        number: String,
        /// What was asked for.
        line: String,
    },
    /// Nothing can be printed.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Runs the command.
///
/// # Errors
/// There is no such invoice or line, or nothing can be printed.
pub fn run(
    arguments: &ExplainArguments,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> Result<ExitStatus, ExplainError> {
    let number = &arguments.invoice.number;
    let found = arguments.invoice.find(stdin)?;
    let document = found.document(number)?;
    let mut explanation = explain(&found.issued(number)?);
    let missing: Vec<&str> = found.missing(document).collect();
    for name in &missing {
        writeln!(stderr, "InvoiceSlice {name} is missing: its lines are not explained; restore it from a backup")?;
    }
    if let Some(line) = &arguments.line {
        explanation.lines.retain(|explained| is_meant(explained, line));
        explanation.totals.clear();
        if explanation.lines.is_empty() {
            return Err(ExplainError::NoLine { number: number.clone(), line: line.clone() });
        }
    }
    match arguments.output {
        InvoiceOutput::Text => print(&explanation, stdout)?,
        InvoiceOutput::Yaml => print_yaml(&explanation, stdout)?,
        InvoiceOutput::Json => print_json(&explanation, stdout)?,
    }
    Ok(if missing.is_empty() { ExitStatus::Ok } else { ExitStatus::Refused })
}

fn is_meant(line: &ExplainedLine, wanted: &str) -> bool {
    let named = line.source.as_ref().is_some_and(|source| source.split(' ').nth(1) == Some(wanted));
    named || line.id.starts_with(wanted)
}

fn print(explanation: &InvoiceExplanation, out: &mut dyn Write) -> io::Result<()> {
    for line in &explanation.lines {
        let ExplainedLine { id, kind, description, period, readings, source, price, derivation, total: _ } = line;
        writeln!(out, "{kind:?}  {}\n    {derivation}", one_line(description))?;
        let facts = [period, readings, source, price].into_iter().flatten().map(String::as_str);
        let facts: Vec<&str> = facts.collect();
        writeln!(out, "    {}{}line {id}\n", facts.join(", "), if facts.is_empty() { "" } else { ", " })?;
    }
    explanation.totals.iter().try_for_each(|total| writeln!(out, "{total}"))
}
