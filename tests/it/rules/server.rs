//! A control plane with the chart and the world in it, and what it says to a case.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use billing_api as api;
use billing_test_harness::{ControlPlane, Options, User};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Client, Config,
    api::{DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, PropagationPolicy},
    config::{KubeConfigOptions, Kubeconfig},
    core::{Request, Status},
};
use serde_json::{Value, json};

use super::fuzz::FuzzRequest;
use super::table::{self, Case, Expect, Operation, Target};
use crate::{Result, chart::install, support::wait};

/// How long a policy, a role or a definition may take to be in force on a busy machine.
const IN_FORCE: Duration = Duration::from_secs(120);
/// How many requests are under way at once.
const CONCURRENCY: usize = 8;

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Allowed,
    Refused {
        by: String,
        message: String,
    },
    /// Neither: the request is not what its author thought, or the server is in between.
    Failed(String),
}

impl Outcome {
    /// Whether this is what the case expects.
    pub fn meets(&self, expect: &Expect) -> bool {
        match (self, expect) {
            (Self::Allowed, Expect::Allow(_)) => true,
            (Self::Refused { by, message }, Expect::Deny { deny_by, message: words }) => {
                by == deny_by && message.contains(words.as_str())
            }
            _ => false,
        }
    }

    fn of(answer: Result<Value, kube::Error>) -> Self {
        match answer {
            Ok(_) => Self::Allowed,
            Err(kube::Error::Api(status)) => Self::of_status(&status),
            Err(error) => Self::Failed(error.to_string()),
        }
    }

    fn of_status(status: &Status) -> Self {
        let message = status.message.clone();
        let policy = message.split_once("ValidatingAdmissionPolicy '").and_then(|(_, rest)| rest.split_once('\''));
        match (policy, status.code) {
            (Some((policy, _)), 403 | 422) => Self::Refused { by: policy.to_owned(), message },
            (None, 422) => Self::Refused { by: "crd".to_owned(), message },
            (None, 403) => Self::Refused { by: "rbac".to_owned(), message },
            (_, code) => Self::Failed(format!("{code}: {message}")),
        }
    }
}

/// The server that answers.
pub struct Server {
    // Held so that it lives as long as its clients.
    _control_plane: ControlPlane,
    clients: BTreeMap<String, Client>,
    paths: BTreeMap<String, String>,
}

impl Server {
    /// Starts a control plane that plays `version` (its own when absent), installs the chart, makes the world and waits until
    /// every policy refuses something.
    pub async fn start(version: Option<&str>, cases: &[Case]) -> Result<Self> {
        let options = Options { emulated_version: version.map(str::to_owned), ..Options::default() };
        let control_plane = ControlPlane::start(&options)?;
        install::install(&control_plane)?;
        let clients = clients(&control_plane).await?;
        let server = Self { _control_plane: control_plane, clients, paths: paths() };
        server.make_world().await?;
        server.wait_until_in_force(cases).await?;
        Ok(server)
    }

    /// What the server says to a case.
    pub async fn ask(&self, case: &Case) -> Result<Outcome> {
        let client = self.client(&case.user)?;
        Ok(Outcome::of(client.request(self.request(case).await?).await))
    }

    /// Asks all cases; the names and outcomes of those that come out otherwise than they should.
    pub async fn failures(&self, cases: &[&Case]) -> Result<Vec<String>> {
        let outcomes: Vec<(&&Case, Outcome)> = stream::iter(cases)
            .map(async |case| Ok::<_, crate::Error>((case, self.ask(case).await?)))
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        let failed = outcomes.into_iter().filter(|(case, outcome)| !outcome.meets(&case.expect));
        Ok(failed.map(|(case, outcome)| format!("{}: {outcome:?}, not {:?}", case.name, case.expect)).collect())
    }

