//! Decisions: what was proposed, which gates it met, and what became of it.
//!
//! A decision never sends anything: its order does, and the decision follows it, see [`follow`]. Each
//! change appends an `ai:decision` event for the user; callers send the hint after the commit.

mod follow;
pub(super) mod read;
mod transitions;

use chrono::{DateTime, Utc};
use domain::{
    cycle::{DecisionOrigin, DecisionStatus},
    decision::{Action, Proposal, RiskLevel},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

pub(crate) use follow::follow;
pub use read::{
    COUNT_CAP, Filter, by_id, decided_in_window, decided_today, entry_stop, exiting, exits_of_cycle, list,
    lock, made_by_cycle, ordered_by_cycle, ordered_today, pending_of_cycle,
};
pub use transitions::{approve, end, expire_older, note_gates, ordered, queued};

/// A decision. Prices are a share's, in US dollars.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the columns of the table, which says what they mean")]
pub struct Decision {
    pub id: Uuid,
    pub user_id: Uuid,
    pub cycle_id: Option<Uuid>,
    pub strategy_id: Option<Uuid>,
    pub origin: DecisionOrigin,
    pub symbol: String,
    pub action: Action,
    pub confidence: Decimal,
    pub reasoning: String,
    pub risk_level: RiskLevel,
    pub status: DecisionStatus,
    pub skip_reason: Option<String>,
    /// Share of the portfolio, 0 to 1.
    pub suggested_fraction: Option<Decimal>,
    pub entry_price: Option<Decimal>,
    pub target_price: Option<Decimal>,
    pub stop_loss: Option<Decimal>,
    pub trailing_stop_percent: Option<Decimal>,
    pub order_id: Option<Uuid>,
    /// What its order was filled at on average.
    pub filled_price: Option<Decimal>,
    /// When its order was wholly filled.
    pub filled_at: Option<DateTime<Utc>>,
    pub analyst: String,
    pub model: Option<String>,
    pub fallbacks: Value,
    /// `[{gate, passed, message, at}]`, oldest first.
    pub gates: Value,
    pub market_context: Value,
    pub metadata: Value,
    pub approved_by: Option<Uuid>,
    pub approved_at: Option<DateTime<Utc>>,
    pub window_start: DateTime<Utc>,
    pub trace_id: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A decision to be kept.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDecision {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub user_id: Uuid,
    /// The cycle that found it.
    pub cycle_id: Option<Uuid>,
    /// The strategy that lists the symbol.
    pub strategy_id: Option<Uuid>,
    /// Where it comes from.
    pub origin: DecisionOrigin,
    /// In what.
    pub symbol: String,
    /// What is proposed.
    pub proposal: Proposal,
    /// Where it stands to begin with.
    pub status: DecisionStatus,
    /// Why nothing will be done about it.
    pub skip_reason: Option<String>,
    /// What a share cost.
    pub entry_price: Option<Decimal>,
    /// Whose word it is.
    pub analyst: String,
    /// The model, of a provider.
    pub model: Option<String>,
    /// Who was asked before: `[{provider, reason}]`.
    pub fallbacks: Value,
    /// What it was made from.
    pub market_context: Value,
    /// More of it, such as its analyst's evidence.
    pub metadata: Value,
    /// The window in which a cycle decides once.
    pub window_start: DateTime<Utc>,
    /// The trace.
    pub trace_id: Option<String>,
}

/// A gate that a decision met.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateRecord {
    /// Its name.
    pub gate: String,
    /// What it said.
    pub passed: bool,
    /// In words.
    pub message: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps a decision and tells its user; `false` when a cycle has decided on the symbol in the window
/// already: then nothing is kept.
pub async fn insert(conn: &mut PgConnection, new: &NewDecision) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "insert into ai_decisions
                (decision_id, user_id, cycle_id, strategy_id, origin, symbol, action, confidence, reasoning,
                 risk_level, status, skip_reason, suggested_fraction, entry_price, target_price, stop_loss,
                 trailing_stop_percent, analyst, model, fallbacks, market_context, metadata, window_start,
                 trace_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
                 $21, $22, $23, $24)
         on conflict (user_id, symbol, window_start) where origin = 'cycle' do nothing",
        new.id,
        new.user_id,
        new.cycle_id,
        new.strategy_id,
        new.origin.as_str(),
        new.symbol,
        action(new.proposal.action),
        new.proposal.confidence,
        new.proposal.reasoning,
        risk_level(new.proposal.risk_level),
        new.status.as_str(),
        new.skip_reason,
        new.proposal.suggested_quantity,
        new.entry_price,
        new.proposal.target_price,
        new.proposal.stop_loss,
        new.proposal.trailing_stop_percent,
        new.analyst,
        new.model,
        new.fallbacks,
        new.market_context,
        new.metadata,
        new.window_start,
        new.trace_id
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    announce(conn, new.id).await?;
    Ok(true)
}

/// Appends an `ai:decision` event with the decision's present state: `{id, symbol, action, confidence,
/// reasoning, riskLevel, status, skipReason, origin, strategyId, orderId, entryPrice, targetPrice,
/// stopLoss, createdAt}`; numbers are numbers.
async fn announce(conn: &mut PgConnection, id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        r#"insert into events (user_id, name, subject_id, body)
           select user_id, 'ai:decision', decision_id,
                  jsonb_build_object(
                      'id', decision_id, 'symbol', symbol, 'action', action, 'confidence', confidence,
                      'reasoning', left(reasoning, 1000), 'riskLevel', risk_level, 'status', status,
                      'skipReason', skip_reason, 'origin', origin, 'strategyId', strategy_id,
                      'orderId', order_id, 'entryPrice', entry_price, 'targetPrice', target_price,
                      'stopLoss', stop_loss,
                      'createdAt', to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
             from ai_decisions
            where decision_id = $1"#,
        id
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Returns the word of an action.
const fn action(action: Action) -> &'static str {
    match action {
        Action::Buy => "buy",
        Action::Sell => "sell",
        Action::Hold => "hold",
    }
}

const fn risk_level(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Low => "low",
        RiskLevel::Medium => "medium",
        RiskLevel::High => "high",
    }
}
