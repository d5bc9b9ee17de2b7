//! `kubectl billing group list`.

use clap::Args;
use kube::api::ListParams;

use crate::commands::listing::ListArguments;
use crate::error::CommandError;
use crate::print::{Column, TableShape};
use crate::{ExitStatus, Io};
use billing_api::BillingGroup;

/// What is shown of groups.
pub(in crate::commands) const GROUPS: TableShape = TableShape::of(&[
    Column::text("NAME", ".metadata.name"),
    Column::elastic("DISPLAY NAME", ".spec.displayName"),
    Column::number("PROJECTS", ".status.projects"),
    Column::number("ESTIMATE", ".status.estimatedBalance"),
    Column::text("CURRENCY", ".spec.currency"),
    Column::text("PRIMARY", ".spec.primary"),
    Column::text("READY", r#".status.conditions[?(@.type=="Ready")].status"#),
    Column::number("COMMITMENT LEFT", ".status.commitment.left").wide(),
    Column::number("CREDITS", ".status.creditsRemaining").wide(),
    Column::text("SERIES", ".status.invoiceSeries").wide(),
    Column::text("LAST FINAL", ".status.lastFinal.number").wide(),
    Column::text("PAYMENT", ".spec.paymentMethod.type").wide(),
    Column::text("COMPANY", ".spec.company").wide(),
    Column::text("COUNTRY", ".spec.billingAddress.countryCode").wide(),
    Column::text("VAT ID", ".spec.vatId").wide(),
    Column::text("CREATED", ".metadata.creationTimestamp").wide(),
]);

/// List billing groups, with what this month costs so far
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  kubectl billing group list -n acme")]
pub struct GroupListArguments {
    #[command(flatten)]
    list: ListArguments,
}

pub(super) fn run(arguments: &GroupListArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    arguments.list.run::<BillingGroup>(GROUPS, ListParams::default(), "billing groups", io)
}
