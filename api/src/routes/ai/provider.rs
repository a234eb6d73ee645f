//! The models that are asked, and what that costs.

use std::time::Duration;

use axum::{Json, extract::State};
use jobs::db::llm::{self, ModelStats};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{error::ApiResult, extract::Actor, routes::trading::amount::number, state::AppState};

/// How far back calls count.
const WINDOW: Duration = Duration::from_hours(24);

/// What models were asked in the last day, by everybody; nothing of what was said.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LlmStatsView {
    window_hours: u64,
    /// Calls, those not made included.
    total_calls: i64,
    successful_calls: i64,
    cache_hits: i64,
    failed_calls: i64,
    total_tokens: i64,
    /// In USD.
    total_cost: f64,
    models: Vec<ModelView>,
}

/// What one model was asked in the last day.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ModelView {
    provider: String,
    model: String,
    calls: i64,
    ok: i64,
    cached: i64,
    /// Answers that were no proposal, and refusals to answer.
    invalid: i64,
    failed: i64,
    /// Calls that were not made, such as for want of budget.
    skipped: i64,
    input_tokens: i64,
    output_tokens: i64,
    /// In USD.
    cost: f64,
    /// Milliseconds.
    mean_latency_ms: Option<f64>,
    /// Milliseconds.
    p95_latency_ms: Option<f64>,
}

impl From<ModelStats> for ModelView {
    fn from(stats: ModelStats) -> Self {
        Self {
            provider: stats.provider,
            model: stats.model,
            calls: stats.calls,
            ok: stats.ok,
            cached: stats.cached,
            invalid: stats.invalid,
            failed: stats.failed,
            skipped: stats.skipped,
            input_tokens: stats.input_tokens,
            output_tokens: stats.output_tokens,
            cost: number(stats.cost),
            mean_latency_ms: stats.mean_latency_ms,
            p95_latency_ms: stats.p95_latency_ms,
        }
    }
}

/// Who proposes what to do.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"available": false, "model": null, "provider": "technical", "usingGateway": false}))]
pub(super) struct ProviderView {
    /// Whether a model can be asked; the rules of the technical analyst answer otherwise.
    available: bool,
    model: Option<String>,
    /// The provider that is asked first, or `technical`.
    provider: String,
    /// Always false: providers are asked directly.
    using_gateway: bool,
}

/// Returns what models were asked in the last day, and what it cost.
#[utoipa::path(
    get, path = "/api/ai/llm/stats", operation_id = "llm_stats", tag = "autonomous",
    responses((status = 200, body = LlmStatsView)), security(("session" = []))
)]
pub(super) async fn stats(_actor: Actor, State(state): State<AppState>) -> ApiResult<Json<LlmStatsView>> {
    let mut conn = state.pool.acquire().await?;
    let models = llm::stats(&mut conn, WINDOW).await?.models;
    let sum = |of: fn(&ModelStats) -> i64| models.iter().map(of).sum::<i64>();
    Ok(Json(LlmStatsView {
        window_hours: WINDOW.as_secs() / 3600,
        total_calls: sum(|model| model.calls),
        successful_calls: sum(|model| model.ok),
        cache_hits: sum(|model| model.cached),
        failed_calls: sum(|model| model.failed + model.invalid),
        total_tokens: sum(|model| model.input_tokens + model.output_tokens),
        total_cost: number(models.iter().map(|model| model.cost).sum::<Decimal>()),
        models: models.into_iter().map(ModelView::from).collect(),
    }))
}

/// Returns who proposes what to do.
#[utoipa::path(
    get, path = "/api/ai/status", operation_id = "ai_status", tag = "autonomous",
    responses((status = 200, body = ProviderView)), security(("session" = []))
)]
pub(super) async fn status(_actor: Actor, State(state): State<AppState>) -> ApiResult<Json<ProviderView>> {
    let mut conn = state.pool.acquire().await?;
    let found = llm::status(&mut conn, &state.config.analysts).await?;
    Ok(Json(ProviderView {
        available: found.available,
        model: found.model,
        provider: found.provider,
        using_gateway: false,
    }))
}
