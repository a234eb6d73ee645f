//! Language models: their roles, what they may cost, what they were asked and what is kept.

mod budget;
mod calls;
mod requests;
mod status;

use std::time::Duration;

use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;

pub use budget::{Amount, Reservation, Spent, reserve, settle, spent_today};
pub use calls::{Call, CallStatus, RecentCall, recent, record};
pub use requests::{Requested, requested, take_turn};
pub use status::{LlmStats, LlmStatus, ModelStats, stats, status};

/// How a role is filled.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Provider and model, in the order in which they are asked; `None` when nobody chose, and
    /// then every provider that is configured is asked, in the order of the settings.
    pub chain: Option<Vec<(String, Option<String>)>>,
    /// Most tokens of an answer.
    pub max_tokens: u32,
    /// How freely words may be chosen, 0 to 2.
    pub temperature: Decimal,
    /// Whether models are asked at all.
    pub is_active: bool,
}

impl Default for Role {
    fn default() -> Self {
        Self { chain: None, max_tokens: 1024, temperature: Decimal::new(3, 1), is_active: true }
    }
}

/// Returns how `role` is filled, or the default when nobody has decided that.
pub async fn role(conn: &mut PgConnection, role: &str) -> sqlx::Result<Role> {
    let row = sqlx::query!(
        "select chain, max_tokens, temperature, is_active
           from llm_roles
          where role = $1",
        role
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(Role::default()) };
    let entries = row.chain.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |entry: &Value, key| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let chain: Vec<_> =
        entries.iter().filter_map(|entry| Some((text(entry, "provider")?, text(entry, "model")))).collect();
    Ok(Role {
        chain: Some(chain).filter(|chain| !chain.is_empty()),
        max_tokens: u32::try_from(row.max_tokens).unwrap_or(1024),
        temperature: row.temperature,
        is_active: row.is_active,
    })
}

/// Returns the kept answer to the request with `hash`, unless it has expired.
pub async fn cached(conn: &mut PgConnection, hash: &str) -> sqlx::Result<Option<Value>> {
    sqlx::query_scalar!(
        "select response
           from llm_cache
          where request_hash = $1 and expires_at > clock_timestamp()",
        hash
    )
    .fetch_optional(conn)
    .await
}

/// Keeps an answer for `fresh`, and drops what expired an hour ago.
pub async fn keep(
    conn: &mut PgConnection,
    hash: &str,
    provider: &str,
    model: &str,
    answer: &Value,
    fresh: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "with gone as (
            delete from llm_cache
             where expires_at < clock_timestamp() - interval '1 hour'
               and request_hash <> $1)
         insert into llm_cache (request_hash, provider, model, response, expires_at)
         values ($1, $2, $3, $4, clock_timestamp() + $5::bigint * interval '1 ms')
         on conflict (request_hash) do update
            set response = excluded.response,
                created_at = clock_timestamp(),
                expires_at = excluded.expires_at",
        hash,
        provider,
        model,
        answer,
        i64::try_from(fresh.as_millis()).unwrap_or(i64::MAX),
    )
    .execute(conn)
    .await?;
    Ok(())
}
