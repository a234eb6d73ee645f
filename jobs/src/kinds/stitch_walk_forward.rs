//! Chains the tests of a walk-forward when all its windows have ended, judges how much of the
//! promise was kept, and finishes it.

use std::sync::Arc;

use domain::{
    grid::Figures,
    walk_forward::{self, judge, stitch},
};
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::sweep_work;
use crate::{
    db::sweeps::{self, Window, error_code},
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Context, Ending, JobError},
};

/// The payload: the walk-forward.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StitchWalkForward {
    /// The walk-forward.
    pub sweep_id: Uuid,
}

impl Job for StitchWalkForward {
    const KIND: &'static str = "stitch_walk_forward";
    const QUEUE: &'static str = "backtests";

    fn unique_key(&self) -> Option<String> {
        Some(self.sweep_id.to_string())
    }
}

impl Handler for StitchWalkForward {
    const POLICY: Policy = sweep_work::POLICY;

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let id = self.sweep_id;
        let Some(work) = sweep_work::begin(id, &ctx, &env).await? else {
            return Ok(Success::Output(json!({ "skipped": "the walk-forward is gone or finished" })));
        };
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        if let Some(part) = sweeps::next_open_part(&mut tx, id).await? {
            let message = format!("window {part} ended without results");
            return Err(JobError::fatal(error_code::INTERNAL, message));
        }
        let initial_cash = work.spec.initial_cash.to_f64().unwrap_or_default();
        let chained = stitch(&sweeps::growth(&mut tx, id).await?, initial_cash);
        sweeps::store_equity(&mut tx, id, &chained.equity).await?;
        let windows = sweeps::windows(&mut tx, id).await?;
        let judged = windows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let tried = usize::try_from(work.spec.combinations - work.spec.skipped).unwrap_or_default();
        let overfitting = judge(&judged, &work.grid, tried);
        let provenance = sweep_work::provenance(&mut tx, &work.spec).await?;
        let mut note = overfitting.note.clone();
        note.extend(sweep_work::simulated_bars(&provenance));
        let summary = json!({
            "rankBy": work.rank_by.as_str(),
            "combinations": work.spec.combinations,
            "skipped": work.spec.skipped,
            "windows": windows.len(),
            "outOfSample": chained,
            "overfitting": overfitting,
            "note": note,
        });
        if !sweeps::finish(&mut tx, id, &summary, &provenance).await? {
            return Ok(Success::Output(json!({ "skipped": "the walk-forward was finished meanwhile" })));
        }
        let success = ctx.complete_in(&mut tx, json!({ "sessions": chained.sessions })).await?;
        tx.commit().await?;
        env.hints.events();
        Ok(success)
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        sweep_work::ended(conn, self.sweep_id, None, ending).await
    }
}

/// Reads what a window stored.
fn read(window: &Window) -> Result<walk_forward::Window, JobError> {
    let broken = || JobError::fatal(error_code::INTERNAL, format!("window {} can't be read", window.part));
    let figures = |stored: &Value| serde_json::from_value::<Option<Figures>>(stored["figures"].clone());
    let sessions = |stored: &Value| stored["sessions"].as_u64().and_then(|count| usize::try_from(count).ok());
    let (before, after) = (window.in_sample.as_ref(), window.out_of_sample.as_ref());
    let (before, after) = (before.ok_or_else(broken)?, after.ok_or_else(broken)?);
    Ok(walk_forward::Window {
        cell: window.cell.and_then(|cell| usize::try_from(cell).ok()),
        in_sample: figures(before).map_err(|_| broken())?,
        train_sessions: sessions(before).ok_or_else(broken)?,
        out_of_sample: figures(after).ok().flatten().ok_or_else(broken)?,
        test_sessions: sessions(after).ok_or_else(broken)?,
    })
}
