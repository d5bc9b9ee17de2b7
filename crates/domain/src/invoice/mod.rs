//! What stands on an invoice: its lines and items with their ids and numbers, what finals say of usage, and what a
//! credit note takes back.

pub mod billed;
pub mod credit_note;
pub mod item;
pub mod line;
pub mod number;
pub mod receivable;
