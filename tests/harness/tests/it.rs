//! The harness itself.

use std::{
    error::Error as StdError,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use billing_test_harness::{
    ControlPlane, Error, Operator, Options, User,
    assets::{KUBERNETES, Tool},
    free_port,
    process::{Process, Program},
    wait_until,
};

#[path = "it/proxy.rs"]
mod proxy;

type TestResult = Result<(), Box<dyn StdError>>;

/// Enough for anything here on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn kubectl_and_the_api_server_are_of_our_release() -> TestResult {
    let version = ControlPlane::shared().kubectl_ok(User::Admin, &["version"])?;
    for side in ["Client", "Server"] {
        assert!(version.contains(&format!("{side} Version: v{KUBERNETES}.")), "{version}");
    }
    Ok(())
}

#[test]
fn helm_reaches_the_api_server() -> TestResult {
    let output = ControlPlane::shared().helm(User::ClusterAdmin, &["list", "--all-namespaces", "--output=json"])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "[]");
    Ok(())
}

#[test]
fn a_user_has_only_the_rights_that_were_granted() -> TestResult {
    let shared = ControlPlane::shared();
    let listed = |user| -> Result<bool, Error> { Ok(shared.kubectl(user, &["get", "namespaces"])?.status.success()) };
    assert!(listed(User::Admin)?);
    assert!(listed(User::ClusterAdmin)?);
    for user in [User::Tenant, User::Platform, User::Provider, User::Finance, User::Meter] {
        assert!(!listed(user)?, "{user} may list namespaces");
    }
    Ok(())
}

#[test]
fn a_service_account_s_token_is_accepted() -> TestResult {
    let shared = ControlPlane::shared();
    shared.kubectl_ok(User::Admin, &["create", "namespace", "robots"])?;
    shared.kubectl_ok(User::Admin, &["create", "serviceaccount", "robot", "--namespace=robots"])?;
    let token = shared.service_account_token("robots", "robot")?;
    let kubeconfig = format!("--kubeconfig={}", shared.kubeconfig_for("robot", &token)?.display());
    let me = shared.kubectl_ok(User::Tenant, &[&kubeconfig, "auth", "whoami"])?;
    assert!(me.contains("system:serviceaccount:robots:robot"), "{me}");
    Ok(())
}

#[test]
fn a_namespace_is_deleted_with_what_is_in_it() -> TestResult {
    let shared = ControlPlane::shared();
    let manifests = "
apiVersion: v1
kind: Namespace
metadata: {name: short-lived}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: short-lived}
";
    shared.apply(User::ClusterAdmin, manifests)?;
    shared.kubectl_ok(User::ClusterAdmin, &["delete", "namespace", "short-lived", "--timeout=60s"])?;
    let left = shared.kubectl_ok(User::ClusterAdmin, &["get", "namespace", "short-lived", "--ignore-not-found"])?;
    assert_eq!(left, "");
    Ok(())
}

#[test]
fn a_refused_manifest_is_an_error_with_the_server_s_words() {
    let refused = ControlPlane::shared().apply(User::Tenant, "{apiVersion: v1, kind: Namespace, metadata: {name: x}}");
    let text = refused.map_or_else(|error| error.to_string(), |_| "accepted".to_owned());
    assert!(text.contains("User \"tenant\" cannot"), "{text}");
}

#[test]
fn an_api_server_started_again_has_its_data_and_port() -> TestResult {
    let mut control_plane = ControlPlane::start(&Options::default())?;
    control_plane.kubectl_ok(User::Admin, &["create", "namespace", "kept"])?;
    control_plane.stop_apiserver();
    assert!(!control_plane.kubectl(User::Admin, &["get", "namespaces"])?.status.success());
    control_plane.start_apiserver()?;
    let kept = control_plane.kubectl_ok(User::Admin, &["get", "namespace", "kept", "--output=name"])?;
    assert_eq!(kept.trim(), "namespace/kept");
    Ok(())
}

