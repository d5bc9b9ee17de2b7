//! The commands of `kubectl billing`, one file or folder each.

pub mod code;
pub mod complete;
pub mod credit;
pub mod credit_note;
mod details;
mod download;
pub mod explain;
pub mod export;
pub mod group;
pub mod invoice;
mod listing;
pub mod meter;
pub mod preview;
pub mod project;
pub mod rates;
pub mod report;
pub mod status;
pub mod usage;
pub mod verify;
pub mod version;
pub mod whoami;
