//! One module for each kind that the operator looks after: what is observed goes to the planner of the kind, and what that
//! decides is written.

pub mod credit;
pub mod credit_note;
pub mod group;
pub mod invoice;
pub mod period;
pub mod project;
pub mod published;
pub mod receivables;
pub mod series;
pub mod usage;
