//! Definitions, policies and bindings that are there and refuse less than they should.

use std::time::Duration;

use billing_operator::{
    integrity::{Built, Comparer, Integrity},
    metrics::Metrics,
};
use billing_test_harness::{ControlPlane, Operator, Options, User};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicyBinding;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Result,
    chart::install::{self, CHART, NAMESPACE, RELEASE},
    month::stage::{awaited, back, domain, final_of, is_final, terms, total, written},
    support::{LIMIT, World, wait},
};

/// A control plane of a release with the chart, and what the operator finds there.
struct Compared {
    control_plane: ControlPlane,
    states: watch::Receiver<Integrity>,
    cancel: CancellationToken,
}

impl Compared {
    async fn start(version: Option<&str>) -> Result<Self> {
        let emulated_version = version.map(str::to_owned);
        let control_plane = ControlPlane::start(&Options { emulated_version, ..Options::default() })?;
        install::install(&control_plane)?;
        let token = control_plane.service_account_token(NAMESPACE, RELEASE)?;
        let kubeconfig = Kubeconfig::read_from(control_plane.kubeconfig_for("operator", &token)?)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let (user, probe) = (
            format!("system:serviceaccount:{NAMESPACE}:{RELEASE}"),
            format!("system:serviceaccount:{NAMESPACE}:{RELEASE}-probe"),
        );
        let built = Built::new(&user, &probe)?;
        let (comparer, states) = Comparer::new(Client::try_from(config)?, built, Metrics::new().billing);
        let cancel = CancellationToken::new();
        tokio::spawn(comparer.run(cancel.clone()));
        Ok(Self { control_plane, states, cancel })
    }

    async fn wait(&mut self, what: &str, fits: impl Fn(&Integrity) -> bool) -> Result {
        // Definitions are not watched, but looked at once a minute.
        let waited = tokio::time::timeout(LIMIT * 3, self.states.wait_for(fits)).await.map(|found| found.map(drop));
        match waited {
            Ok(found) => Ok(found?),
            Err(_) => Err(format!("{what}: {}", *self.states.borrow()).into()),
        }
    }

    async fn wait_whole(&mut self) -> Result {
        self.wait("all is whole", |state| *state == Integrity::Whole).await
    }

    /// Waits until this, and nothing else, deviates.
    async fn wait_weakened(&mut self, object: &str, what: &str) -> Result {
        let fits = |state: &Integrity| match state {
            Integrity::Weakened { deviations, .. } => {
                deviations.iter().all(|one| one.object == object && one.what.contains(what)) && deviations.len() == 1
            }
            Integrity::Unknown | Integrity::Whole => false,
        };
        self.wait(&format!("{object} {what}"), fits).await
    }

    fn kubectl(&self, args: &[&str]) -> Result<String> {
        Ok(self.control_plane.kubectl_ok(User::ClusterAdmin, args)?)
    }

    fn patch(&self, resource: &str, name: &str, patch: &Value) -> Result {
        self.kubectl(&["patch", resource, name, "--type=merge", "-p", &patch.to_string()]).map(drop)
    }

    fn upgrade(&self) -> Result {
        let namespace = format!("--namespace={NAMESPACE}");
        install::helm(&self.control_plane, &["upgrade", RELEASE, CHART, &namespace, "--force-conflicts"])?;
        Ok(())
    }

    /// Makes all that the release has as the release has it, and takes off what others added.
    fn replace(&self) -> Result {
        let namespace = format!("--namespace={NAMESPACE}");
        let manifest = install::helm(&self.control_plane, &["get", "manifest", RELEASE, &namespace])?;
        let replaced = self.control_plane.kubectl_with(User::ClusterAdmin, &["replace", "-f", "-"], &manifest)?;
        assert!(replaced.status.success(), "{}", String::from_utf8_lossy(&replaced.stderr));
        Ok(())
    }
}

