//! Programs that answer and end.

use std::{
    io::{self, Write},
    path::Path,
    process::{Command, Stdio},
    thread,
};

use crate::{Error, Result};

/// Runs a program with some bytes as its standard input, and returns what it wrote.
///
/// # Errors
/// [`Error::Spawn`] when it cannot be started; [`Error::Command`] with its words when it fails.
pub fn run(program: &Path, args: &[&str], input: &[u8]) -> Result<Vec<u8>> {
    run_in(Path::new("."), program, args, input)
}

/// The same, with a folder that relative paths are read in.
///
/// # Errors
/// As [`run`].
pub fn run_in(folder: &Path, program: &Path, args: &[&str], input: &[u8]) -> Result<Vec<u8>> {
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::spawn(&name))?;
    let stdin = child.stdin.take();
    // It may answer before it has read all, so both go on at once.
    let output = thread::scope(|scope| {
        scope.spawn(|| write_all(stdin, input));
        child.wait_with_output()
    });
    let output = output.map_err(Error::spawn(&name))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Command { command: format!("{name} {}", args.join(" ")), stderr })
}

/// A program that wants no more input closes the pipe: whether it failed is in its exit status.
fn write_all(pipe: Option<impl Write>, input: &[u8]) {
    let _: io::Result<()> = pipe.map_or(Ok(()), |mut pipe| pipe.write_all(input));
}
