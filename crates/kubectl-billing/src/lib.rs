//! `kubectl billing`, the plugin: what a command needs of the world is in here, what each does in [`commands`].

mod arguments;
pub mod change;
pub mod cluster;
pub mod commands;
#[cfg(feature = "einvoice")]
mod einvoice;
pub mod error;
pub mod invoice;
mod lazy_file;
pub mod manifest;
pub mod operator;
pub mod output;
#[cfg(feature = "pdf")]
mod pdf;
pub mod period;
pub mod print;
mod progress;
pub mod read;
mod table;

use std::error::Error;
use std::io::{self, Read, Write};

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use billing_domain::Timestamp;
use commands::{
    code::{self, CodeArguments},
    complete::{self, CompleteArguments},
    credit::{self, CreditArguments},
    credit_note::{self, CreditNoteArguments},
    explain::{self, ExplainArguments},
    export::{self, ExportArguments},
    group::{self, GroupArguments},
    invoice::InvoiceCommands,
    meter::{self, MeterArguments},
    preview::{self, PreviewArguments},
    project::{self, ProjectArguments},
    rates::{self, RatesArguments},
    report::{self, ReportArguments},
    status::{self, StatusArguments},
    usage::{self, UsageArguments},
    verify::{self, VerifyArguments},
    version::{self, VersionArguments},
    whoami::{self, WhoamiArguments},
};
use error::CommandError;
use output::Visible;

/// The commands by what they are for. A test holds that none is missing.
const GROUPED: &str = "\
Usage: kubectl billing <COMMAND>

See where you stand:
  status       One screen: groups, estimates, what is held and why, what is past due
  whoami       Who you are, and which rights of billing you have

Work with what there is:
  group        Who pays: list, get, create, update, rename, set-primary, delete, assign, events
  project      Who pays for a project: list, history, create
  invoice      What is to be paid: list, get, lines, download, pay
  credit       Money that invoices use: list, claim
  credit-note  Take a final invoice back: list, get, download, create
  usage        What ran: list, import
  meter        What Meters would record: test

Understand and check:
  explain      How every amount of an invoice came about
  verify       Whether an invoice is right
  preview      The invoices of manifests, without a cluster

Take invoices elsewhere:
  export       For spreadsheets, databases and FinOps tools

For the provider:
  code         The CreditCode of a code
  rates        Exchange rates that a central bank publishes: import

About the plugin:
  report       A bundle for a bug report, without names
  completion   A shell completion script
  version      The version

Options:
{options}

`kubectl billing <COMMAND> --help` shows examples of each. Exit status: 0 done, 1 refused or not right, 2 could not be done.";

/// Billing groups for Kubernetes: who pays, what for, and whether it is right
#[derive(Debug, Parser)]
#[command(name = "kubectl-billing", bin_name = "kubectl billing", version, disable_help_subcommand = true)]
#[command(help_template = format!("{{about}}\n\n{GROUPED}"))]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(Box<StatusArguments>),
    Whoami(Box<WhoamiArguments>),
    #[command(aliases = ["groups", "bg", "billing-group", "billinggroup", "billinggroups"])]
    Group(Box<GroupArguments>),
    #[command(alias = "projects")]
    Project(Box<ProjectArguments>),
    #[command(aliases = ["invoices", "inv"])]
    Invoice(Box<InvoiceCommands>),
    #[command(alias = "credits")]
    Credit(Box<CreditArguments>),
    #[command(aliases = ["credit-notes", "creditnote", "creditnotes", "cn"])]
    CreditNote(Box<CreditNoteArguments>),
    #[command(aliases = ["usagerecord", "usagerecords", "ur"])]
    Usage(Box<UsageArguments>),
    #[command(alias = "meters")]
    Meter(Box<MeterArguments>),
    Preview(Box<PreviewArguments>),
    Explain(Box<ExplainArguments>),
    Verify(Box<VerifyArguments>),
    Export(Box<ExportArguments>),
    Rates(Box<RatesArguments>),
    Report(Box<ReportArguments>),
    Code(Box<CodeArguments>),
    /// Print a shell completion script
    Completion {
        /// The shell to print it for
        shell: Shell,
    },
    Version(VersionArguments),
    #[command(name = "__complete", hide = true)]
    Complete(CompleteArguments),
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
    /// Something is not right, or the API server refused a change, or would refuse it.
    Refused = 1,
    /// It could not do its work: wrong arguments, a file that cannot be read, something that is not there.
    Failed = 2,
}

