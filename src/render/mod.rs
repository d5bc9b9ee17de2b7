//! Documents in their canonical form and as text.

pub mod canonical;
pub mod document;
mod line;
pub mod slices;
pub mod table;
