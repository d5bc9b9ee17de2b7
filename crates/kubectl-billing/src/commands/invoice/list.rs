//! `kubectl billing invoice list`.

use clap::{Args, ValueEnum};
use kube::api::ListParams;

use crate::commands::listing::ListArguments;
use crate::error::CommandError;
use crate::print::{Column, TableShape};
use crate::{ExitStatus, Io, period};
use billing_api::Invoice;

/// What is shown of invoices.
pub(in crate::commands) const INVOICES: TableShape = TableShape::of(&[
    Column::text("NUMBER", ".metadata.name"),
    Column::text("GROUP", ".spec.billingGroup"),
    Column::text("PERIOD", ".spec.period"),
    Column::text("PHASE", ".status.phase"),
    Column::number("TOTAL", ".status.document.total"),
    Column::text("CURRENCY", ".status.document.currency"),
    Column::text("PAYMENT", ".status.payment.state"),
    Column::number("SUBTOTAL", ".status.document.subtotal").wide(),
    Column::number("TAX", ".status.document.tax").wide(),
    Column::number("AMOUNT DUE", ".status.document.amountDue").or(".status.document.total").wide(),
    Column::text("ISSUED", ".status.document.issuedAt").wide(),
    Column::text("AS OF", ".status.document.asOf").wide(),
    Column::text("DUE", ".status.document.dueAt").wide(),
    Column::text("OVERDUE SINCE", ".status.overdueSince").wide(),
    Column::number("CREDITED", ".status.credited.total").wide(),
    Column::text("REFERENCE", ".status.payment.reference").wide(),
    Column::text("DIGEST", ".status.document.digest").wide(),
]);

/// List invoices
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing invoice list -n acme
  kubectl billing invoice list main -n acme --period last
  kubectl billing invoice list -A --payment Due -o csv")]
pub struct InvoiceListArguments {
    /// Only those of this billing group
    #[arg(value_name = "GROUP")]
    group: Option<String>,

    /// Only those of this month: 2026-10, this, last
    #[arg(long, value_name = "MONTH")]
    period: Option<String>,

    /// Only estimates, or only finals
    #[arg(long, value_name = "PHASE", value_enum, ignore_case = true)]
    phase: Option<Phase>,

    /// Only finals whose payment has this state, such as Due or Paid
    #[arg(long, value_name = "STATE")]
    payment: Option<String>,

    #[command(flatten)]
    list: ListArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Phase {
    /// Still follows usage
    Estimate,
    /// Never changes again
    Final,
}

pub(super) fn run(arguments: &InvoiceListArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    let mut fields = Vec::new();
    fields.extend(arguments.group.as_ref().map(|group| format!("spec.billingGroup={group}")));
    if let Some(word) = &arguments.period {
        let month = period::month(word, io.now).map_err(CommandError::Unusable)?;
        writeln!(io.stderr, "{}", period::echo(month))?;
        fields.push(format!("spec.period={month}"));
    }
    fields.extend(arguments.phase.map(|phase| match phase {
        Phase::Estimate => "status.phase=Estimate".to_owned(),
        Phase::Final => "status.phase=Final".to_owned(),
    }));
    fields.extend(arguments.payment.as_ref().map(|state| format!("status.payment.state={state}")));
    let params = ListParams::default().fields(&fields.join(","));
    arguments.list.run::<Invoice>(INVOICES, params, "such invoices", io)
}
