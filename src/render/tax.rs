//! What a document says of tax.

use crate::api;
use crate::domain::{TaxCategory, TaxSubtotal};
use crate::render::document::amount;

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

fn tax_category(category: TaxCategory) -> api::TaxCategory {
    match category {
        TaxCategory::Standard => api::TaxCategory::S,
        TaxCategory::ZeroRated => api::TaxCategory::Z,
        TaxCategory::Exempt => api::TaxCategory::E,
        TaxCategory::ReverseCharge => api::TaxCategory::AE,
        TaxCategory::OutsideScope => api::TaxCategory::O,
    }
}
