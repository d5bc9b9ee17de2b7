//! `kubectl billing credit-note`: taking invoices back.

mod create;
mod download;
mod get;
mod list;

use clap::{Args, Subcommand};

use crate::error::CommandError;
use crate::{ExitStatus, Io};

/// Credit notes: what is taken back of a final invoice
#[derive(Args, Debug)]
pub struct CreditNoteArguments {
    #[command(subcommand)]
    command: CreditNoteCommand,
}

#[derive(Debug, Subcommand)]
enum CreditNoteCommand {
    #[command(alias = "ls")]
    List(list::CreditNoteListArguments),
    #[command(aliases = ["describe", "show"])]
    Get(get::CreditNoteGetArguments),
    Download(Box<download::CreditNoteDownloadArguments>),
    Create(create::CreditNoteCreateArguments),
}

/// Runs one of the commands.
///
/// # Errors
/// It could not be done.
pub fn run(arguments: &CreditNoteArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    match &arguments.command {
        CreditNoteCommand::List(arguments) => list::run(arguments, io),
        CreditNoteCommand::Get(arguments) => get::run(arguments, io),
        CreditNoteCommand::Download(arguments) => download::run(arguments, io),
        CreditNoteCommand::Create(arguments) => create::run(arguments, io),
    }
}
