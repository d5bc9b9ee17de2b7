//! `kubectl billing meter`: what is measured.

mod cost;
mod metrics;
mod objects;
mod test;

use clap::{Args, Subcommand};

use crate::error::CommandError;
use crate::{ExitStatus, Io};

/// Meters: what they would record
#[derive(Args, Debug)]
pub struct MeterArguments {
    #[command(subcommand)]
    command: MeterCommand,
}

#[derive(Debug, Subcommand)]
enum MeterCommand {
    Test(test::MeterTestArguments),
}

/// Runs one of the commands.
///
/// # Errors
/// It could not be done.
pub fn run(arguments: &MeterArguments, io: &mut Io<'_>) -> Result<ExitStatus, CommandError> {
    match &arguments.command {
        MeterCommand::Test(arguments) => test::run(arguments, io),
    }
}
