//! Against an API server that refuses or not, as the test says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::request::Parts;
use http::{Request, Response};
use kube::client::Body;
use kube::core::Status;
use serde_json::json;
use tokio::sync::Notify;
use tower::BoxError;

use super::*;

const BOOKS: &str = "billing-operator-books";

fn refused(code: u16, message: &str) -> Result<Value, kube::Error> {
    let status = Status { code, message: message.to_owned(), ..Status::default() };
    Err(kube::Error::Api(Box::new(status)))
}

fn denial(policy: &str) -> String {
    format!(
        "namespaces \"billing-system\" is forbidden: ValidatingAdmissionPolicy '{policy}' \
         with binding '{policy}' denied request: the books stay"
    )
}

#[test]
fn only_a_refusal_that_names_the_policy_counts() {
    let judged = |answer| judge(BOOKS, "the-probe", &answer);
    assert_eq!(judged(refused(403, &denial(BOOKS))), Some(Ok(())));
    assert_eq!(judged(refused(422, &denial(BOOKS))), Some(Ok(())));
    for (answer, hint) in [
        (Ok(json!({})), "policies.install=true"),
        (refused(403, &denial("billing-operator-invoice")), "probe roles"),
        (refused(403, "User \"x\" cannot patch resource \"namespaces\""), "probe roles"),
        (refused(404, "the server could not find the requested resource"), "CRDs"),
        (refused(422, "spec.terms: Invalid value"), "CRDs"),
    ] {
        let finding = judged(answer).expect("an answer");
        assert!(finding.as_ref().is_err_and(|missing| missing.why.contains(hint)), "{finding:?}");
    }
}

#[test]
fn a_server_in_trouble_says_nothing_about_a_policy() {
    for code in [401, 429, 500, 503] {
        assert_eq!(judge(BOOKS, "the-probe", &refused(code, "later")), None, "{code}");
    }
}

#[test]
fn one_missing_policy_is_enough_and_one_unknown_keeps_the_state() {
    let missing = MissingPolicy { policy: BOOKS, why: "gone".to_owned() };
    let found = Some(Err(missing.clone()));
    assert_eq!(conclude(vec![Some(Ok(())), None, found]), Some(PolicyState::Missing(vec![missing])));
    assert_eq!(conclude(vec![Some(Ok(())), None]), None);
    assert_eq!(conclude(vec![Some(Ok(())), Some(Ok(()))]), Some(PolicyState::Enforced));
}

#[test]
fn policies_missing_for_one_cause_are_told_in_one_breath() {
    let missing = |policy, why: &str| MissingPolicy { policy, why: why.to_owned() };
    let state = PolicyState::Missing(vec![missing("a", "no CRDs"), missing("b", "passed"), missing("c", "no CRDs")]);
    assert_eq!(state.to_string(), "a, c not in force: no CRDs; b not in force: passed");
}

/// The policies as a test sets them, and the word that one of them changed.
#[derive(Clone, Default)]
struct Cluster {
    enforced: Arc<AtomicBool>,
    /// Whether the policies know another account than the operator's.
    foreign: Arc<AtomicBool>,
    changed: Arc<Notify>,
}

impl Cluster {
    fn client(&self) -> Client {
        let cluster = self.clone();
        let server = tower::service_fn(move |request: Request<Body>| {
            let cluster = cluster.clone();
            async move { cluster.answer(request.into_parts().0).await }
        });
        Client::new(server, "default")
    }

    async fn answer(&self, request: Parts) -> Result<Response<Body>, BoxError> {
        let query = request.uri.query().unwrap_or_default();
        let (code, body) = if query.contains("dryRun=All") {
            self.admission(&request)
        } else if request.uri.path().ends_with("/selfsubjectreviews") {
            (201, json!({"status": {"userInfo": {"username": "somebody-else"}}}))
        } else if request.uri.path().ends_with("/billing-operator-operator") {
            let known = json!([{"name": "operator", "expression": "request.userInfo.username == 'the-operator'"}]);
            (200, json!({"metadata": {"name": "billing-operator-operator"}, "spec": {"variables": known}}))
        } else if query.contains("watch=true") {
            self.changed.notified().await;
            let object = json!({"metadata": {"name": BOOKS, "resourceVersion": "2"}});
            (200, json!({"type": "MODIFIED", "object": object}))
        } else {
            (200, json!({"metadata": {"resourceVersion": "1"}, "items": []}))
        };
        let body = Body::from(format!("{body}\n").into_bytes());
        Ok(Response::builder().status(code).body(body)?)
    }

