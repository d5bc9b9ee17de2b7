//! The program itself: how it ends, and what it says of itself. What its commands do is tested where there is a cluster.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const ACME: [&str; 2] = ["-f", "examples/acme"];

/// Runs the program itself.
fn program(arguments: &[&str], stdin: &str) -> Result<(Option<i32>, String, String)> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kubectl-billing"))
        .args(arguments)
        .current_dir(ROOT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no standard input")?.write_all(stdin.as_bytes())?;
    let output = child.wait_with_output()?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?))
}

#[test]
fn the_exit_status_tells_how_it_ended() -> Result {
    let as_of = ["--as-of", "2026-11-21T12:00:00Z"];
    let (status, stdout, _) = program(&[&["preview"][..], &ACME, &as_of].concat(), "")?;
    assert_eq!(status, Some(0));
    assert!(fs::read_to_string(format!("{ROOT}/tests/it/preview/acme.txt"))?.contains(&stdout));

    let (status, _, stderr) = program(&["preview", "-f", "-"], "apiVersion: billing-operator.io/v1\nkind: Invoice")?;
    assert_eq!(status, Some(1), "{stderr}");
    for (arguments, said) in [
        (&["preview"][..], "--filename <FILE>"),
        (&["preview", "-f", "-", "--as-of", "today"], "write it in RFC 3339, like 2026-11-21T12:00:00Z"),
        (&["preview", "-f", "-", "--period", "november"], "write it like \"2026-11\""),
        (&["preview", "-f", "/nonexistent"], "cannot read /nonexistent"),
    ] {
        let (status, stdout, stderr) = program(arguments, "")?;
        assert_eq!((status, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.contains(said), "{arguments:?}: {stderr}");
    }
    Ok(())
}

#[test]
fn the_program_says_what_it_is() -> Result {
    let (_, version, _) = program(&["--version"], "")?;
    assert_eq!(version, format!("kubectl-billing {}\n", env!("CARGO_PKG_VERSION")));
    let (_, help, _) = program(&["preview", "--help"], "")?;
    assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
    let (_, script, _) = program(&["completion", "bash"], "")?;
    assert!(script.contains("kubectl-billing"), "{script}");
    Ok(())
}
