//! Usage that meters itself: objects of the cluster become usage records that run for as long as the objects cost something.
//!
//! [`expression`], [`selector`], [`recipe`], [`life`] and [`world`] are pure: what was seen and by which time goes in, what is to be
//! written comes out. Around them are the watches, the one writer and the program.

#[cfg(feature = "program")]
pub mod context;
pub mod counters;
pub mod expression;
#[cfg(feature = "program")]
pub mod kinds;
pub mod life;
#[cfg(feature = "program")]
pub mod metrics;
#[cfg(feature = "program")]
pub mod program;
pub mod recipe;
pub mod records;
pub mod selector;
#[cfg(feature = "program")]
pub mod settings;
#[cfg(feature = "program")]
pub mod watches;
#[cfg(feature = "program")]
pub mod work;
pub mod world;

#[cfg(feature = "program")]
pub use program::{Program, RunError, run};
