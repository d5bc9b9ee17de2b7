//! What is decided while a month is closed.

pub mod charges;
pub mod returned_credits;
