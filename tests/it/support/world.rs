//! A control plane with the chart installed and the operator running.

use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    time::Duration,
};

use billing_test_harness::{ControlPlane, Metrics, Operator, Options, User, chart};

use crate::{
    Result,
    support::{Scene, open_month},
};

/// How long the operator may take until it is ready: the policies need a second or so, a busy machine more.
const START_LIMIT: Duration = Duration::from_secs(120);

/// How the operator is set up unless a test says otherwise: quick. A flag wins over its variable.
const QUICK: [(&str, &str); 3] = [
    ("BILLING_OPERATOR_SETTLE_TIME", "1s"),
    ("BILLING_OPERATOR_DEFAULT_BINDING_DELAY", "2s"),
    ("RUST_LOG", "info,billing_operator=debug"),
];

/// A control plane with the operator at work. Only who owns one can stop its operator or its API server.
pub struct World {
    // Dropped in this order: the operator before what it talks to.
    /// The operator, with the rights of the chart's service account.
    pub operator: Operator,
    /// The port of its metrics.
    pub port: u16,
    /// The API server and what belongs to it.
    pub control_plane: ControlPlane,
}

impl World {
    /// A world of one's own, with more arguments of the operator. Most tests need only [`World::shared`].
    ///
    /// # Errors
    /// When something does not start.
    pub fn start(operator_args: &[&str]) -> Result<Self> {
        let (control_plane, kubeconfig) = prepare()?;
        let (operator, port) = start_operator(&control_plane, &kubeconfig, "operator", operator_args)?;
        Ok(Self { operator, port, control_plane })
    }

    /// The world that tests share. Each uses an organization of its own, named like the test.
    ///
    /// # Panics
    /// When it does not start.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<World> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&[]).unwrap_or_else(|error| panic!("the shared world: {error}")))
    }

    /// What a test acts in, as a cluster admin. A client belongs to the runtime of its test, so each test opens its own.
    ///
    /// # Errors
    /// When the kubeconfig cannot be read.
    pub async fn scene(&self) -> Result<Scene<'_>> {
        Scene::open(self, User::ClusterAdmin).await
    }

    /// The sum of the operator's metric `name` over the label sets that contain `labels`; 0 when there is none.
    ///
    /// # Errors
    /// When the operator does not answer.
    pub fn metric(&self, name: &str, labels: &str) -> Result<f64> {
        Ok(self.metrics()?.sum(name, labels))
    }

    /// The same of what the operator tells finance alone.
    ///
    /// # Errors
    /// When the operator does not answer.
    pub fn finance_metric(&self, name: &str, labels: &str) -> Result<f64> {
        let metrics = self.operator.finance_port().and_then(Metrics::of);
        Ok(metrics.ok_or("the operator does not tell what is owed")?.sum(name, labels))
    }

    /// The writes that the operator sent since it started, as its metrics have them; Events excepted.
    ///
    /// # Errors
    /// When the operator does not answer.
    pub fn writes(&self) -> Result<Vec<String>> {
        Ok(self.metrics()?.writes().map(str::to_owned).collect())
    }

    fn metrics(&self) -> Result<Metrics> {
        Metrics::of(self.port).ok_or_else(|| "the operator does not tell its metrics".into())
    }

    /// Starts the operator again after it was killed, and waits until it is at work.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn restart_operator(&mut self) -> Result {
        self.operator.restart()?;
        Ok(self.operator.wait_http(self.port, "/readyz", START_LIMIT)?)
    }
}

/// A control plane with the chart and the provider's objects, and a kubeconfig of the operator's service account.
///
/// # Errors
/// When something does not start.
pub fn prepare() -> Result<(ControlPlane, PathBuf)> {
    open_month(); // waits for it, if it is about to begin
    let control_plane = ControlPlane::start(&Options { controller_manager: true, ..Options::default() })?;
    let kubeconfig = chart::prepare(&control_plane)?;
    Ok((control_plane, kubeconfig))
}

/// Starts an operator and waits until it is at work. Answers with the port of its metrics.
///
/// # Errors
/// When it does not become ready.
pub fn start_operator(
    control_plane: &ControlPlane,
    kubeconfig: &Path,
    name: &str,
    args: &[&str],
) -> Result<(Operator, u16)> {
    let log = control_plane.folder().join(format!("{name}.log"));
    let program = env!("CARGO_BIN_EXE_billing-operator");
    Ok(Operator::start_ready(program, kubeconfig, log, args, &QUICK, START_LIMIT)?)
}
