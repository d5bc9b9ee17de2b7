//! What a document says of tax.

use rust_decimal::Decimal;

use crate::document::amount;
use crate::explain::{MAX_DECIMAL_PLACES, money};
use billing_api as api;
use billing_domain::{Money, Ratio, TaxCategory, TaxRate, TaxSubtotal, money::amount::round_half_away};

/// What of a bill is taxed in one way.
pub(super) fn render_tax(tax: &TaxSubtotal) -> api::TaxSubtotal {
    let TaxSubtotal { category, rate, base, amount: tax, reason } = tax;
    api::TaxSubtotal {
        category: tax_category(*category),
        rate: rate.to_string().into(),
        base: amount(*base),
        amount: amount(*tax),
        reason: reason.clone(),
    }
}

pub(super) fn tax_category(category: TaxCategory) -> api::TaxCategory {
    match category {
        TaxCategory::Standard => api::TaxCategory::S,
        TaxCategory::ZeroRated => api::TaxCategory::Z,
        TaxCategory::Exempt => api::TaxCategory::E,
        TaxCategory::ReverseCharge => api::TaxCategory::AE,
        TaxCategory::OutsideScope => api::TaxCategory::O,
    }
}

/// How each tax of a document came about: "S: 25.5 % of 615.06 = 156.8403 → 156.84".
pub fn explain_taxes(document: &api::Document) -> Vec<String> {
    let explain = |tax: &api::TaxSubtotal| {
        let api::TaxSubtotal { category, rate, base, amount, reason } = tax;
        let product = exact_tax(document, tax).map(|exact| exact.written_out(MAX_DECIMAL_PLACES));
        let same = |product: &String| Decimal::from_str_exact(product).ok() == Decimal::from_str_exact(amount).ok();
        let exact = product.filter(|product| !same(product)).map(|product| format!(" = {product} →"));
        let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        format!("{category:?}: {rate} % of {base}{} {amount}{reason}", exact.unwrap_or_else(|| " =".to_owned()))
    };
    document.taxes.iter().map(explain).collect()
}

/// The tax that a rate makes of its base, rounded; nothing when they cannot be read.
pub(super) fn tax_of(document: &api::Document, tax: &api::TaxSubtotal) -> Option<Money> {
    round_half_away(&exact_tax(document, tax)?, money(document, &tax.base)?.currency())
}

fn exact_tax(document: &api::Document, tax: &api::TaxSubtotal) -> Option<Ratio> {
    let rate: TaxRate = tax.rate.parse().ok()?;
    Some(money(document, &tax.base)?.exact().times(rate.part()))
}
