//! Asking the analysts about one symbol.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use jobs::{
    Job,
    db::{
        audit,
        decisions::{self, Decision},
        llm, strategies,
    },
    kinds::analyze_symbol::AnalyzeSymbol,
    queue::{Enqueue, enqueue},
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::time::{Instant, timeout, timeout_at};
use utoipa::ToSchema;
use uuid::Uuid;

use super::decision_view::{action_word, risk_word};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, limit_json},
    plain_text::plain,
    routes::{
        backtests::submit::until_about,
        market::symbols,
        trading::{amount::number, place::not_enqueued, risk::decode::Fields},
    },
    state::AppState,
    timestamp,
};

/// How often the decision is looked for without having been told to.
const LOOK: Duration = Duration::from_millis(500);
/// An analysis that has not begun by then is of no use to anybody.
const PATIENCE: Duration = Duration::from_mins(5);
/// Analyses that a user may ask for in a minute.
const MOST_A_MINUTE: i64 = 10;
/// Most headlines that are passed on.
const HEADLINES: usize = 5;
/// Longest headline, in characters.
const LONGEST_HEADLINE: usize = 300;

/// What to ask about.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"symbol": "AAPL", "marketData": {"price": 187.5}, "newsContext": ["Apple ships"]}))]
pub(super) struct AnalyzeBody {
    symbol: String,
    /// What the caller knows of the market. It is kept with the decision and never believed: prices are
    /// those that workers read.
    #[schema(value_type = Object)]
    market_data: Value,
    /// Headlines: a text, a list of texts, or `{headlines}`; five are passed on.
    #[schema(value_type = Option<Object>)]
    news_context: Option<Value>,
    /// The caller's strategy that it is for.
    strategy_id: Option<Uuid>,
}

/// What the analysts say.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AnalysisView {
    /// The decision's id.
    id: Uuid,
    symbol: String,
    /// `buy`, `sell` or `hold`.
    action: &'static str,
    /// 0 to 1.
    confidence: f64,
    reasoning: String,
    /// `low`, `medium` or `high`.
    risk_level: &'static str,
    /// `pending` until somebody acts on it, or `skipped` for a hold.
    status: &'static str,
    /// Share of the portfolio, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggested_quantity: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_loss: Option<f64>,
    entry_price: Option<f64>,
    /// Whose word it is: `technical`, or a provider.
    analyst: String,
    model: Option<String>,
    trace_id: Option<String>,
    created_at: String,
}

impl From<Decision> for AnalysisView {
    fn from(decision: Decision) -> Self {
        Self {
            id: decision.id,
            symbol: decision.symbol,
            action: action_word(decision.action),
            confidence: number(decision.confidence),
            reasoning: decision.reasoning,
            risk_level: risk_word(decision.risk_level),
            status: decision.status.as_str(),
            suggested_quantity: decision.suggested_fraction.map(number),
            target_price: decision.target_price.map(number),
            stop_loss: decision.stop_loss.map(number),
            entry_price: decision.entry_price.map(number),
            analyst: decision.analyst,
            model: decision.model,
            trace_id: decision.trace_id,
            created_at: timestamp::text(decision.created_at),
        }
    }
}

/// An analysis that is still at work.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PendingAnalysis {
    /// The id that the decision will have.
    id: Uuid,
    /// `pending`.
    status: &'static str,
    trace_id: Option<String>,
}

