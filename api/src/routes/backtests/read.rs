//! Reading runs.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use jobs::db::backtests::{self, Filter, Run, Status};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    own,
    view::{PointView, RunView, TradeView},
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Id, Query},
    pagination::{Page, PageQuery},
    state::AppState,
};

/// Points and fills inside a run object; the whole lists have routes of their own.
const EMBEDDED: i32 = 1000;

/// Which runs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Only runs of this strategy.
    strategy_id: Option<String>,
    /// Only runs in this state.
    #[param(example = "DONE")]
    status: Option<String>,
    /// Skips this many; prefer the cursor.
    #[param(minimum = 0)]
    offset: Option<i64>,
}

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunList {
    /// Newest first, without points and trades.
    runs: Vec<RunView>,
    limit: i64,
    offset: i64,
}

/// Returns the caller's runs, newest first.
///
/// When another page follows, the headers `X-Next-Cursor` and `Link` say where it starts.
#[utoipa::path(
    get, path = "/api/backtests", tag = "backtests", params(ListQuery, PageQuery),
    responses((status = 200, body = RunList)), security(("session" = []))
)]
pub(super) async fn list(
    actor: Actor,
    page: Page,
    Query(query): Query<ListQuery>,
    State(state): State<AppState>,
) -> ApiResult<Response> {
    let status = query.status.as_deref().filter(|word| !word.is_empty());
    let status = status.map(|word| Status::parse(word).ok_or_else(|| unknown_status(word))).transpose()?;
    let offset = query.offset.unwrap_or(0);
    if offset < 0 {
        let message = format!("offset must be 0 or more, not {offset}");
        return Err(ApiError::bad_request(codes::INVALID_QUERY, message));
    }
    let limit = page.limit(50);
    let strategy_id =
        match query.strategy_id.as_deref().filter(|text| !text.is_empty()).map(str::parse::<Uuid>) {
            None => None,
            Some(Ok(id)) => Some(id),
            // Names no strategy, so it has no runs.
            Some(Err(_)) => return Ok(Json(RunList { runs: Vec::new(), limit, offset }).into_response()),
        };
    let filter = Filter { strategy_id, status, after: page.after()?, offset, limit: limit + 1 };
    let mut conn = state.pool.acquire().await?;
    let mut runs = backtests::list(&mut conn, actor.user_id, filter).await?;
    drop(conn);
    let keys: Vec<Key> = runs.iter().map(key).collect();
    // The contract wants an envelope: only the headers of the page's reply are used.
    let next = page.reply(keys, limit, |key| *key)?.map(|_| ()).into_response();
    runs.truncate(usize::try_from(limit).map_err(ApiError::internal)?);
    let runs = runs.into_iter().map(RunView::new).collect();
    let mut response = Json(RunList { runs, limit, offset }).into_response();
    for name in ["x-next-cursor", "link"] {
        if let Some(value) = next.headers().get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    Ok(response)
}

type Key = (DateTime<Utc>, Uuid);

fn key(run: &Run) -> Key {
    (run.created_at, run.id)
}

fn unknown_status(word: &str) -> ApiError {
    let known = Status::ALL.map(Status::as_str).join(", ");
    ApiError::bad_request(codes::INVALID_QUERY, format!("status {word:?} is unknown, use one of {known}"))
}

/// Returns one run.
///
/// A finished run has an `ETag`; sent back as `If-None-Match` it gets a 304.
#[utoipa::path(
    get, path = "/api/backtests/{id}", tag = "backtests", params(("id" = Uuid, Path)),
    responses((status = 200, body = RunView), (status = 304, description = "As it was.")),
    security(("session" = []))
)]
pub(super) async fn one(
    actor: Actor,
    Id(id): Id<Uuid>,
    headers: HeaderMap,
    State(state): State<AppState>,
) -> ApiResult<Response> {
    let mut conn = state.pool.acquire().await?;
    let run = own(&mut conn, &actor, id).await?;
    if !run.status.is_finished() {
        return Ok(Json(RunView::new(run)).into_response());
    }
    let tag = etag(&run);
    let mut response = if matches(&headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let (mut points, mut trades) = (Vec::new(), Vec::new());
        if run.status == Status::Done {
            let rows = run.results_of();
            let sample = backtests::equity_sample(&mut conn, rows, EMBEDDED).await?;
            points = sample.iter().map(PointView::new).collect();
            let first = backtests::trades_page(&mut conn, rows, 0, EMBEDDED.into()).await?;
            trades = first.into_iter().map(|trade| TradeView::new(id, trade)).collect();
        }
        Json(RunView::new(run).with_rows(points, trades)).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::try_from(tag).map_err(ApiError::internal)?);
    // May be kept by its reader, who asks each time whether it still holds.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// Another build may show the same row otherwise, so its version is part of the tag.
fn etag(run: &Run) -> String {
    format!("\"{}-{:x}\"", env!("CARGO_PKG_VERSION"), run.updated_at.timestamp_micros())
}

fn matches(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|sent| sent == "*" || sent.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_matches_alone_in_a_list_weak_or_as_a_star() {
        for (sent, expected) in [
            ("\"a\"", true),
            ("\"b\", \"a\"", true),
            ("W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, sent.parse().expect("a header value"));
            assert_eq!(matches(&headers, "\"a\""), expected, "{sent}");
        }
        assert!(!matches(&HeaderMap::new(), "\"a\""));
    }
}
