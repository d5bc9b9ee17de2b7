//! The meter at work within a test, under an account of its own, with a clock that the test moves: what it sees is real, and when, the
//! test decides. For the tests of this crate and those of the operator.

use std::error::Error;
use std::future::Future;
use std::path::Path;
use std::time::Duration;

use billing_meter::settings::Settings;
use billing_meter::{Program, run};
use billing_test_harness::free_port;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use operator_kit::logging::LogFormat;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// The meter at work. It ends with this.
pub struct Running {
    runtime: Option<Runtime>,
    cancel: CancellationToken,
}

impl Running {
    /// Starts a program on a runtime of its own, in which it is made.
    pub fn start(program: impl Future<Output = Result<Program>> + Send + 'static) -> Result<Self> {
        let cancel = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let stop = cancel.clone();
        runtime.spawn(async move {
            let ended: Result<()> = async { Ok(run(program.await?, stop).await?) }.await;
            if let Err(error) = ended {
                eprintln!("the meter ended: {error}");
            }
        });
        Ok(Self { runtime: Some(runtime), cancel })
    }

    /// Stops all of it where it is, as when it is killed.
    pub fn kill(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.stop();
    }
}

/// Settings under which nothing is waited for longer than it has to be.
pub fn settings() -> Result<Settings> {
    Ok(Settings {
        kubeconfig: None,
        billing_kubeconfig: None,
        cluster: None,
        namespace: None,
        call_timeout: Duration::from_secs(15),
        concurrency: 8,
        compare_interval: Duration::from_secs(3600),
        retry_interval: Duration::from_secs(1),
        report_interval: Duration::from_secs(1),
        listen: ([127, 0, 0, 1], free_port()?).into(),
        silence_limit: Duration::from_secs(180),
        log_format: LogFormat::Text,
        log_level: "info".to_owned(),
    })
}

/// A client that says what a kubeconfig says, and measures no clock.
pub async fn client(kubeconfig: &Path) -> Result<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}