    fn admission(&self, request: &Parts) -> (u16, Value) {
        let Some(user) = request.headers.get("Impersonate-User") else { return self.as_operator() };
        assert_eq!(user, "the-probe");
        if !self.enforced.load(Ordering::SeqCst) {
            return (200, json!({}));
        }
        // Which policy a request is for is the real server's to know: this one names them all.
        let all: String = probes("billing-system").iter().map(|probe| denial(probe.policy)).collect();
        (403, json!({"kind": "Status", "status": "Failure", "code": 403, "message": all}))
    }

    fn as_operator(&self) -> (u16, Value) {
        if !self.foreign.load(Ordering::SeqCst) {
            return (201, json!({}));
        }
        let message = denial("billing-operator-operator");
        (403, json!({"kind": "Status", "status": "Failure", "code": 403, "message": message}))
    }
}

#[tokio::test(start_paused = true)]
async fn money_work_waits_for_the_policies_and_stops_when_one_goes() {
    let cluster = Cluster::default();
    let metrics = crate::metrics::Metrics::new();
    let (prober, mut states) =
        Prober::new(cluster.client(), "billing-system", "the-probe".to_owned(), metrics.billing.clone());
    let cancel = CancellationToken::new();
    let running = tokio::spawn(prober.run(cancel.clone()));
    assert_eq!(*states.borrow(), PolicyState::Unknown);

    states.wait_for(|state| matches!(state, PolicyState::Missing(missing) if missing.len() == 12)).await.expect("runs");
    assert!(metrics.exposition.encode().expect("encodes").contains("billing_operator_policies_missing 12"));

    cluster.enforced.store(true, Ordering::SeqCst);
    states.wait_for(PolicyState::is_enforced).await.expect("runs");
    tokio::time::sleep(POLICY_PROPAGATION * 2).await;

    let begin = Instant::now();
    cluster.enforced.store(false, Ordering::SeqCst);
    cluster.changed.notify_one();
    states.wait_for(|state| !state.is_enforced()).await.expect("runs");
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    assert!(states.borrow().check().is_err());

    cancel.cancel();
    running.await.expect("stops");
}

#[tokio::test(start_paused = true)]
async fn policies_that_know_another_account_are_told_with_both_names() {
    let cluster = Cluster::default();
    cluster.enforced.store(true, Ordering::SeqCst);
    cluster.foreign.store(true, Ordering::SeqCst);
    let metrics = crate::metrics::Metrics::new();
    let (prober, mut states) =
        Prober::new(cluster.client(), "billing-system", "the-probe".to_owned(), metrics.billing.clone());
    let cancel = CancellationToken::new();
    let running = tokio::spawn(prober.run(cancel.clone()));
    states.wait_for(|state| matches!(state, PolicyState::OtherAccount(_))).await.expect("runs");
    let said = states.borrow().check().unwrap_err();
    let both = "the policies know another account: the-operator, and this operator is somebody-else; ";
    assert!(said.starts_with(both), "{said}");
    let counted = |line: &str| metrics.exposition.encode().expect("encodes").lines().any(|found| found == line);
    assert!(counted("billing_operator_account_unknown 1") && counted("billing_operator_policies_missing 0"));

    cluster.foreign.store(false, Ordering::SeqCst);
    states.wait_for(PolicyState::is_enforced).await.expect("runs");
    assert!(counted("billing_operator_account_unknown 0"));
    cancel.cancel();
    running.await.expect("stops");
}
