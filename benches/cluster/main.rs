//! The operator against a real API server, with the bare cost beside it.
//!
//! `make bench`, or `cargo bench --bench cluster -- [bindings-1000] [bindings-5000] [estimate] [closing] [large] [slices] [memory]
//! [history]`; without names all of them. Each runs on a control plane of its own, with the operator as a process with the chart's
//! service account.
//!
//! The bare cost is what the same writes take when a plain client sends them, as many at once, to the same API server with the
//! same policies, right afterwards and with the operator stopped: what is left over is the operator's own.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark stops when something is not as it should be")]

mod bench;
mod bindings;
mod closing;
mod estimate;
mod history;
mod large;
mod load;
mod memory;
mod slices;

use std::{env, error::Error as StdError, fs, thread};

type Error = Box<dyn StdError + Send + Sync>;
type Result<T = (), E = Error> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result {
    // `cargo bench` adds an argument of its own.
    let wanted: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    println!("{}", machine());
    if wants("bindings-1000") {
        bindings::run(1_000).await?;
    }
    if wants("bindings-5000") {
        bindings::run(5_000).await?;
    }
    if wants("estimate") {
        estimate::run().await?;
    }
    if wants("closing") {
        closing::run(1_000).await?;
    }
    if wants("large") {
        large::run(100_000).await?;
    }
    if wants("slices") {
        slices::run(20).await?;
    }
    if wants("memory") {
        memory::run(10_000, 100_000).await?;
    }
    if wants("history") {
        history::run(3).await?;
        history::run(24).await?;
    }
    Ok(())
}

/// What the figures were taken on, and what else it was doing.
fn machine() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1)).unwrap_or("unknown");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    format!("{cores} cores, {}; load average before: {load}", model.trim())
}
