//! Answers that are kept for a while, by everything that was asked.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use tokio::time::timeout;
use tracing::debug;

use super::model::Prompt;
use crate::db::llm;

/// The longest that the database may take; without it the model is asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// The kept answers of the fleet.
#[derive(Debug, Clone)]
pub(super) struct Cache {
    pool: PgPool,
    fresh: Duration,
}

impl Cache {
    /// Returns a cache in which answers stay fresh for so long; for zero, it keeps nothing.
    pub(super) fn new(pool: PgPool, fresh: Duration) -> Self {
        Self { pool, fresh }
    }

    /// Returns the fresh answer to the request with `hash`, as the model gave it.
    pub(super) async fn get(&self, hash: &str) -> Option<Value> {
        if self.fresh.is_zero() {
            return None;
        }
        let get = async { llm::cached(&mut *self.pool.acquire().await?, hash).await };
        match timeout(PATIENCE, get).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => {
                debug!(%error, "could not look for a kept answer: {error}");
                None
            }
            Err(_) => None,
        }
    }

    /// Keeps a valid answer.
    pub(super) async fn put(&self, hash: &str, provider: &str, model: &str, answer: &Value) {
        if self.fresh.is_zero() {
            return;
        }
        let put = async {
            let mut conn = self.pool.acquire().await?;
            llm::keep(&mut conn, hash, provider, model, answer, self.fresh).await
        };
        if let Ok(Err(error)) = timeout(PATIENCE, put).await {
            debug!(%error, "could not keep an answer: {error}");
        }
    }
}

/// Returns the name of a request: the SHA-256 of all that decides the answer, in hexadecimal.
pub(super) fn key(role: &str, provider: &str, prompt: &Prompt) -> String {
    let request = json!([
        role,
        provider,
        prompt.model,
        prompt.system,
        prompt.user,
        prompt.schema,
        prompt.max_tokens,
        prompt.temperature.normalize().to_string(),
    ]);
    hex::encode(Sha256::digest(request.to_string()))
}
