//! Strategies of the caller: nobody sees or changes another's.

mod change;
mod input;
mod lifecycle;
mod precondition;
mod schema;
mod view;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use jobs::db::strategies::{self, Key, Mode, Status, Strategy};
use serde_json::json;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub use view::StrategyView;

use self::{change::Change, input::StrategyInput, precondition::Precondition};
use super::auth::Done;
use crate::{
    error::{ApiError, ApiResult},
    extract::{Actor, Body, Id},
    pagination::{MAX_LIMIT, Page, PageQuery, Paged},
    state::AppState,
};

/// Returns the routes of this file.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, patch, delete))
        .routes(routes!(lifecycle::deploy))
        .routes(routes!(lifecycle::pause))
        .routes(routes!(lifecycle::resume))
        .routes(routes!(lifecycle::stop))
}

/// Lists the caller's strategies, newest first.
#[utoipa::path(
    get, path = "/api/strategies", tag = "strategies", params(PageQuery),
    responses((
        status = 200, body = [StrategyView],
        headers(("X-Next-Cursor" = String, description = "Where the next page starts, if there is one."))
    )),
    security(("session" = []))
)]
async fn list(actor: Actor, State(state): State<AppState>, page: Page) -> ApiResult<Paged<StrategyView>> {
    // Old clients know nothing of pages: the default is the most there can be.
    let limit = page.limit(MAX_LIMIT);
    let after: Option<Key> = page.after()?;
    let mut conn = state.pool.acquire().await?;
    let rows = strategies::list(&mut conn, actor.user_id, after, limit + 1).await?;
    Ok(page.reply(rows, limit, Strategy::key)?.map(StrategyView::from))
}

/// Makes a strategy. Needs `name` and `type`; a status that trades needs `deploy`.
#[utoipa::path(
    post, path = "/api/strategies", tag = "strategies", request_body = StrategyInput,
    responses((status = 200, body = StrategyView), (status = 422, description = "Live needs a finished back-test.")),
    security(("session" = []))
)]
async fn create(
    actor: Actor,
    State(state): State<AppState>,
    Body(input): Body<StrategyInput>,
) -> ApiResult<Response> {
    let name = input.name.clone().ok_or_else(|| ApiError::invalid_field("name", "name is required"))?;
    let kind = input.kind.clone().ok_or_else(|| ApiError::invalid_field("type", "type is required"))?;
    let mut new = blank(actor.user_id, name, kind);
    input.apply(&mut new)?;
    let mut tx = state.pool.begin().await?;
    lifecycle::require_backtest(&mut tx, Status::Draft, &new).await?;
    let made = strategies::create(&mut tx, &new).await?;
    let change = Change { action: "create_strategy", before: None, after: Some(&made) };
    change.record(&mut tx, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(reply(made))
}

fn blank(user_id: Uuid, name: String, kind: String) -> Strategy {
    Strategy {
        strategy_id: Uuid::now_v7(),
        user_id,
        name,
        kind,
        description: None,
        status: Status::Draft,
        mode: None::<Mode>,
        is_active: false,
        assets: Vec::new(),
        parameters: None,
        config: json!({}),
        template_id: "custom".into(),
        performance_summary: None,
        last_backtest_id: None,
        version: 1,
        created_at: chrono::DateTime::UNIX_EPOCH,
        updated_at: chrono::DateTime::UNIX_EPOCH,
    }
}

/// Returns a strategy; its `ETag` is its version.
#[utoipa::path(
    get, path = "/api/strategies/{id}", tag = "strategies",
    params(("id" = Uuid, Path, description = "Id of the strategy")),
    responses((status = 200, body = StrategyView)), security(("session" = []))
)]
async fn get(actor: Actor, State(state): State<AppState>, Id(id): Id<Uuid>) -> ApiResult<Response> {
    let mut conn = state.pool.acquire().await?;
    strategies::get(&mut conn, actor.user_id, id).await?.map(reply).ok_or_else(missing)
}

