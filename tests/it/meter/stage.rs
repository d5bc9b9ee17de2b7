//! A control plane with the chart in it, objects to measure, and the meter.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use billing_api::{Meter, UsageRecord};
use billing_meter::{Program, metrics::Metrics};
use billing_test_harness::{ControlPlane, Options, Proxy, User};
use chrono::{DateTime, TimeDelta, Utc};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use operator_kit::{
    clock::{LocalTime, ServerClock},
    reach::Reach,
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use super::running::{self, Running, client};
use crate::{
    Result,
    chart::install::{self, METER_ACCOUNT, NAMESPACE},
    support::wait,
};

/// How long anything may take.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Long enough for what must not happen.
pub const QUIET: Duration = Duration::from_secs(2);

/// What the meter may read: as a platform team grants it.
const READS: &str = r#"
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: metered-kinds, labels: {billing-operator.io/aggregate-to-meter: "true"}}
rules:
- {apiGroups: [""], resources: [persistentvolumeclaims, namespaces, nodes], verbs: [list, watch]}
- {apiGroups: [databases.example.com], resources: [databases], verbs: [list, watch]}
---
apiVersion: v1
kind: Namespace
metadata: {name: acme, labels: {billing-operator.io/organization: acme}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {billing-operator.io/organization: acme, tier: gold}}
---
apiVersion: v1
kind: Namespace
metadata: {name: lab, labels: {billing-operator.io/organization: acme}}
"#;

/// The meter of volumes that most tests measure with.
pub fn volumes() -> Value {
    json!({
        "resource": {"group": "", "version": "v1", "kind": "PersistentVolumeClaim"},
        "when": "object.status.phase == 'Bound'",
        "service": {"name": "object.metadata.name", "type": "'Block storage'", "plan": "object.spec.storageClassName"},
        "quantity": "gib(object.spec.resources.requests.storage)",
        "tags": {"claim": "object.metadata.name"},
    })
}

/// A clock that tests move.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Moves it by so much.
    pub fn pass(&self, time: TimeDelta) {
        self.0.fetch_add(time.num_seconds(), Ordering::SeqCst);
    }
}

impl LocalTime for Clock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() + TimeDelta::seconds(self.0.load(Ordering::SeqCst))
    }
}

/// A record in a few words: service, quantity, and whether it ended.
pub type Said = (String, String, bool);

/// A control plane with the chart and the meter's account in it.
pub struct Stage {
    pub control_plane: ControlPlane,
    pub client: Client,
    pub clock: Clock,
    token: String,
}

/// Every test has the control plane for itself: Meters are of the cluster.
static STAGE: Mutex<Option<Stage>> = Mutex::const_new(None);

/// The control plane, without anything that a test before left there.
pub async fn stage() -> Result<MutexGuard<'static, Option<Stage>>> {
    let mut stage = STAGE.lock().await;
    if stage.is_none() {
        *stage = Some(Stage::start().await?);
    }
    if let Some(stage) = &mut *stage {
        // A client works in the test that made it.
        stage.client = client(&stage.control_plane.kubeconfig(User::ClusterAdmin)).await?;
        stage.clear().await?;
    }
    Ok(stage)
}

impl Stage {
    async fn start() -> Result<Self> {
        let control_plane = ControlPlane::start(&Options { controller_manager: true, ..Options::default() })?;
        let token = install::install_with_meter(&control_plane, &[])?;
        control_plane.apply(User::ClusterAdmin, READS)?;
        wait("the role to be aggregated", LIMIT, async || {
            let account = format!("--as=system:serviceaccount:{NAMESPACE}:{METER_ACCOUNT}");
            let asked = ["auth", "can-i", "watch", "persistentvolumeclaims", "--all-namespaces", &account];
            let allowed = control_plane.kubectl(User::ClusterAdmin, &asked)?.status.success();
            Ok(allowed.then_some(()))
        })
        .await?;
        let client = client(&control_plane.kubeconfig(User::ClusterAdmin)).await?;
        Ok(Self { control_plane, client, clock: Clock::default(), token })
    }

