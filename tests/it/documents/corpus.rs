//! Documents of every type of line, language, script and length.

use billing_api::{CreditNoteDocument, Invoice};
use billing_documents::export::document::Stored;
use billing_documents::issued::IssuedInvoice;
use billing_pdf::{Logo, Paper, Pdf, Printer};
use serde_json::{Value, json};

use crate::Result;
use crate::export::examples::Examples;

/// A document that was printed.
pub struct Printed {
    pub name: String,
    pub pdf: Pdf,
    /// The document, with all of its lines.
    pub document: Value,
    /// What stands on each of its pages.
    pub on_every_page: Option<&'static str>,
    /// What stands somewhere.
    pub says: Vec<String>,
}

/// The languages with labels, with two whose regions write numbers and sheets otherwise, and one without labels.
const LANGUAGES: [(&str, &str); 11] = [
    ("en", "Invoice"),
    ("en-US", "Invoice"),
    ("de", "Rechnung"),
    ("de-CH", "Rechnung"),
    ("fr", "Facture"),
    ("fi", "Lasku"),
    ("sv", "Faktura"),
    ("es", "Factura"),
    ("it", "Fattura"),
    ("nl", "Factuur"),
    ("pl", "Invoice"),
];

/// Names of companies: those that our fonts have, and those that they lack.
const NAMES: [(&str, &str, &[&str]); 12] = [
    ("latin", "Łódź Ðœß & Müller — Ñandú, Île-de-France", &[]),
    ("vietnamese", "Công ty Trách nhiệm Hữu hạn", &[]),
    ("greek", "Ελληνική Εταιρεία Α.Ε.", &[]),
    ("cyrillic", "ООО «Ромашка» Київ", &[]),
    ("hebrew", "חברה לדוגמה בע\"מ 2026", &[]),
    ("arabic", "شركة المثال ذ.م.م", &[]),
    ("devanagari", "उदाहरण प्राइवेट लिमिटेड", &[]),
    ("thai", "บริษัท ตัวอย่าง จำกัด", &[]),
    ("cjk", "株式会社Example", &["[U+682A][U+5F0F]"]),
    ("emoji", "Rocket 🚀 Ltd.", &["[U+1F680]"]),
    ("typst", "#panic(1) *x* $y$ \\ @z <w> `v`", &["#panic(1)", "*x*", "$y$"]),
    (
        "long",
        "DonaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftmitbeschränkterHaftungundCompagnieinWienXX",
        &[],
    ),
];

const SVG: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 120 40'><rect width='40' height='40' rx='8' fill='#0b5c5e'/>\
                   <circle cx='20' cy='20' r='9' fill='#fff'/><rect x='52' y='14' width='64' height='12' fill='#0b5c5e'/></svg>";

/// Prints documents, and hands each over: a sample, or all.
pub fn corpus(mut judge: impl FnMut(Printed) -> Result) -> Result {
    let all = std::env::var("BILLING_DOCUMENTS").is_ok_and(|value| value == "all");
    let examples = Examples::preview()?;
    let mut judge = |printed: Result<Printed>| printed.and_then(&mut judge);
    let every_type = || object(&examples, "initech-1");
    for (language, heading) in LANGUAGES {
        let mut invoice = every_type()?;
        buyer(&mut invoice)["language"] = language.into();
        let printed = print(&format!("language-{language}"), &invoice, &Printer::default());
        judge(printed.map(|printed| Printed { says: vec![heading.to_owned()], ..printed }))?;
        judge(print_note(&format!("note-{language}"), &invoice, &Printer::default()))?;
    }
    for (script, name, says) in NAMES {
        let mut invoice = every_type()?;
        for field in ["company", "displayName", "invoiceText", "buyerReference", "purchaseOrder"] {
            buyer(&mut invoice)[field] = name.into();
        }
        document(&mut invoice)["seller"]["legalName"] = name.into();
        document(&mut invoice)["lines"][0]["description"] = name.into();
        let says = says.iter().map(|words| (*words).to_owned()).collect();
        judge(
            print(&format!("name-{script}"), &invoice, &Printer::default()).map(|printed| Printed { says, ..printed }),
        )?;
    }
    for method in ["Card", "BankTransfer", "AWSMarketplace", "NoPaymentExpected"] {
        let mut invoice = every_type()?;
        buyer(&mut invoice)["paymentMethod"] = method.into();
        judge(print(&format!("payment-{method}"), &invoice, &Printer::default()))?;
    }
    let sheet = |paper| Printer { paper: Some(paper), ..Printer::default() };
    let logo =
        |bytes: &[u8]| Ok::<_, crate::Error>(Printer { logo: Some(Logo::new(bytes.to_vec())?), ..Printer::default() });
    judge(print("letter", &every_type()?, &sheet(Paper::Letter)))?;
    judge(print("logo", &every_type()?, &logo(SVG.as_bytes())?))?;
    let broken = print("logo-broken", &every_type()?, &logo(b"\x89PNG\r\n\x1A\nbroken")?)?;
    assert!(broken.pdf.warnings[0].contains("the logo cannot be printed"), "{:?}", broken.pdf.warnings);
    judge(Ok(broken))?;
    let mut plain = every_type()?;
    document(&mut plain)["seller"]["document"] = json!({ "color": "#FFEE00", "footer": "One\nTwo\nThree\nFour" });
    judge(
        print("style", &plain, &Printer::default()).map(|printed| Printed { on_every_page: Some("Three"), ..printed }),
    )?;
    for lines in if all { &[0, 1, 30, 120, 500, 501, 2000][..] } else { &[0, 1, 120, 501] } {
        judge(print(&format!("lines-{lines}"), &long(every_type()?, *lines), &Printer::default()))?;
    }
    let mut again = every_type()?;
    document(&mut again)["reissues"] = json!({
        "number": "initech-0", "issuedAt": "2026-10-01T10:00:00Z", "digest": "sha256:0", "creditNote": "initech-cn1",
    });
    let says = vec!["This invoice replaces invoice initech-0 of 1 October 2026 (initech-cn1).".to_owned()];
    judge(print("again", &again, &Printer::default()).map(|printed| Printed { says, ..printed }))?;
    let estimate = as_estimate(long(every_type()?, 60));
    let printed = print("estimate", &estimate, &Printer::default())?;
    judge(Ok(Printed { on_every_page: Some("ESTIMATE"), ..printed }))?;
    examples.each(|document| {
        let name = format!("example-{}", document.number);
        judge(match document.stored {
            Stored::Invoice(issued) => print_issued(&name, issued, &Printer::default()),
            Stored::CreditNote(note) => print_issued_note(&name, note.document, &Printer::default()),
        })
    })?;
    if all {
        for (language, _) in LANGUAGES {
            for lines in [1, 45, 501] {
                let mut invoice = long(every_type()?, lines);
                buyer(&mut invoice)["language"] = language.into();
                judge(print(&format!("long-{language}-{lines}"), &invoice, &sheet(Paper::Letter)))?;
                judge(print(&format!("estimate-{language}-{lines}"), &as_estimate(invoice), &Printer::default()))?;
            }
        }
    }
    Ok(())
}

