//! Evaluates a range of a sweep's combinations: reads the bars once, computes on a thread of its
//! own, records the figures and the completion in one transaction.

use std::sync::Arc;

use domain::grid::Evaluated;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::sweep_work::{self, Work};
use crate::{
    db::sweeps::{self, Outcome, Part},
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Context, Ending, JobError},
};

/// The payload: the sweep, and which of its parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunSweepSlice {
    /// The sweep.
    pub sweep_id: Uuid,
    /// The part, from 0.
    pub slice: i32,
}

impl Job for RunSweepSlice {
    const KIND: &'static str = "run_sweep_slice";
    const QUEUE: &'static str = "backtests";
    const PRIORITY: i16 = sweep_work::PRIORITY;

    fn unique_key(&self) -> Option<String> {
        Some(format!("{}:{}", self.sweep_id, self.slice))
    }
}

/// The most combinations of a slice: one insert's worth.
const MOST_CELLS: u64 = 250;
/// Bars that the simulation of several symbols visits in some tenths of a second.
const BARS: u64 = 2_000_000;

/// Returns how many combinations a slice takes when each visits `bars` (all symbols together),
/// so that it takes well under a second. The same for the same request, whoever asks.
pub fn cells_per_slice(bars: u64) -> i32 {
    let cells = (BARS / bars.max(1)).clamp(1, MOST_CELLS);
    i32::try_from(cells).unwrap_or(1)
}

impl Handler for RunSweepSlice {
    const POLICY: Policy = sweep_work::POLICY;

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let id = self.sweep_id;
        let nothing = || Ok(Success::Output(json!({ "skipped": "the sweep is gone or finished" })));
        let Some(work) = sweep_work::begin(id, &ctx, &env).await? else { return nothing() };
        let mut conn = env.pool.acquire().await?;
        let Some(part) = sweeps::part(&mut conn, id, self.slice).await? else { return nothing() };
        drop(conn);
        if part.done {
            return Ok(Success::Output(json!({ "skipped": "the slice is recorded already" })));
        }
        let work = Arc::new(work);
        let series = sweep_work::read(&work.spec, work.spec.start_date, work.spec.end_date, &env).await?;
        let pace = env.config.backtest.pace_bars_per_s;
        let interrupted = ctx.interrupted().clone();
        let (found, _) =
            sweep_work::evaluate(Arc::clone(&work), cells(part)?, series, false, pace, interrupted).await?;
        let outcomes = found.iter().map(|one| outcome(one, &work)).collect::<Result<Vec<_>, _>>()?;
        self.record(&outcomes, &ctx, &env).await
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        sweep_work::ended(conn, self.sweep_id, Some(self.slice), ending).await
    }
}

impl RunSweepSlice {
    async fn record(
        &self,
        outcomes: &[Outcome],
        ctx: &Context,
        env: &Environment,
    ) -> Result<Success, JobError> {
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        sweeps::take_turn(&mut tx, self.sweep_id).await?;
        ctx.hold(&mut tx).await?;
        if !sweeps::finish_part(&mut tx, self.sweep_id, self.slice, outcomes).await? {
            return Ok(Success::Output(json!({ "skipped": "the sweep was finished meanwhile" })));
        }
        let success = ctx.complete_in(&mut tx, json!({ "evaluated": outcomes.len() })).await?;
        tx.commit().await?;
        env.hints.events();
        Ok(success)
    }
}

fn cells(part: Part) -> Result<std::ops::Range<usize>, JobError> {
    let first = usize::try_from(part.first_cell);
    let count = usize::try_from(part.cells);
    match (first, count) {
        (Ok(first), Ok(count)) => Ok(first..first + count),
        _ => {
            Err(JobError::fatal("INTERNAL", format!("part of {} cells from {}", part.cells, part.first_cell)))
        }
    }
}

fn outcome(one: &Evaluated, work: &Work) -> Result<Outcome, JobError> {
    Ok(Outcome {
        cell: i32::try_from(one.cell).map_err(|error| JobError::fatal("INTERNAL", error))?,
        parameters: Value::Object(work.grid.parameters(one.cell)),
        figures: one.figures,
        score: work.rank_by.score(&one.figures),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_shrink_as_bars_grow_and_never_vanish() {
        for (bars, cells) in [(0, 250), (2_000, 250), (10_000, 200), (250_000, 8), (u64::MAX, 1)] {
            assert_eq!(cells_per_slice(bars), cells, "{bars}");
        }
    }
}