#[test]
fn the_oldest_supported_release_is_emulated() -> TestResult {
    let control_plane =
        ControlPlane::start(&Options { emulated_version: Some("1.34".to_owned()), ..Options::default() })?;
    let version = control_plane.kubectl_ok(User::Admin, &["get", "--raw=/version"])?;
    assert!(version.contains("\"emulationMinor\": \"34\""), "{version}");
    Ok(())
}

#[test]
fn a_control_plane_that_cannot_start_says_why() {
    let options = Options { apiserver_args: vec!["--no-such-flag".to_owned()], ..Options::default() };
    let text = ControlPlane::start(&options).map_or_else(|error| error.to_string(), |_| "started".to_owned());
    assert!(text.contains("kube-apiserver ended") && text.contains("unknown flag: --no-such-flag"), "{text}");
}

#[test]
#[cfg(target_os = "linux")] // the test reads /proc
fn nothing_is_left_when_the_parent_is_killed() -> TestResult {
    let mut parent =
        Command::new(env!("CARGO_BIN_EXE_control-plane")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(parent.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let kubeconfig = PathBuf::from(line.trim().strip_prefix("export KUBECONFIG=").ok_or(line.clone())?);
    let folder = kubeconfig.parent().ok_or("no folder")?.to_owned();
    // etcd, the API server and the controller manager, each with its two shells, and the janitor. A shell that was just
    // forked still has the command line of its parent.
    wait_until("ten processes run", LIMIT, || running_in(&folder).ok().filter(|count| *count >= 10))?;

    parent.kill()?; // SIGKILL
    parent.wait()?;

    wait_until("the folder is gone", LIMIT, || (!folder.exists()).then_some(()))?;
    wait_until("its processes are gone", LIMIT, || running_in(&folder).ok().filter(|count| *count == 0))?;
    Ok(())
}

/// How many processes have `folder` on their command line.
fn running_in(folder: &Path) -> std::io::Result<usize> {
    let folder = folder.to_string_lossy();
    let names_folder = |pid: &Path| {
        // A process may end while we look.
        fs::read(pid.join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&*folder))
    };
    Ok(fs::read_dir("/proc")?.filter_map(Result::ok).filter(|entry| names_folder(&entry.path())).count())
}

#[test]
fn a_child_that_heeds_sigterm_ends_with_its_own_code() -> TestResult {
    let script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child = Process::start(&shell_script("heeds", script))?;
    let log = child.log().to_owned();
    child.wait_ready(LIMIT, || fs::read_to_string(&log).is_ok_and(|text| text == "ready\n"))?;
    assert_eq!(child.exit_code()?, None);
    assert_eq!(child.terminate(LIMIT)?, 7);
    assert_eq!(child.exit_code()?, Some(7));
    Ok(())
}

#[test]
fn a_child_that_ignores_sigterm_is_killed() -> TestResult {
    let mut child = Process::start(&shell_script("ignores", "trap '' TERM; echo ready; while :; do sleep 0.05; done"))?;
    let log = child.log().to_owned();
    child.wait_ready(LIMIT, || fs::read_to_string(&log).is_ok_and(|text| text == "ready\n"))?;
    let ended = child.terminate(Duration::from_millis(200));
    assert!(matches!(ended, Err(Error::NotStopped { .. })), "{ended:?}");
    assert_eq!(child.exit_code()?, Some(128 + 9));
    Ok(())
}

#[test]
fn a_child_that_ends_early_is_not_waited_for() -> TestResult {
    let mut child = Process::start(&shell_script("ends", "echo out of luck; exit 3"))?;
    let text = child.wait_ready(LIMIT, || false).map_or_else(|error| error.to_string(), |()| "ready".to_owned());
    assert!(text.contains("exit code 3") && text.contains("out of luck"), "{text}");
    Ok(())
}

#[test]
fn an_operator_is_found_ready_over_http_and_started_again() -> TestResult {
    // Any server will do: etcd answers on /health.
    let etcd = billing_test_harness::assets::find(Tool::Etcd)?;
    let (port, peers) = (free_port()?, free_port()?);
    let shared = ControlPlane::shared();
    let data = format!("--data-dir={}", shared.folder().join("operator").display());
    let client = format!("--listen-client-urls=http://127.0.0.1:{port}");
    let advertised = format!("--advertise-client-urls=http://127.0.0.1:{port}");
    let peer = format!("--listen-peer-urls=http://127.0.0.1:{peers}");
    let args = [data.as_str(), &client, &advertised, &peer];
    let log = shared.folder().join("operator.log");
    let mut operator = Operator::start(etcd, &shared.kubeconfig(User::Admin), log, &args, &[])?;
    operator.wait_http(port, "/health", LIMIT)?;
    assert!(Operator::http_get(port, "/metrics").is_some_and(|text| text.contains("etcd_server_has_leader 1")));

    operator.kill9();
    assert_eq!(operator.exit_code()?, Some(128 + 9));
    assert_eq!(Operator::http_get(port, "/health"), None);

    operator.restart()?;
    operator.wait_http(port, "/health", LIMIT)?;
    operator.terminate(LIMIT)?;
    Ok(())
}

#[test]
fn a_named_asset_that_is_missing_is_an_error() -> TestResult {
    let output =
        Command::new(env!("CARGO_BIN_EXE_test-assets")).env("KUBEBUILDER_ASSETS", "/no/such/folder").output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("KUBEBUILDER_ASSETS says that kube-apiserver is /no/such/folder/kube-apiserver"), "{text}");
    Ok(())
}

