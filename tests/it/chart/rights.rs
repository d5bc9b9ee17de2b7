//! The operator's roles are what it needs and no more: it runs with its own account through everything that it ever writes, and
//! the API server's audit log tells what it asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
    time::Duration,
};

use billing_state::code_name;
use billing_test_harness::{ControlPlane, Operator, Options, User, free_port, wait_until};
use serde_json::Value;

use super::{
    install::{self, NAMESPACE, RELEASE},
    rendered::Rendered,
};
use crate::{
    Result,
    support::{back, open_month},
};

/// Enough for anything here on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// One more than fits on an invoice, so that slices are made.
const RECORDS: u32 = 501;

/// Rights that no request of its own shows, because the admission policies ask for them.
const ASKED_FOR_BY_POLICIES: [&str; 1] = ["use billing-operator.io/billinggroups"];

/// The same of the probe: with it, one policy fewer refuses.
const ASKED_FOR_BY_POLICIES_OF_THE_PROBE: [&str; 1] = ["reassign billing-operator.io/organizations"];

/// Rights that it needs when somebody else writes at the same moment, and reads again.
const AFTER_A_CONFLICT: [&str; 1] = ["get billing-operator.io/billinggroups"];

/// Rights that it needs when a group goes that is owed something, which a test of late usage has it do.
const WHEN_A_GROUP_GOES: [&str; 1] = ["create billing-operator.io/credits"];

/// A right: a verb on a resource.
type Rights = BTreeSet<String>;

/// A control plane that keeps an audit log, with the chart in it, and the operator.
struct Stage {
    control_plane: ControlPlane,
    operator: Operator,
    log: PathBuf,
}

impl Stage {
    fn start() -> Result<Self> {
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("audit-{}.log", std::process::id()));
        let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/chart/audit.yaml");
        let apiserver_args =
            vec![format!("--audit-policy-file={policy}"), format!("--audit-log-path={}", log.display())];
        let control_plane = ControlPlane::start(&Options { apiserver_args, ..Options::default() })?;
        install::install(&control_plane)?;
        let token = control_plane.service_account_token(NAMESPACE, RELEASE)?;
        let kubeconfig = control_plane.kubeconfig_for("operator", &token)?;
        let port = free_port()?;
        let environment = environment(port)?;
        let environment: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let output = control_plane.folder().join("operator.log");
        let mut operator =
            Operator::start(env!("CARGO_BIN_EXE_billing-operator"), &kubeconfig, output, &[], &environment)?;
        operator.wait_http(port, "/readyz", LIMIT)?;
        Ok(Self { control_plane, operator, log })
    }

    fn apply(&self, manifests: &str) -> Result {
        self.control_plane.apply(User::Admin, manifests)?;
        Ok(())
    }

    fn get(&self, args: &[&str]) -> Option<Value> {
        let text = self.control_plane.kubectl_ok(User::Admin, &[&["get", "--output=json"], args].concat()).ok()?;
        serde_json::from_str(&text).ok()
    }

    fn wait<T>(&self, what: &str, look: impl FnMut() -> Option<T>) -> Result<T> {
        let found = wait_until(what, LIMIT, look);
        let log = || fs::read_to_string(self.operator.log()).unwrap_or_default();
        found.map_err(|error| format!("{error}; the operator's log:\n{}", log()).into())
    }

    /// The invoice of a group and a month.
    fn invoice(&self, group: &str, period: &str) -> Option<Value> {
        let list = self.get(&["invoices", "--namespace=acme"])?;
        let is_it = |it: &&Value| it["spec"]["period"] == period && it["spec"]["billingGroup"] == group;
        list["items"].as_array()?.iter().find(is_it).cloned()
    }

    /// The slices that the invoice of `main` lists.
    fn slices(&self, period: &str) -> Option<Vec<String>> {
        let invoice = self.invoice("main", period)?;
        let slices = invoice["status"]["document"]["slices"].as_array()?;
        Some(slices.iter().filter_map(|slice| slice["name"].as_str().map(str::to_owned)).collect())
    }
}

