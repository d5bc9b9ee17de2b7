//! Attacks on the books, as scenarios with the operator at work: refused, or harmless.

mod identities;
mod memory;
mod namespace;
mod quotas;
mod weakened;
