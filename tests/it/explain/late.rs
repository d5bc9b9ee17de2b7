//! Adjustments of a closed month: explained, and verified from what the document says of them.

use std::fs;
use std::path::Path;

use billing_api::Line;
use billing_documents::verify::verify_document;
use kubectl_billing::ExitStatus;
use serde_json::{Value, json};

use super::{forged, invoice};
use crate::Result;
use crate::support::command::{Run, run};

/// After October is final: a service that nobody reported, and a correction of one that stopped earlier.
const LATE: &str = r#"
apiVersion: billing-operator.io/v1alpha1
kind: UsageRecord
metadata: {name: initech-web-cache-202610, namespace: initech}
spec:
  project: initech-web
  service: {name: web-cache, type: PostgreSQL}
  start: "2026-10-10T00:00:00Z"
  end: "2026-10-12T00:00:00Z"
---
apiVersion: billing-operator.io/v1alpha1
kind: UsageRecord
metadata: {name: initech-web-db-corrected, namespace: initech}
spec:
  project: initech-web
  service: {name: web-db, type: PostgreSQL}
  start: "2026-10-01T00:00:00Z"
  end: "2026-10-21T00:00:00Z"
  replaces: initech-web-db-20261001
"#;

/// The example's November, when October is final and was adjusted.
fn november() -> Result<String> {
    let preview = |period: &str, given: &str| -> Result<String> {
        let arguments = ["preview", "-f", "-", "--period", period, "-o", "json"];
        let Run { ended, stdout, stderr } = run(&arguments, given)?;
        if ended == ExitStatus::Ok { Ok(stdout) } else { Err(stderr.into()) }
    };
    let mut manifests = Vec::new();
    for file in ["00-organization", "10-provider", "20-groups", "30-usage"] {
        manifests.push(fs::read_to_string(format!("examples/initech/{file}.yaml"))?);
    }
    let mut finals: Value = serde_json::from_str(&preview("2026-10", &manifests.join("\n---\n"))?)?;
    for (index, invoice) in finals["items"].as_array_mut().into_iter().flatten().enumerate() {
        // With a UID it comes from a cluster, and stays as it is.
        invoice["metadata"]["uid"] = format!("00000000-0000-4000-8000-{index:012}").into();
    }
    manifests.extend([finals.to_string(), LATE.to_owned()]);
    preview("2026-11", &manifests.join("\n---\n"))
}

#[test]
fn adjustments_are_explained_by_what_their_month_was_billed_at() -> Result {
    let Run { ended, stdout: explained, stderr } = run(&["explain", "initech-2", "-f", "-"], &november()?)?;
    assert_eq!(ended, ExitStatus::Ok, "{stderr}");
    let golden = Path::new("tests/it/explain/initech-2.txt");
    if std::env::var_os("UPDATE").is_some() {
        fs::write(golden, &explained)?;
    }
    assert_eq!(explained, fs::read_to_string(golden)?);
    Ok(())
}

#[test]
fn adjustments_are_verified_and_a_forged_one_is_found() -> Result {
    let invoice = invoice(&november()?, "initech-2")?;
    let document = invoice.status.and_then(|status| status.document).ok_or("no document")?;
    let before = document.previous_digest.as_deref();
    assert_eq!(verify_document(&document, |_| None, before), []);
    let at = |late: bool| {
        let is_wanted = |line: &Line| line.adjusts.as_ref().is_some_and(|adjusts| adjusts.invoice.is_none() == late);
        document.lines.iter().position(is_wanted).ok_or("no such line")
    };
    let (late, correction) = (at(true)?, at(false)?);
    let mut settled = serde_json::to_value(&document.lines[correction].adjusts)?;
    settled["settled"] = "0.01".into();
    let forgeries: [(String, Value); 6] = [
        (format!("/lines/{late}/discounts"), json!([])),
        (format!("/lines/{late}/exchangeRate/toQuote"), json!("2")),
        (format!("/lines/{late}/quantity"), json!("49")),
        (format!("/lines/{correction}/adjusts/due"), json!("0.01")),
        (format!("/lines/{correction}/adjusts/billed"), json!("160.61")),
        (format!("/lines/{correction}/adjusts"), settled),
    ];
    for (pointer, value) in forgeries {
        let findings = verify_document(&forged(&document, &pointer, value)?, |_| None, before);
        assert!(!findings.is_empty(), "{pointer}");
    }
    Ok(())
}
