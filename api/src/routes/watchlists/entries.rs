//! What is on a watchlist.

use axum::{Json, extract::State, http::StatusCode};
use jobs::db::watchlists;
use serde_json::json;
use uuid::Uuid;

use super::{
    input::{self, EntryChange, EntryInput},
    missing, record,
    view::WatchlistSymbol,
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, Id},
    routes::{
        auth::Done,
        market::symbols::{self, Symbol},
    },
    state::AppState,
};

/// Most symbols of a list.
const MOST_SYMBOLS: i64 = 500;

/// Puts a symbol on a watchlist; at most 500.
#[utoipa::path(
    post, path = "/api/watchlists/{id}/symbols", operation_id = "add_symbol", tag = "watchlists",
    params(("id" = Uuid, Path)), request_body = EntryInput,
    responses(
        (status = 201, body = WatchlistSymbol),
        (status = 409, description = "It is on it already."),
        (status = 422, description = "There are as many as there may be.")),
    security(("session" = []))
)]
pub(super) async fn add(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
    Body(input): Body<EntryInput>,
) -> ApiResult<(StatusCode, Json<WatchlistSymbol>)> {
    let symbol = symbols::parse(input.symbol.as_deref().unwrap_or_default())?;
    let notes = input::text("notes", input.notes.as_deref().unwrap_or_default())?;
    let tags = input::tags(input.tags.as_deref().unwrap_or_default())?;
    let mut tx = state.pool.begin().await?;
    watchlists::lock(&mut tx, actor.user_id).await?;
    watchlists::get(&mut tx, actor.user_id, id).await?.ok_or_else(missing)?;
    let listed = || {
        let message = format!("{symbol} is on the watchlist already");
        ApiError::conflict(codes::SYMBOL_LISTED, message).with_details(json!({ "symbol": symbol }))
    };
    if watchlists::entry(&mut tx, actor.user_id, id, &symbol).await?.is_some() {
        return Err(listed());
    }
    if watchlists::count_symbols(&mut tx, id).await? >= MOST_SYMBOLS {
        let message = format!("{MOST_SYMBOLS} symbols are the most a watchlist may have: remove one first");
        return Err(ApiError::unprocessable(codes::WATCHLIST_FULL, message));
    }
    let added = watchlists::add_symbol(&mut tx, id, &symbol, notes.as_deref(), &tags).await?;
    let view = WatchlistSymbol::from(added.ok_or_else(listed)?);
    record(&mut tx, &actor, "add_watchlist_symbol", id, None, Some(json!(view))).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(view)))
}

/// Changes what is sent of notes and tags, and leaves the rest.
#[utoipa::path(
    put, path = "/api/watchlists/{id}/symbols/{symbol}", operation_id = "put_symbol", tag = "watchlists",
    params(("id" = Uuid, Path), ("symbol" = String, Path)), request_body = EntryChange,
    responses((status = 200, body = WatchlistSymbol), (status = 400, description = "It is no symbol.")),
    security(("session" = []))
)]
pub(super) async fn put(
    actor: Actor,
    Id(id): Id<Uuid>,
    Symbol(symbol): Symbol,
    State(state): State<AppState>,
    Body(input): Body<EntryChange>,
) -> ApiResult<Json<WatchlistSymbol>> {
    let mut tx = state.pool.begin().await?;
    watchlists::lock(&mut tx, actor.user_id).await?;
    let mut entry = watchlists::entry(&mut tx, actor.user_id, id, &symbol).await?.ok_or_else(not_listed)?;
    let before = WatchlistSymbol::from(entry.clone());
    input.apply(&mut entry)?;
    let changed = watchlists::update_symbol(&mut tx, actor.user_id, &entry).await?.ok_or_else(not_listed)?;
    let view = WatchlistSymbol::from(changed);
    record(&mut tx, &actor, "update_watchlist_symbol", id, Some(json!(before)), Some(json!(view))).await?;
    tx.commit().await?;
    Ok(Json(view))
}

/// Takes a symbol off a watchlist.
#[utoipa::path(
    delete, path = "/api/watchlists/{id}/symbols/{symbol}", operation_id = "remove_symbol", tag = "watchlists",
    params(("id" = Uuid, Path), ("symbol" = String, Path)),
    responses((status = 200, body = Done), (status = 400, description = "It is no symbol.")),
    security(("session" = []))
)]
pub(super) async fn remove(
    actor: Actor,
    Id(id): Id<Uuid>,
    Symbol(symbol): Symbol,
    State(state): State<AppState>,
) -> ApiResult<Json<Done>> {
    let mut tx = state.pool.begin().await?;
    watchlists::lock(&mut tx, actor.user_id).await?;
    let entry = watchlists::entry(&mut tx, actor.user_id, id, &symbol).await?.ok_or_else(not_listed)?;
    watchlists::remove_symbol(&mut tx, actor.user_id, id, &symbol).await?;
    let before = json!(WatchlistSymbol::from(entry));
    record(&mut tx, &actor, "remove_watchlist_symbol", id, Some(before), None).await?;
    tx.commit().await?;
    Ok(Json(Done::YES))
}

fn not_listed() -> ApiError {
    ApiError::not_found("symbol of the watchlist")
}
