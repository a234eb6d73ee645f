//! Reads the orders at the broker and applies what they say: after the stream was interrupted,
//! on request, and with every reconciliation.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, FencedError, JobError},
    trade_stream::catch_up,
    trading,
};

/// The payload.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SyncOrders {}

impl Job for SyncOrders {
    const KIND: &'static str = "sync_orders";
    const QUEUE: &'static str = trading::QUEUE;

    fn unique_key(&self) -> Option<String> {
        Some("all".into())
    }
}

impl Handler for SyncOrders {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(30) },
        max_failures: 5,
        timeout: Duration::from_mins(2),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let broker = trading::broker(&env)?;
        let seen = catch_up::read(&env.pool, broker).await?;
        let mut changed = 0;
        for order in &seen {
            let mut tx = env.pool.begin().await?;
            ctx.hold(&mut tx).await?;
            changed += usize::from(catch_up::apply(&mut tx, order).await?);
            tx.commit().await.map_err(FencedError::from)?;
        }
        env.hints.events();
        Ok(Success::Output(json!({ "seen": seen.len(), "changed": changed })))
    }
}