impl Drop for Compared {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_is_whole_on_1_34_and_1_35() -> Result {
    for version in ["1.34", "1.35"] {
        Compared::start(Some(version)).await?.wait_whole().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_weakened_is_named_with_object_and_path_and_an_upgrade_mends_it() -> Result {
    let mut compared = Compared::start(None).await?;
    compared.wait_whole().await?;
    let (policy, binding) = ("billing-operator-invoice", "billing-operator-invoice");

    // What others write beside it is no weakening.
    compared.kubectl(&["label", "validatingadmissionpolicy", policy, "team=platform"])?;
    compared.kubectl(&["label", "crd", "invoices.billing-operator.io", "team=platform"])?;

    let spares =
        json!({ "matchExpressions": [{ "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["o"] }] });
    let patch = json!({ "spec": { "matchResources": { "namespaceSelector": spares } } });
    compared.patch("validatingadmissionpolicybinding", binding, &patch)?;
    compared
        .wait_weakened(&format!("ValidatingAdmissionPolicyBinding {binding}"), "matchResources.namespaceSelector")
        .await?;
    // An upgrade takes off nothing that somebody added.
    compared.replace()?;
    compared.wait_whole().await?;

    // No dry run can tell of this one.
    let patch = json!({ "spec": { "validations": [{ "expression": "true" }] } });
    compared.patch("validatingadmissionpolicy", "billing-operator-quota", &patch)?;
    compared.wait_weakened("ValidatingAdmissionPolicy billing-operator-quota", "validations[0]").await?;
    compared.upgrade()?;
    compared.wait_whole().await?;

    let crd = "invoices.billing-operator.io";
    let mut object: Value = serde_json::from_str(&compared.kubectl(&["get", "crd", crd, "-o", "json"])?)?;
    let schema = &mut object["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["description"] = json!("stripped");
    schema["x-kubernetes-validations"] = json!(null);
    let text = object.to_string();
    let replaced = compared.control_plane.kubectl_with(User::ClusterAdmin, &["replace", "-f", "-"], &text)?;
    assert!(replaced.status.success(), "{}", String::from_utf8_lossy(&replaced.stderr));
    compared.wait_weakened(&format!("CustomResourceDefinition {crd}"), "x-kubernetes-validations").await?;
    compared.upgrade()?;
    compared.wait_whole().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_weakened_stops_finals_and_estimates_go_on() -> Result {
    let world = World::start(&["--guards-grace=1s"])?;
    let scene = world.scene().await?;
    let bindings = scene.cluster::<ValidatingAdmissionPolicyBinding>();
    let (name, month) = ("billing-operator-quota", back(1));
    let mut taken = bindings.get(name).await?;
    taken.metadata = kube::core::ObjectMeta { name: Some(name.to_owned()), ..Default::default() };
    bindings.delete(name, &Default::default()).await?;
    wait("the operator is not ready, and says why", LIMIT, async || {
        let (status, text) = Operator::http(world.port, "/readyz").ok_or("the operator does not answer")?;
        let said = format!("ValidatingAdmissionPolicyBinding {name} is missing");
        Ok((status == 503 && text.contains(&said)).then_some(()))
    })
    .await?;
    wait("the metric says so", LIMIT, async || {
        Ok((world.metric("billing_operator_guards_weakened", "")? >= 1.0).then_some(()))
    })
    .await?;
    // Longer than the grace, by the clock that it is measured with.
    tokio::time::sleep(Duration::from_secs(2)).await;
    awaited(&scene, "weakened", "weakened-shop", "main").await?;
    scene.usage("weakened", "domain", domain("weakened-shop", month.start())).await?;
    scene.group("weakened", "main", terms(json!({ "firstPeriod": month.to_string() }))).await?;
    let estimate = scene.wait_invoice("weakened", "main", month, "an estimate", |invoice| written(invoice).is_some());
    assert!(!is_final(&estimate.await?));
    assert_eq!(scene.segments("weakened", "weakened-shop").await?, []);

    bindings.create(&Default::default(), &taken).await?;
    let invoice = final_of(&scene, "weakened", "main", month).await?;
    assert_eq!(total(&invoice), "12.50");
    Ok(())
}