/// Asks the analysts what to do with a symbol; nothing is traded.
///
/// A worker asks; the reply waits for it up to `api.analysis_wait_ms`. 202 with the id when it takes
/// longer: the decision then appears among the caller's. What is being asked already is not asked twice.
/// Ten a minute may be asked for.
#[utoipa::path(
    post, path = "/api/ai/analyze", operation_id = "analyze", tag = "autonomous", request_body = AnalyzeBody,
    responses(
        (status = 200, body = AnalysisView),
        (status = 202, body = PendingAnalysis, description = "It is still at work."),
        (status = 429, description = "Ten analyses a minute; Retry-After says when to ask again.")),
    security(("session" = []))
)]
pub(super) async fn analyze(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Response> {
    let job = decode(&actor, body)?;
    // Before the job exists, so that its event can't be missed.
    let mut told = state.hub.subscribe();
    let mut tx = state.pool.begin().await?;
    own_strategy(&mut tx, &actor, &job).await?;
    let mut options = Enqueue::default().not_after(PATIENCE).tag(format!("user:{}", actor.user_id));
    if let Some(trace_id) = &actor.client.trace_id {
        options = options.trace_id(trace_id);
    }
    // The decision has the job's id.
    llm::take_turn(&mut tx, actor.user_id).await?;
    let queued = enqueue(&mut tx, &job, options).await.map_err(not_enqueued)?;
    if queued.inserted {
        within_limit(&mut tx, &actor).await?;
    }
    let id = queued.job_id;
    let entry = audit::Entry {
        after: Some(json!({ "symbol": job.symbol, "strategyId": job.strategy_id })),
        ..actor.entry("request_analysis", "ai_decision", id.to_string())
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.jobs(AnalyzeSymbol::QUEUE);
    let end = Instant::now() + Duration::from_millis(state.config.api.analysis_wait_ms);
    loop {
        let mut conn = state.pool.acquire().await?;
        let found = decisions::by_id(&mut conn, actor.user_id, id).await?;
        drop(conn);
        if let Some(decision) = found {
            return Ok(Json(AnalysisView::from(decision)).into_response());
        }
        if Instant::now() >= end {
            let pending = PendingAnalysis { id, status: "pending", trace_id: actor.client.trace_id };
            return Ok((StatusCode::ACCEPTED, Json(pending)).into_response());
        }
        let _ = timeout_at(end, timeout(LOOK, until_about(&mut told, id))).await;
    }
}

/// Reads the body; the strategy is still to be looked up.
fn decode(actor: &Actor, body: Value) -> ApiResult<AnalyzeSymbol> {
    limit_json("marketData", &body.get("marketData"))?;
    limit_json("newsContext", &body.get("newsContext"))?;
    let mut fields = Fields::new(body)?;
    let symbol = fields.sent("symbol").and_then(Value::as_str).and_then(|text| symbols::parse(text).ok());
    if symbol.is_none() {
        fields.fault("symbol", "symbol must be one such as AAPL or BRK.B");
    }
    let market_data = fields.sent("marketData").filter(|sent| sent.is_object()).cloned();
    if market_data.is_none() {
        fields.fault("marketData", "marketData must be an object");
    }
    let headlines = headlines(fields.sent("newsContext"));
    let strategy_id = match fields.sent("strategyId").map(|sent| sent.as_str().map(str::parse::<Uuid>)) {
        None => None,
        Some(Some(Ok(id))) => Some(id),
        Some(_) => {
            fields.fault("strategyId", "strategyId must be the id of a strategy");
            None
        }
    };
    fields.check()?;
    Ok(AnalyzeSymbol {
        user_id: actor.user_id,
        symbol: symbol.unwrap_or_default(),
        strategy_id,
        callers_market_data: market_data.unwrap_or_default(),
        callers_headlines: headlines,
    })
}

/// Returns the headlines that the caller sent, as plain text.
fn headlines(sent: Option<&Value>) -> Vec<String> {
    let texts: Vec<&str> = match sent {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        Some(Value::Object(fields)) => {
            let list = fields.get("headlines").and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).collect()
        }
        _ => Vec::new(),
    };
    let texts = texts.into_iter().map(|text| plain(text).chars().take(LONGEST_HEADLINE).collect::<String>());
    texts.filter(|text| !text.is_empty()).take(HEADLINES).collect()
}

/// Refuses another's strategy with 404.
async fn own_strategy(conn: &mut PgConnection, actor: &Actor, job: &AnalyzeSymbol) -> ApiResult<()> {
    let Some(id) = job.strategy_id else { return Ok(()) };
    let found = strategies::get(conn, actor.user_id, id).await?;
    found.map(drop).ok_or_else(|| ApiError::not_found("strategy"))
}

/// Refuses with 429 what is one more than a user may ask for; counted in the transaction that has
/// the job, which is then rolled back.
async fn within_limit(conn: &mut PgConnection, actor: &Actor) -> ApiResult<()> {
    let requested = llm::requested(conn, actor.user_id).await?;
    if requested.count <= MOST_A_MINUTE {
        return Ok(());
    }
    let seconds = requested.room_in.as_secs() + 1;
    let message = format!("{MOST_A_MINUTE} analyses a minute may be asked for: try again in {seconds} s");
    Err(ApiError::new(codes::TOO_MANY_REQUESTS, message).retry_after(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headlines_come_in_three_shapes_and_as_plain_text() {
        for (sent, expected) in [
            (json!("<b>up</b>"), vec!["up"]),
            (json!(["a", 1, "b"]), vec!["a", "b"]),
            (json!({"headlines": ["a"]}), vec!["a"]),
            (json!({"text": "a"}), vec![]),
            (json!(7), vec![]),
            (json!(["1", "2", "3", "4", "5", "6"]), vec!["1", "2", "3", "4", "5"]),
        ] {
            assert_eq!(headlines(Some(&sent)), expected, "{sent}");
        }
        assert_eq!(headlines(Some(&json!("x".repeat(1000))))[0].len(), LONGEST_HEADLINE);
    }
}
