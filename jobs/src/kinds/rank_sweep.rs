//! Ranks the results of a sweep when all its slices have ended, and finishes it.

mod summary;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::sweep_work;
use crate::{
    db::sweeps::{self, error_code},
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Context, Ending, JobError},
};

/// The payload: the sweep.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RankSweep {
    /// The sweep.
    pub sweep_id: Uuid,
}

impl Job for RankSweep {
    const KIND: &'static str = "rank_sweep";
    const QUEUE: &'static str = "backtests";

    fn unique_key(&self) -> Option<String> {
        Some(self.sweep_id.to_string())
    }
}

impl Handler for RankSweep {
    const POLICY: Policy = sweep_work::POLICY;

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let id = self.sweep_id;
        let Some(work) = sweep_work::begin(id, &ctx, &env).await? else {
            return Ok(Success::Output(json!({ "skipped": "the sweep is gone or finished" })));
        };
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        if let Some(part) = sweeps::next_open_part(&mut tx, id).await? {
            let message = format!("slice {part} ended without results");
            return Err(JobError::fatal(error_code::INTERNAL, message));
        }
        sweeps::rank(&mut tx, id).await?;
        let ranked = sweeps::outcomes(&mut tx, id).await?;
        let provenance = sweep_work::provenance(&mut tx, &work.spec).await?;
        let summary = summary::of(&ranked, &work, &provenance);
        if !sweeps::finish(&mut tx, id, &summary, &provenance).await? {
            return Ok(Success::Output(json!({ "skipped": "the sweep was finished meanwhile" })));
        }
        let success = ctx.complete_in(&mut tx, json!({ "ranked": ranked.len() })).await?;
        tx.commit().await?;
        env.hints.events();
        Ok(success)
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        sweep_work::ended(conn, self.sweep_id, None, ending).await
    }
}
