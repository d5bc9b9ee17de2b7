//! Ways to a cluster: a login by a program, and a proxy, as a kubeconfig names them.

use std::io::{BufRead, BufReader, Write, copy};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use billing_test_harness::{ControlPlane, User};

use crate::{Result, cluster};

/// The names of the groups of acme, with a kubeconfig of one's own.
fn groups(control_plane: &ControlPlane, name: &str, cluster: &str, user: &str) -> Result<(String, String)> {
    let authority = control_plane.folder().join("connecting-ca.pem");
    fs::write(&authority, control_plane.ca_pem())?;
    let kubeconfig = control_plane.folder().join(format!("{name}.kubeconfig"));
    let server = control_plane.url();
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\n\
         clusters: [{{name: a, cluster: {{server: \"{server}\", certificate-authority: \"{}\"{cluster}}}}}]\n\
         users: [{{name: a, user: {user}}}]\n",
        authority.display()
    );
    fs::write(&kubeconfig, text)?;
    let output = Command::new(env!("CARGO_BIN_EXE_kubectl-billing"))
        .args(["group", "list", "-n", "acme", "-o", "name", "--kubeconfig"])
        .arg(&kubeconfig)
        .output()?;
    Ok((String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

const GROUPS: &str = "billinggroup.billing-operator.io/main\nbillinggroup.billing-operator.io/shop\n";

#[test]
fn a_program_logs_in() -> Result {
    let control_plane = cluster()?;
    let token = control_plane.token(User::Admin);
    let login = |token: &str| {
        let credential = format!(
            "{{\\\"apiVersion\\\": \\\"client.authentication.k8s.io/v1\\\", \\\"kind\\\": \\\"ExecCredential\\\", \\\"status\\\": {{\\\"token\\\": \\\"{token}\\\"}}}}"
        );
        format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: [-c, \"echo '{credential}'\"]}}}}"
        )
    };
    let (listed, said) = groups(control_plane, "exec", "", &login(token))?;
    assert_eq!(listed, GROUPS, "{said}");
    let (listed, said) = groups(control_plane, "exec-wrong", "", &login("wrong"))?;
    assert!(listed.is_empty() && said.contains("log in again"), "{said}");
    Ok(())
}

/// A proxy that counts whom it connects; it answers nothing but `CONNECT`.
fn proxy() -> Result<(String, Arc<AtomicUsize>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = format!("http://{}", listener.local_addr()?);
    let connected = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connected);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let counter = Arc::clone(&counter);
            thread::spawn(move || connect(client, &counter));
        }
    });
    Ok((address, connected))
}

fn connect(client: TcpStream, counter: &AtomicUsize) -> std::io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
    }
    let target = request.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    let server = TcpStream::connect(target)?;
    counter.fetch_add(1, Ordering::SeqCst);
    (&client).write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut up, mut down) = (server.try_clone()?, client);
    let back = thread::spawn(move || copy(&mut &server, &mut down).map(|_| down.shutdown(std::net::Shutdown::Both)));
    copy(&mut reader, &mut up)?;
    let _ = up.shutdown(std::net::Shutdown::Both);
    let _ = back.join();
    Ok(())
}

#[test]
fn a_proxy_is_on_the_way() -> Result {
    let control_plane = cluster()?;
    let (address, connected) = proxy()?;
    let user = format!("{{token: \"{}\"}}", control_plane.token(User::Admin));
    let (listed, said) = groups(control_plane, "proxy", &format!(", proxy-url: \"{address}\""), &user)?;
    assert_eq!(listed, GROUPS, "{said}");
    assert!(connected.load(Ordering::SeqCst) > 0, "nobody came through the proxy");
    Ok(())
}
