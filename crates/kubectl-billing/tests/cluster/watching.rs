//! `--watch`: what changes is printed under what was there.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use billing_test_harness::User;

use crate::{Result, cluster};

/// How long a line may take to come.
const LIMIT: Duration = Duration::from_secs(30);

/// A command that goes on until it is dropped.
struct Watching {
    child: Child,
    lines: Receiver<String>,
}

impl Watching {
    fn start(arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-billing"))
            .args(arguments)
            .env("KUBECONFIG", cluster()?.kubeconfig(User::Admin))
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no standard output")?;
        let (send, lines) = channel();
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(|line| line.ok()).try_for_each(|line| send.send(line))
        });
        Ok(Self { child, lines })
    }

    /// The next line that has a word.
    fn wait(&self, word: &str) -> Result<String> {
        loop {
            let line = self.lines.recv_timeout(LIMIT).map_err(|_| format!("no line with {word} in {LIMIT:?}"))?;
            if line.contains(word) {
                return Ok(line);
            }
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_changes_is_printed_below() -> Result {
    let cluster = cluster()?;
    cluster.kubectl_ok(User::Admin, &["create", "namespace", "watched"])?;
    let group = |name: &str, display: &str| {
        format!(
            "apiVersion: billing-operator.io/v1alpha1\nkind: BillingGroup\nmetadata: {{name: {name}, namespace: watched}}\n\
             spec: {{displayName: {display}}}\n"
        )
    };
    cluster.apply(User::Admin, &group("first", "Before"))?;
    let watching = Watching::start(&["group", "list", "-n", "watched", "-w"])?;
    assert!(watching.wait("NAME")?.starts_with("NAME"));
    assert!(watching.wait("first")?.contains("Before"));
    cluster.apply(User::Admin, &group("first", "After"))?;
    assert!(watching.wait("first")?.contains("After"));
    cluster.apply(User::Admin, &group("second", "New"))?;
    assert!(watching.wait("second")?.contains("New"));

    // Of another group's events none is shown.
    let events = Watching::start(&["group", "events", "first", "-n", "watched", "--watch", "-o", "name"])?;
    let event = |name: &str, about: &str| {
        format!(
            "apiVersion: v1\nkind: Event\nmetadata: {{name: {name}, namespace: watched}}\nreason: Ready\nmessage: it is\ntype: Normal\n\
             involvedObject: {{apiVersion: billing-operator.io/v1alpha1, kind: BillingGroup, name: {about}, namespace: watched}}\n"
        )
    };
    // Whatever was there when the watch began is listed, and whatever comes is told.
    cluster.apply(User::Admin, &event("of-second", "second"))?;
    cluster.apply(User::Admin, &event("of-first", "first"))?;
    assert_eq!(events.wait("event/")?, "event/of-first");
    Ok(())
}
