//! Usage that meters itself: objects of the cluster become usage records that run for as long as the objects cost something, and
//! counters and gauges become readings of metered records.
//!
//! [`expression`], [`selector`], [`recipe`], [`life`] and [`world`] are pure: what was seen and by which time goes in, what is to be
//! written comes out. So are [`sums`] and [`readings`], but for the reading of [`samples`]. Around them are the watches, the
//! writers and the program.

#[cfg(feature = "program")]
pub mod context;
pub mod expression;
#[cfg(feature = "program")]
pub mod kinds;
pub mod life;
#[cfg(feature = "program")]
pub mod metrics;
#[cfg(feature = "program")]
pub mod program;
pub mod readings;
pub mod recipe;
#[cfg(feature = "program")]
pub mod recorder;
pub mod records;
pub mod samples;
pub mod selector;
#[cfg(feature = "program")]
pub mod settings;
#[cfg(feature = "reader")]
pub mod shallow;
pub mod sums;
#[cfg(feature = "program")]
pub mod watches;
#[cfg(feature = "program")]
pub mod work;
pub mod world;

#[cfg(feature = "program")]
pub use program::{Program, RunError, run};
