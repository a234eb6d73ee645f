//! What a request has to pass before anything is queued.

use chrono::NaiveDate;
use domain::{
    backtest,
    backtest_request::RequestError,
    grid::{Base, Decoder, Grid, RankBy, Survey},
    walk_forward::Plan,
};
use jobs::{
    db::{
        bars,
        sweeps::{self, Kind, NewSweep},
    },
    queue::{Enqueue, EnqueueError},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult, codes},
    extract::Actor,
    routes::backtests::request::{Checked, RunRequest, check, presented, refuse, stored_strategy},
    state::AppState,
};

/// The longest body: every combination is decoded from it.
const LONGEST_BODY: usize = 65_536;
/// The most bars that all combinations together may visit: minutes of one processor.
const MOST_WORK: u64 = 5_000_000_000;

/// The most sweeps, of both kinds, that a user may have waiting or running.
const MOST_UNFINISHED: i64 = 20;
/// When to try again after too many. Seconds.
const RETRY_S: u64 = 5;

/// The body that asks for a sweep: that of a back-test, and what to vary.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "strategyType": "moving_average_crossover", "universe": ["AAPL"],
    "startDate": "2005-01-03", "endDate": "2012-12-31",
    "grid": {"fastPeriod": {"from": 5, "to": 50, "step": 5}, "slowPeriod": [60, 100, 200]},
    "rankBy": "sharpe"
}))]
pub(super) struct SweepRequest {
    #[serde(flatten)]
    run: RunRequest,
    /// Numeric parameters of the strategy, each with an array of values or `{from, to, step}`, both
    /// ends included; at most 8 parameters and 10000 combinations.
    #[schema(value_type = Object)]
    grid: Value,
    /// `sharpe` unless sent; or `totalReturn`, `calmar`, `maxDrawdown`, `winRate`.
    rank_by: Option<String>,
}

/// The body that asks for a walk-forward: that of a sweep, and how to cut the sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "strategyType": "moving_average_crossover", "universe": ["AAPL"],
    "startDate": "2005-01-03", "endDate": "2012-12-31",
    "grid": {"fastPeriod": [5, 10, 20], "slowPeriod": [50, 100]},
    "windows": {"train": 504, "test": 126}
}))]
pub(super) struct WalkForwardRequest {
    #[serde(flatten)]
    sweep: SweepRequest,
    /// `{train, test, step?, anchored?}` in sessions: choose on `train`, test on the `test` that
    /// follow, move on by `step` (`test` unless sent, never less). With `anchored` training always
    /// begins at the first session. At most 250 windows; sessions left over are not tested.
    #[schema(value_type = Object)]
    windows: Value,
}

/// A request that can be carried out.
pub(super) struct Prepared {
    checked: Checked,
    pub(super) grid: Grid,
    base: Base,
    rank_by: RankBy,
    skipped: usize,
    pub(super) plan: Option<Plan>,
    /// All symbols together, over the whole range.
    pub(super) bars: u64,
    data_version: String,
}

/// Decodes `body` and holds it against the caller's strategies and the bars there are.
pub(super) async fn prepare(state: &AppState, actor: &Actor, body: Value, kind: Kind) -> ApiResult<Prepared> {
    let Value::Object(mut body) = body else {
        return Err(ApiError::bad_request(codes::INVALID_BACKTEST, "the body must be a JSON object"));
    };
    let grid = Grid::decode(body.remove("grid").as_ref()).map_err(refuse)?;
    let rank_by = rank_by(body.remove("rankBy"))?;
    let windows = body.remove("windows");
    let plan = match kind {
        Kind::Sweep => None,
        Kind::WalkForward => Some(Plan::decode(windows.as_ref()).map_err(refuse)?),
    };
    let body = Value::Object(body);
    if body.to_string().len() > LONGEST_BODY {
        let message = format!("the body of a sweep must be at most {LONGEST_BODY} bytes");
        return Err(ApiError::new(codes::BODY_TOO_LARGE, message));
    }
    let mut conn = state.pool.acquire().await?;
    // Requests in flight at once can go over it by their number, which is limited itself.
    if sweeps::unfinished(&mut conn, actor.user_id).await? >= MOST_UNFINISHED {
        let message = format!("{MOST_UNFINISHED} sweeps are unfinished already: wait for one, or cancel it");
        return Err(ApiError::new(codes::TOO_MANY_RUNS, message).retry_after(RETRY_S));
    }
    let stored = stored_strategy(&mut conn, actor, &body).await?.map(|(_, stored)| stored);
    drop(conn);
    let base = Base::new(body, stored.as_ref());
    grid.check_names(&base).map_err(refuse)?;
    let (grid, base, survey) = survey(grid, base).await?;
    let Some(first_valid) = survey.first_valid else {
        return Err(refuse(none_makes_sense(&grid, survey.reason)));
    };
    let mut conn = state.pool.acquire().await?;
    let checked =
        check(&mut conn, actor, &base.body_of(&grid, first_valid), state.config.backtest.max_bars).await?;
    let (universe, from, to) = (&checked.request.universe, checked.request.from, checked.request.to);
    let bars = u64::try_from(bars::count(&mut conn, universe, from, to).await?).unwrap_or_default();
    let data = bars::data_version(&mut conn, universe, from, to).await?;
    drop(conn);
    let prepared = Prepared {
        grid,
        base,
        rank_by,
        skipped: survey.skipped,
        plan,
        bars,
        data_version: format!("{data} engine:{}", backtest::REVISION),
        checked,
    };
    if plan.is_none() {
        prepared.limit_work(bars)?;
    }
    Ok(prepared)
}

