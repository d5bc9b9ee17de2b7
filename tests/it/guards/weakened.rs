//! Definitions, policies and bindings that are there and refuse less than they should.

use std::{collections::BTreeMap, time::Duration};

use billing_operator::{
    integrity::{Built, Comparer, Deviation, Integrity},
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
    chart::{
        install::{self, CHART, NAMESPACE, RELEASE, said},
        rendered::template,
    },
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
        let (states, cancel) = compare(&control_plane).await?;
        Ok(Self { control_plane, states, cancel })
    }

    /// Compares anew, as the account that there is now.
    async fn reconnect(&mut self) -> Result {
        self.cancel.cancel();
        (self.states, self.cancel) = compare(&self.control_plane).await?;
        Ok(())
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

    /// Makes everything that exists as these manifests have it, and takes off what others added.
    fn replace(&self, manifests: &str) -> Result {
        let replaced = self.control_plane.kubectl_with(User::ClusterAdmin, &["replace", "-f", "-"], manifests)?;
        let said = String::from_utf8(replaced.stderr)?;
        let wrong: Vec<_> = said.lines().filter(|line| !line.starts_with("Error from server (NotFound)")).collect();
        assert_eq!(wrong, [""; 0]);
        Ok(())
    }

    fn manifest(&self) -> Result<String> {
        let namespace = format!("--namespace={NAMESPACE}");
        Ok(install::helm(&self.control_plane, &["get", "manifest", RELEASE, &namespace])?)
    }
}

