//! What stands on an invoice: its lines and items with their ids and numbers, what finals say of usage, and what a
//! credit note takes back.

pub mod adjustment;
pub mod billed;
pub mod brought_forward;
pub mod credit_note;
pub(crate) mod ids;
pub mod item;
pub mod line;
pub mod line_type;
pub mod month_terms;
pub mod number;
pub mod part;
pub mod payment;
pub mod rating;
pub mod receivable;
pub mod service_sum;
pub mod source;
pub mod statement;
pub mod tax;
