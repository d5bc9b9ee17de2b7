//! Against an API server on which organizations fail, or do not answer.

use std::future::pending;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use tokio::sync::watch;

use super::*;
use crate::context::ContextParts;
use crate::integrity::Integrity;
use crate::metrics::Metrics;
use crate::probe::PolicyState;
use crate::settings::tests::parse;
use billing_planning::billing_settings::BillingSettings;
use operator_kit::clock::{ServerClock, SystemClock};
use operator_kit::events::Events;

/// An operator before an API server without objects. What is in `slow` gets no answer, and what is in `broken` an error.
fn context() -> (Arc<Context>, Arc<Mutex<Vec<String>>>) {
    let lists: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&lists);
    let server = tower::service_fn(move |request: Request<Body>| {
        let path = request.uri().path().to_owned();
        log.lock().expect("not poisoned").push(path.clone());
        async move {
            if path.contains("/namespaces/slow/") {
                return pending().await;
            }
            let (code, body) = match path.contains("/namespaces/broken/") {
                true => (500, json!({ "kind": "Status", "status": "Failure", "code": 500 })),
                false => (200, json!({ "metadata": { "resourceVersion": "1" }, "items": [] })),
            };
            Response::builder().status(code).body(Body::from(body.to_string().into_bytes()))
        }
    });
    let metrics = Metrics::new();
    let settings = parse(&[]).expect("the defaults are valid");
    let parts = ContextParts {
        client: Client::new(server, "default"),
        clock: ServerClock::new(Arc::new(SystemClock)),
        settings: BillingSettings::try_from(&settings.billing).expect("valid"),
        events: Events::channel("test", metrics.work.clone()).0,
        policies: watch::channel(PolicyState::Enforced).1,
        integrity: watch::channel(Integrity::Whole).1,
        metrics,
    };
    (Arc::new(Context::new(parts)), lists)
}

fn due(ctx: &Context, organization: &'static str) -> Name {
    let name = Name::from(organization);
    ctx.due.add(&name, Uid(7));
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_that_is_slow_or_cannot_be_read_delays_no_other() {
    let (ctx, _) = context();
    let organizations = ["slow", "broken", "acme"].map(|organization| due(&ctx, organization));
    let [slow, broken, acme] = organizations;
    let waiting = tokio::spawn({
        let ctx = Arc::clone(&ctx);
        async move { reconcile(&ctx, &slow).await }
    });
    assert_eq!(reconcile(&ctx, &broken).await, Outcome::Failed);
    assert_eq!(reconcile(&ctx, &acme).await, Outcome::Done);
    assert!(!waiting.is_finished());
    assert!(ctx.due.take(&broken).is_some_and(|due| due.groups.contains(&Uid(7))), "it stays due");
    assert!(ctx.due.take(&acme).is_none());
    waiting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_of_a_time_share_what_they_read_of_the_cluster_and_none_what_is_older_than_its_groups() {
    let (ctx, lists) = context();
    let periods = || {
        let lists = lists.lock().expect("not poisoned");
        lists.iter().filter(|path| path.ends_with("/billingperiods")).count()
    };
    let (first, second) = (due(&ctx, "acme").clone(), due(&ctx, "umbra"));
    let due_first = ctx.due.take(&first).expect("it is due");
    let held = fetch::fetch(&ctx, &first, due_first.since).await.map_err(|error| error.to_string());
    assert_eq!(reconcile(&ctx, &second).await, Outcome::Done);
    assert_eq!(periods(), 1, "umbra was due before that was read");
    assert_eq!(reconcile(&ctx, &due(&ctx, "umbra")).await, Outcome::Done);
    assert_eq!(periods(), 2, "it was due again after");
    drop(held);
    assert_eq!(reconcile(&ctx, &second).await, Outcome::Done);
    assert_eq!(periods(), 2, "nothing is due");
}
