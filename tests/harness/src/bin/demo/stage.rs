//! The process in the background: an API server, the chart, the operator, the meter, a Prometheus and the examples.

use std::{
    fs,
    io::{self, Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    thread,
    time::Duration,
};

use billing_test_harness::{ControlPlane, Error, Operator, Options, User, free_port, prometheus};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::{
    Result, ingress,
    kubectl::typed,
    place::{Place, sibling},
};

/// The argument that makes us this process.
pub const COMMAND: &str = "stage";
/// What is said when everything is there; nothing is said after it.
pub const READY: &str = "\u{4}";
/// What is heard when it is time to go.
pub const STOP: &[u8] = b"stop\n";

/// Where the chart is installed.
const NAMESPACE: &str = "billing-system";
/// How long a program may take: policies become active first.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long each may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// How often we look after the programs and our socket.
const PAUSE: Duration = Duration::from_millis(250);

/// Sets everything up, says so, and keeps it until somebody asks us to stop.
pub fn run(place: &Place) -> Result {
    say("Starting etcd, kube-apiserver and kube-controller-manager on 127.0.0.1 ...")?;
    let options = Options { controller_manager: true, ..Options::default() };
    let control_plane = ControlPlane::start(&options)?;
    fs::copy(control_plane.kubeconfig(User::Admin), place.kubeconfig())?;
    say("")?;
    install_chart(&control_plane)?;
    say(
        "There are no nodes: what the chart runs as pods are processes here, with the tokens of their service accounts.",
    )?;
    let run = ["run", "--settle-time", "5s", "--default-binding-delay", "5s"];
    let operator = start("billing-operator", "billing-operator", &run, &control_plane, place)?;
    let meter = start("billing-meter", "billing-operator-billing-meter", &[], &control_plane, place)?;
    say("Both are ready: every admission policy refuses what it should.\n")?;
    let now = Utc::now();
    let prometheus = start_prometheus(now)?;
    apply_examples(&control_plane)?;
    measure_volumes(&control_plane)?;
    if let Some(prometheus) = &prometheus {
        count_requests(&control_plane, &prometheus.url(), now)?;
    }

    let socket = control_plane.folder().join("demo.sock");
    let listener = UnixListener::bind(&socket)?;
    place.announce(&socket)?;
    say(READY)?;
    let mut programs = [operator, meter];
    let asker = serve(&listener, &mut programs)?;

    for program in &mut programs {
        program.terminate(STOP_LIMIT)?;
    }
    drop(prometheus);
    drop(control_plane);
    // Who asked learns from the end of the connection that all is gone.
    drop(asker);
    Ok(())
}

fn install_chart(control_plane: &ControlPlane) -> Result {
    let namespace = format!("--namespace={NAMESPACE}");
    let args = [
        "install",
        "billing-operator",
        "charts/billing-operator",
        &namespace,
        "--create-namespace",
        "--set",
        "meter.enabled=true",
    ];
    say(&format!("$ {}", typed("helm", &args)))?;
    let output = control_plane.helm(User::Admin, &args)?;
    if !output.status.success() {
        return Err(format!("helm: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    say(&String::from_utf8_lossy(&output.stdout))
}

/// A program of the chart as a process, with the rights that it would have as a pod, and waits until it is ready.
fn start(program: &str, account: &str, args: &[&str], control_plane: &ControlPlane, place: &Place) -> Result<Operator> {
    // Longer than a demo is likely to stay.
    let create_token = ["create", "token", account, "--namespace", NAMESPACE, "--duration=8760h"];
    let token = control_plane.kubectl_ok(User::Admin, &create_token)?;
    let kubeconfig = control_plane.kubeconfig_for(account, token.trim())?;
    let port = free_port()?;
    let (file, listen) = (kubeconfig.display().to_string(), format!("127.0.0.1:{port}"));
    say(&format!("$ {} --kubeconfig ... --listen {listen}", typed(program, args)))?;
    let args = [args, &["--kubeconfig", &file, "--listen", &listen]].concat();
    let log = place.log(program);
    fs::write(&log, "")?;
    let mut started = Operator::start(sibling(program)?, &kubeconfig, log, &args, &[])?;
    started.wait_http(port, "/readyz", START_LIMIT)?;
    Ok(started)
}

/// A Prometheus, where there is one: it is not built from sources, as the rest is, but fetched from Debian.
fn start_prometheus(now: DateTime<Utc>) -> Result<Option<prometheus::Server>> {
    match prometheus::prometheus() {
        Ok(_) => {}
        Err(error @ Error::NoPackage { .. }) => {
            say(&format!("No requests are counted here, because there is no Prometheus: {error}\n"))?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    let prometheus = ingress::prometheus(now)?;
    say(
        "A Prometheus scrapes an ingress that counts the requests of acme-shop: 50 a second since this morning, let us say.\n",
    )?;
    Ok(Some(prometheus))
}

fn apply_examples(control_plane: &ControlPlane) -> Result {
    kubectl(control_plane, &["apply", "-f", "examples/acme", "-f", "examples/globex"])?;
    say("Months that are over wait a minute for late usage, says the issuer. The demo does not:")?;
    kubectl(
        control_plane,
        &["patch", "invoiceissuer", "default", "--type=merge", "--patch", r#"{"spec":{"grace":"5s"}}"#],
    )
}

fn measure_volumes(control_plane: &ControlPlane) -> Result {
    say(
        "A Meter records what objects cost while they are there. Nothing provisions storage here: we say that it is bound.",
    )?;
    kubectl(control_plane, &["apply", "-f", "examples/meters/volumes.yaml", "-f", "examples/claim.yaml"])?;
    let bound = r#"{"status":{"phase":"Bound","capacity":{"storage":"100Gi"}}}"#;
    let claim = ["patch", "pvc", "orders-data", "-n", "acme-shop"];
    kubectl(control_plane, &[&claim[..], &["--subresource=status", "--type=merge", "--patch", bound]].concat())
}

fn count_requests(control_plane: &ControlPlane, url: &str, now: DateTime<Utc>) -> Result {
    say("Another one counts what a Prometheus has samples of. There is no network of pods: we say where ours is.")?;
    kubectl(control_plane, &["apply", "-f", "examples/metrics/requests.yaml"])?;
    let there = format!(r#"{{"spec":{{"url":"{url}"}}}}"#);
    kubectl(control_plane, &["patch", "metricsserver", "main", "--type=merge", "--patch", &there])?;
    say(
        "It counts from when it was made, six hours at a time. To see something now, it begins with the last six hours:",
    )?;
    let begun = ingress::last_window(now)?.to_rfc3339_opts(SecondsFormat::Secs, true);
    let begun = format!(r#"{{"status":{{"observedThrough":"{begun}"}}}}"#);
    let meter = ["patch", "meter", "requests", "--subresource=status", "--type=merge", "--patch", &begun];
    kubectl(control_plane, &meter)
}

/// Runs `kubectl` and says what a reader would type and see.
fn kubectl(control_plane: &ControlPlane, args: &[&str]) -> Result {
    say(&format!("$ {}", typed("kubectl", args)))?;
    say(&control_plane.kubectl_ok(User::Admin, args)?)
}

/// Starts a program again when it dies, as a Deployment would, until somebody asks us to stop; returns that connection.
fn serve(listener: &UnixListener, programs: &mut [Operator]) -> Result<UnixStream> {
    listener.set_nonblocking(true)?;
    loop {
        match listener.accept() {
            Ok((stream, _)) if asks_to_stop(&stream) => return Ok(stream),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error.into()),
            _ => {}
        }
        for program in &mut *programs {
            if program.exit_code()?.is_some() {
                program.restart()?;
            }
        }
        thread::sleep(PAUSE);
    }
}

/// Others only look whether anybody is here.
fn asks_to_stop(mut stream: &UnixStream) -> bool {
    let mut word = [0; STOP.len()];
    let listening = stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(PAUSE)));
    listening.and_then(|()| stream.read_exact(&mut word)).is_ok() && word == STOP
}

/// Says something to the process in the foreground. When that is gone before we are ready, so are we.
fn say(text: &str) -> Result {
    let mut stdout = io::stdout();
    writeln!(stdout, "{text}")?;
    Ok(stdout.flush()?)
}
