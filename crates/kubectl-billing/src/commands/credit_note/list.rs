//! `kubectl billing credit-note list`.

use clap::Args;
use kube::api::ListParams;

use crate::commands::listing::ListArguments;
use crate::error::CommandError;
use crate::print::{Column, TableShape};
use crate::{ExitStatus, Io};
use billing_api::CreditNote;

/// What is shown of credit notes.
pub(super) const NOTES: TableShape = TableShape::of(&[
    Column::text("NAME", ".metadata.name"),
    Column::text("NUMBER", ".status.number"),
    Column::text("INVOICE", ".spec.invoice"),
    Column::number("TOTAL", ".status.document.total"),
    Column::text("CURRENCY", ".status.document.currency"),
    Column::text("READY", r#".status.conditions[?(@.type=="Ready")].reason"#),
    Column::number("SUBTOTAL", ".status.document.subtotal").wide(),
    Column::number("TAX", ".status.document.tax").wide(),
    Column::text("ISSUED", ".status.document.issuedAt").wide(),
    Column::text("CREDITS", r#".status.conditions[?(@.type=="CreditsReturned")].reason"#).wide(),
    Column::text("DIGEST", ".status.document.digest").wide(),
    Column::elastic("REASON", ".spec.reason").wide(),
]);

/// List credit notes
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing credit-note list -n acme
  kubectl billing credit-note list f3397-1 -n acme -o wide")]
pub struct CreditNoteListArguments {
    /// Only those of this invoice, by its number
    #[arg(value_name = "INVOICE")]
    invoice: Option<String>,

    #[command(flatten)]
    list: ListArguments,
}

pub(super) fn run(arguments: &CreditNoteListArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let params = match &arguments.invoice {
        Some(invoice) => ListParams::default().fields(&format!("spec.invoice={invoice}")),
        None => ListParams::default(),
    };
    arguments.list.run::<CreditNote>(NOTES, params, "credit notes", io)
}
