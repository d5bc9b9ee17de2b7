//! A control plane with the chart installed, and an operator that can be stopped and started.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use billing_test_harness::{ControlPlane, Metrics, Operator, Options, User, chart};
use kube::{Client, Config, config::KubeConfigOptions, config::Kubeconfig};

use crate::{Error, Result};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(1800);

/// How long the operator writes nothing when it has nothing left to do.
const QUIET: Duration = Duration::from_secs(5);

/// Where a benchmark happens.
pub struct Bench {
    operator: Option<(Operator, u16)>,
    kubeconfig: PathBuf,
    /// The API server.
    pub control_plane: ControlPlane,
    /// A cluster admin.
    pub admin: Client,
    /// The operator's service account, as a plain client.
    pub account: Client,
}

impl Bench {
    /// A control plane with the chart and without an operator.
    pub async fn new() -> Result<Self> {
        let control_plane = ControlPlane::start(&Options { controller_manager: true, ..Options::default() })?;
        let kubeconfig = chart::prepare(&control_plane)?;
        let admin = client(&control_plane.kubeconfig(User::ClusterAdmin)).await?;
        let account = client(&kubeconfig).await?;
        Ok(Self { operator: None, kubeconfig, control_plane, admin, account })
    }

    /// Starts the operator and waits until it is ready. It makes no bindings of its own.
    pub fn start_operator(&mut self, args: &[&str]) -> Result {
        let args: Vec<&str> =
            ["--default-binding=off", "--settle-time=0s"].into_iter().chain(args.iter().copied()).collect();
        let log = self.control_plane.folder().join("operator.log");
        let program = env!("CARGO_BIN_EXE_billing-operator");
        self.operator = Some(Operator::start_ready(program, &self.kubeconfig, log, &args, &[], LIMIT)?);
        Ok(())
    }

    /// Asks the operator to end.
    pub fn stop_operator(&mut self) -> Result {
        if let Some((mut operator, _)) = self.operator.take() {
            operator.terminate(Duration::from_secs(60))?;
        }
        Ok(())
    }

    /// The sum of a metric over the label sets that contain `labels`.
    pub fn metric(&self, name: &str, labels: &str) -> Result<usize> {
        Ok(self.metrics()?.sum(name, labels) as usize)
    }

    fn metrics(&self) -> Result<Metrics> {
        // One that is busy may be late with an answer.
        let mut answers = (0..10).map(|_| Metrics::of(self.port().ok()?));
        answers.find_map(|answer| answer).ok_or_else(|| "the operator does not tell its metrics".into())
    }

    /// How many writes the operator sent: without Events, and Events.
    pub fn writes(&self) -> Result<(usize, usize)> {
        let metric = "billing_operator_api_writes_total";
        let events = self.metric(metric, r#"resource="events""#)?;
        Ok((self.metric(metric, "")? - events, events))
    }

    /// Waits until a metric has reached a value. Answers with the instant at which it had.
    pub async fn wait_metric(&self, name: &str, labels: &str, least: usize) -> Result<Instant> {
        let begun = Instant::now();
        while self.metric(name, labels)? < least {
            if begun.elapsed() > LIMIT {
                return Err(format!("{name} {labels} did not reach {least}").into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Instant::now())
    }

    /// Waits until the operator has written nothing for a while, Events excepted: those go on for minutes, one a second.
    pub async fn wait_quiet(&self) -> Result {
        let (mut seen, mut since) = (self.writes()?.0, Instant::now());
        while since.elapsed() < QUIET {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let writes = self.writes()?.0;
            if writes != seen {
                (seen, since) = (writes, Instant::now());
            }
        }
        Ok(())
    }

    /// Waits until the operator's log says something for the `times`-th time. Answers with the instant.
    pub async fn wait_log(&self, text: &str, times: usize) -> Result<Instant> {
        let (begun, log) = (Instant::now(), self.control_plane.folder().join("operator.log"));
        while fs::read_to_string(&log)?.matches(text).count() < times {
            if begun.elapsed() > LIMIT {
                return Err(format!("the operator does not log: {text}").into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Instant::now())
    }

    /// How many lists of our kinds the API server has answered.
    pub async fn lists(&self) -> Result<usize> {
        let metrics = self.admin.request_text(http::Request::get("/metrics").body(Vec::new())?).await?;
        let lists = metrics.lines().filter(|line| {
            line.starts_with("apiserver_request_total{")
                && line.contains(r#"group="billing-operator.io""#)
                && line.contains(r#"verb="LIST""#)
        });
        let counts = lists.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        Ok(counts.sum::<f64>() as usize)
    }

    /// The operator's memory in MiB: now, and at most so far.
    pub fn memory(&self) -> Result<(f64, f64)> {
        let status = fs::read_to_string(self.process()?.join("status"))?;
        let field = |name: &str| -> Result<f64, Error> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such field")?;
            let kib: f64 = line.split_whitespace().next().unwrap_or_default().parse()?;
            Ok(kib / 1024.0)
        };
        Ok((field("VmRSS:")?, field("VmHWM:")?))
    }

    /// The processor time that the operator has used since it was started.
    pub fn operator_time(&self) -> Result<Duration> {
        Ok(time_of(ticks_of(&self.process()?)))
    }

    /// The operator in `/proc`.
    fn process(&self) -> Result<PathBuf> {
        let listen = format!("--listen=127.0.0.1:{}", self.port()?);
        let mut processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let found = processes.find(|process| is_operator(process, &listen));
        found.ok_or_else(|| "the operator is not among the processes".into())
    }

    /// The processor time that everybody has used so far who lives in the control plane's folder: etcd, the API server, the
    /// controller manager and the operator that runs; and this process.
    pub fn processor_time(&self) -> Result<Duration> {
        let folder = self.control_plane.folder().display().to_string();
        let mut ticks = ticks_of(Path::new("/proc/self"));
        for entry in fs::read_dir("/proc")?.filter_map(|entry| entry.ok()) {
            let command = fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
            if command.contains(&folder) {
                ticks += ticks_of(&entry.path());
            }
        }
        Ok(time_of(ticks))
    }

    fn port(&self) -> Result<u16> {
        Ok(self.operator.as_ref().ok_or("the operator does not run")?.1)
    }
}

/// Linux counts in hundredths of a second.
fn time_of(ticks: u64) -> Duration {
    Duration::from_millis(10 * ticks)
}

/// Whether this is the operator itself, and not the shell that it runs under.
fn is_operator(process: &Path, listen: &str) -> bool {
    let command = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
    let mut args = command.split('\0');
    args.next().is_some_and(|program| program.ends_with("billing-operator")) && args.any(|arg| arg == listen)
}

/// How long a process was on a processor, in the units of `/proc`; 0 for one that is gone.
fn ticks_of(process: &Path) -> u64 {
    let stat = fs::read_to_string(process.join("stat")).unwrap_or_default();
    // The name before it may contain anything, spaces included.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

async fn client(kubeconfig: &Path) -> Result<Client> {
    let mut config =
        Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    Ok(Client::try_from(config)?)
}
