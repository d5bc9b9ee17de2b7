//! What is agreed before anything is billed: prices, exchange rates, terms, who bills, who buys, and the rules of tax.

pub mod buyer;
pub mod country;
pub mod issuer;
pub mod locality;
pub mod price;
pub mod price_lists;
pub mod rates;
pub mod scale;
pub mod spelling;
pub mod tax_rule;
pub mod terms;
pub mod unit_price;
pub mod vat;
