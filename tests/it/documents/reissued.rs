//! Every example, issued again for a buyer who is taxed otherwise: the same supplies, sums that add up, and no fault that goes unseen.

use std::collections::{BTreeMap, BTreeSet};

use billing_api::{CreditNoteDocument, Invoice, InvoicePhase, InvoiceSlice, Line, LineType, Time};
use billing_documents::canonical::digest;
use billing_documents::credit_note::{NoteHeader, render_note};
use billing_documents::document::{Rendered, document_digest};
use billing_documents::export::document::Stored;
use billing_documents::issued::IssuedInvoice;
use billing_documents::reissue::{Original, ReissueHeader, verify_reissue};
use billing_documents::verify::verify_document;
use billing_domain::invoice::credit_note::{CreditRequest, credit};
use billing_domain::invoice::number::reissue_number;
use billing_domain::{Buyer, Money, Name, TaxCategory, TaxGroup, TaxScheme, TaxTreatment, reissue};
use billing_state::convert::credit_note::creditable;
use chrono::TimeDelta;

use crate::Result;
use crate::export::examples::Examples;

/// Everything is owed by the buyer, or services of a type are and the rest is taxed.
fn schemes(service_type: &str) -> Result<[TaxScheme; 2]> {
    let treatment = |types: &[&str], category, rate: &str, reason: Option<&str>| {
        let service_types = types.iter().map(|name| Name::from(*name)).collect();
        let group = TaxGroup { category, rate: rate.parse()? };
        Ok::<_, crate::Error>(TaxTreatment { service_types, group, reason: reason.map(str::to_owned) })
    };
    let owed = treatment(&[], TaxCategory::ReverseCharge, "0", Some("Reverse charge"))?;
    let of_type = treatment(&[service_type], TaxCategory::Standard, "14", None)?;
    let rest = treatment(&[], TaxCategory::Standard, "25.5", None)?;
    Ok([TaxScheme::Treatments(vec![owed]), TaxScheme::Treatments(vec![of_type, rest])])
}

/// What takes an invoice back in full; `None` where it charges nothing, or gives something back.
fn note(issued: &IssuedInvoice<'_>, slices: &[InvoiceSlice]) -> Result<Option<CreditNoteDocument>> {
    let creditable = creditable(issued.document, slices, &[], &[])?;
    let Ok(amounts) = credit(&creditable, &CreditRequest::Full) else { return Ok(None) };
    let header = NoteHeader {
        number: "again-cn1".into(),
        issued_at: Time(issued.issued_at + TimeDelta::days(3)),
        invoice: issued.document,
        reason: "Wrong address",
        reissued_as: reissue_number(&issued.document.number),
        previous_digest: None,
    };
    Ok(Some(render_note(header, &amounts)?))
}

/// An invoice as it is issued again.
fn again(issued: &IssuedInvoice<'_>, note: &CreditNoteDocument, tax: TaxScheme) -> Result<Rendered> {
    let original = Original::new(issued, tax, BTreeMap::new())?;
    let supplies = original.supplies()?;
    let amounts = reissue(&supplies, (None, &Buyer::default()), &[])?;
    let header = ReissueHeader {
        number: note.reissued_as.as_deref().ok_or("a number")?.into(),
        issued_at: note.issued_at,
        due_at: note.issued_at,
        seller: issued.seller.clone(),
        buyer: billing_api::Buyer { company: Some("Example SE".to_owned()), ..issued.buyer.clone() },
        billing_group: None,
        issuer: None,
        credits: Vec::new(),
        credit_note: note.number.as_str().into(),
        credit_note_digest: note.digest.clone(),
    };
    Ok(original.render(header, &amounts)?)
}

/// What is wrong with an invoice that was issued again, by itself and beside the one that it replaces.
fn faults(original: &IssuedInvoice<'_>, note: &CreditNoteDocument, rendered: &Rendered) -> Result<Vec<String>> {
    let slice = |slice: &billing_documents::slices::Slice| {
        let metadata = serde_json::json!({ "name": slice.reference.name });
        let object = serde_json::json!({ "metadata": metadata, "spec": slice.spec });
        Ok::<InvoiceSlice, crate::Error>(serde_json::from_value(object)?)
    };
    let slices = rendered.slices.iter().map(slice).collect::<Result<Vec<_>>>()?;
    let find = |name: &str| slices.iter().find(|slice| slice.metadata.name.as_deref() == Some(name));
    let mut invoice = Invoice::clone(original.invoice);
    invoice.metadata.name = Some(rendered.document.number.to_string());
    invoice.spec.revision = Some(1);
    let status = invoice.status.get_or_insert_default();
    (status.document, status.phase) = (Some(rendered.document.clone()), Some(InvoicePhase::Final));
    let again = IssuedInvoice::new(&invoice, slices.iter().map(|slice| &slice.spec))?;
    let mut found = verify_document(&rendered.document, find, Some(&note.digest));
    found.extend(verify_reissue(original, note, &again));
    Ok(found.iter().map(ToString::to_string).collect())
}

