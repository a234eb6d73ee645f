//! Locks: nothing new in a symbol, or in any, for a while.

use std::time::Duration;

use axum::{Json, extract::State, http::StatusCode};
use chrono::{DateTime, Utc};
use jobs::db::risk::{self, Lock, NewLock};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::decode::Fields;
use crate::{
    error::{ApiError, ApiResult},
    extract::{Actor, Body, Id},
    state::AppState,
    timestamp,
};

/// The longest that a lock may hold: a year, in minutes.
const LONGEST_MIN: i32 = 525_600;

/// A lock.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LockView {
    id: Uuid,
    /// Whether it holds everybody: only operators end such a one.
    everybody: bool,
    /// In what; null: in everything.
    symbol: Option<String>,
    until: String,
    reason: String,
    created_at: String,
}

impl From<Lock> for LockView {
    fn from(lock: Lock) -> Self {
        Self {
            id: lock.id,
            everybody: lock.user_id.is_none(),
            symbol: lock.symbol,
            until: timestamp::text(lock.until),
            reason: lock.reason,
            created_at: timestamp::text(lock.created_at),
        }
    }
}

/// A lock to set: until a time, or for some minutes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"symbol": "AAPL", "minutes": 60, "reason": "earnings tonight"}))]
pub(super) struct LockBody {
    /// In everything unless sent.
    symbol: Option<String>,
    /// 1 to 525600.
    minutes: Option<i32>,
    /// A time to come, within a year.
    until: Option<String>,
    /// At most 500 characters.
    reason: String,
    /// Holds every user: for administrators.
    everybody: Option<bool>,
}

/// Returns the locks that hold the caller now, those of everybody included.
#[utoipa::path(
    get, path = "/api/risk/locks", operation_id = "risk_locks", tag = "trading",
    responses((status = 200, body = [LockView])), security(("session" = []))
)]
pub(super) async fn list(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Vec<LockView>>> {
    let mut conn = state.pool.acquire().await?;
    let locks = risk::locks(&mut conn, actor.user_id).await?;
    Ok(Json(locks.into_iter().map(LockView::from).collect()))
}

/// Sets a lock: while it holds, nothing new is entered; exits still go out.
#[utoipa::path(
    post, path = "/api/risk/locks", operation_id = "set_risk_lock", tag = "trading", request_body = LockBody,
    responses((status = 201, body = LockView)), security(("session" = []))
)]
pub(super) async fn create(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<(StatusCode, Json<LockView>)> {
    let wanted = decode(body, Utc::now())?;
    if wanted.everybody && !actor.is_admin {
        return Err(ApiError::forbidden("trading:manage", Vec::new()));
    }
    let new = NewLock {
        user_id: (!wanted.everybody).then_some(actor.user_id),
        symbol: wanted.symbol.as_deref(),
        lasting: wanted.lasting,
        reason: &wanted.reason,
    };
    let mut tx = state.pool.begin().await?;
    let id = risk::lock(&mut tx, Some(actor.user_id), &new).await?;
    let locks = risk::locks(&mut tx, actor.user_id).await?;
    tx.commit().await?;
    let made = locks.into_iter().find(|lock| lock.id == id);
    let made = made.ok_or_else(|| ApiError::internal("a lock that was just set holds nobody"))?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Ends a lock of the caller's own; administrators may end those of everybody.
#[utoipa::path(
    delete, path = "/api/risk/locks/{id}", operation_id = "end_risk_lock", tag = "trading",
    params(("id" = Uuid, Path)),
    responses((status = 204, description = "It holds no more.")), security(("session" = []))
)]
pub(super) async fn remove(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
) -> ApiResult<StatusCode> {
    let mut tx = state.pool.begin().await?;
    let locks = risk::locks(&mut tx, actor.user_id).await?;
    let may = |lock: &Lock| lock.id == id && (lock.user_id == Some(actor.user_id) || actor.is_admin);
    if !locks.iter().any(may) || !risk::unlock(&mut tx, Some(actor.user_id), id).await? {
        return Err(ApiError::not_found("lock"));
    }
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

struct Wanted {
    symbol: Option<String>,
    lasting: Duration,
    reason: String,
    everybody: bool,
}

fn decode(body: Value, now: DateTime<Utc>) -> ApiResult<Wanted> {
    let mut fields = Fields::new(body)?;
    let symbol = symbol(&mut fields);
    let lasting = lasting(&mut fields, now);
    let reason = fields.reason();
    if reason.is_none() {
        fields.fault("reason", "reason must not be empty");
    }
    let everybody = fields.flag("everybody");
    fields.check()?;
    Ok(Wanted {
        symbol,
        lasting: lasting.unwrap_or_default(),
        reason: reason.unwrap_or_default(),
        everybody: everybody.unwrap_or_default(),
    })
}

/// A symbol that nobody can trade would hold nobody: its form is checked.
fn symbol(fields: &mut Fields) -> Option<String> {
    let value = fields.sent("symbol")?;
    let text = value.as_str().unwrap_or_default().trim().to_ascii_uppercase();
    let plausible = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '/');
    if text.is_empty() || text.len() > 16 || !text.chars().all(plausible) {
        fields.fault("symbol", "symbol must be a ticker, such as AAPL");
        return None;
    }
    Some(text)
}

fn lasting(fields: &mut Fields, now: DateTime<Utc>) -> Option<Duration> {
    if let Some(until) = fields.sent("until") {
        let time = until.as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
        let left = time.and_then(|time| (time - now).to_std().ok());
        let most = Duration::from_mins(LONGEST_MIN.unsigned_abs().into());
        let left = left.filter(|left| !left.is_zero() && *left <= most);
        if left.is_none() {
            fields.fault("until", "until must be a time to come, within a year");
        }
        return left;
    }
    if fields.sent("minutes").is_none() {
        fields.fault("minutes", "minutes or until must say how long the lock holds");
    }
    let minutes = fields.whole("minutes", 1, LONGEST_MIN)?;
    Some(Duration::from_mins(minutes.unsigned_abs().into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_lock_needs_a_reason_and_an_end() {
        let now: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().expect("a time");
        let of = |body| decode(body, now);
        let wanted = of(json!({"symbol": "brk.b", "minutes": "60", "reason": "x"})).expect("a lock");
        assert_eq!((wanted.symbol.as_deref(), wanted.lasting.as_secs()), (Some("BRK.B"), 3600));
        let wanted = of(json!({"until": "2026-01-01T00:01:00Z", "reason": "x"})).expect("a lock");
        assert_eq!((wanted.symbol, wanted.lasting.as_secs()), (None, 60));
        for body in [
            json!({}),
            json!({"minutes": 5}),
            json!({"reason": "x"}),
            json!({"minutes": 0, "reason": "x"}),
            json!({"until": "2025-12-31T00:00:00Z", "reason": "x"}),
            json!({"until": "2027-12-31T00:00:00Z", "reason": "x"}),
            json!({"minutes": 5, "reason": "<b></b>"}),
            json!({"minutes": 5, "reason": "x", "symbol": "a b"}),
            json!({"minutes": 5, "reason": "x", "symbol": 7}),
            json!({"minutes": 5, "reason": "x", "everybody": 1}),
        ] {
            assert!(of(body.clone()).is_err(), "{body}");
        }
    }
}
