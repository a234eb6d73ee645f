//! When a process should stop: a signal, or the end of whoever supervises it.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::supervisor::parent_gone;

/// Returns a token that is cancelled when this process should stop; a second signal ends it
/// at once.
pub fn on_signal() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let fired = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => info!("asked to stop (SIGTERM)"),
            _ = interrupt.recv() => info!("asked to stop (SIGINT)"),
            () = parent_gone() => info!("whoever started this process is gone; stopping"),
        }
        fired.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("asked twice: stopping at once");
        std::process::exit(130);
    });
    Ok(token)
}
