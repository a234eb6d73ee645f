//! Logs: to standard error, as the settings say.

use std::io::IsTerminal;

use jobs::config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

/// Starts logging; `RUST_LOG` outranks the settings.
pub fn start(settings: &Log) -> anyhow::Result<()> {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| settings.filter.clone());
    let filter = EnvFilter::try_new(&filter)
        .map_err(|error| anyhow::anyhow!("log.filter {filter:?} is not a filter: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // A log that nobody reads any more must not end the process that writes it.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let started = match settings.format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("can't start logging: {error}"))
}