/// The environment that the chart gives the operator, but in a hurry.
fn environment(port: u16) -> Result<Vec<(String, String)>> {
    let mut environment: BTreeMap<String, String> = Rendered::with(&[], &[])?
        .environment()?
        .into_iter()
        .map(|(name, value)| (name, value.unwrap_or_else(|| NAMESPACE.to_owned())))
        .collect();
    for (name, value) in [
        ("BILLING_OPERATOR_LISTEN", format!("127.0.0.1:{port}")),
        ("BILLING_OPERATOR_DEFAULT_BINDING_DELAY", "1s".to_owned()),
        ("BILLING_OPERATOR_SETTLE_TIME", "0s".to_owned()),
    ] {
        environment.insert(name.to_owned(), value);
    }
    Ok(environment.into_iter().collect())
}

/// An organization with two projects, and what things cost.
const ORGANIZATION: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: acme, labels: {billing-operator.io/organization: acme}}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {billing-operator.io/organization: acme, billing-operator.io/default-binding: 'false'}}
---
apiVersion: billing-operator.io/v1alpha1
kind: InvoiceIssuer
metadata: {name: default}
spec: {legalName: Example Cloud Oy, grace: 0s}
---
apiVersion: billing-operator.io/v1alpha1
kind: PriceList
metadata: {name: default}
spec:
  currency: USD
  entries:
    - {name: any, type: PostgreSQL, unit: Hour, unitPrice: '0.026', validFrom: '2020-01-01T00:00:00Z'}
---
apiVersion: billing-operator.io/v1alpha1
kind: ExchangeRates
metadata: {name: ecb-2020}
spec: {source: ecb, year: 2020, base: EUR, quotes: [{date: '2020-10-30', rates: {USD: '1.1698'}}]}
";

/// A group that is billed from a month on, its project, and a project that nobody binds.
fn group(first: &str) -> String {
    format!(
        "
apiVersion: billing-operator.io/v1alpha1
kind: BillingGroup
metadata: {{name: main, namespace: acme}}
spec:
  terms: {{firstPeriod: '{first}', invoiceSeries: acme}}
---
apiVersion: billing-operator.io/v1alpha1
kind: ProjectBinding
metadata: {{name: billing, namespace: shop}}
spec: {{billingGroup: main}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: lab, labels: {{billing-operator.io/organization: acme}}}}
"
    )
}

/// A group that comes when its first month is closed for others, with a project that a credit pays for, and one that wishes
/// for numbers that are taken.
fn late_groups(first: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Namespace
metadata: {{name: attic, labels: {{billing-operator.io/organization: acme, billing-operator.io/default-binding: 'false'}}}}
---
apiVersion: billing-operator.io/v1alpha1
kind: ProjectBinding
metadata: {{name: billing, namespace: attic}}
spec: {{billingGroup: late}}
---
apiVersion: billing-operator.io/v1alpha1
kind: UsageRecord
metadata: {{name: attic, namespace: acme}}
spec:
  project: attic
  service: {{name: attic, type: PostgreSQL}}
  start: '{first}-01T00:00:00Z'
  end: '{first}-02T00:00:00Z'
---
apiVersion: billing-operator.io/v1alpha1
kind: Credit
metadata: {{name: late, namespace: acme}}
spec: {{billingGroup: late, type: Outage, amount: {{amount: '1', currency: USD}}}}
---
apiVersion: billing-operator.io/v1alpha1
kind: BillingGroup
metadata: {{name: late, namespace: acme}}
spec:
  terms: {{firstPeriod: '{first}', invoiceSeries: late}}
---
apiVersion: billing-operator.io/v1alpha1
kind: BillingGroup
metadata: {{name: imitator, namespace: acme}}
spec:
  terms: {{invoiceSeries: acme}}
"
    )
}

/// A record of one second at the beginning of a month.
fn record(name: &str, kind: &str, month: &str) -> String {
    format!(
        "
---
apiVersion: billing-operator.io/v1alpha1
kind: UsageRecord
metadata: {{name: {name}, namespace: acme}}
spec:
  project: shop
  service: {{name: {name}, type: {kind}}}
  start: '{month}-01T00:00:00Z'
  end: '{month}-01T00:00:01Z'
"
    )
}

