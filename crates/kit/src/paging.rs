//! Lists that come page by page: no more than one page is held, and what does not decode stops nothing.
//!
//! Guarantees: every object that is there from the first page to the last is given once. One that comes or goes in between may be
//! given or not, as with a list that was read a moment sooner or later. Cost: one request a page.

use std::fmt::Debug;

use kube::api::ListParams;
use kube::core::Status;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::queue::note_progress;

/// HTTP's code for a continue token that the server has forgotten.
const GONE: u16 = 410;

/// The pages of a list of `T`: of whole objects as `DeserializeGuard<K>`, or of no more than their metadata as
/// `PartialObjectMeta<K>`, which is all that the API server sends then.
#[derive(Debug)]
pub struct Pages<T> {
    api: Api<T>,
    /// Asks for the next page; `None` after the last.
    next: Option<ListParams>,
    /// The domain of the keys of labels and annotations that are kept, with those below it; empty for all.
    kept: &'static str,
}

impl<T> Pages<T>
where
    T: Resource + Clone + Debug + DeserializeOwned,
{
    /// The objects that `params` select, so many in an answer.
    pub fn new(api: Api<T>, params: ListParams, page: u32) -> Self {
        Self { api, next: Some(params.limit(page)), kept: "" }
    }

    /// The same, with no labels and annotations but those whose keys begin with `prefix`: of the others there may be more than of
    /// all else.
    #[must_use]
    pub fn keeping(mut self, prefix: &'static str) -> Self {
        self.kept = prefix;
        self
    }

    /// The next page; `None` after the last. What objects say of who manages their fields is dropped.
    ///
    /// # Errors
    /// The API server did not answer, or refused. The same page is asked for again by the next call.
    pub async fn next(&mut self) -> Result<Option<Vec<T>>, kube::Error> {
        loop {
            let Some(params) = &self.next else { return Ok(None) };
            match self.api.list(params).await {
                Ok(page) => {
                    note_progress();
                    let token = page.metadata.continue_.filter(|token| !token.is_empty());
                    self.next = token.map(|token| params.clone().continue_token(&token));
                    return Ok(Some(page.items.into_iter().map(|object| trimmed(object, self.kept)).collect()));
                }
                // The server compacted the state that the list began with. Its token goes on behind the last object, in
                // the state of now.
                Err(kube::Error::Api(status)) => match later_token(&status) {
                    Some(token) if params.continue_token.as_deref() != Some(token) => {
                        self.next = Some(params.clone().continue_token(token));
                    }
                    Some(_) | None => return Err(kube::Error::Api(status)),
                },
                Err(error) => return Err(error),
            }
        }
    }

    /// Everything at once, for lists that are short by nature.
    ///
    /// # Errors
    /// The API server did not answer, or refused.
    pub async fn all(mut self) -> Result<Vec<T>, kube::Error> {
        let mut objects = Vec::new();
        while let Some(page) = self.next().await? {
            objects.extend(page);
        }
        Ok(objects)
    }
}

/// The token with which a list goes on whose own has expired.
fn later_token(status: &Status) -> Option<&str> {
    let metadata = status.metadata.as_ref().filter(|_| status.code == GONE)?;
    metadata.continue_.as_deref().filter(|token| !token.is_empty())
}

