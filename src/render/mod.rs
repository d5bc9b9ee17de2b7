//! Documents in their canonical form and as text.

pub mod canonical;
pub mod document;
pub mod table;
