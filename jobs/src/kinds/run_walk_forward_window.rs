//! Runs one window of a walk-forward: chooses the best combination on the training sessions,
//! tests it on the sessions that follow, records both and the completion in one transaction.

use std::sync::Arc;

use domain::{
    backtest::SimulationError,
    bars::Series,
    grid::{Decoder, Evaluated, RankBy},
    walk_forward::{Piece, between, run_piece},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::sweep_work::{self, Work};
use crate::{
    db::sweeps::{self, Tested, Window, error_code},
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Context, Ending, JobError},
};

/// The payload: the walk-forward, and which of its windows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunWalkForwardWindow {
    /// The walk-forward.
    pub sweep_id: Uuid,
    /// The window, from 0.
    pub window: i32,
}

impl Job for RunWalkForwardWindow {
    const KIND: &'static str = "run_walk_forward_window";
    const QUEUE: &'static str = "backtests";
    const PRIORITY: i16 = sweep_work::PRIORITY;

    fn unique_key(&self) -> Option<String> {
        Some(format!("{}:{}", self.sweep_id, self.window))
    }
}

impl Handler for RunWalkForwardWindow {
    const POLICY: Policy = sweep_work::POLICY;

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let (id, number) = (self.sweep_id, self.window);
        let nothing = || Ok(Success::Output(json!({ "skipped": "the walk-forward is gone or finished" })));
        let Some(work) = sweep_work::begin(id, &ctx, &env).await? else { return nothing() };
        let mut conn = env.pool.acquire().await?;
        let Some(part) = sweeps::part(&mut conn, id, number).await? else { return nothing() };
        let Some(window) = sweeps::window(&mut conn, id, number).await? else { return nothing() };
        drop(conn);
        if part.done {
            return Ok(Success::Output(json!({ "skipped": "the window is recorded already" })));
        }
        let work = Arc::new(work);
        // Nothing after the test is even read.
        let whole = sweep_work::read(&work.spec, window.train_start, window.test_end, &env).await?;
        let train = whole.iter().map(|one| between(one, window.train_start, window.train_end)).collect();
        let pace = env.config.backtest.pace_bars_per_s;
        let cells = 0..work.grid.combinations();
        let interrupted = ctx.interrupted().clone();
        let (found, train) =
            sweep_work::evaluate(Arc::clone(&work), cells, train, true, pace, interrupted).await?;
        let best = best(&found, work.rank_by);
        let piece = test(Arc::clone(&work), best, whole, &window).await?;
        self.record(&work, &found, best, &train, &piece, &ctx, &env).await
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        sweep_work::ended(conn, self.sweep_id, Some(self.window), ending).await
    }
}

/// Returns the combination with the highest score; of equals the one with the lowest number.
fn best(found: &[Evaluated], by: RankBy) -> Option<Evaluated> {
    let mut best: Option<(f64, Evaluated)> = None;
    for one in found {
        if let Some(score) = by.score(&one.figures)
            && best.is_none_or(|(highest, _)| score > highest)
        {
            best = Some((score, *one));
        }
    }
    best.map(|(_, one)| one)
}

/// Tests the choice; without one the test stays in cash.
async fn test(
    work: Arc<Work>,
    best: Option<Evaluated>,
    series: Vec<Series>,
    window: &Window,
) -> Result<Piece, JobError> {
    let start = window.test_start;
    let task = tokio::task::spawn_blocking(move || {
        let Some(best) = best else { return Ok(Piece::in_cash(sessions_from(&series, start))) };
        let config = Decoder::new(&work.grid, &work.base)
            .config(best.cell)
            .map_err(|error| JobError::fatal(error_code::INTERNAL, error))?;
        run_piece(&config, &series, start)
            .map_err(|error: SimulationError| JobError::fatal(error_code::ENGINE_REJECTED, error))
    });
    task.await.map_err(|error| JobError::retryable("PANIC", error))?
}

fn sessions_from(series: &[Series], start: chrono::NaiveDate) -> Vec<chrono::NaiveDate> {
    let mut dates: Vec<_> = series.iter().flat_map(|one| one.dates.iter().copied()).collect();
    dates.retain(|date| *date >= start);
    dates.sort_unstable();
    dates.dedup();
    dates
}

impl RunWalkForwardWindow {
    #[allow(clippy::too_many_arguments)] // All that there is to record.
    async fn record(
        &self,
        work: &Work,
        found: &[Evaluated],
        best: Option<Evaluated>,
        train: &[Series],
        piece: &Piece,
        ctx: &Context,
        env: &Environment,
    ) -> Result<Success, JobError> {
        let parameters = best.map(|best| Value::Object(work.grid.parameters(best.cell)));
        let in_sample = json!({
            "figures": best.map(|best| best.figures),
            "sessions": sessions_from(train, chrono::NaiveDate::MIN).len(),
            "evaluated": found.len(),
            "score": best.and_then(|best| work.rank_by.score(&best.figures)),
        });
        let out_of_sample = json!({
            "figures": piece.figures,
            "sessions": piece.dates.len(),
            "score": piece.score(work.rank_by),
        });
        let tested = Tested {
            cell: best.map(|best| i32::try_from(best.cell).unwrap_or(i32::MAX)),
            parameters: parameters.as_ref(),
            in_sample: &in_sample,
            out_of_sample: &out_of_sample,
            dates: &piece.dates,
            growth: &piece.growth,
        };
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        sweeps::take_turn(&mut tx, self.sweep_id).await?;
        ctx.hold(&mut tx).await?;
        if !sweeps::finish_window(&mut tx, self.sweep_id, self.window, &tested).await? {
            return Ok(Success::Output(json!({ "skipped": "the walk-forward was finished meanwhile" })));
        }
        let success = ctx.complete_in(&mut tx, json!({ "chosen": parameters })).await?;
        tx.commit().await?;
        env.hints.events();
        Ok(success)
    }
}
