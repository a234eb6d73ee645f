//! Tells the other processes, by way of the database, how this one finds a provider.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use tracing::debug;

use super::Inner;
use crate::db::external_status;

/// How often it is said again though nothing changed.
const EVERY: Duration = Duration::from_secs(5);
/// The longest that saying it may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Records the state at once, at each change and every few seconds, until it is dropped.
pub(super) async fn run(inner: Arc<Inner>) {
    loop {
        let changed = inner.breaker.changed();
        let said = timeout(PATIENCE, say(&inner)).await;
        if !matches!(said, Ok(Ok(()))) {
            let provider = inner.options.provider;
            debug!(provider, "could not record how {provider} is found; trying again");
        }
        // A change while it was being said is not missed: `changed` began before.
        let _ = timeout(EVERY, changed).await;
    }
}

async fn say(inner: &Inner) -> sqlx::Result<()> {
    let state = inner.breaker.state();
    let mut conn = inner.pool.acquire().await?;
    external_status::record(
        &mut conn,
        inner.options.provider,
        &inner.options.process,
        state.position.as_str(),
        state.since,
        state.last_error.as_deref(),
    )
    .await
}
