//! Servers of metrics with samples in them: Prometheus, backfilled by promtool, and VictoriaMetrics.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use billing_test_harness::process::{Process, Program};
use billing_test_harness::{free_port, prometheus};

use crate::http::request;
use crate::{Result, data};

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(120);

/// A server with all samples of [`data`].
pub struct Server {
    _process: Process, // ended before its folder goes
    pub port: u16,
    _folder: Folder,
}

impl Server {
    /// Where its API begins.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A Prometheus whose blocks promtool made of the file.
    pub fn prometheus() -> Result<Self> {
        let (folder, port) = (Folder::new("prometheus")?, free_port()?);
        let (file, blocks) = (folder.0.join("samples.om"), folder.0.join("data"));
        fs::write(&file, data::open_metrics())?;
        let made = Command::new(prometheus::promtool()?)
            .args(["tsdb", "create-blocks-from", "openmetrics"])
            .args([&file, &blocks])
            .output()?;
        if !made.status.success() {
            return Err(format!("promtool: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        let config = folder.0.join("prometheus.yml");
        fs::write(&config, "{}")?;
        let args = vec![
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", blocks.display()),
            // What is older than this is deleted, and the samples are of 2025.
            "--storage.tsdb.retention.time=100y".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        Self::start(program("prometheus", prometheus::prometheus()?, args, &folder.0), folder, port, "/-/ready")
    }

    /// A VictoriaMetrics that the samples are sent to.
    pub fn victoria_metrics() -> Result<Self> {
        let (folder, port) = (Folder::new("victoria-metrics")?, free_port()?);
        let args = vec![
            format!("-storageDataPath={}", folder.0.join("data").display()),
            format!("-httpListenAddr=127.0.0.1:{port}"),
            "-retentionPeriod=100y".to_owned(),
        ];
        let program = program("victoria-metrics", prometheus::victoria_metrics()?, args, &folder.0);
        let server = Self::start(program, folder, port, "/health")?;
        request(port, "POST", "/api/v1/import/prometheus", data::prometheus_text().as_bytes())?;
        request(port, "GET", "/internal/force_flush", b"")?;
        Ok(server)
    }

    fn start(program: Program, folder: Folder, port: u16, ready: &str) -> Result<Self> {
        let mut process = Process::start(&program)?;
        process.wait_ready(START_LIMIT, || request(port, "GET", ready, b"").is_ok())?;
        Ok(Self { _process: process, port, _folder: folder })
    }
}

fn program(name: &str, path: PathBuf, args: Vec<String>, folder: &Path) -> Program {
    Program { name: name.to_owned(), path, args, env: Vec::new(), log: folder.join("log") }
}

/// A folder that goes with this.
pub struct Folder(pub PathBuf);

impl Folder {
    fn new(purpose: &str) -> Result<Self> {
        let unique = free_port()?; // never the same twice in one process
        let path = std::env::temp_dir().join(format!("billing-{purpose}-{}-{unique}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