/// Starts to compare, with the rights of the release's account.
async fn compare(control_plane: &ControlPlane) -> Result<(watch::Receiver<Integrity>, CancellationToken)> {
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
    Ok((states, cancel))
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

/// What was done to an object by hand, and where the comparison finds it.
struct Change {
    resource: &'static str,
    name: &'static str,
    done: Done,
    found: &'static str,
}

enum Done {
    /// Fields of the spec are set to these.
    Set(Value),
    /// A variable of the policy has another expression.
    Variable(&'static str, &'static str),
    /// It is gone.
    Deleted,
    /// It is gone, and somebody made another, which has these fields of the spec and no mark of Helm.
    MadeAgain(Value),
    /// The schema of a definition is another by this change.
    Schema(fn(&mut Value)),
}

const POLICY: &str = "validatingadmissionpolicy";
const BINDING: &str = "validatingadmissionpolicybinding";
const DEFINITION: &str = "customresourcedefinition";

/// One change of each kind: of every field of policies and bindings that decides what is refused, and of definitions.
fn changes() -> Vec<Change> {
    let change = |resource, name, done, found| Change { resource, name, done, found };
    let set = |resource, name, spec, found| change(resource, name, Done::Set(spec), found);
    let never = json!({ "matchLabels": { "guarded": "yes" } });
    let rule = |resource: &str| json!([{ "apiGroups": ["billing-operator.io"], "apiVersions": ["*"], "operations": ["*"], "resources": [resource] }]);
    let constraints = |field: &str, value: Value| json!({ "matchConstraints": { field: value } });
    let matched = |field: &str, value: Value| json!({ "matchResources": { field: value } });
    vec![
        set(POLICY, "billing-operator-books", json!({ "failurePolicy": "Ignore" }), "failurePolicy"),
        set(POLICY, "billing-operator-quota", json!({ "validations": [{ "expression": "true" }] }), "validations[0]"),
        set(
            POLICY,
            "billing-operator-invoice",
            json!({ "matchConditions": [{ "name": "never", "expression": "false" }] }),
            "matchConditions",
        ),
        set(
            POLICY,
            "billing-operator-credit",
            constraints("namespaceSelector", never.clone()),
            "matchConstraints.namespaceSelector",
        ),
        set(
            POLICY,
            "billing-operator-metadata",
            constraints("objectSelector", never.clone()),
            "matchConstraints.objectSelector",
        ),
        set(
            POLICY,
            "billing-operator-usagerecord",
            constraints("matchPolicy", json!("Exact")),
            "matchConstraints.matchPolicy",
        ),
        set(
            POLICY,
            "billing-operator-organization",
            constraints("resourceRules", rule("meters")),
            "matchConstraints.resourceRules",
        ),
        set(
            POLICY,
            "billing-operator-billingperiod",
            constraints("excludeResourceRules", rule("billingperiods")),
            "matchConstraints.excludeResourceRules",
        ),
        change(POLICY, "billing-operator-operator", Done::Variable("operator", "true"), "variables"),
        change(POLICY, "billing-operator-creditnote", Done::Deleted, "is missing"),
        change(
            POLICY,
            "billing-operator-projectbinding",
            Done::MadeAgain(json!({
                "matchConstraints": { "resourceRules": rule("projectbindings") },
                "validations": [{ "expression": "true" }],
            })),
            "differs at",
        ),
        set(BINDING, "billing-operator-books", json!({ "validationActions": ["Audit"] }), "validationActions"),
        set(
            BINDING,
            "billing-operator-quota",
            matched("namespaceSelector", never.clone()),
            "matchResources.namespaceSelector",
        ),
        set(BINDING, "billing-operator-invoice", matched("objectSelector", never), "matchResources.objectSelector"),
        set(
            BINDING,
            "billing-operator-credit",
            matched("excludeResourceRules", rule("credits")),
            "matchResources.excludeResourceRules",
        ),
        set(
            BINDING,
            "billing-operator-operator",
            matched("resourceRules", rule("meters")),
            "matchResources.resourceRules",
        ),
        change(BINDING, "billing-operator-probe", Done::Deleted, "is missing"),
        change(
            BINDING,
            "billing-operator-billinggroup",
            Done::MadeAgain(json!({ "policyName": "billing-operator-billinggroup", "validationActions": ["Warn"] })),
            "validationActions",
        ),
        change(
            DEFINITION,
            "invoices.billing-operator.io",
            Done::Schema(|schema| schema["x-kubernetes-validations"] = json!(null)),
            "x-kubernetes-validations",
        ),
        change(
            DEFINITION,
            "credits.billing-operator.io",
            Done::Schema(|schema| schema["properties"]["spec"]["properties"]["more"] = json!({ "type": "string" })),
            "properties",
        ),
    ]
}

impl Change {
    /// As the comparison names it.
    fn object(&self) -> String {
        let kind = match self.resource {
            POLICY => "ValidatingAdmissionPolicy",
            BINDING => "ValidatingAdmissionPolicyBinding",
            _ => "CustomResourceDefinition",
        };
        format!("{kind} {}", self.name)
    }
}

impl Compared {
    fn make(&self, change: &Change) -> Result {
        let Change { resource, name, done, .. } = change;
        match done {
            Done::Set(spec) => self.patch(resource, name, &json!({ "spec": spec })),
            Done::Deleted => self.kubectl(&["delete", resource, name]).map(drop),
            Done::MadeAgain(spec) => {
                let mut object = self.get(resource, name)?;
                self.kubectl(&["delete", resource, name])?;
                (object["metadata"], object["spec"]) = (json!({ "name": name }), spec.clone());
                self.put("create", &object)
            }
            Done::Variable(variable, expression) => {
                let mut object = self.get(resource, name)?;
                let variables = object["spec"]["variables"].as_array_mut().ok_or("no variables")?;
                let found = variables.iter_mut().find(|known| known["name"] == *variable).ok_or("no such variable")?;
                found["expression"] = json!(expression);
                self.put("replace", &object)
            }
            Done::Schema(edit) => {
                let mut object = self.get(resource, name)?;
                edit(&mut object["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
                self.put("replace", &object)
            }
        }
    }

    fn get(&self, resource: &str, name: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.kubectl(&["get", resource, name, "-o", "json"])?)?)
    }

    fn put(&self, verb: &str, object: &Value) -> Result {
        let args = [verb, "--filename=-"];
        let put = self.control_plane.kubectl_with(User::ClusterAdmin, &args, &object.to_string())?;
        if put.status.success() { Ok(()) } else { Err(said(&put).into()) }
    }

    /// Makes every change, and waits until each of them, and nothing else, is named with its path.
    async fn make_all(&mut self, changes: &[Change]) -> Result {
        // Definitions first: they are looked at once a minute, and at every change of the others.
        for change in changes.iter().rev() {
            self.make(change)?;
        }
        let expected: BTreeMap<_, _> = changes.iter().map(|change| (change.object(), change.found)).collect();
        assert_eq!(expected.len(), changes.len(), "one change of each object");
        let fits = |state: &Integrity| match state {
            Integrity::Weakened { deviations, .. } => {
                let named = |one: &Deviation| expected.get(&one.object).is_some_and(|found| one.what.contains(found));
                deviations.len() == expected.len() && deviations.iter().all(named)
            }
            Integrity::Unknown | Integrity::Whole => false,
        };
        self.wait(&format!("each of {expected:#?} is named"), fits).await
    }

    /// The remedy with Helm.
    fn replace_and_upgrade(&self) -> Result {
        self.replace(&self.manifest()?)?;
        self.upgrade()
    }

    /// The remedy without a release: what the chart renders.
    fn replace_and_apply(&self) -> Result {
        let rendered = rendered()?;
        self.replace(&rendered)?;
        let args = ["apply", "--server-side", "--force-conflicts", "--filename=-"];
        let applied = self.control_plane.kubectl_with(User::ClusterAdmin, &args, &rendered)?;
        if applied.status.success() { Ok(()) } else { Err(said(&applied).into()) }
    }
}

fn rendered() -> Result<String> {
    Ok(String::from_utf8(template(&[], &[])?.stdout)?)
}

/// The documented ways back are tried for each kind of change: with Helm, and without it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_weakened_is_named_with_object_and_path_and_both_remedies_mend_it() -> Result {
    let mut compared = Compared::start(None).await?;
    compared.wait_whole().await?;
    // What others write beside it is no weakening.
    compared.kubectl(&["label", POLICY, "billing-operator-invoice", "team=platform"])?;
    compared.kubectl(&["label", "crd", "invoices.billing-operator.io", "team=platform"])?;

    compared.make_all(&changes()).await?;
    // An upgrade alone takes off nothing that somebody added, and fails where the two contradict each other.
    assert!(compared.upgrade().is_err_and(|error| error.to_string().contains("must not contain both Deny and Warn")));
    compared.replace_and_upgrade()?;
    compared.wait_whole().await?;

    compared.make_all(&changes()).await?;
    compared.replace_and_apply()?;
    compared.wait_whole().await
}

/// Policies stay when a release is uninstalled. One that was made again by hand meanwhile is nobody's: Helm refuses to take it, and
/// says so, until it is told to.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_not_helms_is_taken_over_by_a_flag() -> Result {
    let mut compared = Compared::start(None).await?;
    let namespace = format!("--namespace={NAMESPACE}");
    install::helm(&compared.control_plane, &["uninstall", RELEASE, &namespace])?;
    let spec = json!({ "policyName": "billing-operator-books", "validationActions": ["Warn"] });
    compared.make(&Change {
        resource: BINDING,
        name: "billing-operator-books",
        done: Done::MadeAgain(spec),
        found: "",
    })?;
    let install = ["install", RELEASE, CHART, &namespace];
    let Err(refused) = install::helm(&compared.control_plane, &install) else { return Err("it was taken over".into()) };
    assert!(refused.to_string().contains("invalid ownership metadata"), "{refused}");
    compared.replace(&rendered()?)?;
    let take = ["install", RELEASE, CHART, &namespace, "--take-ownership", "--force-conflicts"];
    install::helm(&compared.control_plane, &take)?;
    compared.reconnect().await?; // the account is another one under the same name
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
