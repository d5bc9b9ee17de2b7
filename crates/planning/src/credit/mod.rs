//! A credit: whose it is, what its code is worth, how it stands. What invoices take of it is written by
//! [closing](super::closing).

mod plan;
mod status;

pub use plan::{CreditPlan, plan_credit};
pub use status::{Owner, credit_status};

#[cfg(test)]
mod tests;
