//! Deleting a group: never while projects count on it, and not before its last invoice.

mod refused;
mod settling;
