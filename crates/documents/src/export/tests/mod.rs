//! What every format has in common, what credit notes are in them, and what a charge in the sense of FOCUS is.

mod charges;
mod credit_notes;
mod formats;
mod invoice;
mod note;
mod read;

pub use invoice::invoice;
pub use note::credit_note;
pub use read::{cell, column, sum};
