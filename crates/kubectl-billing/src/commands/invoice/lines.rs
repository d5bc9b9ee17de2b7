//! `kubectl billing invoice lines`.

use clap::Args;
use serde_json::Value;

use crate::cluster::{Cluster, ClusterArguments, wait};
use crate::error::CommandError;
use crate::print::{Column, PrintArguments, Section, TableShape, print_list, print_object};
use crate::read::{self, text};
use crate::{ExitStatus, Io};
use billing_api::{Invoice, InvoiceSlice};

/// Lines stand in the invoice, or in its slices where they are many.
const LINES: TableShape = TableShape::of_items(
    &[".status.document.lines[*]", ".spec.lines[*]"],
    &[
        Column::text("TYPE", "@.type"),
        Column::text("PROJECT", "@.project"),
        Column::elastic("DESCRIPTION", "@.description"),
        Column::number("QUANTITY", "@.quantity"),
        Column::number("TOTAL", "@.total"),
        Column::text("ID", "@.id").wide(),
        Column::text("UNIT", "@.unit").wide(),
        Column::text("UNIT NAME", "@.unitName").wide(),
        Column::number("UNIT PRICE", "@.unitPrice").wide(),
        Column::number("PER", "@.per").wide(),
        Column::number("BEFORE DISCOUNT", "@.preDiscount").wide(),
        Column::text("START", "@.start").wide(),
        Column::text("END", "@.end").wide(),
        Column::text("SERVICE", "@.service.name").wide(),
        Column::text("SERVICE TYPE", "@.service.type").wide(),
        Column::text("PLAN", "@.service.plan").wide(),
        Column::text("CLOUD", "@.service.cloud").wide(),
        Column::text("SOURCE", "@.source.name").wide(),
    ],
);

/// List the lines of an invoice
///
/// --project, --service and --type choose the rows of a table or of CSV; JSON and YAML are always the whole invoice, and its
/// slices where it has any.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  kubectl billing invoice lines f3397-1 -n acme
  kubectl billing invoice lines f3397-1 -n acme --project web --type ServiceCharge
  kubectl billing invoice lines f3397-1 -n acme -o csv > lines.csv")]
pub struct InvoiceLinesArguments {
    /// The invoice's number
    #[arg(value_name = "NUMBER")]
    number: String,

    /// Only lines of this project
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,

    /// Only lines of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,

    /// Only lines of this type, such as ServiceCharge
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,

    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    print: PrintArguments,
}

pub(super) fn run(arguments: &InvoiceLinesArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    wait(async {
        let cluster = arguments.cluster.connect().await?;
        let objects = invoice_with_slices(&cluster, &arguments.number).await?;
        let InvoiceLinesArguments { project, service, kind, .. } = arguments;
        let wanted = [("/project", project.clone()), ("/service/name", service.clone()), ("/type", squeezed(kind))];
        let shape = LINES.keeping(move |_, line| {
            let fits = |(path, wanted): &(&str, Option<String>)| {
                wanted.as_ref().is_none_or(|wanted| text(line, path).eq_ignore_ascii_case(wanted))
            };
            wanted.iter().all(fits)
        });
        let is_single = objects.len() == 1;
        let section = Section::new(shape, objects, "no such lines");
        match is_single {
            true => print_object(vec![section], &arguments.print, io.stdout, io.stderr)?,
            false => print_list(section, &arguments.print, io.stdout, io.stderr)?,
        }
        Ok(ExitStatus::Ok)
    })?
}

/// `service_charge` and `service-charge` mean `ServiceCharge`.
fn squeezed(kind: &Option<String>) -> Option<String> {
    kind.as_ref().map(|kind| kind.replace(['_', '-'], ""))
}

/// An invoice, and the slices that hold its lines, in their order.
async fn invoice_with_slices(cluster: &Cluster, number: &str) -> Result<Vec<Value>, CommandError> {
    let place = cluster.organization();
    let invoice = read::get::<Invoice>(cluster, &place, number).await?;
    let listed = invoice.pointer("/status/document/slices").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut objects = vec![invoice];
    for slice in listed {
        objects.push(read::get::<InvoiceSlice>(cluster, &place, text(&slice, "/name")).await?);
    }
    for object in &mut objects {
        object["metadata"]["managedFields"].take();
    }
    Ok(objects)
}
