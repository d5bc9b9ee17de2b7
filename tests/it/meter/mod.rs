//! The meter on a real API server: objects become usage records, whatever happens to either of them.
//!
//! The program runs within the test, under its own account, with a clock that tests move: what it sees is real, and when, the test
//! decides. That it is killed means that all of it stops where it is.

mod crash;
mod docs;
mod failing;
mod invoice;
mod life;
#[path = "../../../crates/meter/tests/running/mod.rs"]
mod running;
mod stage;
mod tried;
