//! The commands of `kubectl billing`, one file each.

pub mod manifest;
