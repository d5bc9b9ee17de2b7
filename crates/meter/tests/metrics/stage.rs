//! A control plane with the chart in it, and the meter.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use billing_api::{Meter, MetricsServer, Time, UsageRecord};
use billing_meter::Program;
use billing_meter::metrics::Metrics;
use billing_meter::settings::Settings;
use billing_test_harness::chart::{self, NAMESPACE};
use billing_test_harness::{ControlPlane, Options, User};
use chrono::{DateTime, Utc};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use operator_kit::clock::{LocalTime, ServerClock};
use operator_kit::reach::Reach;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::running::{self, Running, client};
use crate::{Result, data};

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(180);

/// The name of every Meter here.
pub const METER: &str = "requests";

const PROJECTS: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: acme, labels: {billing-operator.io/organization: acme}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {billing-operator.io/organization: acme}}
---
apiVersion: v1
kind: Namespace
metadata: {name: lab, labels: {billing-operator.io/organization: acme}}
---
apiVersion: v1
kind: Namespace
metadata: {name: den, labels: {billing-operator.io/organization: acme}}
"#;

/// What the billing cluster of several grants a meter elsewhere.
pub const REMOTE: &str = r#"
apiVersion: v1
kind: ServiceAccount
metadata: {name: west, namespace: billing-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: west}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: billing-operator-remote-meter}
subjects: [{kind: ServiceAccount, name: west, namespace: billing-system}]
"#;

/// A clock that tests set, in seconds since 1970.
#[derive(Clone, Debug)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// An hour after the last sample: everything is over, and nobody waits any more.
    pub fn late() -> Self {
        Self(Arc::new(AtomicI64::new(data::END + 3600)))
    }

    pub fn set(&self, second: i64) {
        self.0.store(second, Ordering::SeqCst);
    }
}

impl LocalTime for Clock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.load(Ordering::SeqCst), 0).unwrap_or_default()
    }
}

/// What a Meter counts here: requests, with other fields.
pub fn requests(server: &str, changes: Value) -> Value {
    let mut metrics = json!({
        "server": server, "selector": "http_requests_total{pod!=\"none\"}", "as": "Increase", "project": {"label": "namespace"},
    });
    for (field, value) in changes.as_object().into_iter().flatten() {
        metrics[field] = value.clone();
    }
    json!({"metrics": metrics, "service": {"name": "'ingress'", "type": "'Requests'"}})
}

pub struct Stage {
    pub control_plane: ControlPlane,
    pub client: Client,
    pub token: String,
}

/// Every test has the control plane for itself: Meters are of the cluster.
static STAGE: Mutex<Option<Stage>> = Mutex::const_new(None);

/// The control plane, without anything that a test before left there.
pub async fn stage() -> Result<MutexGuard<'static, Option<Stage>>> {
    let mut stage = STAGE.lock().await;
    if stage.is_none() {
        *stage = Some(Stage::start(REMOTE).await?);
    }
    if let Some(stage) = &mut *stage {
        // A client works in the test that made it.
        stage.client = client(&stage.control_plane.kubeconfig(User::ClusterAdmin)).await?;
        stage.clear().await?;
    }
    Ok(stage)
}

impl Stage {
    pub async fn start(more: &str) -> Result<Self> {
        let control_plane = ControlPlane::start(&Options::default())?;
        let token = chart::install_with_meter(&control_plane, &["meter.headerSecrets={token}"])?;
        control_plane.apply(User::ClusterAdmin, PROJECTS)?;
        if !more.is_empty() {
            control_plane.apply(User::ClusterAdmin, more)?;
        }
        let client = client(&control_plane.kubeconfig(User::ClusterAdmin)).await?;
        Ok(Self { control_plane, client, token })
    }

    async fn clear(&self) -> Result {
        let meters: Api<Meter> = self.cluster();
        for meter in meters.list(&ListParams::default()).await? {
            let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
            meters.patch(&meter.name_any(), &PatchParams::default(), &free).await?;
            let _ = meters.delete(&meter.name_any(), &DeleteParams::default()).await;
        }
        let servers: Api<MetricsServer> = self.cluster();
        servers.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        self.clear_records().await
    }