    /// Sends every object of our kinds, and what else a policy is about, back as it is, in the name of who migrates the
    /// storage: how many there were of each resource, and what was refused.
    pub async fn rewrite_everything(&self) -> Result<(BTreeMap<String, usize>, Vec<String>)> {
        let post = PostParams { dry_run: true, ..PostParams::default() };
        let (mut rewritten, mut refused) = (BTreeMap::new(), Vec::new());
        let ours = api::crds::all().into_iter().map(|definition| definition.spec.names.plural);
        for resource in ours.chain(["customresourcedefinitions", "namespaces", "resourcequotas"].map(str::to_owned)) {
            let all = Request::new(self.path(&resource, None)?).list(&ListParams::default())?;
            let mut all: Value = self.client("admin")?.request(all).await?;
            let all = all["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
            rewritten.insert(resource.clone(), all.len());
            for object in all {
                let namespace = object["metadata"]["namespace"].as_str();
                let request = Request::new(self.path(&resource, namespace)?);
                let request = request.replace(name_of(&object), &post, serde_json::to_vec(&object)?)?;
                let outcome = Outcome::of(self.client("migrator")?.request(request).await);
                if outcome != Outcome::Allowed {
                    refused.push(format!("{resource} {} {outcome:?}", name_of(&object)));
                }
            }
        }
        Ok((rewritten, refused))
    }

    /// Reads every object of a resource as an administrator.
    pub async fn all(&self, resource: &str) -> Result<Vec<Value>> {
        let request = Request::new(self.path(resource, None)?).list(&ListParams::default())?;
        let mut list: Value = self.client("admin")?.request(request).await?;
        let (version, kind) = (list["apiVersion"].clone(), list["kind"].as_str().unwrap_or_default().to_owned());
        let mut items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        for item in &mut items {
            item["apiVersion"] = version.clone();
            item["kind"] = kind.trim_end_matches("List").into();
        }
        Ok(items)
    }

    /// Sends a random request, for good.
    pub async fn send(&self, random: &FuzzRequest) -> Result<Outcome> {
        let request = Request::new(self.path(&random.resource, random.namespace.as_deref())?);
        let (name, body) = (&random.name, serde_json::to_vec(&random.body)?);
        let (post, patching, delete) = (PostParams::default(), PatchParams::default(), DeleteParams::default());
        let patch = Patch::Merge(&random.body);
        let request = match (random.operation, random.subresource) {
            ("create", _) => request.create(&post, body)?,
            ("update", None) => request.replace(name, &post, body)?,
            ("update", Some(subresource)) => request.replace_subresource(subresource, name, &post, body)?,
            ("patch", None) => request.patch(name, &patching, &patch)?,
            ("patch", Some(subresource)) => request.patch_subresource(subresource, name, &patching, &patch)?,
            ("delete", _) => request.delete(name, &delete)?,
            (_, _) => request.delete_collection(&delete, &ListParams::default())?,
        };
        Ok(Outcome::of(self.client(random.user)?.request(request).await))
    }

    /// Reads an object as an administrator.
    pub async fn get(&self, resource: &str, namespace: Option<&str>, name: &str) -> Result<Value> {
        let request = Request::new(self.path(resource, namespace)?).get(name, &GetParams::default())?;
        Ok(self.client("admin")?.request(request).await?)
    }

    /// Takes the rules away from the definitions that cases ask without them, for good, and waits until that is in force.
    pub async fn take_rules_away(&self, cases: &[Case]) -> Result<()> {
        let bare = || cases.iter().filter(|case| case.without_rules);
        for plural in bare().map(resource_of).collect::<BTreeSet<_>>() {
            let name = format!("{plural}.{}", api::GROUP);
            let mut versions = self.get("customresourcedefinitions", None, &name).await?["spec"]["versions"].take();
            remove_rules(&mut versions);
            let outcome =
                self.patch("customresourcedefinitions", &name, &json!({"spec": {"versions": versions}})).await?;
            if outcome != Outcome::Allowed {
                return Err(format!("{name}: {outcome:?}").into());
            }
        }
        for case in bare() {
            wait(&format!("{} is asked without rules", case.name), IN_FORCE, async || {
                let by_rule = matches!(self.ask(case).await?, Outcome::Refused { by, .. } if by == "crd");
                Ok((!by_rule).then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// Changes an object as an administrator, for good.
    pub async fn patch(&self, resource: &str, name: &str, patch: &Value) -> Result<Outcome> {
        let request =
            Request::new(self.path(resource, None)?).patch(name, &PatchParams::default(), &Patch::Merge(patch))?;
        Ok(Outcome::of(self.client("admin")?.request(request).await))
    }

    fn client(&self, user: &str) -> Result<&Client> {
        self.clients.get(user).ok_or_else(|| format!("there is no user {user}").into())
    }

    fn path(&self, resource: &str, namespace: Option<&str>) -> Result<String> {
        let api = self.paths.get(resource).ok_or_else(|| format!("there is no resource {resource}"))?;
        Ok(match namespace {
            Some(namespace) => format!("{api}/namespaces/{namespace}/{resource}"),
            None => format!("{api}/{resource}"),
        })
    }

    /// The request of a case: a dry run, unless it says otherwise.
    async fn request(&self, case: &Case) -> Result<http::Request<Vec<u8>>> {
        let dry_run = !case.real;
        let post = PostParams { dry_run, ..PostParams::default() };
        let delete = DeleteParams { dry_run, ..DeleteParams::default() };
        if case.operation == Operation::Create {
            let object = case.object.as_ref().ok_or_else(|| format!("{}: needs `object`", case.name))?;
            return Ok(Request::new(self.path_of(object)?).create(&post, serde_json::to_vec(object)?)?);
        }
        let target = case.target()?;
        let request = Request::new(self.path(&target.resource, target.namespace.as_deref())?);
        Ok(match case.operation {
            Operation::Delete => request.delete(&target.name, &delete)?,
            Operation::DeleteCollection => request.delete_collection(&delete, &ListParams::default())?,
            Operation::Patch => patch_request(&request, &target, case.with()?, dry_run)?,
            Operation::Update | Operation::Create => {
                let mut object = self.get(&target.resource, target.namespace.as_deref(), &target.name).await?;
                table::merge(&mut object, case.with()?);
                replace_request(&request, &target, &post, &object)?
            }
        })
    }

    /// The path of an object's collection.
    fn path_of(&self, object: &Value) -> Result<String> {
        let kind = object["kind"].as_str().unwrap_or_default();
        self.path(&plural(kind), object["metadata"]["namespace"].as_str())
    }

    /// Makes everything in `world.yaml`.
    async fn make_world(&self) -> Result {
        let objects = table::world()?;
        for object in &objects {
            self.make(object).await?;
        }
        for (object, then) in objects.iter().filter_map(|object| Some((object, object.get("then")?))) {
            let request = Request::new(self.path_of(object)?);
            let patch = || Ok(request.patch(name_of(object), &PatchParams::default(), &Patch::Merge(then))?);
            self.insist("admin", &format!("change of {}", name_of(object)), patch).await?;
        }
        for object in objects.iter().filter(|object| object.get("deleted").is_some()) {
            self.begin_deletion(object).await?;
        }
        Ok(())
    }

    /// Creates an object of the world, and writes its status if it has one.
    async fn make(&self, object: &Value) -> Result {
        let (kind, name) = (object["kind"].as_str().unwrap_or_default(), name_of(object));
        let mut bare = object.clone();
        table::merge(&mut bare, &json!({"status": null, "then": null, "deleted": null}));
        let request = Request::new(self.path_of(object)?);
        let create = || Ok::<_, crate::Error>(request.create(&PostParams::default(), serde_json::to_vec(&bare)?)?);
        self.insist(maker(object), &format!("{kind} {name}"), create).await?;
        if let Some(status) = object.get("status") {
            let namespace = object["metadata"]["namespace"].as_str();
            let mut made = self.get(&plural(kind), namespace, name).await?;
            table::merge(&mut made, &json!({"status": status}));
            let replace = || {
                Ok(request.replace_subresource("status", name, &PostParams::default(), serde_json::to_vec(&made)?)?)
            };
            self.insist("operator", &format!("the status of {kind} {name}"), replace).await?;
        }
        Ok(())
    }

    async fn begin_deletion(&self, object: &Value) -> Result {
        let foreground = object["deleted"] == "Foreground";
        let propagation = if foreground { PropagationPolicy::Foreground } else { PropagationPolicy::Background };
        let params = DeleteParams { propagation_policy: Some(propagation), ..DeleteParams::default() };
        let request = Request::new(self.path_of(object)?);
        let delete = || Ok(request.delete(name_of(object), &params)?);
        let user = if object["kind"] == "Invoice" { "operator" } else { "admin" };
        self.insist(user, &format!("deletion of {}", name_of(object)), delete).await
    }

    /// Sends a write of the world until it is accepted: roles, definitions and labels take a moment to be known.
    async fn insist(&self, user: &str, what: &str, request: impl Fn() -> Result<http::Request<Vec<u8>>>) -> Result {
        let begun = Instant::now();
        loop {
            let outcome = Outcome::of(self.client(user)?.request(request()?).await);
            if outcome == Outcome::Allowed {
                return Ok(());
            }
            if begun.elapsed() > IN_FORCE {
                return Err(format!("the world has no {what}: {outcome:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until, of the cases of every policy, one is refused as it should be.
    async fn wait_until_in_force(&self, cases: &[Case]) -> Result {
        let begun = Instant::now();
        for policy in super::POLICIES {
            let denied = cases.iter().find(|case| case.is_denied_by(policy));
            let case = denied.ok_or_else(|| format!("no case is refused by {policy}"))?;
            loop {
                let outcome = self.ask(case).await?;
                if outcome.meets(&case.expect) {
                    break;
                }
                if begun.elapsed() > IN_FORCE {
                    return Err(format!("{policy} is not in force: {}: {outcome:?}", case.name).into());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }
}

fn patch_request(request: &Request, target: &Target, patch: &Value, dry_run: bool) -> Result<http::Request<Vec<u8>>> {
    let params = PatchParams { dry_run, ..PatchParams::default() };
    let patch = Patch::Merge(patch);
    Ok(match &target.subresource {
        Some(subresource) => request.patch_subresource(subresource, &target.name, &params, &patch)?,
        None => request.patch(&target.name, &params, &patch)?,
    })
}

fn replace_request(
    request: &Request,
    target: &Target,
    params: &PostParams,
    object: &Value,
) -> Result<http::Request<Vec<u8>>> {
    let body = serde_json::to_vec(object)?;
    Ok(match &target.subresource {
        Some(subresource) => request.replace_subresource(subresource, &target.name, params, body)?,
        None => request.replace(&target.name, params, body)?,
    })
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// A kind's name in paths.
pub fn plural(kind: &str) -> String {
    let lower = kind.to_lowercase();
    if lower.ends_with("series") || lower.ends_with("rates") { lower } else { format!("{lower}s") }
}

/// Takes every list of rules out of a schema.
fn remove_rules(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("x-kubernetes-validations");
            fields.values_mut().for_each(remove_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_rules),
        _ => {}
    }
}

/// The resource that a case is about.
pub fn resource_of(case: &Case) -> String {
    match (&case.object, case.target()) {
        (Some(object), _) => plural(object["kind"].as_str().unwrap_or_default()),
        (None, Ok(target)) => target.resource,
        (None, Err(_)) => String::new(),
    }
}

/// Who makes an object of the world: an administrator, if the policies let him.
fn maker(object: &Value) -> &'static str {
    match object["kind"].as_str().unwrap_or_default() {
        "BillingPeriod" | "Invoice" | "InvoiceSeries" | "InvoiceSlice" | "ProjectLedger" => "operator",
        "Credit" if object["spec"].get("origin").is_some() => "operator",
        "BillingGroup" | "ProjectBinding" if is_marked(object) => "operator",
        _ => "admin",
    }
}

/// Whether an object carries one of the operator's marks.
fn is_marked(object: &Value) -> bool {
    let annotations = object["metadata"]["annotations"].as_object();
    annotations.is_some_and(|annotations| annotations.keys().any(|key| key.starts_with(api::GROUP)))
}

/// Where the resources of the table are served.
fn paths() -> BTreeMap<String, String> {
    let ours = api::crds::all().into_iter().map(|definition| definition.spec.names.plural);
    let ours = ours.map(|plural| (plural, format!("/apis/{}/{}", api::GROUP, api::VERSION)));
    let others = [
        ("namespaces", "/api/v1"),
        ("resourcequotas", "/api/v1"),
        ("customresourcedefinitions", "/apis/apiextensions.k8s.io/v1"),
        ("validatingadmissionpolicies", "/apis/admissionregistration.k8s.io/v1"),
        ("clusterroles", "/apis/rbac.authorization.k8s.io/v1"),
        ("clusterrolebindings", "/apis/rbac.authorization.k8s.io/v1"),
        ("rolebindings", "/apis/rbac.authorization.k8s.io/v1"),
    ];
    let others = others.map(|(plural, path)| (plural.to_owned(), path.to_owned()));
    ours.chain(others).collect()
}

/// A client of each user.
async fn clients(control_plane: &ControlPlane) -> Result<BTreeMap<String, Client>> {
    let mut clients = BTreeMap::new();
    for user in User::ALL {
        let config = config(&control_plane.kubeconfig(user)).await?;
        clients.insert(user.name().to_owned(), Client::try_from(config)?);
    }
    let token = control_plane.service_account_token(install::NAMESPACE, install::RELEASE)?;
    let operator = config(&control_plane.kubeconfig_for("operator", &token)?).await?;
    clients.insert("operator".to_owned(), Client::try_from(operator)?);
    let impersonated = async |user: &str, groups: &[&str]| {
        let mut config = config(&control_plane.kubeconfig(User::Admin)).await?;
        config.auth_info.impersonate = Some(user.to_owned());
        config.auth_info.impersonate_groups = Some(groups.iter().map(|&group| group.to_owned()).collect());
        Ok::<_, crate::Error>(Client::try_from(config)?)
    };
    let account = format!("system:serviceaccount:{}:{}", install::NAMESPACE, install::RELEASE);
    for user in ["manager", "developer", "onboarder", "offboarder"] {
        clients.insert(user.to_owned(), impersonated(user, &[]).await?);
    }
    let migrator = "system:serviceaccount:kube-system:storage-version-migrator";
    clients.insert("migrator".to_owned(), impersonated(migrator, &[]).await?);
    clients.insert("probe".to_owned(), impersonated(&format!("{account}-probe"), &[]).await?);
    clients.insert("unbound-operator".to_owned(), impersonated(&account, &["system:masters"]).await?);
    Ok(clients)
}

async fn config(kubeconfig: &std::path::Path) -> Result<Config> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}
