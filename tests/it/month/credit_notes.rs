//! Credit notes: final invoices are taken back, in full and in parts, and never beyond what was billed.

use billing_operator::api::{CreditNote, CreditNotePhase, Invoice, InvoiceSeries, PaymentState};
use futures::future::try_join_all;
use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::stage::{awaited, back, database, domain, final_of, held, later, resume, suspended, terms};
use crate::{
    Result,
    support::{Scene, World, reason},
};

/// An organization whose group has a final invoice of a domain (12.50) and a database of ten hours (0.26).
async fn final_invoice(scene: &Scene<'_>, organization: &str) -> Result<Invoice> {
    let shop = format!("{organization}-shop");
    awaited(scene, organization, &shop, "main").await?;
    let start = back(1).start();
    scene.usage(organization, "domain", domain(&shop, start)).await?;
    scene.usage(organization, "db", database(&shop, "db", start, Some(later(start, 10)))).await?;
    scene.group(organization, "main", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    final_of(scene, organization, "main", back(1)).await
}

/// Asks for a credit note.
pub(super) async fn ask(scene: &Scene<'_>, organization: &str, name: &str, mut spec: Value) -> Result<CreditNote> {
    spec["reason"] = "Outage".into();
    let note = json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "CreditNote", "metadata": { "name": name }, "spec": spec,
    });
    Ok(scene.api(organization).create(&PostParams::default(), &serde_json::from_value(note)?).await?)
}

/// Parts of an invoice: `line amount`, or an amount alone.
pub(super) fn parts(invoice: &Invoice, parts: &[(Option<&str>, &str)]) -> Value {
    let of = |(line, amount): &(Option<&str>, &str)| match line {
        Some(line) => json!({ "line": line, "amount": amount }),
        None => json!({ "description": "Goodwill", "amount": amount }),
    };
    json!({ "invoice": invoice.name_any(), "lines": parts.iter().map(of).collect::<Vec<_>>() })
}

fn ready(note: &CreditNote) -> Option<&str> {
    reason(&note.status.as_ref()?.conditions, "Ready")
}

pub(super) async fn issued(scene: &Scene<'_>, organization: &str, name: &str) -> Result<CreditNote> {
    let what = format!("credit note {name} is issued");
    scene.wait_object(organization, name, &what, |note| ready(note) == Some("Issued")).await
}

async fn refused(scene: &Scene<'_>, organization: &str, name: &str, why: &str) -> Result {
    let what = format!("credit note {name} is refused: {why}");
    let note: CreditNote = scene.wait_object(organization, name, &what, |note| ready(note) == Some(why)).await?;
    let status = note.status.unwrap_or_default();
    assert_eq!((status.phase, status.number, status.document), (None, None, None));
    Ok(())
}

/// What a note is: its number's end, its lines, subtotal, tax and total.
fn shown(note: &CreditNote) -> Result<Vec<String>> {
    let status = note.status.as_ref().ok_or("a status")?;
    let document = status.document.as_ref().ok_or("a document")?;
    assert_eq!((status.phase, status.number.as_ref()), (Some(CreditNotePhase::Final), Some(&document.number)));
    let number = document.number.split('-').next_back().unwrap_or_default();
    let lines = document.lines.iter().map(|line| format!("{} {}", line.description, &*line.total));
    let sums = format!("{number}: {} + {} = {}", &*document.subtotal, &*document.tax, &*document.total);
    Ok(lines.chain([sums]).collect())
}

/// What an invoice says of its notes: their names with what each took, the sum, and the payment.
async fn credited(scene: &Scene<'_>, organization: &str, number: &str) -> Result<(Vec<String>, PaymentState)> {
    let status = scene.api::<Invoice>(organization).get(number).await?.status.ok_or("a status")?;
    let credited = status.credited.ok_or("credited")?;
    let notes = credited.notes.iter().map(|by| format!("{} {}", &*by.name, &*by.total));
    Ok((notes.chain([credited.total.to_string()]).collect(), status.payment.ok_or("a payment")?.state))
}