    pub async fn clear_records(&self) -> Result {
        let records: Api<UsageRecord> = Api::namespaced(self.client.clone(), "acme");
        for record in records.list(&ListParams::default()).await? {
            let second = Time(record.spec.start.0 + chrono::TimeDelta::seconds(1));
            let last = record.spec.readings.iter().flatten().last().map_or(second, |last| last.at);
            let end = Patch::Merge(json!({"spec": {"end": last}}));
            if record.spec.end.is_none() {
                records.patch(&record.name_any(), &PatchParams::default(), &end).await?;
            }
            records.delete(&record.name_any(), &DeleteParams::default()).await?;
        }
        Ok(())
    }

    pub fn cluster<K: Resource<DynamicType = ()>>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    pub fn kubeconfig(&self) -> Result<PathBuf> {
        Ok(self.control_plane.kubeconfig_for("meter", &self.token)?)
    }

    pub async fn create_server(&self, name: &str, spec: Value) -> Result {
        let server = json!({"apiVersion": "billing-operator.io/v1alpha1", "kind": "MetricsServer", "metadata": {"name": name}, "spec": spec});
        self.cluster::<MetricsServer>().create(&PostParams::default(), &serde_json::from_value(server)?).await?;
        Ok(())
    }

    /// A Meter that is recorded until the beginning of the samples.
    pub async fn create_meter(&self, spec: Value) -> Result {
        let meter = json!({"apiVersion": "billing-operator.io/v1alpha1", "kind": "Meter", "metadata": {"name": METER}, "spec": spec});
        let meters: Api<Meter> = self.cluster();
        meters.create(&PostParams::default(), &serde_json::from_value(meter)?).await?;
        let begun = json!({"status": {"observedThrough": time(data::BEGIN)}});
        meters.patch_status(METER, &PatchParams::default(), &Patch::Merge(begun)).await?;
        Ok(())
    }

    /// Takes the Meter away, with its finalizer: one that runs may put it back in between.
    pub async fn forget_meter(&self) -> Result {
        let meters: Api<Meter> = self.cluster();
        let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        let begun = Instant::now();
        while meters.get_opt(METER).await?.is_some() {
            let _ = meters.delete(METER, &DeleteParams::default()).await;
            let _ = meters.patch(METER, &PatchParams::default(), &free).await;
            assert!(begun.elapsed() < LIMIT, "it is still there");
        }
        Ok(())
    }

    /// The records, without what the API server adds: by name.
    pub async fn records(&self) -> Result<BTreeMap<String, Value>> {
        let records: Api<UsageRecord> = Api::namespaced(self.client.clone(), "acme");
        let said = |record: UsageRecord| {
            let said = json!({"labels": record.metadata.labels, "spec": record.spec});
            (record.name_any(), said)
        };
        Ok(records.list(&ListParams::default()).await?.into_iter().map(said).collect())
    }

