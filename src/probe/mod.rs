//! Whether the admission policies are in force. Without them nothing guards the books, so the
//! operator does no money work until each of them has refused a request of a probe.
//!
//! The policies let the operator pass, so it cannot ask as itself: it impersonates a service account
//! that RBAC allows exactly these requests, every one a dry run that is refused by one policy.
//!
//! | policy `billing-operator-…` | request of the probe              | right that the probe's roles grant       |
//! | --------------------------- | --------------------------------- | ---------------------------------------- |
//! | `billinggroup`              | a group with terms                | create billinggroups                     |
//! | `projectbinding`            | a binding to a group it may not use | create projectbindings                 |
//! | `usagerecord`               | usage, and it is no meter         | create usagerecords                      |
//! | `invoice`                   | an invoice                        | create invoices                          |
//! | `creditnote`                | a credit note, and it may not settle | create creditnotes                    |
//! | `operator`                  | a project's ledger                | create projectledgers                    |
//! | `billingperiod`             | the end of a month                | create billingperiods (in the cluster)   |
//! | `meter`                     | a meter, and it may not meter     | create meters (in the cluster)           |
//! | `metadata`                  | an issuer with a mark of the operator | create invoiceissuers (in the cluster) |
//! | `organization`              | the namespace into an organization | patch the operator's namespace          |
//! | `books`                     | a deletion confirmed by a wrong name | patch the operator's namespace; reassign organizations |
//!
//! Two policies cannot be asked so: `probe`, which lets this account do nothing but dry runs, and `quota`, which is about the
//! namespaces of organizations. They are held by the [comparison](crate::integrity) alone.
//!
//! Once each of them refuses, the operator asks as itself for something that only it may do: policies that know another
//! account would refuse it everything.
//!
//! The namespaced ones are about the operator's own namespace. The operator itself needs only
//! `impersonate` on that service account, and to watch the policies and their bindings.

mod account;
mod requests;

use std::collections::BTreeMap;
use std::fmt;
use std::future::ready;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{Stream, StreamExt, select};
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use kube::core::PartialObjectMeta;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::BillingMetrics;
use crate::watch::has_expired;
use operator_kit::trouble::Troubles;
use requests::{Probe, probes};

/// What the names of our policies and bindings begin with.
const PREFIX: &str = "billing-operator-";

/// While a policy is missing, or a change may not have reached the API server's own cache yet.
const PROBE_RETRY: Duration = Duration::from_secs(2);

/// A change of a policy takes effect within a second or so; we look on for this long.
const POLICY_PROPAGATION: Duration = Duration::from_secs(10);

/// Otherwise, in case a role was taken away, of which no watch tells.
const PROBE_INTERVAL: Duration = Duration::from_secs(300);

/// Whether the admission policies guard the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyState {
    /// The API server has not answered yet.
    Unknown,
    /// Each policy refused its probe.
    Enforced,
    /// These did not.
    Missing(Vec<MissingPolicy>),
    /// Each did, and they refuse the operator itself, too: why.
    OtherAccount(String),
}

/// A policy that did not refuse its probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPolicy {
    /// The policy's name.
    pub policy: &'static str,
    /// What happened instead, and what to do.
    pub why: String,
}

impl PolicyState {
    /// Whether money work may be done.
    pub fn is_enforced(&self) -> bool {
        *self == Self::Enforced
    }

    /// The policies that did not refuse.
    fn missing(&self) -> &[MissingPolicy] {
        match self {
            Self::Missing(missing) => missing,
            Self::Unknown | Self::Enforced | Self::OtherAccount(_) => &[],
        }
    }

    /// As a check of `/readyz`.
    ///
    /// # Errors
    /// Says which policies are missing, and why.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Enforced => Ok(()),
            Self::Unknown | Self::Missing(_) | Self::OtherAccount(_) => Err(self.to_string()),
        }
    }
}

