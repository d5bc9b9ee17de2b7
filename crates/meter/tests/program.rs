//! The program itself, under its own account: how much it takes, and that a start at which nothing changed writes nothing.
//!
//! `BILLING_METER_OBJECTS=20000 cargo test --test program -- many_objects --nocapture` measures what docs/meters.md says.

use std::error::Error;
use std::time::{Duration, Instant};
use std::{env, fs};

use billing_api::UsageRecord;
use billing_test_harness::{ControlPlane, Operator, Options, Proxy, User, chart, free_port};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::api::{ListParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

/// So many objects, unless the environment says how many.
const OBJECTS: usize = 100;

/// How long anything may take for each thousand of them, and at least.
const LIMIT: Duration = Duration::from_secs(60);

const MANIFESTS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: measured}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: measured}
subjects: [{kind: ServiceAccount, name: billing-operator-billing-meter, namespace: billing-system}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: measured}
rules: [{apiGroups: [""], resources: [persistentvolumeclaims], verbs: [list, watch]}]
---
apiVersion: v1
kind: Namespace
metadata: {name: acme, labels: {billing-operator.io/organization: acme}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {billing-operator.io/organization: acme}}
---
apiVersion: billing-operator.io/v1alpha1
kind: Meter
metadata: {name: volumes}
spec:
  resource: {group: "", version: v1, kind: PersistentVolumeClaim}
  service: {name: "object.metadata.name", type: "'Block storage'", plan: "object.spec.storageClassName"}
  quantity: "gib(object.spec.resources.requests.storage)"
"#;

/// A control plane with the chart, so many volumes, and the meter's account.
struct Stage {
    control_plane: ControlPlane,
    client: Client,
    proxy: Proxy,
    objects: usize,
}

impl Stage {
    async fn start(objects: usize) -> Result<Self> {
        let control_plane = ControlPlane::start(&Options::default())?;
        let token = chart::install_with_meter(&control_plane, &[])?;
        control_plane.apply(User::ClusterAdmin, MANIFESTS)?;
        let kubeconfig = Kubeconfig::read_from(control_plane.kubeconfig(User::ClusterAdmin))?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config)?;
        let proxy = Proxy::start(&control_plane, &token)?;
        let stage = Self { control_plane, client, proxy, objects };
        stage.make_objects().await?;
        Ok(stage)
    }

    async fn make_objects(&self) -> Result {
        let claims: Api<PersistentVolumeClaim> = Api::namespaced(self.client.clone(), "shop");
        // As large as such objects are: what controllers write on them, too.
        let note = "x".repeat(600);
        let claim = |at: usize| {
            serde_json::from_value::<PersistentVolumeClaim>(json!({
                "metadata": {"name": format!("data-{at}"), "annotations": {"note": note}},
                "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}},
            }))
        };
        let made = stream::iter(0..self.objects).map(async |at| {
            let made: Result<_> = Ok(claims.create(&PostParams::default(), &claim(at)?).await.map(drop)?);
            made
        });
        made.buffer_unordered(16).try_collect::<()>().await
    }

    /// How many records run.
    async fn records(&self) -> Result<usize> {
        let records: Api<UsageRecord> = Api::namespaced(self.client.clone(), "acme");
        let page = records.list_metadata(&ListParams::default().limit(1)).await?;
        let left = page.metadata.remaining_item_count.unwrap_or_default();
        Ok(page.items.len() + usize::try_from(left)?)
    }

    async fn wait_records(&self) -> Result {
        let begun = Instant::now();
        while self.records().await? < self.objects {
            if begun.elapsed() > self.limit() {
                return Err(format!("{} of {} records", self.records().await?, self.objects).into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    fn limit(&self) -> Duration {
        LIMIT * u32::try_from(1 + self.objects / 1000).unwrap_or(u32::MAX)
    }
}

/// The memory of the program that is resident, and the most that ever was, in MiB: it is found by where it listens.
fn memory(port: u16) -> Result<(u64, u64)> {
    let listen = format!("--listen=127.0.0.1:{port}");
    let mut found = None;
    for entry in fs::read_dir("/proc")? {
        let folder = entry?.path();
        // What starts it has the same words on its command line, and less memory.
        if fs::read_to_string(folder.join("cmdline")).is_ok_and(|command| command.contains(&listen)) {
            found = found.max(resident(&fs::read_to_string(folder.join("status")).unwrap_or_default()));
        }
    }
    found.ok_or_else(|| "the program does not run".into())
}

fn resident(status: &str) -> Option<(u64, u64)> {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

#[tokio::test(flavor = "multi_thread")]
async fn many_objects_take_little_memory_and_a_restart_writes_nothing() -> Result {
    let objects = env::var("BILLING_METER_OBJECTS").ok().map_or(Ok(OBJECTS), |text| text.parse())?;
    let stage = Stage::start(objects).await?;
    let kubeconfig = stage.proxy.kubeconfig(&stage.control_plane, "meter")?;
    let port = free_port()?;
    let listen = format!("--listen=127.0.0.1:{port}");
    let log = stage.control_plane.folder().join("meter.log");
    let begun = Instant::now();
    let mut meter = Operator::start(env!("CARGO_BIN_EXE_billing-meter"), &kubeconfig, log, &[&listen], &[])?;
    meter.wait_http(port, "/readyz", LIMIT)?;
    stage.wait_records().await?;
    let took = begun.elapsed();
    let metrics = Operator::http_get(port, "/metrics").ok_or("metrics")?;
    let running = format!("billing_meter_records_running{{meter=\"volumes\"}} {objects}");
    assert!(metrics.lines().any(|line| line == running), "{running} is not in\n{metrics}");
    let first = memory(port)?;
    assert_eq!(meter.terminate(LIMIT)?, 0);

    stage.proxy.forget();
    meter.restart()?;
    meter.wait_http(port, "/readyz", LIMIT)?;
    tokio::time::sleep(Duration::from_secs(5) + stage.limit() / 20).await;
    let again = memory(port)?;
    let metrics = Operator::http_get(port, "/metrics").ok_or("metrics")?;
    assert!(metrics.lines().any(|line| line == running), "{running} is not in\n{metrics}");
    let writes: Vec<_> = stage.proxy.writes().into_iter().filter(|call| call.resource != "meters/status").collect();
    assert_eq!(writes, [], "what is recorded is recorded");
    println!(
        "{objects} objects: {took:?} until all are recorded; MiB resident and at most: {first:?}, after a restart {again:?}"
    );
    assert!(first.1 < 200 && again.1 < 200, "{first:?} {again:?}");
    Ok(())
}

#[test]
fn it_says_what_it_is_and_refuses_what_it_does_not_know() -> Result {
    let program = || std::process::Command::new(env!("CARGO_BIN_EXE_billing-meter"));
    let said = program().arg("--version").output()?;
    assert_eq!(String::from_utf8(said.stdout)?.trim(), format!("billing-meter {}", env!("CARGO_PKG_VERSION")));
    let refused = program().arg("--loud").output()?;
    assert_eq!(refused.status.code(), Some(2));
    let lost = program().args(["--kubeconfig=/nonexistent", "--listen=127.0.0.1:0"]).output()?;
    let said = String::from_utf8(lost.stderr)?;
    assert!(lost.status.code() == Some(1) && said.contains("error: kubeconfig /nonexistent"), "{said}");
    Ok(())
}
