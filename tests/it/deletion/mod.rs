//! Deleting a group: never while projects count on it, and not before its last invoice.

mod collected;
mod pruned;
mod refused;
mod settling;
