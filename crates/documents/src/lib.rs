//! Documents in their canonical form and as text.

pub mod bounds;
pub mod canonical;
pub mod credit_note;
pub mod document;
pub mod explain;
#[cfg(feature = "export")]
pub mod export;
pub mod issued;
pub mod issued_note;
pub mod line;
pub mod reissue;
pub mod slices;
pub mod tax;
pub mod terms;
pub mod verify;