/// Changes the fields that are sent and leaves the others; when nothing differs, the version
/// stays. `version` in the body or
/// `If-Match` refuses the change when the strategy is no longer at that version.
#[utoipa::path(
    put, path = "/api/strategies/{id}", tag = "strategies", request_body = StrategyInput,
    params(
        ("id" = Uuid, Path, description = "Id of the strategy"),
        ("If-Match" = Option<String>, Header, description = "The ETag the change is based on"),
    ),
    responses(
        (status = 200, body = StrategyView),
        (status = 409, description = "`version` in the body is not the current one."),
        (status = 412, description = "`If-Match` is not the current ETag."),
        (status = 422, description = "Live needs a finished back-test."),
    ),
    security(("session" = []))
)]
async fn put(
    actor: Actor,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
    Body(input): Body<StrategyInput>,
) -> ApiResult<Response> {
    merge(&state, &actor, id, &headers, &input).await
}

/// Another name of `PUT`.
#[utoipa::path(
    patch, path = "/api/strategies/{id}", tag = "strategies", request_body = StrategyInput,
    params(
        ("id" = Uuid, Path, description = "Id of the strategy"),
        ("If-Match" = Option<String>, Header, description = "The ETag the change is based on"),
    ),
    responses(
        (status = 200, body = StrategyView),
        (status = 409, description = "`version` in the body is not the current one."),
        (status = 412, description = "`If-Match` is not the current ETag."),
        (status = 422, description = "Live needs a finished back-test."),
    ),
    security(("session" = []))
)]
async fn patch(
    actor: Actor,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
    Body(input): Body<StrategyInput>,
) -> ApiResult<Response> {
    merge(&state, &actor, id, &headers, &input).await
}

async fn merge(
    state: &AppState,
    actor: &Actor,
    id: Uuid,
    headers: &HeaderMap,
    input: &StrategyInput,
) -> ApiResult<Response> {
    let precondition = Precondition::new(headers, input.version)?;
    let mut tx = state.pool.begin().await?;
    let old = strategies::lock(&mut tx, actor.user_id, id).await?.ok_or_else(missing)?;
    precondition.check(old.version)?;
    let mut next = old.clone();
    input.apply(&mut next)?;
    if next == old {
        return Ok(reply(old));
    }
    lifecycle::require_backtest(&mut tx, old.status, &next).await?;
    let made = change::write(&mut tx, actor, "update_strategy", &old, &next).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(reply(made))
}

/// Deletes a strategy: no read finds it any more, its history stays.
#[utoipa::path(
    delete, path = "/api/strategies/{id}", tag = "strategies",
    params(
        ("id" = Uuid, Path, description = "Id of the strategy"),
        ("If-Match" = Option<String>, Header, description = "The ETag the deletion is based on"),
    ),
    responses(
        (status = 200, body = Done),
        (status = 412, description = "`If-Match` is not the current ETag."),
    ),
    security(("session" = []))
)]
async fn delete(
    actor: Actor,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
) -> ApiResult<Json<Done>> {
    let precondition = Precondition::new(&headers, None)?;
    let mut tx = state.pool.begin().await?;
    let old = strategies::lock(&mut tx, actor.user_id, id).await?.ok_or_else(missing)?;
    precondition.check(old.version)?;
    strategies::delete(&mut tx, actor.user_id, id).await?.ok_or_else(missing)?;
    let change = Change { action: "delete_strategy", before: Some(&old), after: None };
    change.record(&mut tx, &actor).await?;
    tx.commit().await?;
    state.hints.events();
    Ok(Json(Done::YES))
}

fn missing() -> ApiError {
    ApiError::not_found("strategy")
}

fn reply(strategy: Strategy) -> Response {
    let etag = format!("\"{}\"", strategy.version);
    (StatusCode::OK, [(header::ETAG, etag)], Json(StrategyView::from(strategy))).into_response()
}
