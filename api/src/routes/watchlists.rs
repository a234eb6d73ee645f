//! Watchlists of the caller: nobody sees or changes another's.

mod entries;
mod input;
mod view;

use axum::{Json, extract::State, http::StatusCode};
use jobs::db::{audit, watchlists};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use self::{
    input::{WatchlistChange, WatchlistInput},
    view::WatchlistView,
};
use super::auth::Done;
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, Id},
    state::AppState,
};

/// Most lists of a user.
const MOST_LISTS: i64 = 50;

/// Returns the routes of this resource.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, put, delete))
        .routes(routes!(entries::add))
        .routes(routes!(entries::put, entries::remove))
}

/// Lists the caller's watchlists, oldest first, with their symbols.
#[utoipa::path(
    get, path = "/api/watchlists", operation_id = "list", tag = "watchlists",
    responses((status = 200, body = [WatchlistView])), security(("session" = []))
)]
async fn list(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Vec<WatchlistView>>> {
    let mut conn = state.pool.acquire().await?;
    let lists = watchlists::list(&mut conn, actor.user_id).await?;
    let entries = watchlists::symbols(&mut conn, actor.user_id, None).await?;
    let shown = lists.into_iter().map(|list| {
        let id = list.watchlist_id;
        WatchlistView::new(list, entries.iter().filter(|entry| entry.watchlist_id == id).cloned())
    });
    Ok(Json(shown.collect()))
}

/// Makes a watchlist; a new default one takes that from the one before. At most 50.
#[utoipa::path(
    post, path = "/api/watchlists", operation_id = "create", tag = "watchlists", request_body = WatchlistInput,
    responses(
        (status = 201, body = WatchlistView),
        (status = 422, description = "There are as many as there may be.")),
    security(("session" = []))
)]
async fn create(
    actor: Actor,
    State(state): State<AppState>,
    Body(input): Body<WatchlistInput>,
) -> ApiResult<(StatusCode, Json<WatchlistView>)> {
    let (name, description) = (input.name()?, input.description()?);
    let mut tx = state.pool.begin().await?;
    if watchlists::lock(&mut tx, actor.user_id).await? >= MOST_LISTS {
        let message = format!("{MOST_LISTS} watchlists are the most one may have: delete one first");
        return Err(ApiError::unprocessable(codes::TOO_MANY_WATCHLISTS, message));
    }
    let made =
        watchlists::create(&mut tx, actor.user_id, &name, description.as_deref(), input.is_default()).await?;
    let view = WatchlistView::new(made, []);
    record(&mut tx, &actor, "create_watchlist", view.id(), None, Some(json!(view))).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Returns a watchlist with its symbols.
#[utoipa::path(
    get, path = "/api/watchlists/{id}", operation_id = "get", tag = "watchlists", params(("id" = Uuid, Path)),
    responses((status = 200, body = WatchlistView)), security(("session" = []))
)]
async fn get(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
) -> ApiResult<Json<WatchlistView>> {
    read(&mut *state.pool.acquire().await?, actor.user_id, id).await.map(Json)
}

/// Changes what is sent of a watchlist, and leaves the rest.
#[utoipa::path(
    put, path = "/api/watchlists/{id}", operation_id = "put", tag = "watchlists", params(("id" = Uuid, Path)),
    request_body = WatchlistChange,
    responses((status = 200, body = WatchlistView)), security(("session" = []))
)]
async fn put(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
    Body(input): Body<WatchlistChange>,
) -> ApiResult<Json<WatchlistView>> {
    let mut tx = state.pool.begin().await?;
    watchlists::lock(&mut tx, actor.user_id).await?;
    let before = read(&mut tx, actor.user_id, id).await?;
    let mut list = watchlists::get(&mut tx, actor.user_id, id).await?.ok_or_else(missing)?;
    input.apply(&mut list)?;
    watchlists::update(&mut tx, actor.user_id, &list).await?.ok_or_else(missing)?;
    let after = read(&mut tx, actor.user_id, id).await?;
    record(&mut tx, &actor, "update_watchlist", id, Some(json!(before)), Some(json!(after))).await?;
    tx.commit().await?;
    Ok(Json(after))
}

/// Deletes a watchlist and what is on it.
#[utoipa::path(
    delete, path = "/api/watchlists/{id}", operation_id = "delete", tag = "watchlists",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = Done)), security(("session" = []))
)]
async fn delete(actor: Actor, Id(id): Id<Uuid>, State(state): State<AppState>) -> ApiResult<Json<Done>> {
    let mut tx = state.pool.begin().await?;
    watchlists::lock(&mut tx, actor.user_id).await?;
    let before = read(&mut tx, actor.user_id, id).await?;
    watchlists::delete(&mut tx, actor.user_id, id).await?;
    record(&mut tx, &actor, "delete_watchlist", id, Some(json!(before)), None).await?;
    tx.commit().await?;
    Ok(Json(Done::YES))
}

async fn read(conn: &mut PgConnection, user_id: Uuid, id: Uuid) -> ApiResult<WatchlistView> {
    let list = watchlists::get(conn, user_id, id).await?.ok_or_else(missing)?;
    let entries = watchlists::symbols(conn, user_id, Some(id)).await?;
    Ok(WatchlistView::new(list, entries))
}

/// Writes the audit row of a change of the list `id`.
async fn record(
    conn: &mut PgConnection,
    actor: &Actor,
    action: &str,
    id: Uuid,
    before: Option<Value>,
    after: Option<Value>,
) -> ApiResult<()> {
    let entry = audit::Entry { before, after, ..actor.entry(action, "watchlist", id.to_string()) };
    Ok(audit::record(conn, entry).await?)
}

fn missing() -> ApiError {
    ApiError::not_found("watchlist")
}
