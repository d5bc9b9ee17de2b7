//! An invoice with all its lines: what everything begins with that reads one.

use billing_api::{self as api, Buyer, Document, Invoice, InvoicePhase, InvoiceSliceSpec, Line, Seller};
use billing_domain::{
    Currency, FinalFacts, HourRule, Money, Month, TaxCategory, TaxGroup, TaxSubtotal, Timestamp, Uid,
};
use kube_core::ResourceExt;
use thiserror::Error;

/// An invoice as it was issued, or as it is estimated so far: its document with the lines of its slices, and what is said in it
/// as the domain has it.
///
/// A document must read the same for ever. So its currency is taken from it, digits and all, also when ISO 4217 has
/// withdrawn that one since.
#[derive(Debug, Clone)]
pub struct IssuedInvoice<'a> {
    /// The object.
    pub invoice: &'a Invoice,
    /// Its document.
    pub document: &'a Document,
    /// Whether it may still change.
    pub phase: InvoicePhase,
    /// All its lines in their order: those of the slices that were given, and its own.
    pub lines: Vec<&'a Line>,
    /// Who pays.
    pub group: Uid,
    /// What it bills.
    pub month: Month,
    /// When it was issued; until when usage is counted in an estimate.
    pub issued_at: Timestamp,
    /// The currency of every amount.
    pub currency: Currency,
    /// Who bills.
    pub seller: &'a Seller,
    /// Who pays, as printed.
    pub buyer: &'a Buyer,
    /// The sum of the lines, before tax.
    pub subtotal: Money,
    /// The tax by category and rate.
    pub taxes: Vec<TaxSubtotal>,
    /// All tax.
    pub tax: Money,
    /// Subtotal and tax.
    pub total: Money,
    /// What is to be paid: the total, less what was paid in advance.
    pub amount_due: Money,
}

/// Why an invoice, or a credit note, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotIssued {
    /// Nothing is billed yet, or something holds even its estimate.
    #[error("it has no document yet; its condition Ready says why")]
    NoDocument,
    /// A credit note, and another invoice than the one that it credits.
    #[error("it credits another invoice {number} than the one that is there: restore that from a backup")]
    OtherInvoice {
        /// The number that it names.
        number: String,
    },
    /// A credit note that names a line which its invoice has not.
    #[error("the invoice that it credits has no line {id:?}")]
    UnknownLine {
        /// The line's id.
        id: String,
    },
    /// A field whose text cannot be read.
    #[error("{field} {text:?} cannot be read")]
    Field {
        /// The field, as in the manifest.
        field: &'static str,
        /// What it holds.
        text: String,
    },
}

impl<'a> IssuedInvoice<'a> {
    /// An invoice and its slices, in the document's order. Whether all are there that it lists is for
    /// [`verify_document`](crate::verify::verify_document) to say.
    ///
    /// # Errors
    /// It has no document, or an amount, an identifier or a month in it cannot be read.
    pub fn new(
        invoice: &'a Invoice,
        slices: impl IntoIterator<Item = &'a InvoiceSliceSpec>,
    ) -> Result<Self, NotIssued> {
        let status = invoice.status.as_ref().ok_or(NotIssued::NoDocument)?;
        let document = status.document.as_ref().ok_or(NotIssued::NoDocument)?;
        let currency = currency_of(document)?;
        let money = |field, amount: &api::Amount| money(field, amount, currency);
        let sliced = slices.into_iter().flat_map(|slice| &slice.lines);
        Ok(Self {
            invoice,
            document,
            phase: status.phase.unwrap_or(InvoicePhase::Estimate),
            lines: sliced.chain(&document.lines).collect(),
            group: read("spec.billingGroupUID", &invoice.spec.billing_group_uid)?,
            month: read("spec.period", &invoice.spec.period)?,
            issued_at: issued_at(invoice, document)?,
            currency,
            seller: &document.seller,
            buyer: &document.buyer,
            subtotal: money("status.document.subtotal", &document.subtotal)?,
            taxes: document.taxes.iter().map(|tax| tax_subtotal(tax, currency)).collect::<Result<_, _>>()?,
            tax: money("status.document.tax", &document.tax)?,
            total: money("status.document.total", &document.total)?,
            amount_due: money("status.document.amountDue", document.amount_due())?,
        })
    }

