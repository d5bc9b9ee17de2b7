//! Raw samples of a server of metrics: how they are asked for, and what is an answer.
//!
//! Only samples are asked for, never sums: what engines make of the same samples differs from one to the other. Each sample has its
//! own time and its value as it was written, so no number passes through floating point.
//!
//! Guarantee: what a server says of itself to be incomplete (warnings, a part of the answer, one that breaks off) is no answer.

mod answer;
mod query;
#[cfg(feature = "reader")]
mod reader;
mod selector;

pub use answer::{AnswerError, decode};
pub use query::{Parameters, Query};
#[cfg(feature = "reader")]
pub use reader::{Headers, ReadError, Reader};
pub use selector::{SelectorError, check};
