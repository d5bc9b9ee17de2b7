//! The terms as XML, and inside a PDF: what we have of `en16931-formats`.

use std::time::SystemTime;

use chrono::{Datelike, NaiveDate, NaiveTime};
use en16931::invoice as en;
use en16931::profiles::{En16931, PeppolBis3, XRechnung};
use en16931::validation::profile::{ProfileMarker, Validated};
use en16931::{DocumentReference, Identifier, InvoiceAmount, Percentage, Quantity, Severity, UnitPriceAmount};
use en16931_formats::zugferd::{EmbedOptions, Embeddable, Metadata, embed};
use en16931_formats::{Written, write};
use rust_decimal::Decimal;
use thiserror::Error;

use crate::model::{
    Address, Allowance, Category, Contact, Days, Discount, Invoice, Kind, Line, Party, Payment, Preceding, Tax,
    TaxGroup, Totals,
};
use crate::{Profile, Refusal, Syntax};

/// The process of Peppol, which XRechnung asks for, too (BT-23).
const BILLING_PROCESS: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";

/// Why an e-invoice is not inside a PDF.
#[derive(Debug, Error)]
pub enum EmbedError {
    /// Peppol delivers XML.
    #[error("Factur-X is for the profiles en16931 and xrechnung; Peppol delivers UBL")]
    Peppol,
    /// The PDF takes none.
    #[error("the e-invoice cannot be put into the PDF: {0}")]
    Embed(#[from] en16931_formats::zugferd::EmbedError),
}

/// Terms that the rules of a profile accept.
#[derive(Debug, Clone)]
pub(crate) enum Proof {
    En16931(Box<Both<En16931>>),
    Peppol(Box<Both<PeppolBis3>>),
    XRechnung(Box<Both<XRechnung>>),
}

/// What is written in each syntax.
#[derive(Debug, Clone)]
pub(crate) struct Both<P: ProfileMarker> {
    ubl: Validated<P>,
    cii: Validated<P>,
}

/// Whether the rules of a profile accept the terms.
pub(crate) fn prove(terms: &Invoice, profile: Profile) -> Result<Proof, Refusal> {
    Ok(match profile {
        Profile::En16931 => Proof::En16931(Box::new(both(terms, profile)?)),
        Profile::Peppol => Proof::Peppol(Box::new(both(terms, profile)?)),
        Profile::XRechnung => Proof::XRechnung(Box::new(both(terms, profile)?)),
    })
}

fn both<P: ProfileMarker>(terms: &Invoice, profile: Profile) -> Result<Both<P>, Refusal> {
    Ok(Both { ubl: validated(invoice(terms)?, profile)?, cii: validated(invoice(&for_cii(terms))?, profile)? })
}

/// CII has room for one preceding invoice (BG-3). The others are in the note.
fn for_cii(terms: &Invoice) -> Invoice {
    let (first, others) = terms.preceding.split_at(terms.preceding.len().min(1));
    if others.is_empty() {
        return terms.clone();
    }
    let named = others.iter().map(|Preceding { number, issued_on }| match issued_on {
        Some(day) => format!("{number} of {day}"),
        None => number.clone(),
    });
    let named = format!("Adjusts also {}.", named.collect::<Vec<_>>().join(", "));
    let note = terms.note.as_ref().map_or_else(|| named.clone(), |note| format!("{note}\n{named}"));
    Invoice { preceding: first.to_vec(), note: Some(note), ..terms.clone() }
}

fn validated<P: ProfileMarker>(mut invoice: en16931::Invoice, profile: Profile) -> Result<Validated<P>, Refusal> {
    invoice.specification_id = Some(P::PROFILE.specification_id.to_owned());
    if profile != Profile::En16931 {
        invoice.business_process = Some(BILLING_PROCESS.to_owned());
    }
    Validated::new(invoice).map_err(|rejected| {
        let broken = rejected.report().findings().iter().filter(|finding| finding.severity == Severity::Fatal);
        let rules = broken.map(|finding| format!("{} ({}: {})", finding.message, finding.rule, finding.path));
        Refusal::Rules { profile: profile.name(), rules: rules.collect() }
    })
}

impl Proof {
    pub(crate) fn xml(&self, syntax: Syntax) -> Result<String, Refusal> {
        let written = match self {
            Self::En16931(proof) => proof.written(syntax),
            Self::Peppol(proof) => proof.written(syntax),
            Self::XRechnung(proof) => proof.written(syntax),
        };
        let lost: Vec<_> = written.entries.iter().filter(|entry| entry.is_loss()).map(ToString::to_string).collect();
        if lost.is_empty() { Ok(written.xml) } else { Err(Refusal::Unwritable(lost)) }
    }

