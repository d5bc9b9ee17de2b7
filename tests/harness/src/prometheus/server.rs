//! Servers of metrics that run.

use std::path::PathBuf;
use std::time::Duration;

use crate::folder::Folder;
use crate::process::{Process, Program};
use crate::{Result, free_port, http, run};

/// How long one may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A server of metrics on loopback, with its files in a folder that goes with it.
#[derive(Debug)]
pub struct Server {
    _process: Process, // ended before its folder goes
    port: u16,
    _folder: Folder,
}

impl Server {
    /// Starts a Prometheus and waits until it is ready. `config` is its configuration, beside which `files` are, by their names;
    /// `samples` are in OpenMetrics, of whatever time: promtool makes blocks of them before.
    ///
    /// # Errors
    /// As [`super::prometheus`]; [`crate::Error::Command`] when promtool does not take the samples; [`crate::Error::Exited`] or
    /// [`crate::Error::NotReady`] when it does not start.
    pub fn prometheus(config: &str, files: &[(&str, String)], samples: &str) -> Result<Self> {
        let (folder, port) = (Folder::create()?, free_port()?);
        for (name, content) in files {
            folder.write(name, content)?;
        }
        let data = folder.join("data").display().to_string();
        if !samples.is_empty() {
            let file = folder.write("samples.om", samples)?.display().to_string();
            run(&super::promtool()?, &["tsdb", "create-blocks-from", "openmetrics", &file, &data], b"")?;
        }
        let args = vec![
            format!("--config.file={}", folder.write("prometheus.yml", config)?.display()),
            format!("--storage.tsdb.path={data}"),
            // What is older than this is deleted.
            "--storage.tsdb.retention.time=100y".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        Self::start("prometheus", super::prometheus()?, args, folder, port, "/-/ready")
    }

    /// Starts a VictoriaMetrics with nothing in it, and waits until it is ready.
    ///
    /// # Errors
    /// As [`super::victoria_metrics`]; [`crate::Error::Exited`] or [`crate::Error::NotReady`] when it does not start.
    pub fn victoria_metrics() -> Result<Self> {
        let (folder, port) = (Folder::create()?, free_port()?);
        let args = vec![
            format!("-storageDataPath={}", folder.join("data").display()),
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-retentionPeriod=100y".to_owned(),
        ];
        Self::start("victoria-metrics", super::victoria_metrics()?, args, folder, port, "/health")
    }

    fn start(name: &str, path: PathBuf, args: Vec<String>, folder: Folder, port: u16, ready: &str) -> Result<Self> {
        let log = folder.join("log");
        let mut process = Process::start(&Program { name: name.to_owned(), path, args, env: Vec::new(), log })?;
        process.wait_ready(START_LIMIT, || http::get(port, ready).is_some_and(|(status, _)| status == 200))?;
        Ok(Self { _process: process, port, _folder: folder })
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its API begins.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
