//! Months: estimates that follow usage, and invoices that become final, one after another, for ever.

mod as_operator;
mod attribution;
mod closing;
pub mod credit_notes;
mod credits;
mod currencies;
mod default;
mod estimate;
mod finals;
mod held;
mod late;
mod number;
mod payments;
mod price_lists;
mod readings;
pub mod records;
mod reissued;
mod rivals;
mod scales;
mod slices;
pub mod stage;
mod succeeded;
pub mod tampered;
mod tax;
mod terms;
mod trial;
mod window;
