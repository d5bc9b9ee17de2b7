//! What is decided while a month is closed.

pub mod charges;