/// Everything that the operator ever writes.
fn play(stage: &Stage) -> Result {
    let (past, this) = (back(1).to_string(), open_month().to_string());
    let usage = |month: &str| (0..RECORDS).map(|at| record(&format!("r-{month}-{at}"), "PostgreSQL", month)).collect();
    let (before, now): (String, String) = (usage(&past), usage(&this));
    stage.apply(ORGANIZATION)?;
    stage.apply(&before)?;
    stage.apply(&now)?;
    // Last, because a month that is over is closed at once.
    stage.apply(&group(&past))?;

    stage.wait("the past month is final, in slices", || {
        let invoice = stage.invoice("main", &past)?;
        (invoice["status"]["phase"] == "Final" && stage.slices(&past)?.len() > 1).then_some(())
    })?;
    stage.wait("the past month's period counts it", || {
        (stage.get(&["billingperiod", &past])?["status"]["final"].as_u64()? > 0).then_some(())
    })?;
    late_groups_are_invoiced_by_numbers_of_their_own(stage, &past)?;
    a_code_becomes_a_credit(stage)?;
    a_final_invoice_is_taken_back(stage)?;
    a_record_without_a_price_is_reported(stage, &this)?;
    slices_that_no_invoice_lists_are_swept(stage, &this)?;
    a_default_binding_comes_and_goes(stage)
}

fn a_code_becomes_a_credit(stage: &Stage) -> Result {
    let code = "WELCOME-2026-ABCDEFGH";
    stage.apply(&format!(
        "
apiVersion: billing-operator.io/v1alpha1
kind: CreditCode
metadata: {{name: '{}'}}
spec: {{type: Trial, amount: {{amount: '1', currency: USD}}}}
---
apiVersion: billing-operator.io/v1alpha1
kind: Credit
metadata: {{name: trial, namespace: acme}}
spec: {{billingGroup: main, code: {code}}}
",
        code_name(code)
    ))?;
    stage.wait("the code is worth something", || {
        let credit = stage.get(&["credit", "trial", "--namespace=acme"])?;
        (credit["status"]["amount"] == "1.00").then_some(())
    })
}

fn a_record_without_a_price_is_reported(stage: &Stage, month: &str) -> Result {
    stage.apply(&record("unpriced", "Abacus", month))?;
    stage.wait("the record without a price says so", || {
        let record = stage.get(&["usagerecord", "unpriced", "--namespace=acme"])?;
        (record["status"]["conditions"][0]["reason"] == "Unpriced").then_some(())
    })
}

/// A credit note of lines looks for what others took of them; one in full gives credits back.
fn a_final_invoice_is_taken_back(stage: &Stage) -> Result {
    for (name, what, reason) in [("part", "description", "Issued"), ("line", "line", "LineUnknown")] {
        stage.apply(&format!(
            "
apiVersion: billing-operator.io/v1alpha1
kind: CreditNote
metadata: {{name: {name}, namespace: acme}}
spec: {{invoice: acme-1, reason: Outage, lines: [{{{what}: goodwill, amount: '0.01'}}]}}
"
        ))?;
        stage.wait("the credit note is decided", || {
            let note = stage.get(&["creditnote", name, "--namespace=acme"])?;
            (note["status"]["conditions"][0]["reason"] == reason).then_some(())
        })?;
    }
    stage.apply(
        "
apiVersion: billing-operator.io/v1alpha1
kind: CreditNote
metadata: {name: whole, namespace: acme}
spec: {invoice: late-1, reason: Outage, full: true}
",
    )?;
    stage.wait("the credit that the invoice used is given back", || {
        let credit = stage.get(&["credit", "late-cn1-late", "--namespace=acme"])?;
        (credit["status"]["amount"] == "0.62").then_some(())
    })
}

fn slices_that_no_invoice_lists_are_swept(stage: &Stage, month: &str) -> Result {
    let first = stage.wait("the estimate is in slices", || stage.slices(month).filter(|slices| slices.len() > 1))?;
    stage.apply(&record("another", "PostgreSQL", month))?;
    stage.wait("a slice that is not listed any more is gone", || {
        let left = stage.get(&["invoiceslices", "--namespace=acme"])?;
        let left: BTreeSet<_> =
            left["items"].as_array()?.iter().filter_map(|it| it["metadata"]["name"].as_str()).collect();
        first.iter().any(|name| !left.contains(name.as_str())).then_some(())
    })
}

