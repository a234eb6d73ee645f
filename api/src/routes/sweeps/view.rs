//! Sweeps as clients read them.

use jobs::db::sweeps::{Ranked, Sweep, Window};
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::timestamp;

/// A sweep or a walk-forward.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SweepView {
    id: Uuid,
    /// `QUEUED`, `RUNNING`, `DONE`, `FAILED` or `CANCELLED`.
    status: &'static str,
    /// Percent.
    progress: i64,
    /// Combinations done, those included that make no sense.
    done: i32,
    /// Combinations to do; of a walk-forward, in all windows together.
    total: i32,
    /// Combinations of the grid.
    combinations: i32,
    /// Those that make no sense.
    skipped: i32,
    rank_by: String,
    strategy_id: Option<Uuid>,
    #[schema(value_type = Object)]
    strategy_config: Value,
    /// The values of each parameter, ascending.
    #[schema(value_type = Object)]
    grid: Value,
    /// Of a walk-forward: `{train, test, step, anchored}`.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Option<Object>)]
    windows: Value,
    universe: Vec<String>,
    timeframe: Value,
    start_date: Value,
    end_date: Value,
    initial_cash: f64,
    #[schema(value_type = Object)]
    fees_model: Value,
    #[schema(value_type = Object)]
    slippage_model: Value,
    execution_price_rule: Value,
    /// Settings that were given and that a back-test does not model.
    #[schema(value_type = Vec<String>)]
    not_modelled: Value,
    /// The combination ranked first, with its figures; null until done, and for a walk-forward.
    #[schema(value_type = Option<Object>)]
    best: Value,
    /// What was found, in figures and in words, once done.
    #[schema(value_type = Option<Object>)]
    summary: Option<Value>,
    /// What the bars are and where they come from, once done.
    #[schema(value_type = Option<Object>)]
    provenance: Option<Value>,
    error_code: Option<String>,
    error_message: Option<String>,
    /// The job that brings the parts together.
    job_id: Uuid,
    created_at: String,
    updated_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

impl SweepView {
    pub(super) fn new(sweep: Sweep) -> Self {
        let sent = |key: &str| sweep.request.get(key).cloned().unwrap_or(Value::Null);
        let best = sweep.summary.as_ref().map_or(Value::Null, |summary| summary["best"].clone());
        Self {
            progress: sweep.progress(),
            strategy_config: sent("strategyConfig"),
            grid: sent("grid"),
            windows: sent("windows"),
            timeframe: sent("timeframe"),
            start_date: sent("startDate"),
            end_date: sent("endDate"),
            fees_model: sent("feesModel"),
            slippage_model: sent("slippageModel"),
            execution_price_rule: sent("executionPriceRule"),
            not_modelled: match sent("notModelled") {
                Value::Null => json!([]),
                list => list,
            },
            id: sweep.id,
            status: sweep.status.as_str(),
            done: sweep.done,
            total: sweep.total,
            combinations: sweep.combinations,
            skipped: sweep.skipped,
            rank_by: sweep.rank_by,
            strategy_id: sweep.strategy_id,
            universe: sweep.universe,
            initial_cash: sweep.initial_cash.to_f64().unwrap_or_default(),
            best,
            summary: sweep.summary,
            provenance: sweep.provenance,
            error_code: sweep.error_code,
            error_message: sweep.error_message,
            job_id: sweep.job_id,
            created_at: timestamp::text(sweep.created_at),
            updated_at: timestamp::text(sweep.updated_at),
            started_at: sweep.started_at.map(timestamp::text),
            finished_at: sweep.finished_at.map(timestamp::text),
        }
    }
}

/// A combination with its figures and its rank. Fractions (0.01 = 1 %); null is undefined.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RankedView {
    /// From 1; ties are broken by parameters, lower ones first.
    rank: i32,
    #[schema(value_type = Object)]
    parameters: Value,
    total_return: f64,
    /// Annualised.
    sharpe: Option<f64>,
    /// Zero or negative.
    max_drawdown: f64,
    calmar: Option<f64>,
    /// Closed round trips.
    trades: i32,
    /// Those with a profit.
    winning: i32,
    /// Whether a position is open at the end.
    open_at_end: bool,
    /// What it is ranked by, higher is better.
    score: Option<f64>,
}

impl From<Ranked> for RankedView {
    fn from(one: Ranked) -> Self {
        Self {
            rank: one.rank,
            parameters: one.parameters,
            total_return: one.total_return,
            sharpe: one.sharpe,
            max_drawdown: one.max_drawdown,
            calmar: one.calmar,
            trades: one.trades,
            winning: one.winning,
            open_at_end: one.open_at_end,
            score: one.score,
        }
    }
}

/// A walk-forward with its windows.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WalkForwardView {
    #[serde(flatten)]
    pub(super) sweep: SweepView,
    /// Oldest first; those not done yet have dates only.
    pub(super) results: Vec<WindowView>,
}

/// A window: dates of sessions, both ends included.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WindowView {
    /// From 1.
    window: i32,
    #[schema(value_type = String, format = Date)]
    train_start: chrono::NaiveDate,
    #[schema(value_type = String, format = Date)]
    train_end: chrono::NaiveDate,
    #[schema(value_type = String, format = Date)]
    test_start: chrono::NaiveDate,
    #[schema(value_type = String, format = Date)]
    test_end: chrono::NaiveDate,
    /// What was chosen; null until done, and when no combination had a defined figure: then the test
    /// stays in cash.
    #[schema(value_type = Option<Object>)]
    parameters: Option<Value>,
    /// The choice on the training sessions: `{figures, sessions, evaluated, score}`.
    #[schema(value_type = Option<Object>)]
    in_sample: Option<Value>,
    /// The choice on the sessions that followed: `{figures, sessions, score}`.
    #[schema(value_type = Option<Object>)]
    out_of_sample: Option<Value>,
}

impl From<Window> for WindowView {
    fn from(window: Window) -> Self {
        Self {
            window: window.part + 1,
            train_start: window.train_start,
            train_end: window.train_end,
            test_start: window.test_start,
            test_end: window.test_end,
            parameters: window.parameters,
            in_sample: window.in_sample,
            out_of_sample: window.out_of_sample,
        }
    }
}
