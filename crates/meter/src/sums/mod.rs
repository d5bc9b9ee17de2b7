//! What counters and gauges come to over windows of time, from their raw samples.
//!
//! Pure, in decimals, and by the samples' own times: engines that evaluate a query differ in how they extrapolate and in which samples
//! a range has, so the same query over the same data is another number in another engine. Sums are exact, and rounded once, where a
//! record is written.
//!
//! Guarantees: windows add up. What is counted over the windows of a span, one after the other, is what is counted over the span, to
//! the last digit, wherever the boundaries lie; the order and repetition of samples do not matter.

mod exact;
mod series;
mod tally;
mod windows;

pub use exact::Exact;
pub use series::{Origin, Sample, Series};
pub use tally::{Counting, Group, Grouping, Scraped, Tally};
pub use windows::{Window, WindowError, Windows};

#[cfg(test)]
mod tests;
