//! How a process reaches the database.

use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::config::Database;

/// Why there is no pool.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No URL was configured.
    #[error("no database is configured: set DATABASE_URL")]
    NoUrl,
    /// The URL does not parse.
    #[error("DATABASE_URL is not a PostgreSQL URL: {0}")]
    BadUrl(sqlx::Error),
}

/// Returns a pool that connects on first use: a database that is away is no error here.
///
/// Every connection has timeouts set: no statement outlives its caller by more than the
/// statement timeout, and no transaction is left open in silence for more than 10 s.
pub fn pool(settings: &Database, name: &str) -> Result<PgPool, ConnectError> {
    let url = settings.url.as_ref().ok_or(ConnectError::NoUrl)?;
    let options: PgConnectOptions = url.expose_secret().parse().map_err(ConnectError::BadUrl)?;
    let options = options.application_name(&format!("capstan {name}")).options([
        ("statement_timeout", settings.statement_timeout_ms.to_string()),
        // A process frozen or cut off inside a transaction must not keep its locks for ever.
        ("idle_in_transaction_session_timeout", "10s".to_owned()),
    ]);
    Ok(PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(Duration::from_millis(settings.acquire_timeout_ms))
        .idle_timeout(Duration::from_mins(5))
        .connect_lazy_with(options))
}
