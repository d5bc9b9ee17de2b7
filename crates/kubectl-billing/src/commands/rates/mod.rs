//! `kubectl billing rates`: exchange rates.

pub mod import;
mod published;
#[cfg(test)]
mod tests;

use std::io::{Read, Write};

use clap::{Args, Subcommand};

use crate::ExitStatus;
pub use import::{ImportArguments, ImportError};

/// Work with exchange rates
#[derive(Args, Debug)]
pub struct RatesArguments {
    #[command(subcommand)]
    command: RatesCommand,
}

#[derive(Subcommand, Debug)]
enum RatesCommand {
    Import(ImportArguments),
}

/// Runs the command.
///
/// # Errors
/// Rates that cannot be read, or output that cannot be written.
pub fn run(
    arguments: &RatesArguments,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> Result<ExitStatus, ImportError> {
    match &arguments.command {
        RatesCommand::Import(arguments) => import::run(arguments, stdin, stdout, stderr),
    }
}