#[test]
fn without_the_programs_and_without_go_one_sentence_says_what_to_install() -> TestResult {
    let empty = ControlPlane::shared().folder().join("empty");
    fs::create_dir_all(&empty)?;
    let output =
        Command::new(env!("CARGO_BIN_EXE_test-assets")).env_clear().env("HOME", &empty).env("PATH", &empty).output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("install Go 1.26 or newer"), "{text}");
    Ok(())
}

#[test]
fn the_interpreter_is_the_one_that_is_pinned_and_looks_at_nothing_of_the_user() -> TestResult {
    let module = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/python/go.mod"))?;
    let pinned = module.split_once("go-embed-python v0.0.0-").ok_or("no interpreter in go.mod")?.1;
    let version = pinned.split('-').next().ok_or("no version in go.mod")?;
    let told = "import platform, sys; print(platform.python_version(), *sys.path, sep='\\n')";
    let output = Command::new(billing_test_harness::assets::find(Tool::Python)?)
        .args(["-I", "-S", "-c", told])
        .env("PYTHONPATH", "/no/such/folder")
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(version));
    assert!(lines.all(|folder| folder.contains("/billing-operator/bin/python-")), "{text}");
    Ok(())
}

#[test]
fn an_envtest_folder_is_used_only_when_the_release_fits() -> TestResult {
    let home = ControlPlane::shared().folder().join("envtest");
    let platform = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    for release in ["1.35.9", "1.36.0", "1.36.2"] {
        let folder = home.join(format!("kubebuilder-envtest/k8s/{release}-linux-{platform}"));
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("kube-apiserver"), "")?;
    }
    // No Go on the path: what is not found here ends the program, after it has printed what it has found.
    let output = Command::new(env!("CARGO_BIN_EXE_test-assets"))
        .env_clear()
        .env("HOME", &home)
        .env("PATH", &home)
        .env("XDG_DATA_HOME", &home)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with(&*home.to_string_lossy()) && text.contains("/1.36.2-linux-"), "{text}");
    Ok(())
}

/// A shell script as a child, with a log of its own.
fn shell_script(name: &str, script: &str) -> Program {
    Program {
        name: name.to_owned(),
        path: PathBuf::from("sh"),
        args: vec!["-c".to_owned(), script.to_owned()],
        env: Vec::new(),
        log: ControlPlane::shared().folder().join(format!("{name}.log")),
    }
}