/// Runs a command. What goes wrong is said on `stderr`. In neither output does anything [hide](Visible).
pub fn run(arguments: Arguments, io: Io<'_>) -> ExitStatus {
    let Io { now, stdin, stdout, stderr } = io;
    let (mut shown, mut told) = (Visible::new(stdout), Visible::new(stderr));
    let mut io = Io { now, stdin, stdout: &mut shown, stderr: &mut told };
    let done = dispatch(&arguments.command, &mut io);
    done.unwrap_or_else(|error| {
        if is_broken_pipe(error.as_ref()) {
            return ExitStatus::Ok; // who reads only the beginning is served
        }
        report(error.as_ref(), io.stderr);
        error.downcast_ref().map_or(ExitStatus::Failed, CommandError::exit_status)
    })
}

fn dispatch(command: &Command, io: &mut Io<'_>) -> Result<ExitStatus, Box<dyn Error>> {
    Ok(match command {
        Command::Status(arguments) => status::run(arguments, io)?,
        Command::Whoami(arguments) => whoami::run(arguments, io)?,
        Command::Group(arguments) => group::run(arguments, io)?,
        Command::Project(arguments) => project::run(arguments, io)?,
        Command::Invoice(arguments) => commands::invoice::run(arguments, io)?,
        Command::Credit(arguments) => credit::run(arguments, io)?,
        Command::CreditNote(arguments) => credit_note::run(arguments, io)?,
        Command::Usage(arguments) => usage::run(arguments, io)?,
        Command::Meter(arguments) => meter::run(arguments, io)?,
        Command::Preview(arguments) => preview::run(arguments, io.now, io.stdin, io.stdout, io.stderr)?,
        Command::Explain(arguments) => explain::run(arguments, io.stdin, io.stdout, io.stderr)?,
        Command::Verify(arguments) => verify::run(arguments, io.now, io.stdin, io.stdout)?,
        Command::Report(arguments) => report::run(arguments, io)?,
        Command::Export(arguments) => export::run(arguments, io)?,
        Command::Rates(arguments) => rates::run(arguments, io.stdin, io.stdout, io.stderr)?,
        Command::Code(arguments) => code::run(arguments, io.stdin, io.stdout)?,
        Command::Completion { shell } => print_completion(*shell, io.stdout).map(|()| ExitStatus::Ok)?,
        Command::Version(arguments) => version::run(arguments, io)?,
        Command::Complete(arguments) => complete::run(arguments, Arguments::command(), io)?,
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

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Arguments, GROUPED};

    #[test]
    fn the_help_names_every_command() {
        let command = Arguments::command();
        for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
            let line = GROUPED.lines().find(|line| line.trim_start().split(' ').next() == Some(command.get_name()));
            let line = line.unwrap_or_else(|| panic!("the help does not name {}", command.get_name()));
            for verb in command.get_subcommands() {
                assert!(line.contains(verb.get_name()), "{line} does not name {}", verb.get_name());
            }
        }
    }

    /// Nouns as `kubectl` spells them, verbs as people guess them and as the old CLI had them.
    #[test]
    fn what_people_guess_is_understood() {
        for line in [
            "groups list",
            "bg ls",
            "billinggroup get main",
            "billing-group assign-projects main web",
            "inv ls",
            "invoices describe f3397-1",
            "credits ls",
            "cn create f3397-1 --full --reason x",
            "ur ls",
            "projects ls",
            "group show main",
            "group create main --no-fail-if-exists --country-code FI --billing-email a@b.example --billing-extra-text x",
        ] {
            let words = ["kubectl-billing"].into_iter().chain(line.split(' '));
            Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        Arguments::try_parse_from(["kubectl-billing", "groups", "lists"]).unwrap_err();
    }

    #[test]
    fn the_definitions_are_sound_and_every_command_has_an_example() {
        Arguments::command().debug_assert();
        let mut commands: Vec<_> = Arguments::command().get_subcommands().cloned().collect();
        while let Some(command) = commands.pop() {
            let verbs: Vec<_> = command.get_subcommands().cloned().collect();
            let simple = ["version", "completion", "__complete"].contains(&command.get_name());
            if verbs.is_empty() && !simple {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("kubectl billing "), "{} has no example", command.get_name());
            }
            commands.extend(verbs);
        }
    }
}
