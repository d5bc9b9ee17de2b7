//! Which kinds are watched, and how.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use kube::core::{DeserializeGuard, PartialObjectMeta};
use kube::runtime::watcher;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::watch::{Sink, watch_metadata, watch_objects};
use billing_api as api;
use billing_planning::receivables::open;
use billing_state::{ObservedState, Observes};
use operator_kit::supervision::Supervisor;
use operator_kit::watching::Watching;

/// Starts all watches. Each answer tells how one is, and when the first complete list of its kind is in the state.
pub fn start(ctx: &Arc<Context>, tasks: &Supervisor, cancel: &CancellationToken) -> Vec<Watching> {
    let all = || watcher::Config::default().streaming_lists();
    let start = Start { ctx, tasks, cancel };
    vec![
        start.objects::<Namespace>("namespaces", all().labels(api::labels::ORGANIZATION_LABEL)),
        start.objects::<api::BillingGroup>("billinggroups", all()),
        start.objects::<api::ProjectBinding>("projectbindings", all()),
        start.objects::<api::ProjectLedger>("projectledgers", all()),
        start.objects::<api::UsageRecord>("usagerecords", all()),
        start.objects::<api::PriceList>("pricelists", all()),
        start.objects::<api::ExchangeRates>("exchangerates", all()),
        start.objects::<api::InvoiceIssuer>("invoiceissuers", all()),
        start.objects::<api::BillingPeriod>("billingperiods", all()),
        start.objects::<api::Credit>("credits", all()),
        start.objects::<api::CreditCode>("creditcodes", all()),
        // The whole document of what can still change, and only the names of what cannot.
        start.objects::<api::Invoice>("invoices", all().fields("status.phase!=Final")),
        start.metadata::<api::Invoice>("invoices-metadata", all()),
        // All of them: of an issued one, credits may still have to go back. Those that are done are not kept.
        start.objects::<api::CreditNote>("creditnotes", all()),
        // A few numbers of what is to be paid.
        start.objects::<api::Receivable>("invoices-receivable", all().fields(&open())),
    ]
}

struct Start<'a> {
    ctx: &'a Arc<Context>,
    tasks: &'a Supervisor,
    cancel: &'a CancellationToken,
}

impl Start<'_> {
    fn objects<K>(&self, kind: &'static str, config: watcher::Config) -> Watching
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
        ObservedState: Observes<K>,
    {
        let watching = self.watching(kind);
        let api: Api<DeserializeGuard<K>> = Api::all(watching.client(self.ctx.client.clone()));
        let sink = Sink::new(self.ctx.clone(), watching.clone());
        self.tasks.spawn(format!("watch of {kind}"), watch_objects::<K>(api, config, sink, self.cancel.clone()));
        watching
    }

    fn metadata<K>(&self, kind: &'static str, config: watcher::Config) -> Watching
    where
        K: Resource<DynamicType = ()> + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
        ObservedState: Observes<PartialObjectMeta<K>>,
    {
        let watching = self.watching(kind);
        let api: Api<PartialObjectMeta<K>> = Api::all(watching.client(self.ctx.client.clone()));
        let sink = Sink::new(self.ctx.clone(), watching.clone());
        self.tasks.spawn(format!("watch of {kind}"), watch_metadata::<K>(api, config, sink, self.cancel.clone()));
        watching
    }

    fn watching(&self, kind: &'static str) -> Watching {
        Watching::new(kind, self.ctx.clock.clone(), self.ctx.metrics.work.clone())
    }
}
