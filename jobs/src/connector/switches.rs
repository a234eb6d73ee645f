//! Which connectors are switched off, as the table says.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use sqlx::PgPool;
use tokio::{sync::Mutex, time::timeout};
use tracing::debug;

use crate::db::connectors;

/// What was read is good for so long.
const GOOD: Duration = Duration::from_secs(5);
/// The longest that reading may take.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
struct Known {
    read_at: Option<Instant>,
    off: HashSet<String>,
}

/// The switches; when they can't be read, what was read last still holds.
#[derive(Debug)]
pub(super) struct Switches {
    pool: PgPool,
    known: Mutex<Known>,
}

impl Switches {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, known: Mutex::default() }
    }

    /// Returns whether `connector` is switched off.
    pub(super) async fn is_off(&self, connector: &str) -> bool {
        let mut known = self.known.lock().await;
        if known.read_at.is_none_or(|at| at.elapsed() > GOOD) {
            let read = async { connectors::switched_off(&mut *self.pool.acquire().await?).await };
            match timeout(PATIENCE, read).await {
                Ok(Ok(off)) => known.off = off.into_iter().collect(),
                Ok(Err(error)) => debug!(%error, "could not read which connectors are switched off"),
                Err(_) => debug!("no answer when reading which connectors are switched off"),
            }
            known.read_at = Some(Instant::now());
        }
        known.off.contains(connector)
    }
}