    /// Whether it can never change again.
    pub fn is_final(&self) -> bool {
        self.phase == InvoicePhase::Final
    }

    /// How a line is taxed: as it says itself, else as all of the document is.
    ///
    /// # Errors
    /// Its rate cannot be read.
    pub fn tax_of(&self, line: &Line) -> Result<Option<TaxGroup>, NotIssued> {
        match (&line.tax, &self.taxes[..]) {
            (Some(tax), _) => {
                let rate = read("status.document.lines.tax.rate", &tax.rate)?;
                Ok(Some(TaxGroup { category: tax_category(tax.category), rate }))
            }
            (None, [only]) => Ok(Some(only.group())),
            (None, _) => Ok(None),
        }
    }

    /// The invoice as an index of finals has it.
    pub fn facts(&self) -> FinalFacts {
        let reissues = self.document.reissues.as_ref();
        FinalFacts {
            number: self.document.number.as_str().into(),
            group: self.group,
            group_name: self.invoice.spec.billing_group.as_str().into(),
            month: self.month,
            issued_at: reissues.map_or(self.issued_at, |before| before.first_issued_at.unwrap_or(before.issued_at).0),
            reissued_at: reissues.map(|_| self.issued_at),
            currency: self.currency,
            issuer: self.document.inputs.issuer.as_ref().map(|issuer| issuer.name.as_str().into()),
            hours: hours_of(self.document),
        }
    }
}

/// How running time became the hours of a document. The first documents did not say it, and counted begun hours.
pub fn hours_of(document: &Document) -> HourRule {
    match document.hours {
        Some(billing_api::HourRule::Exact) => HourRule::Exact,
        Some(billing_api::HourRule::Ceil) | None => HourRule::Ceil,
    }
}

/// The document of an invoice that is final.
pub fn final_document(invoice: &Invoice) -> Option<&Document> {
    let status = invoice.status.as_ref().filter(|status| status.phase == Some(InvoicePhase::Final))?;
    status.document.as_ref()
}

/// The currency of a document, with as many digits as its amounts have.
///
/// # Errors
/// It names none.
pub fn currency_of(document: &Document) -> Result<Currency, NotIssued> {
    let text = document.currency.as_str();
    Currency::of_amount(text, &document.subtotal)
        .map_err(|_| NotIssued::Field { field: "status.document.currency", text: text.to_owned() })
}

fn issued_at(invoice: &Invoice, document: &Document) -> Result<Timestamp, NotIssued> {
    let written = document.issued_at.or(document.as_of).map(|instant| instant.0);
    let created = || invoice.creation_timestamp().and_then(|time| api::time::instant(time.0));
    let missing = || NotIssued::Field { field: "status.document.issuedAt", text: String::new() };
    written.or_else(created).ok_or_else(missing)
}

fn tax_subtotal(tax: &api::TaxSubtotal, currency: Currency) -> Result<TaxSubtotal, NotIssued> {
    let api::TaxSubtotal { category, rate, base, amount, reason } = tax;
    Ok(TaxSubtotal {
        category: tax_category(*category),
        rate: read("status.document.taxes.rate", rate)?,
        base: money("status.document.taxes.base", base, currency)?,
        amount: money("status.document.taxes.amount", amount, currency)?,
        reason: reason.clone(),
    })
}

/// A category of tax as documents write it.
pub fn tax_category(category: api::TaxCategory) -> TaxCategory {
    match category {
        api::TaxCategory::S => TaxCategory::Standard,
        api::TaxCategory::Z => TaxCategory::ZeroRated,
        api::TaxCategory::E => TaxCategory::Exempt,
        api::TaxCategory::AE => TaxCategory::ReverseCharge,
        api::TaxCategory::O => TaxCategory::OutsideScope,
    }
}

pub(crate) fn money(field: &'static str, amount: &api::Amount, currency: Currency) -> Result<Money, NotIssued> {
    Money::parse(amount, currency).map_err(|_| NotIssued::Field { field, text: amount.to_string() })
}

