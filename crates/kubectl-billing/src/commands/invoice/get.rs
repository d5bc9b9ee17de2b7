//! `kubectl billing invoice get`.

use clap::Args;

use super::list::INVOICES;
use crate::cluster::ClusterArguments;
use crate::commands::details::show;
use crate::error::CommandError;
use crate::print::{Column, PrintArguments, TableShape};
use crate::{ExitStatus, Io};
use billing_api::Invoice;

const PROJECTS: TableShape = TableShape::of_items(
    &[".status.document.projects[*]"],
    &[Column::text("PROJECT", "@.project"), Column::number("SUBTOTAL", "@.subtotal")],
);

const CATEGORIES: TableShape = TableShape::of_items(
    &[".status.document.categories[*]"],
    &[Column::text("TYPE", "@.type"), Column::number("SUBTOTAL", "@.subtotal")],
);

const TAXES: TableShape = TableShape::of_items(
    &[".status.document.taxes[*]"],
    &[
        Column::text("CATEGORY", "@.category"),
        Column::number("RATE", "@.rate"),
        Column::number("BASE", "@.base"),
        Column::number("TAX", "@.amount"),
        Column::elastic("REASON", "@.reason"),
    ],
);

const TOTALS: TableShape = TableShape::of(&[
    Column::number("SUBTOTAL", ".status.document.subtotal"),
    Column::number("TAX", ".status.document.tax"),
    Column::number("TOTAL", ".status.document.total"),
    Column::number("AMOUNT DUE", ".status.document.amountDue").or(".status.document.total"),
    Column::text("CURRENCY", ".status.document.currency"),
    Column::text("DUE", ".status.document.dueAt"),
]);

/// Show an invoice: what each project and type of line comes to, tax and totals
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing invoice get f3397-1 -n acme
  kubectl billing invoice get f3397-1 -n acme -o jsonpath='{.status.document.total}'

See also: `invoice lines` for every line, `explain` for how it came about, `verify` for whether it is right.")]
pub struct InvoiceGetArguments {
    /// The invoice's number
    #[arg(value_name = "NUMBER")]
    number: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    print: PrintArguments,
}

pub(super) fn run(arguments: &InvoiceGetArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let InvoiceGetArguments { number, cluster, print } = arguments;
    let parts = [
        (INVOICES, "Invoice"),
        (PROJECTS, "Projects"),
        (CATEGORIES, "Types of lines"),
        (TAXES, "Taxes"),
        (TOTALS, "Totals"),
    ];
    show::<Invoice>(number, parts, cluster, print, io)
}
