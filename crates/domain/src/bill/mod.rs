//! How the bill of a group and a month is made: [`inputs`] go through the steps that [`billing`] names, and become a
//! [`result`].
//!
//! A step puts its lines on the running total, the `tally`. In order: `services` (with `charge`, project by project),
//! `agreed_terms`, what `carry` brings forward, [`late`] usage of closed months, what `carry` carries forward,
//! `consumption` of credits, `rounding` to the minimum charge, `taxation`.

pub(crate) mod agreed_terms;
mod balance_forward;
pub mod billing;
pub(crate) mod charge;
mod consumption;
pub mod inputs;
pub mod late;
pub mod records;
pub mod result;
pub(crate) mod rounding;
pub(crate) mod services;
pub(crate) mod tally;
mod taxation;