pub(crate) fn read<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, NotIssued> {
    text.parse().map_err(|_| NotIssued::Field { field, text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn line(id: &str, total: &str) -> Value {
        json!({ "id": id, "type": "ServiceCharge", "total": total, "description": id })
    }

    fn invoice(change: impl FnOnce(&mut Value)) -> Invoice {
        let mut invoice = json!({
            "metadata": { "name": "aaaaa-2", "namespace": "acme", "creationTimestamp": "2026-11-01T00:01:02Z" },
            "spec": {
                "billingGroup": "main", "billingGroupUID": "5b1f2a64-0000-4000-8000-000000000001", "period": "2026-10",
                "series": "aaaaa", "sequence": 2,
            },
            "status": {
                "phase": "Final",
                "document": {
                    "number": "aaaaa-2", "issuedAt": "2026-11-01T01:00:00Z", "attribution": "MonthEnd", "currency": "EUR",
                    "period": { "start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z" },
                    "seller": { "legalName": "Example Cloud Oy" },
                    "buyer": { "billingGroup": "main", "paymentMethod": "Card" },
                    "lines": [line("own", "1.00")], "subtotal": "3.00", "total": "3.77", "tax": "0.77",
                    "taxes": [{ "category": "S", "rate": "25.5", "base": "3.00", "amount": "0.77" }], "digest": "",
                },
            },
        });
        change(&mut invoice);
        serde_json::from_value(invoice).expect("an invoice")
    }

    fn slice(lines: Value) -> InvoiceSliceSpec {
        serde_json::from_value(json!({ "invoice": "aaaaa-2", "subtotal": "2.00", "lines": lines })).expect("a slice")
    }

    #[test]
    fn it_has_all_lines_in_order_and_its_sums_as_money() {
        let (invoice, slice) = (invoice(|_| {}), slice(json!([line("a", "1.50"), line("b", "0.50")])));
        let issued = IssuedInvoice::new(&invoice, [&slice]).expect("reads");
        assert!(issued.is_final());
        assert_eq!(issued.lines.iter().map(|line| line.id.as_str()).collect::<Vec<_>>(), ["a", "b", "own"]);
        assert_eq!((issued.subtotal.to_string(), issued.total.to_string()), ("3.00".to_owned(), "3.77".to_owned()));
        assert_eq!(issued.taxes[0].category, TaxCategory::Standard);
        assert_eq!((issued.month.to_string(), issued.currency.code()), ("2026-10".to_owned(), "EUR"));
        assert_eq!(issued.facts().number.as_str(), "aaaaa-2");
    }

    /// The kuna ended with 2022, and a currency that is still to be made ends some day, too.
    #[test]
    fn a_currency_that_is_withdrawn_or_unheard_of_is_read_as_it_stands() {
        for (code, subtotal, tax) in [("HRK", "3.00", "0.77"), ("QQQ", "3.000", "0.770"), ("EUR", "3", "1")] {
            let invoice = invoice(|invoice| {
                let document = &mut invoice["status"]["document"];
                document["currency"] = code.into();
                document["taxes"] = json!([]);
                (document["subtotal"], document["total"], document["tax"]) =
                    (subtotal.into(), subtotal.into(), tax.into());
            });
            let issued = IssuedInvoice::new(&invoice, []).expect(code);
            assert_eq!((issued.currency.code(), issued.subtotal.to_string().as_str()), (code, subtotal));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (field, text) in [("currency", "euro"), ("subtotal", "3,00"), ("tax", "0.7"), ("total", "")] {
            let invoice = invoice(|invoice| invoice["status"]["document"][field] = text.into());
            let error = IssuedInvoice::new(&invoice, []).expect_err(field).to_string();
            assert!(error.starts_with("status.document."), "{error}");
        }
        let none = invoice(|invoice| invoice["status"] = json!({ "phase": "Estimate" }));
        assert_eq!(IssuedInvoice::new(&none, []).expect_err("no document"), NotIssued::NoDocument);
    }

    #[test]
    fn an_estimate_is_issued_as_of_its_instant_and_is_not_final() {
        let estimate = invoice(|invoice| {
            let status = &mut invoice["status"];
            status["phase"] = "Estimate".into();
            status["document"]["asOf"] = "2026-10-15T00:00:00Z".into();
            status["document"].as_object_mut().expect("an object").remove("issuedAt");
        });
        let issued = IssuedInvoice::new(&estimate, []).expect("reads");
        assert!(!issued.is_final() && final_document(&estimate).is_none());
        assert_eq!(issued.issued_at.to_rfc3339(), "2026-10-15T00:00:00+00:00");
    }
}
