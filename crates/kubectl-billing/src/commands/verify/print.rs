//! What was found, for people.

use std::io::{self, Write};

use super::{Outcome, RecordsCheck, Verdict};
use billing_planning::recompute::Difference;

pub(super) fn print(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "From what it records")?;
    for judged in &verdict.recorded {
        if judged.findings.is_empty() {
            writeln!(out, "  {}: correct", judged.invoice)?;
        }
        judged.findings.iter().try_for_each(|finding| writeln!(out, "  {}: {finding}", judged.invoice))?;
    }
    let Some(compared) = &verdict.records else { return Ok(()) };
    writeln!(out, "\nFrom the records as they are now")?;
    writeln!(out, "  {}: {}", verdict.invoice, outcome(compared))?;
    compared.differences.iter().try_for_each(|difference| print_difference(difference, out))
}

fn outcome(compared: &RecordsCheck) -> String {
    let reason = compared.reason.clone().unwrap_or_default();
    let unexplained = compared.differences.iter().filter(|difference| difference.is_unexplained()).count();
    let counted = match compared.differences.len() {
        1 => "1 difference".to_owned(),
        more => format!("{more} differences"),
    };
    match compared.outcome {
        Outcome::Identical => format!("byte-identical, {}", compared.digest.clone().unwrap_or_default()),
        Outcome::Explained => format!("{counted}, explained; the final stays as it is"),
        Outcome::Unexplained => format!("{counted}, {unexplained} of them without a lawful reason"),
        Outcome::NotCompared => format!("not compared: {reason}"),
        Outcome::NotRead => format!("not compared: {reason}; --document-only skips this check"),
    }
}

fn print_difference(difference: &Difference, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "    {difference}")?;
    let adjustment = difference.adjustment.as_ref().map(|adjustment| format!("; {adjustment}")).unwrap_or_default();
    match &difference.explanation {
        Some(explanation) => writeln!(out, "      {:?}: {}{adjustment}", explanation.reason, explanation.message),
        None => writeln!(out, "      Unexplained: nothing that changed since explains it"),
    }
}