    pub(crate) fn embed(&self, pdf: &[u8], title: &str, terms: &Invoice) -> Result<Vec<u8>, EmbedError> {
        match self {
            Self::En16931(proof) => embedded(pdf, title, &proof.cii, terms),
            Self::XRechnung(proof) => embedded(pdf, title, &proof.cii, terms),
            Self::Peppol(_) => Err(EmbedError::Peppol),
        }
    }
}

impl<P: ProfileMarker> Both<P> {
    fn written(&self, syntax: Syntax) -> Written {
        match syntax {
            Syntax::Ubl => write(&self.ubl, en16931_formats::Syntax::Ubl),
            Syntax::Cii => write(&self.cii, en16931_formats::Syntax::Cii),
        }
    }
}

/// The file says when it was issued, not when it was written: the same invoice is the same file.
fn embedded<P: Embeddable>(
    pdf: &[u8],
    title: &str,
    proof: &Validated<P>,
    terms: &Invoice,
) -> Result<Vec<u8>, EmbedError> {
    let issued_on = terms.issued_on.and_time(NaiveTime::MIN).and_utc();
    let options = EmbedOptions {
        metadata: Some(Metadata {
            title: title.to_owned(),
            subject: format!("{title}, {}", terms.issued_on),
            author: terms.seller.name.clone(),
        }),
        modified: Some(SystemTime::from(issued_on)),
        ..EmbedOptions::default()
    };
    Ok(embed(pdf, proof, &options)?)
}

/// Whether Peppol delivers to addresses of a scheme of the list EAS.
pub(crate) fn peppol_delivers_to(scheme: &str) -> bool {
    en16931::codes::contains(en16931::codes::generated::PEPPOL_EAS_SCHEMES, scheme)
}

fn invoice(terms: &Invoice) -> Result<en16931::Invoice, Refusal> {
    let mut invoice = en16931::Invoice::default();
    let (kind, code) = match terms.kind {
        Kind::Invoice => (en::DocumentKind::Invoice, "380"),
        Kind::CreditNote => (en::DocumentKind::CreditNote, "381"),
    };
    invoice.kind = kind;
    invoice.type_code = Some(code.into());
    invoice.number = Some(terms.number.clone());
    invoice.issue_date = Some(date(terms.issued_on)?);
    invoice.currency = Some(terms.currency.as_str().into());
    invoice.due_date = terms.due_on.map(date).transpose()?;
    invoice.buyer_reference = terms.buyer_reference.clone();
    invoice.purchase_order_reference = terms.purchase_order.as_deref().map(DocumentReference::new);
    invoice.payment_terms = terms.payment_terms.clone();
    invoice.notes = terms.note.iter().map(|note| note.as_str().into()).collect();
    invoice.preceding_invoices = terms.preceding.iter().map(preceding).collect::<Result<_, _>>()?;
    invoice.seller = party(&terms.seller);
    invoice.buyer = party(&terms.buyer);
    invoice.invoicing_period = Some(period(terms.period)?);
    invoice.payment = Some(payment(&terms.payment));
    invoice.allowances = terms.allowances.iter().map(allowance).collect::<Result<_, _>>()?;
    invoice.vat_breakdown = terms.taxes.iter().map(tax).collect::<Result<_, _>>()?;
    invoice.lines = terms.lines.iter().map(line).collect::<Result<_, _>>()?;
    invoice.totals = totals(&terms.totals, &terms.allowances)?;
    Ok(invoice)
}

fn amount(amount: Decimal) -> Result<InvoiceAmount, Refusal> {
    InvoiceAmount::from_decimal_exact(amount).map_err(|_| Refusal::TooLarge)
}

fn date(day: NaiveDate) -> Result<en16931::Date, Refusal> {
    en16931::Date::parse(&day.to_string())
        .map_err(|error| Refusal::Unwritable(vec![format!("{}: {error}", day.year())]))
}

fn period(Days { first, last }: Days) -> Result<en::Period, Refusal> {
    Ok(en::Period { start: Some(date(first)?), end: Some(date(last)?) })
}

fn preceding(Preceding { number, issued_on }: &Preceding) -> Result<en::PrecedingInvoice, Refusal> {
    Ok(en::PrecedingInvoice { reference: DocumentReference::new(number), issue_date: issued_on.map(date).transpose()? })
}

fn party(party: &Party) -> en::Party {
    let Party {
        name,
        trading_name,
        account,
        registration,
        vat_id,
        tax_number,
        electronic_address,
        address: Address { lines, city, post_code, subdivision, country },
        contact: Contact { name: contact, phone, email },
    } = party;
    let line = |at: usize| lines.get(at).cloned();
    en::Party {
        name: Some(name.clone()),
        trading_name: trading_name.clone(),
        identifiers: account.iter().map(Identifier::new).collect(),
        legal_registration: registration.as_ref().map(Identifier::new),
        vat_identifier: vat_id.clone(),
        tax_registration: tax_number.clone(),
        additional_legal_information: None,
        electronic_address: electronic_address
            .as_ref()
            .map(|address| Identifier::schemed(&address.value, &address.scheme)),
        address: en::PostalAddress {
            line1: line(0),
            line2: line(1),
            line3: line(2),
            city: city.clone(),
            post_code: post_code.clone(),
            subdivision: subdivision.clone(),
            country: country.as_deref().map(en::Code::from),
        },
        contact: en::Contact { name: contact.clone(), phone: phone.clone(), email: email.clone() },
    }
}

fn payment(Payment { code, text, reference, account }: &Payment) -> en::PaymentInstructions {
    let transfer = account.as_ref().map(|account| en::CreditTransfer {
        account_identifier: Some(account.iban.clone()),
        account_name: Some(account.holder.clone()),
        provider_identifier: account.bic.clone(),
    });
    en::PaymentInstructions {
        means_code: Some((*code).into()),
        means_text: Some((*text).to_owned()),
        remittance_information: Some(reference.clone()),
        means: transfer.map(|transfer| en::PaymentMeans::CreditTransfer(vec![transfer])),
    }
}

/// How a line or an allowance is taxed: outside the scope of tax there is no rate (BR-O-05, BR-O-06).
fn line_vat(TaxGroup { category, rate }: TaxGroup) -> en::LineVat {
    let rate = (category != Category::O).then(|| Percentage::new(rate));
    en::LineVat { category: category.code().into(), rate }
}

fn tax(Tax { group, base, amount: tax, reason }: &Tax) -> Result<en::VatBreakdown, Refusal> {
    let code = match group.category {
        Category::AE => Some("VATEX-EU-AE"),
        Category::O => Some("VATEX-EU-O"),
        Category::S | Category::Z | Category::E => None,
    };
    let has_reason = !matches!(group.category, Category::S | Category::Z);
    Ok(en::VatBreakdown {
        taxable_amount: amount(*base)?,
        tax_amount: amount(*tax)?,
        category: group.category.code().into(),
        // XRechnung asks for a rate in any case (BR-DE-14).
        rate: Some(Percentage::new(group.rate)),
        exemption_reason: reason.clone().filter(|_| has_reason),
        exemption_reason_code: code.map(en::Code::from),
    })
}

fn allowance(Allowance { amount: allowed, tax, reason }: &Allowance) -> Result<en::DocumentAllowanceCharge, Refusal> {
    Ok(en::DocumentAllowanceCharge {
        amount: amount(*allowed)?,
        base_amount: None,
        percentage: None,
        vat: line_vat(*tax),
        reason: Some(reason.clone()),
        reason_code: Some(DISCOUNT.into()),
    })
}

/// Discount, of UNTDID 5189.
const DISCOUNT: &str = "95";

fn totals(totals: &Totals, allowed: &[Allowance]) -> Result<en::DocumentTotals, Refusal> {
    let Totals { lines, allowances, subtotal, tax, total, prepaid, due } = *totals;
    Ok(en::DocumentTotals {
        line_total: amount(lines)?,
        allowance_total: (!allowed.is_empty()).then(|| amount(allowances)).transpose()?,
        charge_total: None,
        taxable_total: amount(subtotal)?,
        vat_total: Some(amount(tax)?),
        vat_total_accounting: None,
        gross_total: amount(total)?,
        paid: (!prepaid.is_zero()).then(|| amount(prepaid)).transpose()?,
        rounding: None,
        due: amount(due)?,
    })
}

fn line(line: &Line) -> Result<en::InvoiceLine, Refusal> {
    let before = line.before_discount().ok_or(Refusal::TooLarge)?;
    let discount = line.discount.as_ref().map(|discount| line_discount(discount, before)).transpose()?;
    let attribute = |(name, value): &(&'static str, String)| en::ItemAttribute {
        name: Some((*name).to_owned()),
        value: Some(value.clone()),
    };
    Ok(en::InvoiceLine {
        id: line.id.clone(),
        note: None,
        order_line_reference: None,
        accounting_reference: None,
        object_identifier: None,
        quantity: Quantity::new(line.quantity),
        unit_code: line.unit.code().into(),
        net_amount: amount(line.net)?,
        period: line.days.map(period).transpose()?,
        allowances: discount.into_iter().collect(),
        charges: Vec::new(),
        price: en::PriceDetails {
            net_price: UnitPriceAmount::new(line.price),
            base_quantity: line.price_quantity.map(Quantity::new),
            base_quantity_code: line.price_quantity.map(|_| line.unit.code().into()),
            ..en::PriceDetails::default()
        },
        vat: line_vat(line.tax),
        item: en::Item {
            name: Some(line.name.clone()),
            description: line.description.clone(),
            attributes: line.attributes.iter().map(attribute).collect(),
            ..en::Item::default()
        },
    })
}

fn line_discount(discount: &Discount, before: Decimal) -> Result<en::LineAllowanceCharge, Refusal> {
    let Discount { amount: off, percent, reason } = discount;
    Ok(en::LineAllowanceCharge {
        amount: amount(*off)?,
        base_amount: percent.map(|_| amount(before)).transpose()?,
        percentage: percent.map(Percentage::new),
        reason: Some(reason.clone()),
        reason_code: Some(DISCOUNT.into()),
    })
}
