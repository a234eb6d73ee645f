//! Steps of a strategy's life: deploy, pause, resume, stop. Asking for the state that
//! the strategy is in already succeeds and changes nothing.

use axum::{extract::State, response::Response};
use jobs::db::strategies::{self, Mode, Status, Strategy};
use serde::Deserialize;
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{change, input, missing, reply};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, Id},
    state::AppState,
};

/// Where to trade.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"mode": "paper"}))]
pub(super) struct Deploy {
    /// `paper` or `live`.
    mode: String,
}

/// Puts a strategy to work. Live needs a finished back-test of it.
#[utoipa::path(
    post, path = "/api/strategies/{id}/deploy", tag = "strategies", request_body = Deploy,
    params(("id" = Uuid, Path, description = "Id of the strategy")),
    responses(
        (status = 200, body = super::StrategyView),
        (status = 422, description = "Live needs a finished back-test."),
    ),
    security(("session" = []))
)]
pub(super) async fn deploy(
    actor: Actor,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Deploy>,
) -> ApiResult<Response> {
    let mode = input::mode(&body.mode)?;
    advance(&state, &actor, id, "deploy_strategy", |strategy| {
        strategy.mode = Some(mode);
        step(strategy, mode.status())
    })
    .await
}

/// Halts a strategy that trades; `resume` goes on.
#[utoipa::path(
    post, path = "/api/strategies/{id}/pause", tag = "strategies",
    params(("id" = Uuid, Path, description = "Id of the strategy")),
    responses((status = 200, body = super::StrategyView), (status = 400, description = "It does not trade.")),
    security(("session" = []))
)]
pub(super) async fn pause(
    actor: Actor,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
) -> ApiResult<Response> {
    advance(&state, &actor, id, "pause_strategy", |strategy| step(strategy, Status::Paused)).await
}

/// Goes on in the mode that the strategy was paused in.
#[utoipa::path(
    post, path = "/api/strategies/{id}/resume", tag = "strategies",
    params(("id" = Uuid, Path, description = "Id of the strategy")),
    responses(
        (status = 200, body = super::StrategyView),
        (status = 400, description = "It is not paused."),
        (status = 422, description = "Live needs a finished back-test."),
    ),
    security(("session" = []))
)]
pub(super) async fn resume(
    actor: Actor,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
) -> ApiResult<Response> {
    advance(&state, &actor, id, "resume_strategy", |strategy| match strategy.status {
        Status::Paper | Status::Live => Ok(()),
        Status::Paused => step(strategy, strategy.mode.unwrap_or(Mode::Paper).status()),
        other => Err(refusal(other, "resumed")),
    })
    .await
}

/// Ends a strategy's trading; it must start over as a draft.
#[utoipa::path(
    post, path = "/api/strategies/{id}/stop", tag = "strategies",
    params(("id" = Uuid, Path, description = "Id of the strategy")),
    responses((status = 200, body = super::StrategyView), (status = 400, description = "It was never deployed.")),
    security(("session" = []))
)]
pub(super) async fn stop(
    actor: Actor,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
) -> ApiResult<Response> {
    advance(&state, &actor, id, "stop_strategy", |strategy| step(strategy, Status::Stopped)).await
}

async fn advance(
    state: &AppState,
    actor: &Actor,
    id: Uuid,
    action: &'static str,
    act: impl FnOnce(&mut Strategy) -> ApiResult<()> + Send,
) -> ApiResult<Response> {
    let mut tx = state.pool.begin().await?;
    let old = strategies::lock(&mut tx, actor.user_id, id).await?.ok_or_else(missing)?;
    let mut next = old.clone();
    act(&mut next)?;
    if next == old {
        return Ok(reply(old));
    }
    require_backtest(&mut tx, old.status, &next).await?;
    let written = change::write(&mut tx, actor, action, &old, &next).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(reply(written))
}

/// Moves `strategy` to `next`, or says that it can't go there from where it is.
pub(super) fn step(strategy: &mut Strategy, next: Status) -> ApiResult<()> {
    if !strategy.status.may_become(next) {
        return Err(refusal(strategy.status, next.as_str()));
    }
    // Labels leave the owner's switch alone; beginning and ending to trade set it.
    if strategy.status.trades() != next.trades() {
        strategy.is_active = next.trades();
    }
    strategy.status = next;
    match next {
        Status::Paper => strategy.mode = Some(Mode::Paper),
        Status::Live => strategy.mode = Some(Mode::Live),
        _ => {}
    }
    Ok(())
}

/// Refuses to go live from `old` without a finished back-test.
pub(super) async fn require_backtest(conn: &mut PgConnection, old: Status, next: &Strategy) -> ApiResult<()> {
    let goes_live = next.status == Status::Live && old != Status::Live;
    if goes_live && !strategies::has_finished_backtest(conn, next.user_id, next.strategy_id).await? {
        let message = "going live needs a finished back-test of this strategy";
        return Err(ApiError::unprocessable(codes::BACKTEST_REQUIRED, message));
    }
    Ok(())
}

fn refusal(from: Status, to: &str) -> ApiError {
    let message = format!("a strategy that is {} can't become {to}", from.as_str());
    ApiError::bad_request(codes::INVALID_TRANSITION, message).with_details(json!({ "status": from.as_str() }))
}