impl fmt::Display for PolicyState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => formatter.write_str("the admission policies have not been probed yet"),
            Self::Enforced => formatter.write_str("the admission policies are in force"),
            Self::Missing(missing) => {
                let each: Vec<_> = by_cause(missing)
                    .map(|(why, policies)| format!("{} not in force: {why}", policies.join(", ")))
                    .collect();
                formatter.write_str(&each.join("; "))
            }
            Self::OtherAccount(why) => formatter.write_str(why),
        }
    }
}

/// Asks the policies for refusals, again and again.
pub struct Prober {
    client: Client,
    namespace: String,
    user: String,
    probes: Vec<Probe>,
    metrics: BillingMetrics,
    state: watch::Sender<PolicyState>,
    troubles: Troubles,
}

/// What one probe found; no finding when the API server did not answer it.
type ProbeResult = Option<Result<(), MissingPolicy>>;

impl Prober {
    /// A prober that asks as `user` about `namespace`, and where to read what it finds.
    pub fn new(
        client: Client,
        namespace: &str,
        user: String,
        metrics: BillingMetrics,
    ) -> (Self, watch::Receiver<PolicyState>) {
        let (state, states) = watch::channel(PolicyState::Unknown);
        let (probes, namespace, troubles) = (probes(namespace), namespace.to_owned(), Troubles::default());
        (Self { client, namespace, user, probes, metrics, state, troubles }, states)
    }

    /// Probes at once, soon again while something is missing or changing, and otherwise now and
    /// then, until `cancel`.
    pub async fn run(self, cancel: CancellationToken) {
        let policies = changes::<ValidatingAdmissionPolicy>(&self.client);
        let bindings = changes::<ValidatingAdmissionPolicyBinding>(&self.client);
        let mut changes = std::pin::pin!(select(policies, bindings).ready_chunks(64));
        let mut changed = Instant::now();
        loop {
            if cancel.run_until_cancelled(self.probe()).await.is_none() {
                return;
            }
            let steady = changed.elapsed() >= POLICY_PROPAGATION && self.state.borrow().is_enforced();
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(if steady { PROBE_INTERVAL } else { PROBE_RETRY }) => {}
                Some(_) = changes.next() => changed = Instant::now(),
            }
        }
    }

    /// Asks all policies at once and publishes what they answered.
    async fn probe(&self) {
        let findings = join_all(self.probes.iter().map(|probe| self.ask(probe))).await;
        let state = match conclude(findings) {
            Some(PolicyState::Enforced) => self.ask_as_oneself().await,
            concluded => concluded,
        };
        let Some(state) = state else { return };
        self.metrics.policies_missing(state.missing().len());
        self.metrics.account_unknown(matches!(state, PolicyState::OtherAccount(_)));
        self.state.send_if_modified(|before| {
            let news = *before != state;
            if news {
                report(&state);
                *before = state;
            }
            news
        });
    }

    async fn ask(&self, probe: &Probe) -> ProbeResult {
        let request = probe.request(&self.user).map_err(kube::Error::HttpError);
        let answer = match request {
            Ok(request) => self.client.request::<Value>(request).await,
            Err(error) => Err(error),
        };
        let found = judge(probe.policy, &self.user, &answer);
        let unanswered = || format!("the probe of admission policy {} was not answered", probe.policy);
        match answer {
            Err(error) if found.is_none() => self.troubles.tell(unanswered(), &error),
            Ok(_) | Err(_) => self.troubles.over(unanswered),
        }
        found
    }

    /// What the policies that are in force say to the operator itself; nothing when the API server did not answer.
    async fn ask_as_oneself(&self) -> Option<PolicyState> {
        const UNANSWERED: &str = "whether the policies know the operator's account was not answered";
        match account::ask(&self.client, &self.namespace).await {
            Ok(known) => {
                self.troubles.over(|| UNANSWERED);
                Some(known.map_or_else(PolicyState::OtherAccount, |()| PolicyState::Enforced))
            }
            Err(error) => {
                self.troubles.tell(UNANSWERED, &error);
                None
            }
        }
    }
}

