//! How the bill of a group and a month is made: one file for each step, in the order of [`billing`].

pub(crate) mod agreed_terms;
pub mod billing;
pub(crate) mod carry;
pub(crate) mod charge;
pub(crate) mod consumption;
pub mod inputs;
pub mod late;
pub mod records;
pub mod result;
pub(crate) mod rounding;
pub(crate) mod services;
pub(crate) mod tally;
pub(crate) mod taxation;