/// The same invoice with its services in a slice.
fn sliced(issued: &IssuedInvoice<'_>) -> Result<Option<(Invoice, InvoiceSlice)>> {
    let mut invoice = Invoice::clone(issued.invoice);
    let document = invoice.status.as_mut().and_then(|status| status.document.as_mut()).ok_or("a document")?;
    let (services, others): (Vec<_>, Vec<_>) =
        document.lines.iter().cloned().partition(|line| line.service.is_some() && line.adjusts.is_none());
    if services.is_empty() {
        return Ok(None);
    }
    let mut amounts = services.iter().map(|line| Money::parse(&line.total, issued.currency));
    let zero = Money::zero(issued.currency);
    let subtotal = amounts.try_fold(zero, |sum, amount| sum.checked_add(amount.ok()?)).ok_or("a sum")?;
    let (name, subtotal) = (format!("{}-0", document.number.as_str()), subtotal.to_string());
    let listed = serde_json::json!({ "name": name, "lines": services.len(), "subtotal": subtotal, "digest": "" });
    let spec =
        serde_json::json!({ "invoice": document.number, "final": true, "subtotal": subtotal, "lines": services });
    document.lines = others;
    document.slices = vec![serde_json::from_value(listed)?];
    let slice = serde_json::json!({ "metadata": { "name": name }, "spec": spec });
    Ok(Some((invoice, serde_json::from_value(slice)?)))
}

#[test]
fn an_invoice_that_is_issued_again_has_its_supplies_and_sums_that_add_up() -> Result {
    let examples = Examples::preview()?;
    let mut seen = Seen::default();
    examples.each(|document| {
        let Stored::Invoice(issued) = document.stored else { return Ok(()) };
        if issued.document.terms.is_none() {
            return Ok(()); // an estimate, or of an earlier version
        }
        seen.look_at(issued, &examples.slices_of(issued.document))?;
        let Some((invoice, slice)) = sliced(issued)?.filter(|_| issued.document.slices.is_empty()) else {
            return Ok(());
        };
        seen.look_at(&IssuedInvoice::new(&invoice, [&slice.spec])?, std::slice::from_ref(&slice))
    })?;
    let Seen { documents, with_several_taxes, mutants } = seen;
    assert!(
        documents >= 16 && with_several_taxes >= 4,
        "{documents} documents, {with_several_taxes} with several taxes"
    );
    assert_eq!(mutants.len(), 6, "{mutants:?}");
    Ok(())
}

/// What was issued again.
#[derive(Default)]
struct Seen {
    documents: usize,
    with_several_taxes: usize,
    mutants: BTreeSet<&'static str>,
}

impl Seen {
    fn look_at(&mut self, issued: &IssuedInvoice<'_>, slices: &[InvoiceSlice]) -> Result {
        let Some(note) = note(issued, slices)? else { return Ok(()) };
        let number = issued.document.number.as_str();
        let service = issued.lines.iter().find_map(|line| Some(line.service.as_ref()?.kind.as_str()));
        for tax in schemes(service.unwrap_or("Domain"))? {
            let rendered = again(issued, &note, tax)?;
            assert_eq!(rendered.slices.len(), slices.len(), "{number}");
            assert_eq!(faults(issued, &note, &rendered)?, Vec::<String>::new(), "{number}");
            self.documents += 1;
            self.with_several_taxes += usize::from(rendered.document.taxes.len() > 1);
            for (title, mutant) in spoilt(&rendered)? {
                assert!(!faults(issued, &note, &mutant)?.is_empty(), "{number}: {title} is not seen");
                self.mutants.insert(title);
            }
        }
        Ok(())
    }
}

/// Documents that lie, with digests of their own.
fn spoilt(rendered: &Rendered) -> Result<Vec<(&'static str, Rendered)>> {
    let mut mutants = Vec::new();
    let mut add = |title, change: &dyn Fn(&mut Rendered)| -> Result {
        let mut mutant = rendered.clone();
        change(&mut mutant);
        for (slice, listed) in mutant.slices.iter_mut().zip(&mut mutant.document.slices) {
            slice.reference.digest = digest(&slice.spec)?;
            listed.digest = slice.reference.digest.clone();
        }
        mutant.document.digest = document_digest(&mutant.document)?;
        if mutant != *rendered {
            mutants.push((title, mutant));
        }
        Ok(())
    };
    add("another text", &|mutant| {
        let is_supply = |line: &&mut Line| !matches!(line.kind, LineType::CreditConsumption | LineType::Rounding);
        if let Some(line) = mutant.document.lines.iter_mut().find(is_supply) {
            line.description.push('!');
        }
    })?;
    add("another text in a slice", &|mutant| {
        if let Some(slice) = mutant.slices.first_mut() {
            slice.spec.lines[0].description.push('!');
        }
    })?;
    add("a line less", &|mutant| drop(mutant.document.lines.pop()))?;
    add("another original", &|mutant| {
        let replaced = mutant.document.reissues.iter_mut();
        replaced.for_each(|replaced| replaced.digest = "sha256:0".to_owned());
    })?;
    add("another credit note", &|mutant| mutant.document.previous_digest = Some("sha256:0".to_owned()))?;
    add("another number", &|mutant| mutant.document.number = "other-1-r1".into())?;
    Ok(mutants)
}
