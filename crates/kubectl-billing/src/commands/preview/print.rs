//! What was found, for people, and the invoices, for people and programs.

use std::io::{self, Write};

use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Value;

use super::held::holds;
use super::{Preview, PreviewError, PreviewOutput, PreviewProblem, PreviewedInvoice};
use crate::output::{one_line, print_json, print_yaml};
use crate::table::{Column, render_table};
use billing_api::{Document, Invoice, InvoicePhase, Line};
use billing_documents::explain::{explain_rate, price_in_words, unit_in_words};
use billing_documents::tax::explain_taxes;
use billing_planning::conditions;

/// Prints what is refused, what is not in order, and what would be made, one line each.
pub(super) fn print_findings(preview: &Preview, stderr: &mut dyn Write) -> io::Result<()> {
    let Preview { refusals, problems, notes, invoices } = preview;
    for refusal in refusals {
        writeln!(stderr, "refused: {}", one_line(&refusal.to_string()))?;
    }
    for PreviewProblem { source, object, reason, message } in problems {
        let place = source.as_ref().map(|source| format!("{source}: ")).unwrap_or_default();
        let problem = format!("{place}{object}: {reason}: {message}");
        writeln!(stderr, "problem: {}", one_line(&problem))?;
    }
    for held in holds(invoices) {
        writeln!(stderr, "held: {held}")?;
    }
    for note in notes {
        writeln!(stderr, "note: {}", one_line(note))?;
    }
    if invoices.is_empty() {
        writeln!(stderr, "note: the manifests produce no invoice")?;
    }
    Ok(())
}

/// Prints the invoices.
pub(super) fn print_invoices(
    invoices: &[PreviewedInvoice],
    output: PreviewOutput,
    with_lines: bool,
    stdout: &mut dyn Write,
) -> Result<(), PreviewError> {
    match output {
        PreviewOutput::Table if invoices.is_empty() => {}
        PreviewOutput::Table => {
            stdout.write_all(invoice_table(invoices).as_bytes())?;
            if with_lines {
                stdout.write_all(line_tables(invoices).as_bytes())?;
            }
        }
        PreviewOutput::Json => print_json(&List(invoices), stdout)?,
        PreviewOutput::Yaml => print_yaml(&List(invoices), stdout)?,
    }
    Ok(())
}

/// The objects as a List, every slice right after its invoice.
struct List<'a>(&'a [PreviewedInvoice]);

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_map(Some(4))?;
        list.serialize_entry("apiVersion", "v1")?;
        list.serialize_entry("items", &Items(self.0))?;
        list.serialize_entry("kind", "List")?;
        list.serialize_entry("metadata", &Value::Object(serde_json::Map::new()))?;
        list.end()
    }
}

/// The objects, each with its fields in the order of the alphabet, as the API server gives them: of all only one at a time is held
/// so.
struct Items<'a>(&'a [PreviewedInvoice]);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |object: serde_json::Result<Value>| object.map_err(S::Error::custom);
        let mut items = serializer.serialize_seq(None)?;
        for PreviewedInvoice { month: _, invoice, slices } in self.0 {
            items.serialize_element(&value(serde_json::to_value(invoice))?)?;
            for slice in slices {
                items.serialize_element(&value(serde_json::to_value(slice))?)?;
            }
        }
        items.end()
    }
}

fn invoice_table(invoices: &[PreviewedInvoice]) -> String {
    use Column::{Number, Text};
    let columns = [
        Text("NAMESPACE"),
        Text("NUMBER"),
        Text("GROUP"),
        Text("PERIOD"),
        Text("PHASE"),
        Number("TOTAL"),
        Text("CURRENCY"),
        Number("LINES"),
        Text("REASON"),
    ];
    render_table(&columns, invoices.iter().map(invoice_row))
}

fn invoice_row(previewed: &PreviewedInvoice) -> Vec<String> {
    let Invoice { metadata, spec, status } = &previewed.invoice;
    let status = status.clone().unwrap_or_default();
    let phase = match status.phase {
        Some(InvoicePhase::Final) => "Final",
        Some(InvoicePhase::Estimate) | None => "Estimate",
    };
    let reason = conditions::find(&status.conditions, "Ready").map(|ready| ready.reason.clone());
    let (total, currency) = match &status.document {
        Some(document) => (document.total.to_string(), document.currency.to_string()),
        None => (String::new(), String::new()),
    };
    vec![
        metadata.namespace.clone().unwrap_or_default(),
        metadata.name.clone().unwrap_or_default(),
        spec.billing_group.to_string(),
        spec.period.to_string(),
        phase.to_owned(),
        total,
        currency,
        lines(previewed).count().to_string(),
        reason.unwrap_or_default(),
    ]
}

/// Every invoice that has lines, with them.
fn line_tables(invoices: &[PreviewedInvoice]) -> String {
    use Column::{Number, Text};
    let columns = [
        Text("TYPE"),
        Text("PROJECT"),
        Text("DESCRIPTION"),
        Text("START"),
        Text("END"),
        Number("QUANTITY"),
        Text("UNIT"),
        Number("UNIT PRICE"),
        Number("TOTAL"),
    ];
    let mut text = String::new();
    for previewed in invoices.iter().filter(|previewed| lines(previewed).next().is_some()) {
        let Invoice { metadata, spec, .. } = &previewed.invoice;
        let number = metadata.name.clone().unwrap_or_default();
        text.push_str(&format!("\n{number} ({}, {}):\n", spec.billing_group, spec.period));
        text.push_str(&render_table(&columns, lines(previewed).map(line_row)));
        let document = previewed.invoice.status.as_ref().and_then(|status| status.document.as_ref());
        text.extend(document.and_then(explain_rate).map(|rate| rate + "\n"));
        let taxes = document.map(explain_taxes).unwrap_or_default();
        taxes.iter().for_each(|tax| text.push_str(&format!("tax {tax}\n")));
        text.push_str(&sums(previewed));
    }
    text
}

/// How the lines add up to the total, where there is more to it than lines.
fn sums(previewed: &PreviewedInvoice) -> String {
    let document = previewed.invoice.status.as_ref().and_then(|status| status.document.as_ref());
    let taxed = document.filter(|document| document.total != document.subtotal);
    taxed.map_or_else(String::new, |document| {
        let Document { subtotal, tax, total, currency, .. } = document;
        format!("subtotal {subtotal} + tax {tax} = total {total} {currency}\n")
    })
}

fn lines(previewed: &PreviewedInvoice) -> impl Iterator<Item = &Line> {
    let document = previewed.invoice.status.as_ref().and_then(|status| status.document.as_ref());
    let own = document.into_iter().flat_map(|document| &document.lines);
    previewed.slices.iter().flat_map(|slice| &slice.spec.lines).chain(own)
}

fn line_row(line: &Line) -> Vec<String> {
    let text = |value: Option<String>| value.unwrap_or_default();
    vec![
        format!("{:?}", line.kind),
        text(line.project.as_ref().map(ToString::to_string)),
        line.description.clone(),
        text(line.start.map(|start| start.to_string())),
        text(line.end.map(|end| end.to_string())),
        text(line.quantity.as_ref().map(ToString::to_string)),
        text(unit_in_words(line)),
        text(price_in_words(line)),
        line.total.to_string(),
    ]
}
