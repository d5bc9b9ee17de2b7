//! Decimal strings: never JSON numbers, which most readers would take for floating point.

use super::text::text;

text!(
    /// An amount of money on a document: exactly the decimal digits of its currency
    /// ("0.83", "-12.00", "1250" for JPY).
    Amount, max: 20, pattern: "^-?[0-9]{1,13}([.][0-9]{2,4})?$"
);

text!(
    /// The price of one unit: not negative, with up to 8 decimals ("0.026").
    Price, max: 18, pattern: "^(0|[1-9][0-9]{0,8})([.][0-9]{1,8})?$"
);

text!(
    /// A quantity: not negative, with up to 6 decimals ("1", "0.5").
    Quantity, max: 22, pattern: "^(0|[1-9][0-9]{0,14})([.][0-9]{1,6})?$"
);

text!(
    /// A currency by its ISO 4217 code ("USD").
    CurrencyCode, max: 3, pattern: "^[A-Z]{3}$"
);
