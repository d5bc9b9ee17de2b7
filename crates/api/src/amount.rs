//! Decimal strings: never JSON numbers, which most readers would take for floating point.

use kube_derive::KubeSchema;
use serde::{Deserialize, Serialize};

use super::codes;
use super::text::text;

/// An amount of money outside documents.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(crates(kube_core = "::kube_core"))]
#[x_kube(validation = codes::currency_of_amount_rule(), validation = codes::decimals_rule())]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// The amount, with at most as many decimals as the currency has: "500", "0.83".
    pub amount: PlainAmount,
    /// The currency, by its ISO 4217 code.
    pub currency: CurrencyCode,
}

text!(
    /// An amount of money on a document: exactly the decimal digits of its currency
    /// ("0.83", "-12.00", "1250" for JPY).
    Amount, max: 20, pattern: "^-?[0-9]{1,13}([.][0-9]{2,4})?$"
);

text!(
    /// A part of a credit: not negative, with exactly the decimal digits of its currency ("150.00").
    Balance, max: 18, pattern: "^[0-9]{1,13}([.][0-9]{2,4})?$"
);

text!(
    /// An amount of money outside documents: not negative, with at most as many decimals as its currency has
    /// ("500", "0.83").
    PlainAmount, max: 18, pattern: "^(0|[1-9][0-9]{0,12})([.][0-9]{1,4})?$"
);

text!(
    /// A percentage above 0 and at most 100, with up to 4 decimals ("10", "7.5").
    Percent, max: 7,
    pattern: "^(100|[1-9][0-9]?([.][0-9]{1,4})?|0[.]([1-9][0-9]{0,3}|0[1-9][0-9]{0,2}|00[1-9][0-9]?|000[1-9]))$"
);

text!(
    /// A price: not negative, with up to 12 decimals ("0.026").
    Price, max: 22, pattern: "^(0|[1-9][0-9]{0,8})([.][0-9]{1,12})?$"
);

text!(
    /// A quantity: not negative, with up to 6 decimals ("1", "0.5").
    Quantity, max: 22, pattern: "^(0|[1-9][0-9]{0,14})([.][0-9]{1,6})?$"
);

text!(
    /// A share from 0 to 1, with up to 4 decimals ("0.95").
    Coverage, max: 6, pattern: "^(1|0([.][0-9]{1,4})?)$"
);

text!(
    /// A currency by its ISO 4217 code ("USD").
    CurrencyCode, max: 3, pattern: "^[A-Z]{3}$"
);