/// Whenever one of our policies or bindings changes, or may have changed unseen.
pub(crate) fn changes<K>(client: &Client) -> impl Stream<Item = ()> + use<K>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + fmt::Debug + Send + 'static,
{
    let all: Api<PartialObjectMeta<K>> = Api::all(client.clone());
    let troubles = Troubles::default();
    let failed = || format!("the watch of {} failed", K::plural(&()));
    watcher(all, watcher::Config::default()).default_backoff().filter_map(move |event| {
        if event.is_ok() {
            troubles.over(failed);
        }
        let changed = match event {
            Ok(watcher::Event::Apply(object) | watcher::Event::Delete(object)) => {
                object.name_any().starts_with(PREFIX).then_some(())
            }
            // A new list may lack what was there before.
            Ok(watcher::Event::InitDone) => Some(()),
            Ok(watcher::Event::Init | watcher::Event::InitApply(_)) => None,
            Err(error) => {
                if !has_expired(&error) {
                    troubles.tell(failed(), &error);
                }
                None
            }
        };
        ready(changed)
    })
}

/// The policies that are asked.
#[cfg(test)]
pub(crate) fn probed_policies() -> Vec<&'static str> {
    probes("billing-system").into_iter().map(|probe| probe.policy).collect()
}

/// What an answer says about the policy that should have refused.
fn judge(policy: &'static str, user: &str, answer: &Result<Value, kube::Error>) -> ProbeResult {
    let missing = |why: String| Some(Err(MissingPolicy { policy, why }));
    match answer {
        Ok(_) => missing("a forbidden request was admitted, install the chart with policies.install=true".to_owned()),
        Err(kube::Error::Api(status)) if is_refusal(&status.message, policy) => Some(Ok(())),
        Err(kube::Error::Api(status)) if status.code == 403 => missing(format!(
            "the probe was refused before the policy was asked, grant {user} the chart's probe roles and let the operator impersonate it: {}",
            status.message
        )),
        Err(kube::Error::Api(status)) if is_verdict(status.code) => missing(format!(
            "the probe was rejected before the policy was asked, install the CRDs of the same version: {}",
            status.message
        )),
        Err(_) => None,
    }
}

/// Whether this very policy refused. A refusal by RBAC, or by another policy, says nothing about it.
fn is_refusal(message: &str, policy: &str) -> bool {
    message.contains(&format!("ValidatingAdmissionPolicy '{policy}'")) && message.contains("denied request")
}

/// Whether the status is about the request, and not about the server's state.
fn is_verdict(code: u16) -> bool {
    matches!(code, 400 | 404 | 405 | 409 | 415 | 422)
}

/// The state that the findings amount to; none if one is not known, unless another is missing.
fn conclude(findings: Vec<ProbeResult>) -> Option<PolicyState> {
    let unanswered = findings.iter().any(Option::is_none);
    let missing: Vec<_> = findings.into_iter().flatten().filter_map(Result::err).collect();
    match (missing.is_empty(), unanswered) {
        (false, _) => Some(PolicyState::Missing(missing)),
        (true, true) => None,
        (true, false) => Some(PolicyState::Enforced),
    }
}

/// The policies that are missing for the same cause together: usually it is one for all.
fn by_cause(missing: &[MissingPolicy]) -> impl Iterator<Item = (&str, Vec<&'static str>)> {
    let mut causes: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for MissingPolicy { policy, why } in missing {
        causes.entry(why).or_default().push(*policy);
    }
    causes.into_iter()
}

fn report(state: &PolicyState) {
    match state {
        PolicyState::Missing(missing) => {
            for (why, policies) in by_cause(missing) {
                let policies = policies.join(" ");
                tracing::warn!(
                    policies,
                    why,
                    "nothing that concerns money is done: admission policies are not in force"
                );
            }
        }
        PolicyState::Enforced => tracing::info!("{state}"),
        PolicyState::OtherAccount(_) => tracing::error!("nothing is written: {state}"),
        PolicyState::Unknown => {}
    }
}

#[cfg(test)]
mod tests;
