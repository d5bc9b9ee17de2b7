//! `kubectl billing credit`: money that groups have before their invoices.

mod claim;
mod list;

use clap::{Args, Subcommand};

use crate::error::CommandError;
use crate::{ExitStatus, Io};

/// Credits: money that invoices use
#[derive(Args, Debug)]
pub struct CreditArguments {
    #[command(subcommand)]
    command: CreditCommand,
}

#[derive(Debug, Subcommand)]
enum CreditCommand {
    #[command(alias = "ls")]
    List(list::CreditListArguments),
    Claim(claim::ClaimArguments),
}

/// Runs one of the commands.
///
/// # Errors
/// It could not be done.
pub fn run(arguments: &CreditArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    match &arguments.command {
        CreditCommand::List(arguments) => list::run(arguments, io),
        CreditCommand::Claim(arguments) => claim::run(arguments, io),
    }
}
