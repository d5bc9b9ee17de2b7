//! `kubectl billing`, the plugin: what a command needs of the world is in here, what each does in [`commands`].

mod arguments;
pub mod change;
pub mod cluster;
pub mod commands;
pub mod error;
pub mod invoice;
pub mod manifest;
pub mod output;
pub mod period;
pub mod print;
pub mod read;
mod table;

use std::error::Error;
use std::io::{self, Read, Write};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use billing_domain::Timestamp;
use commands::{
    code::{self, CodeArguments},
    explain::{self, ExplainArguments},
    preview::{self, PreviewArguments},
    rates::{self, RatesArguments},
    verify::{self, VerifyArguments},
};
use output::Visible;

/// Billing groups for Kubernetes: preview, explain and verify invoices.
#[derive(Debug, Parser)]
#[command(name = "kubectl-billing", bin_name = "kubectl billing", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Preview(Box<PreviewArguments>),
    Explain(Box<ExplainArguments>),
    Verify(Box<VerifyArguments>),
    Rates(Box<RatesArguments>),
    Code(Box<CodeArguments>),
    /// Print a shell completion script
    Completion {
        /// The shell to print it for
        shell: Shell,
    },
}

/// What a command can reach of the world around it.
pub struct Io<'a> {
    /// The time.
    pub now: Timestamp,
    /// Standard input, for `-f -`.
    pub stdin: &'a mut dyn Read,
    /// For what was asked for.
    pub stdout: &'a mut dyn Write,
    /// For what is wrong with it.
    pub stderr: &'a mut dyn Write,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// As it should.
    Ok = 0,
    /// Something in the manifests would be refused.
    Refused = 1,
    /// It could not do its work: wrong arguments, or a file that cannot be read.
    Failed = 2,
}

/// Runs a command. What goes wrong is said on `stderr`. In neither output does anything [hide](Visible).
pub fn run(arguments: Arguments, io: Io<'_>) -> ExitStatus {
    let Io { now, stdin, stdout, stderr } = io;
    let (stdout, stderr): (&mut dyn Write, &mut dyn Write) = (&mut Visible::new(stdout), &mut Visible::new(stderr));
    let done: Result<ExitStatus, Box<dyn Error>> = match arguments.command {
        Command::Preview(arguments) => preview::run(&arguments, now, stdin, stdout, stderr).map_err(Into::into),
        Command::Explain(arguments) => explain::run(&arguments, stdin, stdout, stderr).map_err(Into::into),
        Command::Verify(arguments) => verify::run(&arguments, now, stdin, stdout).map_err(Into::into),
        Command::Rates(arguments) => rates::run(&arguments, stdin, stdout, stderr).map_err(Into::into),
        Command::Code(arguments) => code::run(&arguments, stdin, stdout).map_err(Into::into),
        Command::Completion { shell } => print_completion(shell, stdout).map(|()| ExitStatus::Ok).map_err(Into::into),
    };
    done.unwrap_or_else(|error| {
        if is_broken_pipe(error.as_ref()) {
            return ExitStatus::Ok; // who reads only the beginning is served
        }
        report(error.as_ref(), stderr);
        ExitStatus::Failed
    })
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let of_output = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
    of_output || error.source().is_some_and(is_broken_pipe)
}

fn print_completion(shell: Shell, stdout: &mut dyn Write) -> io::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "kubectl-billing", &mut script);
    stdout.write_all(&script)
}

/// The error and what caused it. Where even that cannot be written there is nobody left to tell.
fn report(error: &dyn Error, stderr: &mut dyn Write) {
    let mut text = format!("error: {error}\n");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!("  caused by: {error}\n"));
        cause = error.source();
    }
    let _ = stderr.write_all(text.as_bytes());
}
