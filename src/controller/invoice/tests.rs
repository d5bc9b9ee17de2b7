//! When an estimate is written again.

use std::sync::Arc;

use serde_json::json;

use super::{GroupInvoices, Predecessor, plan_estimate};
use crate::api;
use crate::books::{Books, ObjectKey, Observes};
use crate::controller::invoice::{InvoiceFacts, make_invoice};
use crate::controller::scenario::{ACME, at, binding, books, ledger, rules, uid};
use crate::domain::{Billed, Month, Name};

/// Books with one record of `acme-web`, running or ended.
fn with_usage(end: &str) -> Books {
    let usage = format!(
        "\n---\nkind: UsageRecord\nmetadata: {{name: db, namespace: acme}}\n\
         spec: {{project: acme-web, service: {{name: db, type: PostgreSQL}}, start: '2026-11-21T00:00:00Z'{end}}}\n"
    );
    books(&format!("{ACME}{}{}{usage}", binding("shop"), ledger(&["shop"])))
}

/// Plans the open month of `shop` at `now`; what is written goes into the books. Answers with the total, if written.
fn write(books: &mut Books, now: &str) -> Option<String> {
    let invoice = {
        let group = uid("BillingGroup", "acme", "shop");
        let known = books.organization("acme").unwrap();
        let rules = rules();
        let invoices = GroupInvoices {
            books,
            organization: known,
            group: known.organization.group(group).unwrap(),
            object: known.group(group).unwrap(),
            series: "bbbbb",
            rules: &rules,
            waiting: &[],
        };
        let billed = Arc::new(Billed::default());
        let view = invoices.month(Month::of(at(now)), Predecessor::None, &billed, &[]).unwrap();
        let plan = plan_estimate(&view, known.invoices.estimate("bbbbb-1"), at(now)).unwrap();
        let write = plan.write?;
        let mut invoice = make_invoice(&InvoiceFacts::of(&view, &Name::from("acme")));
        invoice.status = Some(api::InvoiceStatus {
            phase: Some(api::InvoicePhase::Estimate),
            document: write.rendered.map(|rendered| rendered.document),
            conditions: write.conditions,
            ..Default::default()
        });
        invoice
    };
    let total =
        invoice.status.as_ref().and_then(|status| status.document.as_ref()).map(|document| document.total.to_string());
    books.observe(invoice);
    total
}

#[test]
fn running_usage_is_written_once_an_interval() {
    let mut books = with_usage("");
    assert_eq!(write(&mut books, "2026-11-21T12:00:00Z").as_deref(), Some("0.31"));
    assert_eq!(write(&mut books, "2026-11-21T12:00:30Z"), None);
    assert_eq!(write(&mut books, "2026-11-21T12:14:59Z"), None);
    assert_eq!(write(&mut books, "2026-11-21T12:15:00Z").as_deref(), Some("0.34"));
}

#[test]
fn what_ended_is_never_written_again() {
    let mut books = with_usage(", end: '2026-11-21T10:00:00Z'");
    assert_eq!(write(&mut books, "2026-11-21T12:00:00Z").as_deref(), Some("0.26"));
    assert_eq!(write(&mut books, "2026-11-22T12:00:00Z"), None);
}

#[test]
fn a_change_is_written_at_once_as_of_now() {
    let mut books = with_usage("");
    assert_eq!(write(&mut books, "2026-11-21T12:00:00Z").as_deref(), Some("0.31"));
    let ended = "
kind: UsageRecord
metadata: {name: db2, namespace: acme, uid: 00000000-0000-4000-8000-000000000001, creationTimestamp: '2026-11-21T12:00:01Z'}
spec: {project: acme-web, service: {name: db2, type: PostgreSQL}, start: '2026-11-21T11:00:00Z', end: '2026-11-21T12:00:00Z'}
";
    books.observe(serde_saphyr::from_str::<api::UsageRecord>(ended).unwrap());
    assert_eq!(write(&mut books, "2026-11-21T12:00:02Z").as_deref(), Some("0.37"));
}

/// A record whose line fills a slice alone.
fn long_record(number: u32) -> api::UsageRecord {
    let uid = format!("00000000-0000-4000-8000-{number:012}");
    let service = json!({ "name": "x".repeat(150_000), "type": "PostgreSQL" });
    let object = json!({
        "metadata": {
            "name": format!("r-{number:03}"), "namespace": "acme", "uid": uid, "creationTimestamp": "2026-11-21T00:00:00Z",
        },
        "spec": {
            "project": "acme-web", "service": service,
            "start": format!("2026-11-11T{:02}:{:02}:00Z", number / 60, number % 60),
            "end": format!("2026-11-11T{:02}:{:02}:30Z", number / 60, number % 60),
        },
    });
    serde_json::from_value(object).unwrap()
}

#[test]
fn more_lines_than_a_document_can_list_are_a_hold_that_names_the_remedy() {
    let mut books = books(&format!("{ACME}{}{}", binding("shop"), ledger(&["shop"])));
    for number in 0..201 {
        books.observe(long_record(number));
    }
    assert_eq!(write(&mut books, "2026-11-21T12:00:00Z"), None);
    let ready = &books.organization("acme").unwrap().invoices.estimate("bbbbb-1").unwrap().conditions[0];
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("False", "TooManyLines"));
    assert_eq!(
        ready.message,
        "invoice bbbbb-1 has 201 lines, more than fit into 200 slices; let another billing group pay for some of its \
         projects, or meter with fewer, longer records"
    );
    for number in 1..201 {
        Observes::<api::UsageRecord>::forget(&mut books, &ObjectKey::namespaced("acme", &format!("r-{number:03}")));
    }
    assert_eq!(write(&mut books, "2026-11-21T12:00:01Z").as_deref(), Some("0.03"));
}
