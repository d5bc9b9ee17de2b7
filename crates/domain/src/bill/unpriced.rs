//! Why something has no price.

use crate::catalog::price_lists::PriceLists;
use crate::problem::ProblemReason;
use crate::time::period::Timestamp;
use crate::usage::Usage;

/// Why a record has no price at an instant: it is spelled otherwise than prices are, a list cannot be used, or nobody gave one.
pub(crate) fn unpriced(prices: &PriceLists, usage: &Usage, at: Timestamp) -> ProblemReason {
    if let Some((misspelling, _)) = prices.misspelling(&usage.service) {
        return ProblemReason::Misspelt { misspelling };
    }
    match prices.unusable(&usage.service.kind) {
        Some((list, error)) => ProblemReason::PriceUnusable { price_list: list.clone(), error: error.clone() },
        None => ProblemReason::Unpriced { price_lists: prices.names().cloned().collect(), at },
    }
}
