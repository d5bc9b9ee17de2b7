//! What can go wrong, said so that the reader knows what to do.

use std::{io, path::PathBuf, time::Duration};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why the harness could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A program is neither installed nor can it be built.
    #[error(
        "{program} is not here, and neither is Go to build it: install Go {go} or newer (https://go.dev/dl), \
         or set KUBEBUILDER_ASSETS to a folder with the programs of Kubernetes {kubernetes}"
    )]
    NoGo {
        /// The program that is missing.
        program: &'static str,
        /// The oldest Go that can build it.
        go: String,
        /// The release of Kubernetes that the tests are made for.
        kubernetes: &'static str,
    },
    /// A program is neither named nor to be had from Debian.
    #[error(
        "Debian's package {package} cannot be had (apt-get, dpkg-deb): {reason}; \
         elsewhere set {variable} to a folder with its programs"
    )]
    NoPackage {
        /// The package.
        package: &'static str,
        /// The variable that may name it.
        variable: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// `go build` failed; its own words are on standard error.
    #[error("go build of {program} failed in {module}: see Go's message above")]
    Build {
        /// The program that was to be built.
        program: &'static str,
        /// The folder of its Go module.
        module: PathBuf,
    },
    /// An environment variable names a file that is not there.
    #[error("{variable} says that {program} is {path}, but there is no such file")]
    AssetMissing {
        /// The variable.
        variable: String,
        /// The program.
        program: &'static str,
        /// Where it should have been.
        path: PathBuf,
    },
    /// No home folder, so there is no place for a cache.
    #[error("neither XDG_CACHE_HOME nor HOME is set: there is no place to keep the programs in")]
    NoCacheFolder,
    /// A file or folder could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A program could not be started.
    #[error("{program} could not be started: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A program ended although it should be running.
    #[error("{program} ended ({status}); the end of its log, {log}:\n{tail}")]
    Exited {
        /// The program.
        program: String,
        /// Its exit status.
        status: String,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A program did not become ready in time.
    #[error("{program} is not ready after {waited:?}; the end of its log, {log}:\n{tail}")]
    NotReady {
        /// The program.
        program: String,
        /// How long was waited.
        waited: Duration,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A program did not stop in time; it was killed.
    #[error("{program} did not stop within {waited:?} and was killed; the end of its log, {log}:\n{tail}")]
    NotStopped {
        /// The program.
        program: String,
        /// How long was waited.
        waited: Duration,
        /// Its log file.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A condition did not become true in time.
    #[error("still not true after {waited:?}: {what}")]
    TimedOut {
        /// The condition, in words.
        what: String,
        /// How long was waited.
        waited: Duration,
    },
    /// A command of `kubectl` or `helm` failed that should have succeeded.
    #[error("{command} failed: {stderr}")]
    Command {
        /// The command line.
        command: String,
        /// What it said.
        stderr: String,
    },
    /// A program of a release is not what it should be.
    #[error("{path} {what}")]
    Program {
        /// The file.
        path: PathBuf,
        /// What it is, or is not.
        what: &'static str,
    },
    /// A key that most tools do not verify signatures of.
    #[error(
        "{path} is no key on the curve P-256: make one with \
         `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -out {path}`"
    )]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The chart is not as a release expects it.
    #[error("{path} has {times} lines `{line}` where a release sets the image: there must be one")]
    Chart {
        /// The file.
        path: PathBuf,
        /// The line.
        line: String,
        /// How often it is there.
        times: usize,
    },
    /// The certificates could not be made.
    #[error("the certificates of the control plane could not be made: {0}")]
    Certificates(#[from] rcgen::Error),
    /// The proxy in front of the API server cannot run.
    #[error("the proxy in front of the API server: {0}")]
    Proxy(Box<dyn std::error::Error + Send + Sync>),
    /// No port is free.
    #[error("no free port on 127.0.0.1 between {first} and {last}")]
    NoFreePort {
        /// The first port tried.
        first: u16,
        /// The last port tried.
        last: u16,
    },
}

impl Error {
    /// Turns a system error about `path` into one that names it.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }

    /// Turns whatever keeps the proxy from running into an error that says so.
    pub(crate) fn proxy(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Proxy(source.into())
    }

    /// Turns a system error about starting `program` into one that names it.
    pub(crate) fn spawn(program: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let program = program.into();
        move |source| Self::Spawn { program, source }
    }
}