    /// Waits until the Meter fits.
    pub async fn wait_meter(&self, what: &str, fits: impl Fn(&Meter) -> bool) -> Result<Meter> {
        let (meters, begun): (Api<Meter>, _) = (self.cluster(), Instant::now());
        loop {
            let meter = meters.get(METER).await?;
            if fits(&meter) {
                return Ok(meter);
            }
            if begun.elapsed() > LIMIT {
                return Err(format!("{what}: {:?}", meter.status).into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the Meter is recorded until then.
    pub async fn wait_through(&self, second: i64) -> Result<Meter> {
        let is_through = |meter: &Meter| through(meter) == Some(time(second));
        self.wait_meter(&format!("recorded until {}", time(second)), is_through).await
    }

    /// Waits until the Meter is ready, or not, for a reason: its message.
    pub async fn wait_ready(&self, reason: &str) -> Result<String> {
        let fits = |meter: &Meter| condition(meter, "Ready").is_some_and(|(found, _)| found == reason);
        let meter = self.wait_meter(reason, fits).await?;
        Ok(condition(&meter, "Ready").map(|(_, message)| message).unwrap_or_default())
    }

    /// Starts the meter.
    pub async fn meter(&self, clock: &Clock) -> Result<Running> {
        start(&self.kubeconfig()?, None, clock).await
    }
}

pub fn time(second: i64) -> Time {
    Time(DateTime::from_timestamp(second, 0).unwrap_or_default())
}

pub fn through(meter: &Meter) -> Option<Time> {
    meter.status.as_ref()?.observed_through
}

/// The reason and the message of a condition.
pub fn condition(meter: &Meter, type_: &str) -> Option<(String, String)> {
    let conditions = &meter.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((found.reason.clone(), found.message.clone()))
}

/// What the oracle says that records of this spec are to be: by project and month.
pub fn oracle(metric: &str, aggregate: &str, per: i64, hours: i64) -> Result<BTreeMap<String, Value>> {
    let spec = json!({
        "metric": metric, "as": aggregate, "project": "namespace", "held": 120, "window": hours * 3600, "per": per,
        "from": data::BEGIN, "to": data::END, "coverage": 9500,
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/metrics/oracle.py");
    let mut child = Command::new("python3")
        .arg(script)
        .arg(spec.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("this test needs python3: {error}"))?;
    let mut input = child.stdin.take().ok_or("no standard input")?;
    let file = data::open_metrics();
    let writer = std::thread::spawn(move || input.write_all(file.as_bytes()));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| "the writer panicked")??;
    if !output.status.success() {
        return Err(format!("the oracle: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What records say, as the oracle does.
pub fn said(records: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let said = |(name, record): (&String, &Value)| {
        let spec = &record["spec"];
        let mut said = json!({"start": spec["start"], "readings": spec["readings"]});
        if !spec["end"].is_null() {
            said["end"] = spec["end"].clone();
        }
        let month = name.get(name.len() - 7..).unwrap_or_default();
        (format!("{} {month}", spec["project"].as_str().unwrap_or_default()), said)
    };
    records.iter().map(said).collect()
}

/// Starts the meter under the account of a kubeconfig, and under that of another where that cluster bills.
pub async fn start(kubeconfig: &Path, billing: Option<(&Path, &str)>, clock: &Clock) -> Result<Running> {
    let metrics = Metrics::new();
    let settings = Settings {
        cluster: billing.map(|(_, cluster)| cluster.to_owned()),
        namespace: Some(NAMESPACE.to_owned()),
        call_timeout: Duration::from_secs(5),
        // One after the other, so that a write after which it is killed is one write.
        concurrency: 1,
        ..running::settings()?
    };
    let (kubeconfig, clock) = (kubeconfig.to_owned(), clock.clone());
    let billing = billing.map(|(path, _)| path.to_owned());
    Running::start(async move {
        let reach = || Reach::new(metrics.work.clone());
        let billing = match billing {
            Some(path) => Some((measured(&path, &metrics, &settings).await?, reach())),
            None => None,
        };
        let client = measured(&kubeconfig, &metrics, &settings).await?;
        let (clock, reach) = (ServerClock::new(Arc::new(clock)), reach());
        Ok(Program { settings, client, billing, clock, reach, metrics })
    })
}

/// A client as the meter has it: with time limits, and with a clock of its own that nobody asks.
async fn measured(kubeconfig: &Path, metrics: &Metrics, settings: &Settings) -> Result<Client> {
    let settings =
        operator_kit::client::ClientSettings { kubeconfig: Some(kubeconfig.to_owned()), ..settings.client() };
    let clock = ServerClock::new(Arc::new(operator_kit::clock::SystemClock));
    let reach = Reach::new(metrics.work.clone());
    Ok(operator_kit::client::connect(&settings, clock, metrics.work.clone(), reach).await?)
}
