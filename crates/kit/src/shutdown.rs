//! The end: on SIGTERM or an interrupt, what runs is finished; on a second one, it is not.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Cancels `cancel` at the first SIGTERM or SIGINT, and ends the process at the second.
///
/// # Errors
/// If the process may not listen for signals.
pub fn on_signals(cancel: CancellationToken) -> io::Result<()> {
    let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::spawn(listen(terminate, interrupt, cancel));
    Ok(())
}

async fn listen(mut terminate: Signal, mut interrupt: Signal, cancel: CancellationToken) {
    let mut next = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    next().await;
    tracing::info!("stopping: finishing the work in progress first");
    cancel.cancel();
    next().await;
    tracing::warn!("stopped by a second signal; the next start completes the unfinished work");
    std::process::exit(1);
}
