//! What every format has in common, and what a charge in the sense of FOCUS is.

mod charges;
mod formats;
mod invoice;

pub use invoice::invoice;
