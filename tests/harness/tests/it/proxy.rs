//! The proxy in front of the API server.

use std::{fs, path::Path};

use billing_test_harness::{
    ControlPlane, Proxy, User,
    assets::{self, Tool},
    process::{Process, Program},
    wait_until,
};

use super::{LIMIT, TestResult};

fn started() -> Result<(&'static ControlPlane, Proxy), Box<dyn std::error::Error>> {
    let shared = ControlPlane::shared();
    Ok((shared, Proxy::start(shared, shared.token(User::Admin))?))
}

/// The argument that makes `kubectl` go through the proxy.
fn through(proxy: &Proxy) -> Result<String, Box<dyn std::error::Error>> {
    let kubeconfig = proxy.kubeconfig(ControlPlane::shared(), &format!("proxied-{}", id(proxy)))?;
    Ok(format!("--kubeconfig={}", kubeconfig.display()))
}

/// Something that only this proxy has.
fn id(proxy: &Proxy) -> &str {
    proxy.url().rsplit(':').next().unwrap_or_default()
}

/// `kubectl` in the background, its output in a file.
fn kubectl(proxy: &Proxy, args: &[&str]) -> Result<Process, Box<dyn std::error::Error>> {
    let shared = ControlPlane::shared();
    let mut all = vec![through(proxy)?];
    all.extend(args.iter().map(|arg| (*arg).to_owned()));
    Ok(Process::start(&Program {
        name: "kubectl".to_owned(),
        path: assets::find(Tool::Kubectl)?,
        args: all,
        env: vec![("KUBECACHEDIR".to_owned(), shared.folder().join("kubectl-cache").display().to_string())],
        log: shared.folder().join(format!("kubectl-{}.log", id(proxy))),
    })?)
}

fn says(log: &Path, text: &str) -> Option<()> {
    fs::read_to_string(log).is_ok_and(|said| said.contains(text)).then_some(())
}

#[test]
fn what_passes_is_recorded_as_rbac_names_it() -> TestResult {
    let (shared, proxy) = started()?;
    let kubeconfig = through(&proxy)?;
    shared.kubectl_ok(User::Admin, &[&kubeconfig, "create", "namespace", "counted"])?;
    shared.kubectl_ok(User::Admin, &[&kubeconfig, "create", "namespace", "not-counted", "--dry-run=server"])?;
    let twice = shared.kubectl(User::Admin, &[&kubeconfig, "create", "namespace", "counted"])?;
    assert!(!twice.status.success(), "the API server's refusal passes");
    shared.kubectl_ok(User::Admin, &[&kubeconfig, "get", "namespace", "counted"])?;
    let calls: Vec<_> = proxy
        .calls()
        .into_iter()
        .filter(|call| call.resource == "namespaces")
        .map(|call| (call.verb, call.status, call.wrote()))
        .collect();
    assert_eq!(calls, [("create", 201, true), ("create", 201, false), ("create", 409, false), ("get", 200, false)]);
    proxy.forget();
    assert!(proxy.calls().is_empty());
    Ok(())
}

#[test]
fn a_watch_flows() -> TestResult {
    let (shared, proxy) = started()?;
    shared.kubectl_ok(User::Admin, &["create", "namespace", "watched"])?;
    let watch = kubectl(&proxy, &["get", "configmaps", "--namespace=watched", "--watch", "--output=name"])?;
    for name in ["first", "second"] {
        shared.kubectl_ok(User::Admin, &["create", "configmap", name, "--namespace=watched"])?;
        wait_until("the watch tells what happens", LIMIT, || says(watch.log(), &format!("configmap/{name}")))?;
    }
    Ok(())
}

#[test]
fn after_the_given_write_is_stored_nothing_is_answered_until_calls_may_pass_again() -> TestResult {
    let (shared, proxy) = started()?;
    let kubeconfig = through(&proxy)?;
    let list = [&*kubeconfig, "get", "namespaces", "--request-timeout=2s"];
    proxy.halt_after(2);
    shared.kubectl_ok(User::Admin, &[&kubeconfig, "create", "namespace", "write-one"])?;
    assert!(!proxy.halted());
    let mut second = kubectl(&proxy, &["create", "namespace", "write-two"])?;
    proxy.wait_halted(LIMIT)?;
    shared.kubectl_ok(User::Admin, &["get", "namespace", "write-two"])?;
    assert!(!shared.kubectl(User::Admin, &list)?.status.success(), "nothing passes");
    assert_eq!(second.exit_code()?, None, "the second write has no answer");
    second.kill9();
    proxy.resume();
    assert!(shared.kubectl(User::Admin, &list)?.status.success(), "calls pass again");
    Ok(())
}
