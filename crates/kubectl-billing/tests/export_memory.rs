//! The memory of an export does not grow with the number of documents: the program runs against a server that has few of
//! them, and many. Each invoice has a credit note.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const LINES: usize = 25;
const FEW: usize = 100;
const MANY: usize = 1_000;

/// What the allocator may leave behind. The documents of the others would be several times that.
const SLACK_KIB: u64 = 8 * 1024;

/// A server that lists so many invoices, and a credit note of each, page by page, on each connection until it is closed.
fn serve(invoices: usize) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer_all(&stream, invoices));
        }
    });
    Ok(port)
}

fn answer_all(mut stream: &TcpStream, invoices: usize) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let request = lines.next()?.ok()?;
        lines.by_ref().find(|line| line.as_ref().is_ok_and(String::is_empty))?.ok()?;
        let body = page(&request, invoices).to_string();
        let length = body.len();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        // At once: in two pieces, the second waits until the first is acknowledged.
        stream.write_all((head + &body).as_bytes()).ok()?;
    }
}

/// The page that a request asks for: the continue token is the number of the first one. Who asks for one invoice gets it.
fn page(request: &str, invoices: usize) -> Value {
    let parameter = |name: &str| {
        let value = request.split(['?', '&', ' ']).find_map(|part| part.strip_prefix(name))?;
        value.parse::<usize>().ok()
    };
    let named = request.split_once("metadata.name%3Da").map(|(_, rest)| &rest[..5]);
    let first = named.map_or_else(|| parameter("continue="), |number| number.parse().ok()).unwrap_or_default();
    let invoices = if named.is_some() { first + 1 } else { invoices };
    let document = if request.contains("/creditnotes?") { credit_note } else { invoice };
    let end = invoices.min(first + parameter("limit=").unwrap_or(invoices));
    let items: Vec<_> = (first..end).map(document).collect();
    let metadata = if end < invoices { json!({ "continue": end.to_string() }) } else { json!({}) };
    json!({ "apiVersion": "billing-operator.io/v1alpha1", "kind": "InvoiceList", "metadata": metadata, "items": items })
}

fn invoice(number: usize) -> Value {
    let name = format!("a{number:05}-1");
    let line = |line: usize| {
        json!({
            "id": format!("line-{line}"), "type": "ServiceCharge", "project": format!("project-{line}"), "total": "1.00",
            "service": { "name": format!("service-{line}"), "type": "PostgreSQL" }, "quantity": "10", "unit": "Unit",
            "unitPrice": "0.1", "preDiscount": "1.00", "description": "a service with a description of usual length",
            "start": "2026-10-01T00:00:00Z", "end": "2026-10-02T00:00:00Z",
            "source": { "kind": "UsageRecord", "name": format!("record-{line}"), "uid": "5b1f2a64-0000-4000-8000-000000000001" },
        })
    };
    let total = format!("{LINES}.00");
    json!({
        "metadata": { "name": name, "namespace": "acme", "creationTimestamp": "2026-11-01T00:01:02Z" },
        "spec": {
            "billingGroup": "main", "billingGroupUID": "5b1f2a64-0000-4000-8000-000000000001", "period": "2026-10",
            "series": format!("a{number:05}"), "sequence": 1,
        },
        "status": {
            "phase": "Final",
            "document": {
                "number": name, "issuedAt": "2026-11-01T01:00:00Z", "attribution": "MonthEnd", "currency": "EUR",
                "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
                "seller": { "legalName": "Example Cloud Oy" }, "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
                "lines": (0..LINES).map(line).collect::<Vec<_>>(), "subtotal": total, "total": total, "tax": "0.00",
                "digest": format!("sha256:{number:064}"),
            },
        },
    })
}

/// A credit note of a cent of the first line.
fn credit_note(number: usize) -> Value {
    let (name, invoice) = (format!("a{number:05}-cn1"), format!("a{number:05}-1"));
    json!({
        "metadata": { "name": name, "namespace": "acme" },
        "spec": { "invoice": invoice, "reason": "Outage" },
        "status": {
            "phase": "Final", "number": name,
            "document": {
                "number": name, "issuedAt": "2026-10-31T01:00:00Z", "currency": "EUR", "reason": "Outage",
                "invoice": {
                    "number": invoice, "digest": format!("sha256:{number:064}"),
                    "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
                },
                "seller": { "legalName": "Example Cloud Oy" }, "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
                "lines": [{ "line": "line-0", "description": "a service", "total": "-1.00" }],
                "subtotal": "-1.00", "total": "-1.00", "tax": "0.00", "digest": format!("sha256:{number:064}"),
            },
        },
    })
}

/// The most memory that an export of so many invoices has, in KiB.
fn peak_of_export(invoices: usize, folder: &Path) -> Result<u64> {
    let port = serve(invoices)?;
    let kubeconfig = folder.join("kubeconfig");
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "clusters": [{ "name": "it", "cluster": { "server": format!("http://127.0.0.1:{port}") } }],
        "users": [{ "name": "it", "user": {} }],
        "contexts": [{ "name": "it", "context": { "cluster": "it", "user": "it", "namespace": "acme" } }],
    });
    fs::write(&kubeconfig, config.to_string())?;
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-billing"))
        .args(["export", "--format", "parquet", "--period", "2026-10", "--kubeconfig"])
        .arg(&kubeconfig)
        .arg("-o")
        .arg(folder.join("out"))
        .stderr(Stdio::piped())
        .spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default());
        thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output()?;
    let said = String::from_utf8(output.stderr)?;
    let (files, total) = (4 * invoices, (LINES - 1) * invoices);
    let documents = format!("{invoices} invoices and {invoices} credit notes");
    let done = format!("{files} files written, 0 unchanged: {total}.00 EUR on {documents}\n");
    assert!(output.status.success() && said.ends_with(&done), "{said}");
    Ok(peak)
}

fn empty_folder(name: &str) -> Result<PathBuf> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("export-memory").join(name);
    let _ = fs::remove_dir_all(&path); // of a former run
    fs::create_dir_all(&path)?;
    Ok(path)
}

#[test]
fn memory_does_not_grow_with_the_number_of_documents() -> Result {
    let few = peak_of_export(FEW, &empty_folder("few")?)?;
    let many = peak_of_export(MANY, &empty_folder("many")?)?;
    assert!(few > 0 && many < few + SLACK_KIB, "{few} KiB for {FEW} invoices, {many} KiB for {MANY}");
    println!("{few} KiB for {FEW} invoices, {many} KiB for {MANY}");
    Ok(())
}
