//! What is only for a terminal: colour, and how far something is that takes long. The program runs in a terminal that `script`
//! gives it, and in a pipe.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// What begins every sequence that steers a terminal.
const ESCAPE: char = '\u{1b}';

/// How many pages the server has, and how long each takes: the last comes after more than a second.
const PAGES: usize = 3;
const DELAY: Duration = Duration::from_millis(700);

/// What the program shows in a terminal.
fn in_terminal(arguments: &[&str], variables: &[(&str, &str)]) -> Result<String> {
    let words = [&[env!("CARGO_BIN_EXE_kubectl-billing")], arguments].concat();
    let command: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &command.join(" "), "/dev/null"])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()?;
    assert!(output.status.success(), "{output:?}");
    Ok(String::from_utf8(output.stdout)?)
}

/// What the program writes into pipes.
fn in_pipe(arguments: &[&str]) -> Result<(String, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_kubectl-billing")).args(arguments).env("TERM", "xterm").output()?;
    Ok((String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

#[test]
fn there_is_colour_on_a_terminal_and_nowhere_else() -> Result {
    let help = ["export", "--help"];
    assert!(in_terminal(&help, &[])?.contains(ESCAPE));
    assert!(!in_terminal(&help, &[("NO_COLOR", "1")])?.contains(ESCAPE), "who wants none gets none");
    let (stdout, _) = in_pipe(&help)?;
    assert!(stdout.contains("--format") && !stdout.contains(ESCAPE), "{stdout}");
    let (_, stderr) = in_pipe(&["export", "--frobnicate"])?;
    assert!(stderr.contains("--frobnicate") && !stderr.contains(ESCAPE), "{stderr}");
    Ok(())
}

/// A slow server with an invoice on each page.
fn serve() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_all(&stream));
        }
    });
    Ok(port)
}

fn answer_all(mut stream: &TcpStream) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        lines.by_ref().find(|line| line.as_ref().is_ok_and(String::is_empty))?.ok()?;
        thread::sleep(DELAY);
        let body = page(&request).to_string();
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        // At once: in two pieces, the second waits until the first is acknowledged.
        stream.write_all((head + &body).as_bytes()).ok()?;
    }
}

/// The page that a request asks for: the continue token is its number.
fn page(request: &str) -> Value {
    let token = request.split(['?', '&', ' ']).find_map(|part| part.strip_prefix("continue="));
    let page: usize = token.and_then(|token| token.parse().ok()).unwrap_or_default();
    let next = if page + 1 < PAGES { json!({ "continue": (page + 1).to_string() }) } else { json!({}) };
    let invoice = json!({ "metadata": { "name": format!("a-{page}"), "namespace": "acme" }, "spec": {} });
    json!({ "apiVersion": "billing-operator.io/v1alpha1", "kind": "InvoiceList", "metadata": next, "items": [invoice] })
}

#[test]
fn a_terminal_is_told_how_far_something_is_and_a_log_is_not() -> Result {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{ "name": "it", "cluster": { "server": format!("http://127.0.0.1:{}", serve()?) } }],
        "users": [{ "name": "it", "user": {} }],
        "contexts": [{ "name": "it", "context": { "cluster": "it", "user": "it", "namespace": "acme" } }],
    });
    let kubeconfig = Path::new(env!("CARGO_TARGET_TMPDIR")).join("terminal-kubeconfig");
    fs::write(&kubeconfig, config.to_string())?;
    let kubeconfig = kubeconfig.display().to_string();
    let list = ["invoice", "list", "--kubeconfig", &kubeconfig];
    let shown = in_terminal(&list, &[])?;
    assert!(shown.contains("\rreading invoices: 2 …"), "{shown:?}");
    // At the end the line is gone, and the table stands at its beginning.
    assert!(shown.contains("…\r\u{1b}[KNUMBER"), "{shown:?}");
    let (stdout, stderr) = in_pipe(&list)?;
    assert!(stdout.starts_with("NUMBER") && stderr.is_empty(), "{stdout}{stderr}");
    Ok(())
}
