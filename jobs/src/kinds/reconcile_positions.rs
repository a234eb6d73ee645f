//! Compares our books with the broker's, orders first, and corrects ours.
//!
//! The comparison is [`domain::reconciliation`]'s; every correction is audited. Shares are never
//! given to a user whose fills do not explain them: what the broker has beyond ours belongs to
//! nobody here. Nothing is sent or repeated, but for the end of what must not be open any more.

mod books;
mod orders_pass;
mod positions_pass;
mod unsent;

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::Connection;
use uuid::Uuid;

use crate::{
    broker::Broker,
    db::{
        broker_state, idempotency,
        reconciliations::{self, Findings, Trigger},
    },
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError},
    trading,
};

/// Runs, and answered requests, are kept for so long.
const KEPT: Duration = Duration::from_hours(24 * 7);
const KEYS_KEPT_HOURS: i32 = 48;
/// The most rows that one run forgets, and the most assets that it reads again.
const PRUNED: i64 = 500;
const ASSETS: i64 = 10;
/// What is known of an asset is read again after so long.
const ASSET_AGE: Duration = Duration::from_hours(24);

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReconcilePositions {
    /// Why.
    pub trigger: Trigger,
    /// Who asks for it.
    #[serde(default)]
    pub user_id: Option<Uuid>,
}

impl Job for ReconcilePositions {
    const KIND: &'static str = "reconcile_positions";
    const QUEUE: &'static str = trading::QUEUE;

    fn unique_key(&self) -> Option<String> {
        Some("all".into())
    }
}

impl Handler for ReconcilePositions {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(10) },
        max_failures: 3,
        timeout: Duration::from_mins(2),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let Some(broker) = env.broker.as_deref() else {
            return Ok(Success::Output(json!({ "skipped": "this process has no broker" })));
        };
        let run = Run { id: ctx.idempotency_key(), broker, ctx: &ctx, env: &env };
        run.begin(&self).await?;
        let mut findings = Findings::default();
        match run.compare(&mut findings).await {
            Ok(()) => run.finish(&findings).await,
            Err(error @ JobError::Interrupted) => Err(error),
            Err(error) => run.fail(&error).await,
        }
    }
}

/// One run.
struct Run<'a> {
    id: Uuid,
    broker: &'a dyn Broker,
    ctx: &'a Context,
    env: &'a Environment,
}

impl Run<'_> {
    async fn begin(&self, asked: &ReconcilePositions) -> Result<(), JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        reconciliations::begin(&mut tx, self.id, asked.trigger, asked.user_id).await?;
        reconciliations::prune(&mut tx, KEPT, PRUNED).await?;
        idempotency::prune(&mut tx, KEYS_KEPT_HOURS, PRUNED).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Compares and corrects: orders, then what came to no end, then positions - twice, so that
    /// what merely moved meanwhile is not taken for a difference.
    async fn compare(&self, findings: &mut Findings) -> Result<(), JobError> {
        self.orders(findings).await?;
        self.unsent(findings).await?;
        let before = self.positions(findings).await?;
        if !before.is_empty() {
            self.orders(findings).await?;
            let still = self.positions(findings).await?;
            self.correct(&before, &still, findings).await?;
        }
        self.assets().await;
        Ok(())
    }

    /// Reads again what is known of the assets that were read longest ago.
    async fn assets(&self) {
        let Ok(mut conn) = self.env.pool.acquire().await else { return };
        let stale = broker_state::assets_older_than(&mut conn, ASSET_AGE, ASSETS).await.unwrap_or_default();
        drop(conn);
        for symbol in stale {
            let Ok(asset) = self.broker.asset(&symbol).await else { return };
            let Ok(mut conn) = self.env.pool.acquire().await else { return };
            if broker_state::store_asset(&mut conn, &symbol, asset.as_ref()).await.is_err() {
                return;
            }
        }
    }

    async fn finish(&self, findings: &Findings) -> Result<Success, JobError> {
        let output = json!({
            "status": "completed",
            "synced": findings.synced,
            "conflicts": findings.conflicts.len(),
            "corrections": findings.corrections.len(),
        });
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        reconciliations::finish(&mut tx, self.id, findings).await?;
        self.complete(tx, output).await
    }

    /// Ends a run that the broker, or the database, stood in the way of; the next one is soon.
    async fn fail(&self, error: &JobError) -> Result<Success, JobError> {
        let message = error.to_string();
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        reconciliations::fail(&mut tx, self.id, &message).await?;
        broker_state::note_error(&mut tx, &message).await?;
        self.complete(tx, json!({ "status": "failed", "error": message })).await
    }

    async fn complete(
        &self,
        mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
        output: Value,
    ) -> Result<Success, JobError> {
        let success = self.ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        self.env.hints.events();
        self.env.hints.jobs(trading::QUEUE);
        Ok(success)
    }
}
