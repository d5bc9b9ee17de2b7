//! The client of a server of metrics.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use billing_api::{Flavour, MetricsServerSpec};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Request, StatusCode, Uri};
use hyper::body::Body as HttpBody;
use kube::client::Body;
use kube::{Client, Config};
use operator_kit::trouble::chain;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::answer::said;
use super::{AnswerError, Parameters, Query, decode};
use crate::sums::Scraped;

/// What servers' logs call the meter.
const AGENT: &str = concat!("billing-meter/", env!("CARGO_PKG_VERSION"));

/// How long an answer may be at most for each series that may be there, in bytes: twice what an hour of samples takes.
const BYTES_PER_SERIES: usize = 8 << 10;

/// How long an answer may be however few series may be there.
const LEAST_BYTES: usize = 1 << 20;

/// How long the message of a failure is read at most, in bytes.
const MAX_FAILURE: usize = 64 << 10;

/// The header that names a tenant of Mimir.
const TENANT: &str = "x-scope-orgid";

/// Headers by their names, as a Secret has them.
pub type Headers = BTreeMap<String, Vec<u8>>;

/// Why there are no samples.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The MetricsServer, or its Secret, says something that cannot be sent.
    #[error("{field} {message}")]
    Unusable {
        /// The field, or the key of the Secret.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// Nobody answers in time.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// There is no connection, or it broke off.
    #[error("{0}")]
    Transport(String),
    /// The server answers that it cannot.
    #[error("the server answers {status}: {message}")]
    Status {
        /// The status.
        status: StatusCode,
        /// What it says.
        message: String,
    },
    /// The answer is longer than so many bytes.
    #[error("the answer has more than {0} bytes, which is too much for maxSeries of the MetricsServer: select less")]
    TooLong(usize),
    /// What came is no answer.
    #[error(transparent)]
    Answer(#[from] AnswerError),
}

/// Reads samples from one server.
#[derive(Clone)]
pub struct Reader {
    client: Client,
    parameters: Parameters,
    timeout: Duration,
    max_series: usize,
}

impl Reader {
    /// For a server, with the headers of its Secret. Nothing is sent, but it belongs to a runtime.
    ///
    /// # Errors
    /// What it says cannot be sent.
    pub fn new(spec: &MetricsServerSpec, headers: &Headers) -> Result<Self, ReadError> {
        let MetricsServerSpec { url, ca_bundle, headers_from: _, tenant, flavour, timeout, max_series } = spec;
        let unusable = |field: &str, message: String| ReadError::Unusable { field: field.to_owned(), message };
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| unusable("spec.url", error.to_string()))?;
        let mut config = Config::new(uri);
        config.default_retry = false;
        config.headers.push((USER_AGENT, HeaderValue::from_static(AGENT)));
        config.root_cert = ca_bundle.as_deref().map(certificates).transpose()?;
        for (name, value) in headers {
            config.headers.push(header(name, value)?);
        }
        if let (Flavour::Mimir, Some(tenant)) = (flavour, tenant) {
            config.headers.push(header(TENANT, tenant.as_bytes())?);
        }
        let timeout = billing_planning::billing_settings::duration(timeout)
            .map_err(|message| unusable("spec.timeout", message))?;
        let client = Client::try_from(config).map_err(|error| unusable("spec.url", chain(&error)))?;
        let parameters = Parameters { flavour: *flavour, timeout_secs: timeout.as_secs() };
        let max_series = usize::try_from(*max_series).unwrap_or(1);
        Ok(Self { client, parameters, timeout, max_series })
    }

    /// Asks, and reads the whole answer.
    ///
    /// # Errors
    /// There is none, or not all of it.
    pub async fn read(&self, query: &Query) -> Result<Vec<Scraped>, ReadError> {
        let asked = tokio::time::timeout(self.timeout, self.ask(query)).await;
        let body = asked.map_err(|_| ReadError::TimedOut(self.timeout))??;
        Ok(decode(&body, self.max_series)?)
    }

    async fn ask(&self, query: &Query) -> Result<Vec<u8>, ReadError> {
        let request = Request::post("/api/v1/query")
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(query.form(self.parameters).into_bytes()))
            .map_err(|error| ReadError::Transport(error.to_string()))?;
        let answer = self.client.send(request).await.map_err(|error| ReadError::Transport(chain(&error)))?;
        let (status, body) = (answer.status(), answer.into_body());
        if status == StatusCode::OK {
            return collect(body, LEAST_BYTES + self.max_series * BYTES_PER_SERIES).await;
        }
        let body = collect(body, MAX_FAILURE).await.unwrap_or_default();
        // What the API says of its failure, or the page of a proxy before it.
        let message = match decode(&body, 0) {
            Err(AnswerError::Refused { kind, message }) => format!("{kind}: {message}"),
            _ => said(&String::from_utf8_lossy(&body)),
        };
        Err(ReadError::Status { status, message })
    }
}

/// All of a body that is not longer than `limit`.
async fn collect(mut body: Body, limit: usize) -> Result<Vec<u8>, ReadError> {
    let mut collected = Vec::new();
    while let Some(piece) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let piece = piece.map_err(|error| ReadError::Transport(chain(&error)))?;
        let Ok(data) = piece.into_data() else { continue };
        if collected.len() + data.len() > limit {
            return Err(ReadError::TooLong(limit));
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected)
}

/// The certificates of a bundle.
fn certificates(pem: &str) -> Result<Vec<Vec<u8>>, ReadError> {
    let unusable = |message: String| ReadError::Unusable { field: "spec.caBundle".to_owned(), message };
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    let read = read.map_err(|error| unusable(format!("is not PEM: {error}")))?;
    if read.is_empty() {
        return Err(unusable("has no certificate".to_owned()));
    }
    Ok(read.into_iter().map(|certificate| certificate.as_ref().to_vec()).collect())
}

/// A header, without the line break that a file ends with.
fn header(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), ReadError> {
    let unusable = |message: &str| ReadError::Unusable { field: name.to_owned(), message: message.to_owned() };
    let header = HeaderName::try_from(name).map_err(|_| unusable("is not the name of a header"))?;
    let mut value =
        HeaderValue::from_bytes(value.trim_ascii_end()).map_err(|_| unusable("has a value that no header can have"))?;
    value.set_sensitive(true);
    Ok((header, value))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reader(changes: Value, headers: &[(&str, &str)]) -> Result<Reader, ReadError> {
        let mut spec = json!({"url": "https://metrics.example.com/prometheus"});
        spec.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        Reader::new(&serde_json::from_value(spec).unwrap(), &headers)
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_named_without_its_value() {
        assert!(reader(json!({"flavour": "Mimir", "tenant": "a"}), &[("Authorization", "Bearer x\n")]).is_ok());
        for (changes, headers, words) in [
            (json!({"caBundle": "nothing"}), vec![], "spec.caBundle has no certificate"),
            (
                json!({"caBundle": "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"}),
                vec![],
                "spec.caBundle is not PEM",
            ),
            (json!({"timeout": "soon"}), vec![], "spec.timeout"),
            (json!({}), vec![("a b", "secret")], "a b is not the name of a header"),
            (json!({}), vec![("token", "sec\nret")], "token has a value that no header can have"),
        ] {
            let error = reader(changes, &headers).err().unwrap().to_string();
            assert!(error.contains(words) && !error.contains("secret"), "{error}");
        }
    }
}
