//! Exports: read back by those who read them, and written into folders from a cluster.

mod cluster;
mod docs;
pub mod examples;
mod readers;
mod tools;
mod validator;