/// Without what nobody here reads, and what is as large as the rest.
/// Whether a key is of a domain, or of one below it. All are of none.
fn is_of(key: &str, domain: &str) -> bool {
    let prefix = key.split_once('/').map(|(prefix, _)| prefix);
    let rest = prefix.and_then(|prefix| prefix.strip_suffix(domain));
    domain.is_empty() || rest.is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

fn trimmed<T: Resource>(mut object: T, kept: &str) -> T {
    let metadata = object.meta_mut();
    metadata.managed_fields = None;
    for texts in [&mut metadata.labels, &mut metadata.annotations].into_iter().flatten() {
        texts.retain(|key, _| is_of(key, kept));
    }
    object
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::{Request, Response};
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::jiff::Timestamp;
    use kube::client::Body;
    use kube::core::DeserializeGuard;
    use kube::{Client, ResourceExt};

    use super::*;

    /// An API server that answers the requests of a list one after the other, and writes them down.
    fn server(answers: Vec<(u16, String)>) -> (Client, Arc<Mutex<Vec<String>>>) {
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let (log, mut answers) = (Arc::clone(&asked), answers.into_iter());
        let service = tower::service_fn(move |request: Request<Body>| {
            log.lock().expect("not poisoned").push(request.uri().query().unwrap_or_default().to_owned());
            let (status, body) = answers.next().expect("as many answers as requests");
            async move { Response::builder().status(status).body(Body::from(body.into_bytes())) }
        });
        (Client::new(service, "default"), asked)
    }

    fn page(names: &[&str], token: &str) -> (u16, String) {
        let managed = Timestamp::UNIX_EPOCH;
        let item = |name: &&str| {
            format!(
                r#"{{"metadata":{{"name":"{name}","managedFields":[{{"manager":"m","time":"{managed}"}}]}},"data":{{}}}}"#
            )
        };
        let items = names.iter().map(item).collect::<Vec<_>>().join(",");
        (
            200,
            format!(
                r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{"continue":"{token}"}},"items":[{items}]}}"#
            ),
        )
    }

    fn expired(token: &str) -> (u16, String) {
        let status =
            r#""kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old""#;
        (410, format!(r#"{{{status},"metadata":{{"continue":"{token}"}}}}"#))
    }

    async fn names(answers: Vec<(u16, String)>) -> (Result<Vec<String>, kube::Error>, Vec<String>) {
        let (client, asked) = server(answers);
        let pages =
            Pages::<DeserializeGuard<ConfigMap>>::new(Api::default_namespaced(client), ListParams::default(), 2);
        let read = pages.all().await;
        let names = read.map(|objects| objects.iter().map(ResourceExt::name_any).collect());
        let asked = asked.lock().expect("not poisoned").clone();
        (names, asked)
    }

    #[tokio::test]
    async fn pages_follow_each_other_to_the_last() {
        let (found, asked) = names(vec![page(&["a", "b"], "t1"), page(&["c"], "")]).await;
        assert_eq!(found.expect("answers"), ["a", "b", "c"]);
        assert_eq!(asked, ["&limit=2", "&limit=2&continue=t1"]);
    }

    #[tokio::test]
    async fn a_list_whose_token_expired_goes_on_behind_what_it_gave() {
        let answers = vec![page(&["a", "b"], "t1"), expired("t2"), page(&["c"], "")];
        let (found, asked) = names(answers).await;
        assert_eq!(found.expect("answers"), ["a", "b", "c"], "none twice");
        assert_eq!(asked[2], "&limit=2&continue=t2");
    }

    #[tokio::test]
    async fn a_server_that_offers_no_other_token_is_an_error_and_not_a_loop() {
        for token in ["", "t1"] {
            let (found, asked) = names(vec![page(&["a"], "t1"), expired(token)]).await;
            assert!(found.is_err());
            assert_eq!(asked.len(), 2, "asked once more, and not for ever");
        }
    }

    #[tokio::test]
    async fn only_the_labels_and_annotations_that_are_asked_for_are_kept() {
        let list = r#"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"a",
            "labels":{"our.io/x":"1","team":"2","your.io/x":"5","a.our.io/x":"6"},"annotations":{"our.io/y":"3","large":"4"}}}]}"#;
        let (client, _) = server(vec![(200, list.to_owned()), (200, list.to_owned())]);
        let api: Api<DeserializeGuard<ConfigMap>> = Api::default_namespaced(client);
        let pages = || Pages::new(api.clone(), ListParams::default(), 2);
        let keys = |found: &[DeserializeGuard<ConfigMap>]| {
            let (labels, annotations) = (found[0].labels().clone(), found[0].annotations().clone());
            labels.into_keys().chain(annotations.into_keys()).collect::<Vec<_>>()
        };
        assert_eq!(
            keys(&pages().keeping("our.io").all().await.expect("answers")),
            ["a.our.io/x", "our.io/x", "our.io/y"]
        );
        assert_eq!(keys(&pages().all().await.expect("answers")).len(), 6);
    }

    #[tokio::test]
    async fn what_does_not_decode_stands_beside_the_rest_and_nobody_keeps_who_manages_fields() {
        let list = r#"{"kind":"ConfigMapList","apiVersion":"v1","metadata":{},"items":[
            {"metadata":{"name":"bad"},"data":7},{"metadata":{"name":"good","managedFields":[{"manager":"m"}]}}]}"#;
        let (client, _) = server(vec![(200, list.to_owned())]);
        let pages =
            Pages::<DeserializeGuard<ConfigMap>>::new(Api::default_namespaced(client), ListParams::default(), 2);
        let found = pages.all().await.expect("answers");
        assert_eq!(
            found.iter().map(|one| (one.name_any(), one.0.is_ok())).collect::<Vec<_>>(),
            [("bad".to_owned(), false), ("good".to_owned(), true)]
        );
        assert!(found.iter().all(|one| one.meta().managed_fields.is_none()));
    }
}
