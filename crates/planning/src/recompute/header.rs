//! What a document says beside its lines and sums.

use serde_json::{Value, json};

use super::difference::{Difference, Explanation, FieldDifference, Reason};
use super::fields::differing_fields;
use super::{Comparison, Incomparable, no_bill};
use billing_api::{Document, LineType};
use billing_documents::document::render_rate;

/// What is different about the document itself, field by field. How it is taxed depends on what it comes to, so that is
/// taken from what follows from its lines of usage.
pub(super) fn differences(
    comparison: &Comparison<'_>,
    given: Option<&Document>,
) -> Result<Vec<Difference>, Incomparable> {
    let recorded = comparison.recorded.document;
    let mut computed = comparison.computed.document.clone();
    if let Some(given) = given {
        (computed.taxes, computed.tax_note) = (given.taxes.clone(), given.tax_note.clone());
    }
    if !charges_services(comparison) {
        (computed.rate_date, computed.exchange_rate) = (None, None);
    } else if computed.exchange_rate.is_none() {
        (computed.rate_date, computed.exchange_rate) = conversion(comparison)?;
    }
    let fields = differing_fields("", &header(recorded), &header(&computed));
    let told = |field: FieldDifference| {
        let explanation = explain(comparison, &field.field);
        Difference::of_document(vec![field], explanation)
    };
    Ok(fields.into_iter().map(told).collect())
}

/// Whether the final charges services. Only then it says how prices became amounts.
fn charges_services(comparison: &Comparison<'_>) -> bool {
    comparison.recorded.lines.iter().any(|line| line.kind == LineType::ServiceCharge)
}

/// How prices would become amounts, where the final says how they did. Nothing may be left that needs it.
pub(super) fn conversion(
    comparison: &Comparison<'_>,
) -> Result<(Option<billing_api::QuoteDate>, Option<billing_api::DocumentRate>), Incomparable> {
    if comparison.recorded.document.exchange_rate.is_none() {
        return Ok((None, None));
    }
    let at = comparison.recorded.issued_at;
    let found = comparison.view.with_inputs(at, |inputs| inputs.conversion().ok().flatten());
    let found = found.map_err(|hold| no_bill(hold.message))?;
    Ok((found.as_ref().map(|one| one.rate_date.to_string().into()), found.as_ref().map(|one| render_rate(&one.rate))))
}

fn header(document: &Document) -> Value {
    let taxes: Vec<_> = document
        .taxes
        .iter()
        .map(|tax| json!({ "category": tax.category, "rate": tax.rate, "reason": tax.reason }))
        .collect();
    let projects: Vec<_> = document.projects.iter().map(|listed| &listed.project).collect();
    json!({
        "number": document.number,
        "period": document.period,
        "attribution": document.attribution,
        "currency": document.currency,
        "seller": document.seller,
        "buyer": document.buyer,
        "dueAt": document.due_at,
        "discounts": document.discounts,
        "rateDate": document.rate_date,
        "exchangeRate": document.exchange_rate,
        "taxes": taxes,
        "taxNote": document.tax_note,
        "projects": projects,
    })
}

fn explain(comparison: &Comparison<'_>, field: &str) -> Option<Explanation> {
    let edits = &comparison.edits;
    let (by_group, by_issuer) = (edits.group.clone(), edits.issuer.clone());
    match field.split_once('.').map_or(field, |(top, _)| top) {
        "currency" | "buyer" | "discounts" => by_group,
        "seller" => by_issuer.or(by_group),
        "dueAt" => by_group.or(by_issuer),
        "rateDate" | "exchangeRate" => edits.rates.clone().or(by_group).or(by_issuer),
        "taxes" | "taxNote" => comparison.taxed_otherwise(),
        "projects" => Some(Explanation::new(
            Reason::ProjectsChanged,
            "projects without a charge are listed only while they exist",
        )),
        _ => None,
    }
}

impl Comparison<'_> {
    /// What explains that the buyer is taxed otherwise, in the document and on its lines.
    pub(super) fn taxed_otherwise(&self) -> Option<Explanation> {
        let Self { edits, group, .. } = self;
        let edited = edits.issuer.clone().or_else(|| edits.group.clone());
        edited.or_else(|| group.buyer.vat().map(|_| vat_id_judged()))
    }
}

fn vat_id_judged() -> Explanation {
    Explanation::new(Reason::VatIdJudged, "the buyer's VAT id may have been confirmed or refused since")
}
