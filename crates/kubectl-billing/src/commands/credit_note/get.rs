//! `kubectl billing credit-note get`.

use clap::Args;

use super::list::NOTES;
use crate::cluster::ClusterArguments;
use crate::commands::details::show;
use crate::error::CommandError;
use crate::print::{Column, PrintArguments, TableShape};
use crate::{ExitStatus, Io};
use billing_api::CreditNote;

const LINES: TableShape = TableShape::of_items(
    &[".status.document.lines[*]"],
    &[
        Column::text("LINE", "@.line"),
        Column::elastic("DESCRIPTION", "@.description"),
        Column::number("TOTAL", "@.total"),
        Column::text("TAX CATEGORY", "@.tax.category").wide(),
        Column::number("TAX RATE", "@.tax.rate").wide(),
    ],
);

const TAXES: TableShape = TableShape::of_items(
    &[".status.document.taxes[*]"],
    &[
        Column::text("CATEGORY", "@.category"),
        Column::number("RATE", "@.rate"),
        Column::number("BASE", "@.base"),
        Column::number("TAX", "@.amount"),
    ],
);

const RETURNED: TableShape = TableShape::of_items(
    &[".status.document.credits[*]"],
    &[
        Column::text("NAME", "@.name"),
        Column::text("CREDIT", "@.credit"),
        Column::number("AMOUNT", "@.amount"),
        Column::text("APPLICATION", "@.application").wide(),
    ],
);

const TOTALS: TableShape = TableShape::of(&[
    Column::number("SUBTOTAL", ".status.document.subtotal"),
    Column::number("TAX", ".status.document.tax"),
    Column::number("TOTAL", ".status.document.total"),
    Column::text("CURRENCY", ".status.document.currency"),
    Column::text("ISSUED", ".status.document.issuedAt"),
]);

/// Show a credit note: what it takes back, with its tax, and which credits go back
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing credit-note get outage -n acme
  kubectl billing credit-note get outage -n acme -o jsonpath='{.status.document.total}'")]
pub struct CreditNoteGetArguments {
    /// The name of the CreditNote
    #[arg(value_name = "NOTE")]
    name: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    print: PrintArguments,
}

pub(super) fn run(arguments: &CreditNoteGetArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let CreditNoteGetArguments { name, cluster, print } = arguments;
    let parts = [
        (NOTES, "Credit note"),
        (LINES, "Lines"),
        (TAXES, "Taxes"),
        (RETURNED, "Credits that go back"),
        (TOTALS, "Totals"),
    ];
    show::<CreditNote>(name, parts, cluster, print, io)
}