fn a_default_binding_comes_and_goes(stage: &Stage) -> Result {
    let binding = || stage.get(&["projectbinding", "billing", "--namespace=lab"]);
    stage.wait("the project that nobody bound has a group of its own", || {
        (binding()?["status"]["billingGroup"] == "lab").then_some(())
    })?;
    let patch = r#"--patch={"spec":{"billingGroup":"main"}}"#;
    let args = ["patch", "projectbinding", "billing", "--namespace=lab", "--type=merge", patch];
    stage.control_plane.kubectl_ok(User::Admin, &args)?;
    stage.wait("the project is moved, and its binding no default any more", || {
        let binding = binding()?;
        let is_default = binding["metadata"]["annotations"].get("billing-operator.io/default").is_some();
        (binding["status"]["billingGroup"] == "main" && !is_default).then_some(())
    })?;
    stage.wait("the group that was made for it is gone", || {
        let groups = stage.get(&["billinggroups", "--namespace=acme"])?;
        let names: Vec<_> =
            groups["items"].as_array()?.iter().filter_map(|it| it["metadata"]["name"].as_str()).collect();
        (!names.contains(&"lab")).then_some(())
    })
}

fn late_groups_are_invoiced_by_numbers_of_their_own(stage: &Stage, month: &str) -> Result {
    stage.apply(&late_groups(month))?;
    stage.wait("the late group's past month is final", || {
        (stage.invoice("late", month)?["status"]["phase"] == "Final").then_some(())
    })?;
    stage.wait("the group that wants the numbers of another is told", || {
        let group = stage.get(&["billinggroup", "imitator", "--namespace=acme"])?;
        group["status"]["conditions"].to_string().contains("InvoiceSeriesTaken").then_some(())
    })
}

/// What was asked for: by the operator itself, and in the name of the probe; and what was forbidden.
#[derive(Default)]
struct Asked {
    operator: Rights,
    probe: Rights,
    forbidden: Rights,
}

fn asked(log: &str) -> Result<Asked> {
    let mut asked = Asked::default();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line)?;
        let object = &event["objectRef"];
        let text = |key: &str| object[key].as_str().unwrap_or_default();
        if text("resource").is_empty() {
            continue;
        }
        let mut resource = format!("{}/{}", text("apiGroup"), text("resource"));
        if !text("subresource").is_empty() {
            resource = format!("{resource}/{}", text("subresource"));
        }
        let right = format!("{} {resource}", event["verb"].as_str().unwrap_or_default());
        if event["annotations"]["authorization.k8s.io/decision"] == "forbid" {
            asked.forbidden.insert(right);
        } else if event.get("impersonatedUser").is_some() {
            asked.probe.insert(right);
        } else {
            asked.operator.insert(right);
        }
    }
    Ok(asked)
}

/// What roles grant.
fn granted<'a>(roles: impl IntoIterator<Item = &'a Value>) -> Rights {
    let texts = |value: &'a Value| value.as_array().into_iter().flatten().filter_map(Value::as_str);
    let rules = roles.into_iter().flat_map(|role| role["rules"].as_array()).flatten();
    let of_rule = |rule: &'a Value| {
        texts(&rule["apiGroups"]).flat_map(move |group| {
            texts(&rule["resources"])
                .flat_map(move |resource| texts(&rule["verbs"]).map(move |verb| format!("{verb} {group}/{resource}")))
        })
    };
    rules.flat_map(of_rule).collect()
}

#[test]
fn the_operator_uses_every_right_that_it_has_and_lacks_none() -> Result {
    let mut stage = Stage::start()?;
    play(&stage)?;
    assert_eq!(stage.operator.terminate(LIMIT)?, 0);
    let asked = asked(&fs::read_to_string(&stage.log)?)?;
    fs::remove_file(&stage.log)?;
    assert_eq!(asked.forbidden, Rights::new(), "rights that are missing");

    let rendered = Rendered::with(&[], &[])?;
    let hidden = ASKED_FOR_BY_POLICIES.into_iter().chain(AFTER_A_CONFLICT).chain(WHEN_A_GROUP_GOES).map(str::to_owned);
    let used: Rights = asked.operator.into_iter().chain(hidden).collect();
    let unused: Vec<_> = granted([rendered.named("ClusterRole", RELEASE)?]).difference(&used).cloned().collect();
    assert_eq!(unused, Vec::<String>::new(), "rights of the operator that it does not use");

    let probe = format!("{RELEASE}-probe");
    let roles = [rendered.named("ClusterRole", &probe)?, rendered.named("Role", &probe)?];
    let hidden = ASKED_FOR_BY_POLICIES_OF_THE_PROBE.map(str::to_owned);
    let used: Rights = asked.probe.into_iter().chain(hidden).collect();
    assert_eq!(granted(roles), used, "left: granted to the probe, right: used");
    Ok(())
}
