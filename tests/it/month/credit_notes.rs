//! Credit notes: final invoices are taken back, in full and in parts, and never beyond what was billed.

use billing_api::{BillingGroup, Credit, CreditNote, CreditNotePhase, Invoice, InvoiceSeries, PaymentState, Time};
use futures::future::try_join_all;
use kube::ResourceExt;
use kube::api::PostParams;
use serde_json::{Value, json};

use super::stage::{awaited, back, database, domain, final_of, held, later, resume, suspended, terms, total};
use crate::{
    Result,
    support::{LIMIT, Scene, World, reason, wait},
};

/// An organization whose group has a final invoice of a domain (12.50) and a database of ten hours (0.26).
async fn final_invoice(scene: &Scene<'_>, organization: &str) -> Result<Invoice> {
    scene.organization(organization).await?;
    final_invoice_of(scene, organization).await
}

/// The same, of an organization that is there.
async fn final_invoice_of(scene: &Scene<'_>, organization: &str) -> Result<Invoice> {
    let shop = format!("{organization}-shop");
    scene.project(organization, &shop).await?;
    scene.bind(&shop, "main").await?;
    let start = back(1).start();
    scene.usage(organization, "domain", domain(&shop, start)).await?;
    scene.usage(organization, "db", database(&shop, "db", start, Some(later(start, 10)))).await?;
    scene.group(organization, "main", terms(json!({ "firstPeriod": back(1).to_string() }))).await?;
    final_of(scene, organization, "main", back(1)).await
}

/// Asks for a credit note.
pub async fn ask(scene: &Scene<'_>, organization: &str, name: &str, mut spec: Value) -> Result<CreditNote> {
    spec["reason"] = "Outage".into();
    let note = json!({
        "apiVersion": "billing-operator.io/v1alpha1", "kind": "CreditNote", "metadata": { "name": name }, "spec": spec,
    });
    Ok(scene.api(organization).create(&PostParams::default(), &serde_json::from_value(note)?).await?)
}

/// Parts of an invoice: `line amount`, or an amount alone.
pub fn parts(invoice: &Invoice, parts: &[(Option<&str>, &str)]) -> Value {
    let of = |(line, amount): &(Option<&str>, &str)| match line {
        Some(line) => json!({ "line": line, "amount": amount }),
        None => json!({ "description": "Goodwill", "amount": amount }),
    };
    json!({ "invoice": invoice.name_any(), "lines": parts.iter().map(of).collect::<Vec<_>>() })
}

fn ready(note: &CreditNote) -> Option<&str> {
    reason(&note.status.as_ref()?.conditions, "Ready")
}

