//! Every call of a model, also those that were not made.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallStatus {
    /// A valid answer.
    Ok,
    /// A valid answer that was kept from before.
    Cached,
    /// An answer that is not valid.
    Invalid,
    /// The model would not answer.
    Refused,
    /// No answer.
    Failed,
    /// Nothing was sent.
    Skipped,
}

impl CallStatus {
    /// Returns the word that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Cached => "cached",
            Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One call, as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Its id.
    pub call_id: Uuid,
    /// For whom.
    pub user_id: Uuid,
    /// In which role.
    pub role: &'static str,
    /// Who was asked.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// What came of it.
    pub status: CallStatus,
    /// Tokens of the prompt.
    pub input_tokens: u64,
    /// Tokens of the answer.
    pub output_tokens: u64,
    /// In USD.
    pub cost: Decimal,
    /// Milliseconds; `None` when nothing was sent.
    pub latency_ms: Option<u64>,
    /// Whether somebody else was asked before.
    pub fallback_used: bool,
    /// Why it was not made, or what is wrong with the answer.
    pub reason: Option<String>,
    /// What failed.
    pub error: Option<String>,
    /// The name of the request, by its content.
    pub request_hash: String,
    /// The provider's id of the call.
    pub provider_request_id: Option<String>,
    /// What was asked.
    pub prompt: Option<Value>,
    /// What was answered.
    pub response: Option<Value>,
    /// The trace.
    pub trace_id: Option<String>,
}

/// Records a call; a user who is gone is left out.
pub async fn record(conn: &mut PgConnection, call: &Call) -> sqlx::Result<()> {
    let count = |tokens: u64| i32::try_from(tokens).unwrap_or(i32::MAX);
    sqlx::query!(
        "insert into llm_calls (call_id, user_id, role, provider, model, status, input_tokens,
                                output_tokens, cost, latency_ms, fallback_used, reason, error,
                                request_hash, provider_request_id, prompt, response, trace_id)
         values ($1, (select user_id from users where user_id = $2), $3, $4, $5, $6, $7, $8, $9, $10,
                 $11, $12, $13, $14, $15, $16, $17, $18)",
        call.call_id,
        call.user_id,
        call.role,
        call.provider,
        call.model,
        call.status.as_str(),
        count(call.input_tokens),
        count(call.output_tokens),
        call.cost,
        call.latency_ms.map(count),
        call.fallback_used,
        call.reason,
        call.error,
        call.request_hash,
        call.provider_request_id,
        call.prompt,
        call.response,
        call.trace_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One call, as it is listed: without what was said.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentCall {
    /// Its id.
    pub call_id: Uuid,
    /// For whom; `None` when the user is gone.
    pub user_id: Option<Uuid>,
    /// In which role.
    pub role: String,
    /// Who was asked.
    pub provider: String,
    /// Which model.
    pub model: String,
    /// `ok`, `cached`, `invalid`, `refused`, `failed` or `skipped`.
    pub status: String,
    /// Tokens of the prompt.
    pub input_tokens: i32,
    /// Tokens of the answer.
    pub output_tokens: i32,
    /// In USD.
    pub cost: Decimal,
    /// Milliseconds; `None` when nothing was sent.
    pub latency_ms: Option<i32>,
    /// Whether somebody else was asked before.
    pub fallback_used: bool,
    /// Why it was not made, or what is wrong with the answer.
    pub reason: Option<String>,
    /// What failed.
    pub error: Option<String>,
    /// The trace.
    pub trace_id: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// Returns the newest calls, newest first; those of one user if so asked.
pub async fn recent(
    conn: &mut PgConnection,
    user_id: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<RecentCall>> {
    sqlx::query_as!(
        RecentCall,
        "select call_id, user_id, role, provider, model, status, input_tokens, output_tokens, cost,
                latency_ms, fallback_used, reason, error, trace_id, created_at
           from llm_calls
          where $1::uuid is null or user_id = $1
          order by created_at desc, call_id
          limit $2",
        user_id,
        limit
    )
    .fetch_all(conn)
    .await
}