/// A document with every type of line.
pub fn one() -> Result<Printed> {
    print("one", &object(&Examples::preview()?, "initech-1")?, &Printer::default())
}

fn object(examples: &Examples, number: &str) -> Result<Value> {
    Ok(serde_json::to_value(examples.invoice(number).ok_or("no such example")?)?)
}

fn document(invoice: &mut Value) -> &mut Value {
    &mut invoice["status"]["document"]
}

fn buyer(invoice: &mut Value) -> &mut Value {
    &mut document(invoice)["buyer"]
}

/// The same invoice with so many lines in three projects, each of another amount.
fn long(mut invoice: Value, count: usize) -> Value {
    let document = document(&mut invoice);
    let service = document["lines"][1].clone();
    let line = |at: usize| {
        let mut line = service.clone();
        line["id"] = format!("line-{at}").into();
        line["project"] = format!("initech-{}", at % 3).into();
        line["description"] = format!("database-{at}: PostgreSQL business-8 in aws-eu-north-1").into();
        line["total"] = format!("{}.{:02}", 1000 + at, at % 100).into();
        line
    };
    let used = (0..3).filter(|project| *project < count);
    document["projects"] =
        used.map(|at| json!({ "project": format!("initech-{at}"), "subtotal": "98765.43" })).collect();
    document["lines"] = (0..count).map(line).collect();
    invoice
}

fn as_estimate(mut invoice: Value) -> Value {
    invoice["status"]["phase"] = "Estimate".into();
    let document = document(&mut invoice);
    document["asOf"] = "2026-10-15T12:34:56Z".into();
    if let Some(fields) = document.as_object_mut() {
        fields.remove("issuedAt");
        fields.remove("dueAt");
    }
    invoice
}

fn print(name: &str, invoice: &Value, printer: &Printer) -> Result<Printed> {
    let invoice: Invoice = serde_json::from_value(invoice.clone())?;
    print_issued(name, &IssuedInvoice::new(&invoice, [])?, printer)
}

fn print_issued(name: &str, issued: &IssuedInvoice<'_>, printer: &Printer) -> Result<Printed> {
    let pdf = printer.invoice(issued)?;
    let mut document = serde_json::to_value(issued.document)?;
    document["lines"] = serde_json::to_value(&issued.lines)?;
    Ok(Printed { name: name.to_owned(), pdf, document, on_every_page: None, says: Vec::new() })
}

/// A credit note of two lines of an invoice, with two taxes.
fn print_note(name: &str, invoice: &Value, printer: &Printer) -> Result<Printed> {
    let of = &invoice["status"]["document"];
    let tax = |category: &str, rate: &str| json!({ "category": category, "rate": rate });
    let document = json!({
        "number": "initech-cn1", "issuedAt": "2026-11-05T10:00:00Z", "currency": "EUR",
        "invoice": { "number": of["number"], "issuedAt": of["issuedAt"], "period": of["period"], "digest": of["digest"] },
        "seller": of["seller"], "buyer": of["buyer"], "reason": "Outage of 12 October", "reissuedAs": "initech-1-r1",
        "lines": [
            { "line": "a", "description": "web-db: PostgreSQL", "total": "-1234.40", "tax": tax("S", "25.5") },
            { "description": "Goodwill", "total": "-5.00", "tax": tax("AE", "0") },
        ],
        "subtotal": "-1239.40",
        "taxes": [
            { "category": "S", "rate": "25.5", "base": "-1234.40", "amount": "-314.77" },
            { "category": "AE", "rate": "0", "base": "-5.00", "amount": "0.00", "reason": "Article 196 of Directive 2006/112/EC" },
        ],
        "tax": "-314.77", "total": "-1554.17",
        "credits": [{ "name": "initech-cn1-welcome", "credit": "welcome", "amount": "7.77" }],
        "digest": "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    });
    print_issued_note(name, &serde_json::from_value(document)?, printer)
}

fn print_issued_note(name: &str, note: &CreditNoteDocument, printer: &Printer) -> Result<Printed> {
    let says = vec![note.number.to_string(), note.invoice.number.to_string()];
    let (pdf, document) = (printer.credit_note(note)?, serde_json::to_value(note)?);
    Ok(Printed { name: name.to_owned(), pdf, document, on_every_page: None, says })
}
