//! `kubectl billing invoice`: what is to be paid.

mod download;
mod get;
mod lines;
mod list;
mod pay;

use clap::{Args, Subcommand};

use crate::error::CommandError;
use crate::{ExitStatus, Io};

/// Invoices: what is to be paid
#[derive(Args, Debug)]
pub struct InvoiceCommands {
    #[command(subcommand)]
    command: InvoiceCommand,
}

#[derive(Debug, Subcommand)]
enum InvoiceCommand {
    #[command(alias = "ls")]
    List(list::InvoiceListArguments),
    #[command(aliases = ["describe", "show"])]
    Get(get::InvoiceGetArguments),
    Lines(lines::InvoiceLinesArguments),
    Download(Box<download::DownloadArguments>),
    Pay(pay::PayArguments),
}

/// Runs one of the commands.
///
/// # Errors
/// It could not be done.
pub fn run(arguments: &InvoiceCommands, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    match &arguments.command {
        InvoiceCommand::List(arguments) => list::run(arguments, io),
        InvoiceCommand::Get(arguments) => get::run(arguments, io),
        InvoiceCommand::Lines(arguments) => lines::run(arguments, io),
        InvoiceCommand::Download(arguments) => download::run(arguments, io),
        InvoiceCommand::Pay(arguments) => pay::run(arguments, io),
    }
}
