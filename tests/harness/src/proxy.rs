//! A proxy in front of the API server that counts what passes, and stops everything after a given write.
//!
//! What a program under test sends through [`Proxy::url`] reaches the API server as it is, watches included, and is recorded.
//! [`Proxy::halt_after`] makes crashes exact: when the n-th write has been stored, its answer and everything that the
//! program sends from then on is held back, so that a `kill -9` any time later is a crash between that write and its answer.
//! [`Proxy::hold_lists`] makes an API server that is slow with one thing.

use std::{
    future::pending,
    io,
    net::{self, Ipv4Addr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt, Either, Full};
use hyper::{
    Request, Response, Uri,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, HOST, HeaderValue},
    http::uri::PathAndQuery,
    server::conn::http1,
    service::service_fn,
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Runtime,
};

use crate::{ControlPlane, Error, Result, call::Call, ports, wait_until};

type Upstream = Client<HttpsConnector<HttpConnector>, Incoming>;
type Answer = Response<Either<Incoming, Full<Bytes>>>;
type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// How often a call that is held back looks whether it may pass.
const HOLD_PAUSE: Duration = Duration::from_millis(20);

/// A running proxy. It stops when it is dropped, with the connections through it.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    state: Arc<Mutex<State>>,
    // Taken only by the drop.
    runtime: Option<Runtime>,
}

/// What passed, and when to stop.
#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    halt_after: Option<usize>,
    halted: bool,
    held_lists: Option<HeldLists>,
}

/// Lists that are not passed on.
#[derive(Debug, PartialEq, Eq)]
struct HeldLists {
    resource: String,
    namespace: String,
}

impl Proxy {
    /// Starts a proxy on loopback in front of a control plane. It speaks with the given token: without TLS, which it is spared,
    /// clients keep theirs to themselves.
    ///
    /// # Errors
    /// [`Error::Proxy`] when the port, the token or the authority of the control plane cannot be used.
    pub fn start(control_plane: &ControlPlane, token: &str) -> Result<Self> {
        let runtime = Runtime::new().map_err(Error::proxy)?;
        let port = ports::free()?;
        let listener = listen(&runtime, port).map_err(Error::proxy)?;
        let state = Arc::default();
        let passage = Passage {
            upstream: upstream(control_plane.ca_pem())?,
            origin: control_plane.url().to_owned(),
            authorization: HeaderValue::try_from(format!("Bearer {token}")).map_err(Error::proxy)?,
            state: Arc::clone(&state),
        };
        runtime.spawn(serve(listener, passage));
        Ok(Self { url: format!("http://127.0.0.1:{port}"), state, runtime: Some(runtime) })
    }

    /// Where it listens, as a kubeconfig has it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Writes a kubeconfig that leads through the proxy, into the folder of a control plane.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    pub fn kubeconfig(&self, control_plane: &ControlPlane, name: &str) -> Result<PathBuf> {
        control_plane.kubeconfig_through(&self.url, name)
    }

    /// What was answered since the start or the last [`Proxy::forget`], in the order of the answers.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// The calls that changed something: successful writes, Events included.
    #[must_use]
    pub fn writes(&self) -> Vec<Call> {
        self.state().calls.iter().filter(|call| call.wrote()).cloned().collect()
    }

    /// Begins to count anew.
    pub fn forget(&self) {
        self.state().calls.clear();
    }

    /// Holds everything back once that many writes have been stored, counted from now; Events, which nothing depends on,
    /// are not counted.
    pub fn halt_after(&self, writes: usize) {
        let mut state = self.state();
        state.calls.clear();
        state.halt_after = Some(writes);
        state.halted = writes == 0;
    }

    /// Whether everything is held back.
    #[must_use]
    pub fn halted(&self) -> bool {
        self.state().halted
    }

    /// Waits until everything is held back.
    ///
    /// # Errors
    /// [`Error::TimedOut`] when too few writes came within `limit`.
    pub fn wait_halted(&self, limit: Duration) -> Result<()> {
        wait_until("the proxy has seen the writes to halt after", limit, || self.halted().then_some(()))
    }

    /// Lets new calls pass again. Those that were held back stay so: kill who waits for them first.
    pub fn resume(&self) {
        let mut state = self.state();
        state.halt_after = None;
        state.halted = false;
    }

    /// Holds lists of a resource in a namespace back, until they may [pass](Self::pass_lists).
    pub fn hold_lists(&self, resource: &str, namespace: &str) {
        self.state().held_lists = Some(HeldLists { resource: resource.to_owned(), namespace: namespace.to_owned() });
    }

    /// Lets the lists that were held back pass.
    pub fn pass_lists(&self) {
        self.state().held_lists = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A test that is itself asynchronous must not wait for threads here.
            runtime.shutdown_background();
        }
    }
}

impl State {
    fn holds(&self, call: &Call) -> bool {
        let held = |held: &HeldLists| {
            call.verb == "list" && call.resource == held.resource && call.namespace.as_ref() == Some(&held.namespace)
        };
        self.held_lists.as_ref().is_some_and(held)
    }

    /// Takes note of an answer. True when it must not be passed on.
    fn answered(&mut self, call: Call) -> bool {
        self.calls.push(call);
        let stored = || self.calls.iter().filter(|call| call.wrote() && !call.is_event()).count();
        if self.halt_after.is_some_and(|limit| stored() >= limit) {
            self.halted = true;
        }
        self.halted
    }
}

/// What one connection needs.
#[derive(Clone)]
struct Passage {
    upstream: Upstream,
    origin: String,
    authorization: HeaderValue,
    state: Arc<Mutex<State>>,
}

impl Passage {
    async fn pass(self, mut request: Request<Incoming>) -> Result<Answer, AnyError> {
        let mut call = Call::of(&request);
        if lock(&self.state).halted {
            return pending().await;
        }
        while lock(&self.state).holds(&call) {
            tokio::time::sleep(HOLD_PAUSE).await;
        }
        let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        *request.uri_mut() = format!("{}{target}", self.origin).parse::<Uri>()?;
        request.headers_mut().remove(HOST);
        request.headers_mut().insert(AUTHORIZATION, self.authorization);
        // Without an answer the connection is closed, as the API server's would be.
        let (head, body) = self.upstream.request(request).await?.into_parts();
        call.status = head.status.as_u16();
        let body = if call.is_write() {
            // Whole, so that the write is over when it is counted.
            Either::Right(Full::new(body.collect().await?.to_bytes()))
        } else {
            Either::Left(body)
        };
        if lock(&self.state).answered(call) {
            return pending().await;
        }
        Ok(Response::from_parts(head, body))
    }
}

/// Without waiting, so that a test that is itself asynchronous can do it.
fn listen(runtime: &Runtime, port: u16) -> io::Result<TcpListener> {
    let listener = net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    listener.set_nonblocking(true)?;
    let _entered = runtime.enter();
    TcpListener::from_std(listener)
}

async fn serve(listener: TcpListener, passage: Passage) {
    loop {
        // One that cannot be accepted is gone already.
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(serve_connection(stream, passage.clone()));
    }
}

async fn serve_connection(stream: TcpStream, passage: Passage) {
    let service = service_fn(move |request| passage.clone().pass(request));
    // It ends when either side is gone, which tests bring about on purpose.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn upstream(authority: &str) -> Result<Upstream> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(authority.as_bytes()).map_err(Error::proxy)?;
    roots.add(certificate).map_err(Error::proxy)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::proxy)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
