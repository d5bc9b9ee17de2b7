//! The program under test, as a child.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Result, http, ports,
    process::{Process, Program},
};

/// A port on 127.0.0.1 that nobody listens on; never the same twice in one process.
///
/// # Errors
/// [`crate::Error::NoFreePort`] when every port is taken.
pub fn free_port() -> Result<u16> {
    ports::free()
}

/// A running operator. Killed with SIGKILL when it is dropped.
#[derive(Debug)]
pub struct Operator {
    program: Program,
    process: Process,
    finance_port: Option<u16>,
}

impl Operator {
    /// Starts the binary at `path` (a test knows it as `env!("CARGO_BIN_EXE_billing-operator")`) with the rights of
    /// `kubeconfig`. Its output goes to the file `log`.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn start(
        path: impl Into<PathBuf>,
        kubeconfig: &Path,
        log: impl Into<PathBuf>,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Result<Self> {
        let mut environment = vec![("KUBECONFIG".to_owned(), kubeconfig.display().to_string())];
        environment.extend(env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        let program = Program {
            name: "operator".to_owned(),
            path: path.into(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: environment,
            log: log.into(),
        };
        Ok(Self { process: Process::start(&program)?, program, finance_port: None })
    }

    /// Starts `billing-operator run` as [`Operator::start`] does, and waits until it is ready. Answers with the port that its
    /// metrics are on, too.
    ///
    /// # Errors
    /// As [`Operator::start`] and [`Operator::wait_http`].
    pub fn start_ready(
        path: impl Into<PathBuf>,
        kubeconfig: &Path,
        log: impl Into<PathBuf>,
        args: &[&str],
        env: &[(&str, &str)],
        limit: Duration,
    ) -> Result<(Self, u16)> {
        let (port, finance_port) = (ports::free()?, ports::free()?);
        let account = format!("--kubeconfig={}", kubeconfig.display());
        let listen = format!("--listen=127.0.0.1:{port}");
        let finance = format!("--finance-listen=127.0.0.1:{finance_port}");
        let args: Vec<_> = ["run", &account, &listen, &finance].into_iter().chain(args.iter().copied()).collect();
        let mut operator = Self::start(path, kubeconfig, log, &args, env)?;
        operator.finance_port = Some(finance_port);
        operator.wait_http(port, "/readyz", limit)?;
        Ok((operator, port))
    }

    /// Waits until `GET http://127.0.0.1:<port><path>` is answered with 200.
    ///
    /// # Errors
    /// [`crate::Error::Exited`] when the operator ended, [`crate::Error::NotReady`] after `limit`.
    pub fn wait_http(&mut self, port: u16, path: &str, limit: Duration) -> Result<()> {
        self.process.wait_ready(limit, || http::get(port, path).is_some_and(|(status, _)| status == 200))
    }

    /// The body of `GET http://127.0.0.1:<port><path>` (metrics, for instance), or nothing when it is not answered with 200.
    #[must_use]
    pub fn http_get(port: u16, path: &str) -> Option<String> {
        http::get(port, path).filter(|(status, _)| *status == 200).map(|(_, body)| body)
    }

    /// The status and the body of `GET http://127.0.0.1:<port><path>`, or nothing when nobody answers.
    #[must_use]
    pub fn http(port: u16, path: &str) -> Option<(u16, String)> {
        http::get(port, path)
    }

    /// Starts the same program again after [`Operator::kill9`] or [`Operator::terminate`]; kills it first if it runs.
    ///
    /// # Errors
    /// As [`Process::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.process.kill9();
        self.process = Process::start(&self.program)?;
        Ok(())
    }

    /// Kills it with SIGKILL, as a node that loses power does.
    pub fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Asks it to end with SIGTERM and returns its exit code.
    ///
    /// # Errors
    /// [`crate::Error::NotStopped`] when it still runs after `limit`; it is killed then.
    pub fn terminate(&mut self, limit: Duration) -> Result<i32> {
        self.process.terminate(limit)
    }

    /// Sends a signal by its name without `SIG`: `STOP` and `CONT` make a pause.
    pub fn signal(&mut self, name: &str) {
        self.process.signal(name);
    }

    /// The exit code, or nothing while it runs.
    ///
    /// # Errors
    /// As [`Process::exit_code`].
    pub fn exit_code(&mut self) -> Result<Option<i32>> {
        self.process.exit_code()
    }

    /// The port on which it tells what is owed, if it was started [ready](Operator::start_ready).
    #[must_use]
    pub fn finance_port(&self) -> Option<u16> {
        self.finance_port
    }

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        self.process.log()
    }
}
