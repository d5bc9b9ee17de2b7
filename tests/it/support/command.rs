//! `kubectl billing`, run in this process and in the folder of the repository.

use clap::Parser;
use kubectl_billing::{Arguments, ExitStatus, Io};

use crate::Result;

/// How a run of the command ended, and what it said.
pub struct Run {
    pub ended: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

/// Runs the command on 21 November 2026.
pub fn run(arguments: &[&str], stdin: &str) -> Result<Run> {
    let arguments = ["kubectl-billing"].iter().chain(arguments);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let surroundings = Io {
        now: "2026-11-21T12:00:00Z".parse()?,
        stdin: &mut stdin.as_bytes(),
        stdout: &mut stdout,
        stderr: &mut stderr,
    };
    let ended = kubectl_billing::run(Arguments::try_parse_from(arguments)?, surroundings);
    Ok(Run { ended, stdout: String::from_utf8(stdout)?, stderr: String::from_utf8(stderr)? })
}
