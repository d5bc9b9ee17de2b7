//! How the bill of a group and a month is made: [`inputs`] go through the steps that [`billing`] names, and become a
//! [`result`].
//!
//! In order: `services` (with `charge`, project by project, and `metered` for what of readings is open); [`late`] usage of closed months, which are settled as a whole;
//! the `own_month`, which is `agreed_terms` (with what counts towards a `commitment`), `consumption` of credits and `rounding` to the
//! minimum charge, line by line on a running `tally`; `taxation` of all that, and the `payment`. A [`reissue`] begins with the lines
//! of a final in the place of services and terms.

pub(crate) mod agreed_terms;
mod balance_forward;
pub mod billing;
pub(crate) mod charge;
pub(crate) mod commitment;
mod consumption;
pub(crate) mod fill;
pub mod inputs;
pub mod late;
pub mod metered;
mod own_month;
mod payment;
pub mod records;
pub mod reissue;
pub mod result;
pub(crate) mod rounding;
pub(crate) mod services;
pub(crate) mod tally;
mod taxation;
mod unpriced;