/// Ten thousand combinations take a moment: not on the runtime's own threads.
async fn survey(grid: Grid, base: Base) -> ApiResult<(Grid, Base, Survey)> {
    let task = tokio::task::spawn_blocking(move || {
        let survey = Decoder::new(&grid, &base).survey();
        (grid, base, survey)
    });
    task.await.map_err(ApiError::internal)
}

fn none_makes_sense(grid: &Grid, reason: Option<RequestError>) -> RequestError {
    let reason = reason.map(|reason| reason.message).unwrap_or_default();
    let message = format!("none of the {} combinations of grid makes sense: {reason}", grid.combinations());
    RequestError { code: "INVALID_GRID", field: "grid".to_owned(), message }
}

fn rank_by(given: Option<Value>) -> ApiResult<RankBy> {
    let Some(given) = given.filter(|value| !value.is_null()) else { return Ok(RankBy::default()) };
    given.as_str().and_then(|word| RankBy::parse(word.trim())).ok_or_else(|| {
        let known = RankBy::ALL.map(RankBy::as_str).join(", ");
        let message = format!("rankBy must be one of {known}");
        ApiError::bad_request(codes::INVALID_GRID, message).with_details(json!({ "field": "rankBy" }))
    })
}

impl Prepared {
    /// Refuses more than [`MOST_WORK`]; `bars` are those that each combination visits.
    pub(super) fn limit_work(&self, bars: u64) -> ApiResult<()> {
        let tried = self.grid.combinations() - self.skipped;
        let work = bars.saturating_mul(u64::try_from(tried).unwrap_or(u64::MAX));
        if work <= MOST_WORK {
            return Ok(());
        }
        let message = format!(
            "{tried} combinations over {bars} bars visit {work} bars, more than the {MOST_WORK} allowed: choose \
             fewer combinations, symbols or sessions"
        );
        Err(ApiError::bad_request(codes::TOO_MANY_BARS, message)
            .with_details(json!({ "field": "grid", "work": work, "maxWork": MOST_WORK })))
    }

    /// Returns the symbols and the range.
    pub(super) fn range(&self) -> (&[String], NaiveDate, NaiveDate) {
        (&self.checked.request.universe, self.checked.request.from, self.checked.request.to)
    }

    /// Returns the number of combinations, those included that make no sense.
    pub(super) fn combinations(&self) -> ApiResult<i32> {
        i32::try_from(self.grid.combinations()).map_err(ApiError::internal)
    }

    /// Returns the request as the sweep's object shows it.
    pub(super) fn presented(&self) -> ApiResult<Value> {
        let mut shown = presented(&self.checked.request)?;
        // The effective parameters are each combination's own.
        if let Some(config) = shown.pointer_mut("/strategyConfig").and_then(Value::as_object_mut) {
            config.remove("effective");
        }
        // What varies is shown once, as the grid.
        if let Some(params) = shown.pointer_mut("/strategyConfig/params").and_then(Value::as_object_mut) {
            params.retain(|name, _| self.grid.axes().iter().all(|axis| axis.name != *name));
        }
        let axes = self.grid.axes().iter();
        let grid: Map<String, Value> = axes.map(|axis| (axis.name.clone(), json!(axis.values))).collect();
        shown["grid"] = Value::Object(grid);
        if let Some(plan) = &self.plan {
            shown["windows"] = json!(plan);
        }
        Ok(shown)
    }

    /// Gives the row of this request, of `total` combinations in all parts together, to `insert`.
    pub(super) fn row<'a>(&'a self, ids: Ids, stored: &'a Stored, total: i32) -> ApiResult<NewSweep<'a>> {
        let request = &self.checked.request;
        Ok(NewSweep {
            id: ids.sweep,
            user_id: ids.user,
            strategy_id: self.checked.strategy_id,
            kind: ids.kind,
            job_id: ids.job,
            request: &stored.request,
            base: &stored.base,
            axes: &stored.axes,
            rank_by: self.rank_by.as_str(),
            universe: &request.universe,
            start_date: request.from,
            end_date: request.to,
            initial_cash: self.checked.initial_cash,
            combinations: self.combinations()?,
            skipped: i32::try_from(self.skipped).map_err(ApiError::internal)?,
            total,
            data_version: &self.data_version,
        })
    }

    /// Returns the parts of the row that are JSON.
    pub(super) fn stored(&self) -> ApiResult<Stored> {
        Ok(Stored {
            request: self.presented()?,
            base: serde_json::to_value(&self.base).map_err(ApiError::internal)?,
            axes: serde_json::to_value(&self.grid).map_err(ApiError::internal)?,
        })
    }
}

/// Who and what a new row is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    pub(super) sweep: Uuid,
    pub(super) user: Uuid,
    pub(super) job: Uuid,
    pub(super) kind: Kind,
}

/// The JSON of a new row.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) request: Value,
    base: Value,
    axes: Value,
}

/// Returns how the jobs of a sweep are enqueued.
pub(super) fn options(actor: &Actor, id: Uuid) -> Enqueue {
    let options = Enqueue::default().tag(format!("sweep:{id}"));
    match &actor.client.trace_id {
        Some(trace_id) => options.trace_id(trace_id),
        None => options,
    }
}

/// Nothing of ours is unique against earlier jobs: only the database can refuse.
pub(super) fn not_enqueued(error: EnqueueError) -> ApiError {
    match error {
        EnqueueError::Database(error) => error.into(),
        other => ApiError::internal(other),
    }
}