/// The digests of a series' notes, in order.
async fn digests(scene: &Scene<'_>, invoice: &Invoice) -> Result<Vec<String>> {
    let series: InvoiceSeries = scene.cluster().get(&invoice.spec.series).await?;
    let notes = series.status.unwrap_or_default().credit_notes;
    assert!(notes.iter().map(|note| note.sequence).eq(1..=notes.len() as i32), "{notes:?}");
    Ok(notes.into_iter().map(|note| note.digest).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_taken_back_in_full() -> Result {
    let scene = World::shared().scene().await?;
    let invoice = final_invoice(&scene, "reversed").await?;
    let number = invoice.name_any();
    ask(&scene, "reversed", "all", json!({ "invoice": number, "full": true })).await?;
    let note = issued(&scene, "reversed", "all").await?;
    let expected = [
        "db: PostgreSQL Hobbyist google-europe-north1 -0.26",
        "example.com: Domain -12.50",
        "cn1: -12.76 + 0.00 = -12.76",
    ];
    assert_eq!(shown(&note)?, expected);
    let document = note.status.as_ref().and_then(|status| status.document.as_ref()).ok_or("a document")?;
    let of = invoice.status.as_ref().and_then(|status| status.document.as_ref()).ok_or("a document")?;
    assert_eq!((&document.invoice.number, &document.invoice.digest), (&of.number, &of.digest));
    assert_eq!((&document.seller, &document.buyer), (&of.seller, &of.buyer));
    assert_eq!((document.reason.as_str(), document.previous_digest.as_deref()), ("Outage", None));
    assert_eq!(digests(&scene, &invoice).await?, std::slice::from_ref(&document.digest));
    let (notes, payment) = credited(&scene, "reversed", &number).await?;
    assert_eq!((notes, payment), (vec!["all 12.76".to_owned(), "12.76".to_owned()], PaymentState::Credited));

    ask(&scene, "reversed", "again", json!({ "invoice": number, "full": true })).await?;
    refused(&scene, "reversed", "again", "NothingLeft").await?;
    assert_eq!(digests(&scene, &invoice).await?.len(), 1, "a note that is refused takes no number");
    scene.delete::<CreditNote>("reversed", "again").await?;
    let kept = scene.delete::<CreditNote>("reversed", "all").await.unwrap_err().to_string();
    assert!(kept.contains("credit note reversed/all is kept"), "{kept}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_taken_back_up_to_what_was_billed() -> Result {
    let scene = World::shared().scene().await?;
    let invoice = final_invoice(&scene, "parts").await?;
    let document = invoice.status.as_ref().and_then(|status| status.document.as_ref()).ok_or("a document")?;
    let line = |at: usize| Some(document.lines[at].id.as_str());
    ask(&scene, "parts", "first", parts(&invoice, &[(line(1), "2.5"), (None, "1")])).await?;
    let note = issued(&scene, "parts", "first").await?;
    assert_eq!(shown(&note)?, ["example.com: Domain -2.50", "Goodwill -1.00", "cn1: -3.50 + 0.00 = -3.50"]);

    ask(&scene, "parts", "line", parts(&invoice, &[(line(1), "10.01")])).await?;
    refused(&scene, "parts", "line", "LineExceeded").await?;
    ask(&scene, "parts", "sum", parts(&invoice, &[(None, "9.27")])).await?;
    refused(&scene, "parts", "sum", "InvoiceExceeded").await?;
    ask(&scene, "parts", "cents", parts(&invoice, &[(None, "0.001")])).await?;
    refused(&scene, "parts", "cents", "AmountInvalid").await?;
    ask(&scene, "parts", "unknown", parts(&invoice, &[(Some("nothing"), "1")])).await?;
    refused(&scene, "parts", "unknown", "LineUnknown").await?;
    ask(&scene, "parts", "elsewhere", json!({ "invoice": "nowhere-1", "full": true })).await?;
    refused(&scene, "parts", "elsewhere", "InvoiceNotFound").await?;

    ask(&scene, "parts", "rest", json!({ "invoice": invoice.name_any(), "full": true })).await?;
    let rest = issued(&scene, "parts", "rest").await?;
    assert_eq!(shown(&rest)?[2..], ["credited before, by first 3.50", "cn2: -9.26 + 0.00 = -9.26"]);
    let digest = |note: &CreditNote| Some(note.status.as_ref()?.document.as_ref()?.digest.clone());
    let previous = rest.status.as_ref().and_then(|status| status.document.as_ref()?.previous_digest.clone());
    assert_eq!(previous, digest(&note), "notes of a series are chained");
    assert_eq!(digests(&scene, &invoice).await?, [digest(&note), digest(&rest)].map(Option::unwrap_or_default));
    let (notes, payment) = credited(&scene, "parts", &invoice.name_any()).await?;
    assert_eq!(
        (notes, payment),
        (["first 3.50", "rest 9.26", "12.76"].map(str::to_owned).into(), PaymentState::Credited)
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_notes_at_once_take_no_more_than_there_is() -> Result {
    let scene = World::shared().scene().await?;
    let invoice = final_invoice(&scene, "contended").await?;
    let names: Vec<_> = (0..8).map(|at| format!("note-{at}")).collect();
    try_join_all(names.iter().map(|name| ask(&scene, "contended", name, parts(&invoice, &[(None, "5.00")])))).await?;
    let mut taken = Vec::new();
    for name in &names {
        let decided = |note: &CreditNote| matches!(ready(note), Some("Issued" | "InvoiceExceeded"));
        let note = scene.wait_object("contended", name, &format!("{name} is decided"), decided).await?;
        if ready(&note) == Some("Issued") {
            taken.push(note.status.and_then(|status| status.number).map(|number| number.to_string()));
        }
    }
    taken.sort();
    let number = |at: usize| Some(format!("{}-cn{at}", &*invoice.spec.series));
    assert_eq!(taken, [number(1), number(2)]);
    let (notes, payment) = credited(&scene, "contended", &invoice.name_any()).await?;
    assert_eq!((notes.len(), notes.last().map(String::as_str)), (3, Some("10.00")));
    assert_eq!(payment, PaymentState::Due);
    assert_eq!(digests(&scene, &invoice).await?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_waits_for_its_invoice_to_be_final() -> Result {
    let scene = World::shared().scene().await?;
    suspended(&scene, "early-notes").await?;
    awaited(&scene, "early-note", "early-note-shop", "main").await?;
    scene.usage("early-note", "domain", domain("early-note-shop", back(1).start())).await?;
    let spec = terms(json!({ "firstPeriod": back(1).to_string(), "issuer": "early-notes" }));
    scene.group("early-note", "main", spec).await?;
    let invoice = held(&scene, "early-note", "main", back(1), "Suspended").await?;
    ask(&scene, "early-note", "all", json!({ "invoice": invoice.name_any(), "full": true })).await?;
    refused(&scene, "early-note", "all", "InvoiceNotFinal").await?;
    resume(&scene, "early-notes").await?;
    assert_eq!(
        shown(&issued(&scene, "early-note", "all").await?)?.last().map(String::as_str),
        Some("cn1: -12.50 + 0.00 = -12.50")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_taken_back_with_its_tax() -> Result {
    let scene = World::shared().scene().await?;
    let rules = json!([{ "name": "VAT", "category": "S", "rate": "25.5" }]);
    scene.issuer("taxed-notes", json!({ "legalName": "Provider Oy", "grace": "0s", "taxRules": rules })).await?;
    awaited(&scene, "taxed", "taxed-shop", "main").await?;
    scene.usage("taxed", "domain", domain("taxed-shop", back(1).start())).await?;
    let spec = terms(json!({ "firstPeriod": back(1).to_string(), "issuer": "taxed-notes" }));
    scene.group("taxed", "main", spec).await?;
    let invoice = final_of(&scene, "taxed", "main", back(1)).await?;
    ask(&scene, "taxed", "part", parts(&invoice, &[(None, "1")])).await?;
    // 12.50 has 3.19 of tax; 11.50 are left, with 2.93 (2.9325).
    assert_eq!(shown(&issued(&scene, "taxed", "part").await?)?, ["Goodwill -1.00", "cn1: -1.00 + -0.26 = -1.26"]);
    ask(&scene, "taxed", "rest", json!({ "invoice": invoice.name_any(), "full": true })).await?;
    let rest = issued(&scene, "taxed", "rest").await?;
    let expected = ["example.com: Domain -12.50", "credited before, by part 1.00", "cn2: -11.50 + -2.93 = -14.43"];
    assert_eq!(shown(&rest)?, expected);
    let taxes = rest.status.and_then(|status| status.document).map(|document| document.taxes).unwrap_or_default();
    let shown: Vec<_> = taxes.iter().map(|tax| format!("{} {} {}", &*tax.rate, &*tax.base, &*tax.amount)).collect();
    assert_eq!(shown, ["25.5 -11.50 -2.93"]);
    let (notes, payment) = credited(&scene, "taxed", &invoice.name_any()).await?;
    assert_eq!(
        (notes, payment),
        (["part 1.26", "rest 14.43", "15.69"].map(str::to_owned).into(), PaymentState::Credited)
    );
    Ok(())
}
