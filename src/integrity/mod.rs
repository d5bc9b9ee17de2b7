//! Whether the definitions, policies and bindings of the cluster are those that the operator was built with.
//!
//! The [probe](crate::probe) asks whether the API server obeys; it cannot see a policy of which a rule is missing, or a binding
//! that spares one organization. So everything is compared, in a normal form in which labels, words and defaults count as nothing.
//! A deviation is told at once, by object and path. After a while, which an upgrade may take, nothing that is irreversible is
//! written any more: finals, reservations, ledgers, credit notes. Estimates go on.

mod built;
pub mod forms;

use std::fmt::{self, Debug};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::select;
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::metrics::BillingMetrics;
use crate::probe::changes;
use operator_kit::trouble::Troubles;

pub use built::{Built, Deviation, WITHOUT_PROBE};

/// How often everything is compared when no change was seen: definitions are not watched.
const INTERVAL: Duration = Duration::from_secs(60);

/// How soon again while something deviates.
const RETRY: Duration = Duration::from_secs(5);

/// What the comparison found last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// Nothing was compared yet.
    Unknown,
    /// All is as it was built.
    Whole,
    /// This is not.
    Weakened {
        /// Since when something was not.
        since: Instant,
        /// What is not.
        deviations: Vec<Deviation>,
    },
}

impl Integrity {
    /// Whether nothing irreversible is written any more: something was weakened for longer than `grace`.
    pub fn stops_money(&self, grace: Duration) -> bool {
        matches!(self, Self::Weakened { since, .. } if since.elapsed() >= grace)
    }

    /// As a check of `/readyz`.
    ///
    /// # Errors
    /// Says what was weakened, and what to do.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Whole => Ok(()),
            Self::Unknown | Self::Weakened { .. } => Err(self.to_string()),
        }
    }

    fn deviations(&self) -> &[Deviation] {
        match self {
            Self::Weakened { deviations, .. } => deviations,
            Self::Unknown | Self::Whole => &[],
        }
    }
}

impl fmt::Display for Integrity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => formatter.write_str("definitions and policies have not been compared yet"),
            Self::Whole => formatter.write_str("definitions and policies are as this operator was built with"),
            Self::Weakened { deviations, .. } => {
                let each: Vec<_> =
                    deviations.iter().map(|Deviation { object, what }| format!("{object} {what}")).collect();
                write!(
                    formatter,
                    "not as this operator was built with, make everything as the release has it (helm get manifest <release> | kubectl replace -f -), and install the chart of the same version (helm upgrade --force-conflicts): {}",
                    each.join("; ")
                )
            }
        }
    }
}

/// Compares again and again.
pub struct Comparer {
    client: Client,
    built: Built,
    metrics: BillingMetrics,
    state: watch::Sender<Integrity>,
    troubles: Troubles,
}

impl Comparer {
    /// What compares with `built`, and where to read what it finds.
    pub fn new(client: Client, built: Built, metrics: BillingMetrics) -> (Self, watch::Receiver<Integrity>) {
        let (state, states) = watch::channel(Integrity::Unknown);
        (Self { client, built, metrics, state, troubles: Troubles::default() }, states)
    }

    /// Compares at once, whenever a policy or a binding changes, and now and then, until `cancel`.
    pub async fn run(self, cancel: CancellationToken) {
        let policies = changes::<ValidatingAdmissionPolicy>(&self.client);
        let bindings = changes::<ValidatingAdmissionPolicyBinding>(&self.client);
        let mut changes = std::pin::pin!(select(policies, bindings).ready_chunks(64));
        loop {
            if cancel.run_until_cancelled(self.compare()).await.is_none() {
                return;
            }
            let whole = *self.state.borrow() == Integrity::Whole;
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(if whole { INTERVAL } else { RETRY }) => {}
                Some(_) = changes.next() => {}
            }
        }
    }

    /// Reads everything by name and publishes what deviates. What cannot be read keeps the finding of before.
    async fn compare(&self) {
        const FAILED: &str = "definitions and policies could not be compared";
        let mut deviations = match self.deviations().await {
            Ok(deviations) => deviations,
            Err(error) => {
                self.troubles.tell(FAILED, &error);
                return;
            }
        };
        self.troubles.over(|| FAILED);
        deviations.sort();
        self.metrics.guards_weakened(deviations.len());
        self.state.send_if_modified(|before| {
            if !deviations.is_empty() && before.deviations() == deviations {
                return false;
            }
            let since = match before {
                Integrity::Weakened { since, .. } => *since,
                Integrity::Unknown | Integrity::Whole => Instant::now(),
            };
            let found = match deviations.is_empty() {
                true => Integrity::Whole,
                false => Integrity::Weakened { since, deviations },
            };
            let news = *before != found;
            if news {
                report(&found);
                *before = found;
            }
            news
        });
    }

    async fn deviations(&self) -> Result<Vec<Deviation>, kube::Error> {
        let mut found = Vec::new();
        for name in self.built.policies() {
            match self.read::<ValidatingAdmissionPolicy>(name).await? {
                Read::Found(policy) => found.extend(self.built.policy_deviation(name, policy.as_deref())),
                Read::Forbidden(deviation) => found.push(deviation),
            }
            match self.read::<ValidatingAdmissionPolicyBinding>(name).await? {
                Read::Found(binding) => found.extend(self.built.binding_deviation(name, binding.as_deref())),
                Read::Forbidden(deviation) => found.push(deviation),
            }
        }
        for name in self.built.definitions() {
            match self.read::<CustomResourceDefinition>(name).await? {
                Read::Found(definition) => found.extend(self.built.definition_deviation(name, definition.as_deref())),
                Read::Forbidden(deviation) => found.push(deviation),
            }
        }
        Ok(found)
    }

    async fn read<K>(&self, name: &str) -> Result<Read<K>, kube::Error>
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
    {
        let api: Api<K> = Api::all(self.client.clone());
        match api.get_opt(name).await {
            Ok(found) => Ok(Read::Found(found.map(Box::new))),
            Err(kube::Error::Api(status)) if status.code == 403 => {
                let object = format!("{} {name}", K::kind(&()));
                Ok(Read::Forbidden(Deviation { object, what: format!("cannot be read: {}", status.message) }))
            }
            Err(error) => Err(error),
        }
    }
}

/// What was read.
enum Read<K> {
    Found(Option<Box<K>>),
    Forbidden(Deviation),
}

fn report(state: &Integrity) {
    match state {
        Integrity::Weakened { .. } => tracing::error!("{state}"),
        Integrity::Whole => tracing::info!("{state}"),
        Integrity::Unknown => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Deviation, Integrity};
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn an_upgrade_has_its_time_and_what_stays_weakened_stops() {
        let grace = Duration::from_secs(600);
        let deviations = vec![Deviation { object: "X y".to_owned(), what: "is missing".to_owned() }];
        let weakened = Integrity::Weakened { since: Instant::now(), deviations };
        assert!(weakened.check().unwrap_err().contains("X y is missing"));
        tokio::time::advance(Duration::from_secs(599)).await;
        assert!(!weakened.stops_money(grace));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(weakened.stops_money(grace));
        assert!(!Integrity::Whole.stops_money(Duration::ZERO) && !Integrity::Unknown.stops_money(Duration::ZERO));
        assert!(Integrity::Whole.check().is_ok() && Integrity::Unknown.check().is_err());
    }
}
