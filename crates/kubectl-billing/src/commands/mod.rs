//! The commands of `kubectl billing`, one file or folder each.

pub mod code;
pub mod explain;
pub mod preview;
pub mod rates;
pub mod verify;
