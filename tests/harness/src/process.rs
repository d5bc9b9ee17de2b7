//! Children that never outlive us.
//!
//! Each child runs under a small shell that reads from a pipe whose other end only this process holds. When this process
//! ends, however it ends, the pipe closes and the shell kills the child. The parent-death signal of Linux would not do: it
//! is tied to the thread that spawned the child, and the threads of a test binary come and go.
//!
//! The same pipe carries the signals that we send on purpose: one name a line.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::process::{CommandExt, ExitStatusExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    time::Duration,
};

use crate::{Error, Result, wait_until};

/// Runs `"$@"`, passes on the signals that are named on standard input, and kills it when standard input ends.
const SUPERVISE: &str = r#"
exec 3<&0
"$@" 3<&- </dev/null &
child=$!
{ while read -r signal; do kill -s "$signal" "$child"; done; kill -s KILL "$child"; } <&3 2>/dev/null &
watcher=$!
wait "$child"
status=$?
kill -s KILL "$watcher"
exit "$status"
"#;

/// Lines of a log that an error shows.
const TAIL_LINES: usize = 25;

/// A running child.
#[derive(Debug)]
pub struct Process {
    name: String,
    shell: Child,
    /// The pipe that keeps the child alive.
    signals: Option<ChildStdin>,
    log: PathBuf,
}

/// What to run.
#[derive(Debug, Clone)]
pub struct Program {
    /// A short name, for messages.
    pub name: String,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, on top of ours.
    pub env: Vec<(String, String)>,
    /// The file that its output is appended to.
    pub log: PathBuf,
}

impl Process {
    /// Starts a program.
    ///
    /// # Errors
    /// [`Error::File`] when the log cannot be written, [`Error::Spawn`] when there is no shell. A program that is not there
    /// shows as one that ended at once.
    pub fn start(program: &Program) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(&program.log).map_err(Error::file(&program.log))?;
        let log_too = log.try_clone().map_err(Error::file(&program.log))?;
        let mut shell =
            shell(SUPERVISE, std::iter::once(program.path.as_os_str()).chain(program.args.iter().map(OsStr::new)))
                .envs(program.env.iter().map(|(key, value)| (key, value)))
                .stdin(Stdio::piped())
                .stdout(log)
                .stderr(log_too)
                .spawn()
                .map_err(Error::spawn(&program.name))?;
        let signals = shell.stdin.take();
        Ok(Self { name: program.name.clone(), shell, signals, log: program.log.clone() })
    }

    /// Where the output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The exit status as a shell has it (128 + the signal for a killed child), or nothing while the child runs.
    ///
    /// # Errors
    /// [`Error::Spawn`] when the system cannot say.
    pub fn exit_code(&mut self) -> Result<Option<i32>> {
        let status = self.shell.try_wait().map_err(Error::spawn(&self.name))?;
        Ok(status.map(code))
    }

    /// Sends a signal by its name without `SIG` (`TERM`, `STOP`, `CONT`). Does nothing to a child that has ended.
    pub fn signal(&mut self, name: &str) {
        if let Some(pipe) = &mut self.signals {
            // The pipe is broken when the child has ended: nobody is left to be told.
            let _ = writeln!(pipe, "{name}");
        }
    }

    /// Kills the child with SIGKILL and waits for its end.
    pub fn kill9(&mut self) {
        self.signals = None;
        // Fails only for a child that was waited for already.
        let _ = self.shell.wait();
    }

    /// Asks the child to end with SIGTERM and returns its exit code; kills it after `limit`.
    ///
    /// # Errors
    /// [`Error::NotStopped`] when it had to be killed.
    pub fn terminate(&mut self, limit: Duration) -> Result<i32> {
        self.signal("TERM");
        wait_until("the end of a child", limit, || self.exit_code().ok().flatten()).map_err(|_| {
            self.kill9();
            Error::NotStopped {
                program: self.name.clone(),
                waited: limit,
                log: self.log.clone(),
                tail: tail(&self.log),
            }
        })
    }

    /// Waits until `ready` says yes; fails at once when the child ends.
    ///
    /// # Errors
    /// [`Error::Exited`] or [`Error::NotReady`], both with the end of the log.
    pub fn wait_ready(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> Result<()> {
        let ended = wait_until("a child is ready", limit, || match self.exit_code() {
            Ok(None) => ready().then_some(None),
            Ok(Some(code)) => Some(Some(format!("exit code {code}"))),
            Err(error) => Some(Some(error.to_string())),
        });
        let (program, log, tail) = (self.name.clone(), self.log.clone(), tail(&self.log));
        match ended {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(Error::Exited { program, status, log, tail }),
            Err(_) => Err(Error::NotReady { program, waited: limit, log, tail }),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// A shell that runs `script` with `args`, out of the reach of the terminal's Ctrl-C: the order in which children end is ours.
pub(crate) fn shell<'a>(script: &str, args: impl Iterator<Item = &'a OsStr>) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args(args).process_group(0);
    command
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}