    /// Takes away what a test before left.
    async fn clear(&mut self) -> Result {
        self.clock = Clock::default();
        let meters: Api<Meter> = self.cluster();
        for meter in meters.list(&ListParams::default()).await? {
            let name = meter.name_any();
            meters
                .patch(&name, &PatchParams::default(), &Patch::Merge(json!({"metadata": {"finalizers": null}})))
                .await?;
            let _ = meters.delete(&name, &DeleteParams::default()).await;
        }
        for namespace in ["shop", "lab"] {
            let claims: Api<PersistentVolumeClaim> = self.api(namespace);
            claims.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
        }
        let records: Api<UsageRecord> = self.api("acme");
        for record in records.list(&ListParams::default()).await? {
            if record.spec.end.is_none() {
                let end = billing_api::Time(record.spec.start.0 + TimeDelta::seconds(1));
                let patch = Patch::Merge(json!({"spec": {"end": end}}));
                records.patch(&record.name_any(), &PatchParams::default(), &patch).await?;
            }
            records.delete(&record.name_any(), &DeleteParams::default()).await?;
        }
        Ok(())
    }

    pub fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    pub fn cluster<K: Resource<DynamicType = ()>>(&self) -> Api<K> {
        Api::all(self.client.clone())
    }

    pub fn kubeconfig(&self) -> Result<PathBuf> {
        Ok(self.control_plane.kubeconfig_for("meter", &self.token)?)
    }

    /// A proxy in front of the API server, and a kubeconfig that leads through it.
    pub fn proxied(&self) -> Result<(Proxy, PathBuf)> {
        let proxy = Proxy::start(&self.control_plane, &self.token)?;
        let kubeconfig = proxy.kubeconfig(&self.control_plane, "meter-proxied")?;
        Ok((proxy, kubeconfig))
    }

    /// Starts the meter.
    pub async fn meter(&self) -> Result<Running> {
        start(&self.kubeconfig()?, self.clock.clone()).await
    }

    pub async fn create_meter(&self, name: &str, spec: Value) -> Result<Meter> {
        let meter = json!({"apiVersion": "billing-operator.io/v1alpha1", "kind": "Meter", "metadata": {"name": name}, "spec": spec});
        Ok(self.cluster().create(&PostParams::default(), &serde_json::from_value(meter)?).await?)
    }

    pub async fn patch_meter(&self, name: &str, spec: Value) -> Result<Meter> {
        Ok(self.cluster().patch(name, &PatchParams::default(), &Patch::Merge(json!({"spec": spec}))).await?)
    }

    /// A claim that is bound.
    pub async fn claim(&self, project: &str, name: &str, size: &str) -> Result<PersistentVolumeClaim> {
        self.pending_claim(project, name, size).await?;
        self.phase(project, name, "Bound").await
    }

