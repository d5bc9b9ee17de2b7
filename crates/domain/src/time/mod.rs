//! Time in UTC: instants, half-open periods, the calendar months that are billed, and billable hours.

pub mod hours;
pub mod late_usage_window;
pub mod month;
pub mod multiple;
pub mod period;
pub mod validity;