pub async fn issued(scene: &Scene<'_>, organization: &str, name: &str) -> Result<CreditNote> {
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
    assert!(kept.contains("credit note reversed/all cannot be deleted"), "{kept}");
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

/// A credit of an amount for the group `main`.
fn granted(amount: &str, more: Value) -> Value {
    let mut spec =
        json!({ "billingGroup": "main", "type": "Outage", "amount": { "amount": amount, "currency": "USD" } });
    spec.as_object_mut().into_iter().zip(more.as_object().cloned()).for_each(|(spec, more)| spec.extend(more));
    spec
}

/// Waits until the note says so of the credits that it gives back.
async fn gives_back(scene: &Scene<'_>, organization: &str, name: &str, says: &str) -> Result<CreditNote> {
    let fits = |note: &CreditNote| {
        note.status.as_ref().is_some_and(|status| reason(&status.conditions, "CreditsReturned") == Some(says))
    };
    scene.wait_object(organization, name, &format!("credits of {name}: {says}"), fits).await
}

/// The credits that come from invoices, by name: whose, and how much remains of what.
async fn returned(scene: &Scene<'_>, organization: &str) -> Result<Vec<String>> {
    let credits = scene.api::<Credit>(organization).list(&Default::default()).await?.items;
    let mut shown = Vec::new();
    for credit in credits {
        let Some(origin) = &credit.spec.origin else { continue };
        let status = credit.status.clone().unwrap_or_default();
        let remaining = status.remaining.map(|remaining| remaining.to_string()).unwrap_or_default();
        let amount = credit.spec.amount.as_ref().map(|amount| amount.amount.to_string()).unwrap_or_default();
        let of = origin.credit.as_ref().map(|of| of.to_string()).unwrap_or_default();
        shown.push(format!("{of} for {}: {remaining} of {amount}", &*credit.spec.billing_group));
    }
    Ok(shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_that_an_invoice_used_go_back_with_all_of_it() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("given-back").await?;
    // The database is for the credit of its project, the rest is paid by both, and 0.76 by money.
    let limited = json!({ "projects": ["given-back-shop"], "expiresAt": Time(later(back(0).start(), 24)) });
    scene.credit("given-back", "limited", granted("2", limited)).await?;
    scene.credit("given-back", "welcome", granted("10", json!({}))).await?;
    let invoice = final_invoice_of(&scene, "given-back").await?;
    let number = invoice.name_any();
    assert_eq!(total(&invoice), "0.76");

    // All of the money goes back first, and no credit with it.
    ask(&scene, "given-back", "part", parts(&invoice, &[(None, "0.76")])).await?;
    issued(&scene, "given-back", "part").await?;
    ask(&scene, "given-back", "more", parts(&invoice, &[(None, "0.01")])).await?;
    refused(&scene, "given-back", "more", "NothingLeft").await?;
    assert_eq!(returned(&scene, "given-back").await?, Vec::<String>::new());

    ask(&scene, "given-back", "rest", json!({ "invoice": number, "full": true })).await?;
    let note = gives_back(&scene, "given-back", "rest", "Returned").await?;
    let document = note.status.as_ref().and_then(|status| status.document.as_ref()).ok_or("a document")?;
    assert_eq!(&*document.total, "0.00");
    let listed = document.credits.iter().map(|one| format!("{} {}", &*one.credit, &*one.amount));
    assert_eq!(listed.collect::<Vec<_>>(), ["limited 2.00", "welcome 10.00"]);
    let name = document.credits[0].name.to_string();
    assert_eq!(name, format!("{}-limited", &*document.number));
    let again: Credit = scene.api("given-back").get(&name).await?;
    let origin = again.spec.origin.clone().ok_or("an origin")?;
    assert_eq!((&*origin.invoice, origin.credit_note.as_deref()), (number.as_str(), Some(&*document.number)));
    assert_eq!(again.spec.projects, Some(vec!["given-back-shop".into()]));
    // It was valid for one day after the month; now to the end of this one at the least.
    let expires = again.spec.expires_at.ok_or("an end")?;
    assert_eq!(expires.0, later(document.issued_at.0, 24).max(back(0).end()));
    wait("both are worth what was used", LIMIT, async || {
        let expected = ["limited for main: 2.00 of 2.00", "welcome for main: 10.00 of 10.00"];
        Ok((returned(&scene, "given-back").await? == expected).then_some(()))
    })
    .await?;

    ask(&scene, "given-back", "again", json!({ "invoice": number, "full": true })).await?;
    refused(&scene, "given-back", "again", "NothingLeft").await?;
    // The month that runs finds them.
    scene.usage("given-back", "another", domain("given-back-shop", back(0).start())).await?;
    let used = |invoice: &Invoice| total(invoice) == "0.50";
    scene.wait_invoice("given-back", "main", back(0), "uses what was given back", used).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_paid_in_advance_goes_back_once_nothing_is_due() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("advanced").await?;
    scene.credit("advanced", "advance", granted("10", json!({ "application": "AfterTax" }))).await?;
    let invoice = final_invoice_of(&scene, "advanced").await?;
    let document = invoice.status.as_ref().and_then(|status| status.document.as_ref()).ok_or("a document")?;
    assert_eq!((total(&invoice), document.amount_due().as_str()), ("12.76", "2.76"));

    ask(&scene, "advanced", "part", parts(&invoice, &[(None, "5")])).await?;
    let note = gives_back(&scene, "advanced", "part", "Returned").await?;
    let document = note.status.as_ref().and_then(|status| status.document.as_ref()).ok_or("a document")?;
    let listed = document.credits.iter().map(|one| format!("{} {} {:?}", &*one.credit, &*one.amount, one.application));
    assert_eq!(listed.collect::<Vec<_>>(), ["advance 2.24 Some(AfterTax)"]);
    let (notes, payment) = credited(&scene, "advanced", &invoice.name_any()).await?;
    assert_eq!((notes, payment), (vec!["part 5.00".to_owned(), "5.00".to_owned()], PaymentState::Credited));
    let again: Credit = scene.api("advanced").get(&document.credits[0].name).await?;
    assert_eq!(again.spec.application, Some(billing_api::CreditApplication::AfterTax));

    ask(&scene, "advanced", "rest", json!({ "invoice": invoice.name_any(), "full": true })).await?;
    gives_back(&scene, "advanced", "rest", "Returned").await?;
    wait("all of the advance is back", LIMIT, async || {
        let expected = ["advance for main: 2.24 of 2.24", "advance for main: 7.76 of 7.76"];
        Ok((returned(&scene, "advanced").await? == expected).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_of_several_taxes_is_taken_back_by_tax() -> Result {
    let scene = World::shared().scene().await?;
    let rules = json!([
        { "name": "domains", "serviceTypes": ["Domain"], "category": "S", "rate": "10" },
        { "name": "all", "category": "S", "rate": "25.5" },
    ]);
    super::tax::issuer(&scene, "by-tax", json!({ "taxRules": rules })).await?;
    scene.organization("by-tax").await?;
    scene.project("by-tax", "by-tax-shop").await?;
    scene.bind("by-tax-shop", "main").await?;
    let start = back(1).start();
    scene.usage("by-tax", "domain", domain("by-tax-shop", start)).await?;
    scene.usage("by-tax", "db", database("by-tax-shop", "db", start, Some(later(start, 10)))).await?;
    let agreed = json!({ "firstPeriod": back(1).to_string(), "issuer": "by-tax" });
    scene.group("by-tax", "main", terms(agreed)).await?;
    let invoice = final_of(&scene, "by-tax", "main", back(1)).await?;
    let document = invoice.status.as_ref().and_then(|status| status.document.as_ref()).ok_or("a document")?;
    assert_eq!(document.taxes.len(), 2, "{:?}", document.taxes);

    ask(&scene, "by-tax", "which", parts(&invoice, &[(None, "1")])).await?;
    refused(&scene, "by-tax", "which", "SeveralTaxes").await?;
    let whole = json!({ "description": "Goodwill", "amount": "2.50", "tax": { "category": "S", "rate": "10" } });
    let line = json!({ "line": document.lines[0].id, "amount": "0.06" });
    ask(&scene, "by-tax", "part", json!({ "invoice": invoice.name_any(), "lines": [whole, line] })).await?;
    let note = issued(&scene, "by-tax", "part").await?;
    let taxes = |note: &CreditNote| {
        let document = note.status.as_ref().and_then(|status| status.document.as_ref());
        let shown = |tax: &billing_api::TaxSubtotal| format!("{} {} {}", &*tax.rate, &*tax.base, &*tax.amount);
        document.map(|document| document.taxes.iter().map(shown).collect::<Vec<_>>()).unwrap_or_default()
    };
    // Of 12.50 at 10 % 1.25 was charged, of 0.26 at 25.5 % 0.07: 0.20 leave 0.05.
    assert_eq!(taxes(&note), ["10 -2.50 -0.25", "25.5 -0.06 -0.02"]);
    ask(&scene, "by-tax", "rest", json!({ "invoice": invoice.name_any(), "full": true })).await?;
    let rest = issued(&scene, "by-tax", "rest").await?;
    assert_eq!(taxes(&rest), ["10 -10.00 -1.00", "25.5 -0.20 -0.05"]);
    let (_, payment) = credited(&scene, "by-tax", &invoice.name_any()).await?;
    assert_eq!(payment, PaymentState::Credited);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn credits_of_a_group_that_is_gone_go_to_the_primary_one() -> Result {
    let scene = World::shared().scene().await?;
    scene.organization("heirs").await?;
    scene.credit("heirs", "welcome", granted("5", json!({}))).await?;
    let invoice = final_invoice_of(&scene, "heirs").await?;
    scene.group("heirs", "other", json!({})).await?;
    scene.rebind("heirs-shop", "other").await?;
    scene.wait_members("heirs", "main", &[]).await?;
    scene.delete::<BillingGroup>("heirs", "main").await?;
    scene.wait_gone::<BillingGroup>("heirs", "main").await?;
    ask(&scene, "heirs", "all", json!({ "invoice": invoice.name_any(), "full": true })).await?;
    gives_back(&scene, "heirs", "all", "NoBillingGroup").await?;
    assert_eq!(returned(&scene, "heirs").await?, Vec::<String>::new());
    scene.patch::<BillingGroup>("heirs", "other", json!({ "spec": { "primary": true } })).await?;
    gives_back(&scene, "heirs", "all", "Returned").await?;
    wait("it is the other group's", LIMIT, async || {
        Ok((returned(&scene, "heirs").await? == ["welcome for other: 5.00 of 5.00"]).then_some(()))
    })
    .await
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