    pub async fn pending_claim(&self, project: &str, name: &str, size: &str) -> Result<PersistentVolumeClaim> {
        let claim = json!({
            "metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": size}}},
        });
        let claims = self.api(project);
        let _: PersistentVolumeClaim = claims.create(&PostParams::default(), &serde_json::from_value(claim)?).await?;
        // What protects a claim in use is taken off by a controller that does not run here.
        let free = Patch::Merge(json!({"metadata": {"finalizers": null}}));
        Ok(claims.patch(name, &PatchParams::default(), &free).await?)
    }

    pub async fn phase(&self, project: &str, name: &str, phase: &str) -> Result<PersistentVolumeClaim> {
        let patch = Patch::Merge(json!({"status": {"phase": phase, "capacity": {"storage": "1Gi"}}}));
        Ok(self.api(project).patch_status(name, &PatchParams::default(), &patch).await?)
    }

    pub async fn resize(&self, project: &str, name: &str, size: &str) -> Result {
        // What is bound may grow where its class lets it: here, what a class is nobody says, so the record of a resize is a label.
        let patch = Patch::Merge(json!({"metadata": {"labels": {"size": size}}}));
        let _: PersistentVolumeClaim = self.api(project).patch(name, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    pub async fn delete_claim(&self, project: &str, name: &str) -> Result {
        let claims: Api<PersistentVolumeClaim> = self.api(project);
        claims.delete(name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// The records, by their start.
    pub async fn records(&self) -> Result<Vec<UsageRecord>> {
        let records: Api<UsageRecord> = self.api("acme");
        let mut all = records.list(&ListParams::default()).await?.items;
        all.sort_by_key(|record| (record.spec.start, record.spec.service.name.clone()));
        Ok(all)
    }

    /// Waits until the records are these, in words.
    pub async fn wait_records(&self, expected: &[(&str, &str, bool)]) -> Result<Vec<UsageRecord>> {
        let expected: Vec<Said> =
            expected.iter().map(|(name, many, over)| ((*name).to_owned(), (*many).to_owned(), *over)).collect();
        let mut found = Vec::new();
        let waited = wait("the records are as expected", LIMIT, async || {
            let records = self.records().await?;
            found = records.iter().map(said).collect();
            Ok((found == expected).then_some(records))
        });
        let waited = waited.await;
        waited.map_err(|error| format!("{error}: {found:?}, not {expected:?}").into())
    }

    /// Waits until a Meter's status fits.
    pub async fn wait_meter(&self, name: &str, what: &str, fits: impl Fn(&Meter) -> bool) -> Result<Meter> {
        let meters: Api<Meter> = self.cluster();
        let mut last = None;
        let waited = wait(what, LIMIT, async || {
            let meter = meters.get(name).await?;
            let fits = fits(&meter);
            last = Some(meter.clone());
            Ok(fits.then_some(meter))
        });
        let waited = waited.await;
        waited.map_err(|error| format!("{error}: {:?}", last.and_then(|meter| meter.status)).into())
    }

    /// Waits until a Meter is ready, or not, for a reason.
    pub async fn wait_ready(&self, name: &str, reason: &str) -> Result<Meter> {
        let observed = |meter: &Meter| {
            let status = meter.status.clone().unwrap_or_default();
            let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").cloned();
            status.observed_generation == meter.metadata.generation && ready.is_some_and(|ready| ready.reason == reason)
        };
        self.wait_meter(name, reason, observed).await
    }
}

/// A record in a few words.
fn said(record: &UsageRecord) -> Said {
    (record.spec.service.name.clone(), record.spec.quantity.to_string(), record.spec.end.is_some())
}

/// The condition of a type, as status, reason and message.
pub fn condition(meter: &Meter, type_: &str) -> Option<(String, String, String)> {
    let conditions = &meter.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((found.status.clone(), found.reason.clone(), found.message.clone()))
}

/// The spans of records in seconds since `start`, by service.
pub fn spans(records: &[UsageRecord], start: DateTime<Utc>) -> BTreeMap<String, Vec<(i64, Option<i64>)>> {
    let second = |time: billing_api::Time| (time.0 - start).num_seconds();
    let mut spans: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for record in records {
        let span = (second(record.spec.start), record.spec.end.map(second));
        spans.entry(record.spec.service.name.clone()).or_default().push(span);
    }
    spans
}

/// Starts the meter under the account of a kubeconfig.
pub async fn start(kubeconfig: &Path, clock: Clock) -> Result<Running> {
    let (settings, metrics, client) = (running::settings()?, Metrics::new(), client(kubeconfig).await?);
    let (clock, reach) = (ServerClock::new(Arc::new(clock)), Reach::new(metrics.work.clone()));
    Running::start(async move { Ok(Program { settings, client, billing: None, clock, reach, metrics }) })
}
