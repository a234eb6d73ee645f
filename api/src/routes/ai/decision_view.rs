//! A decision as clients read it.

use domain::decision::{Action, RiskLevel};
use jobs::db::decisions::Decision;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{routes::trading::amount::number, timestamp};

/// A decision. Prices are a share's, in US dollars.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct DecisionView {
    pub(super) id: Uuid,
    pub(super) symbol: String,
    /// `buy`, `sell` or `hold`.
    pub(super) action: &'static str,
    /// 0 to 1.
    pub(super) confidence: f64,
    pub(super) reasoning: String,
    /// `low`, `medium` or `high`.
    pub(super) risk_level: &'static str,
    strategy_id: Option<Uuid>,
    /// `pending`, `approved`, `pending_execution`, `executed`, `filled`, `skipped`, `rejected`, `failed` or
    /// `expired`.
    pub(super) status: &'static str,
    /// `cycle`, `request` or `exit`.
    origin: &'static str,
    cycle_id: Option<Uuid>,
    order_id: Option<Uuid>,
    stop_loss: Option<f64>,
    take_profit: Option<f64>,
    entry_price: Option<f64>,
    trailing_stop_percent: Option<f64>,
    /// Share of the portfolio, 0 to 1.
    suggested_quantity: Option<f64>,
    filled_price: Option<f64>,
    filled_at: Option<String>,
    skip_reason: Option<String>,
    /// Whose word it is: `technical`, or a provider.
    analyst: String,
    model: Option<String>,
    /// Who was asked before and did not answer: `[{provider, reason}]`.
    #[schema(value_type = [Object])]
    fallbacks: Value,
    /// The gates it met: `[{gate, passed, message, at}]`.
    #[schema(value_type = [Object])]
    gates: Value,
    trace_id: Option<String>,
    #[schema(value_type = Object)]
    market_context: Value,
    #[schema(value_type = Object)]
    metadata: Value,
    approved_at: Option<String>,
    pub(super) created_at: String,
    updated_at: String,
}

impl From<Decision> for DecisionView {
    fn from(decision: Decision) -> Self {
        Self {
            id: decision.id,
            symbol: decision.symbol,
            action: action_word(decision.action),
            confidence: number(decision.confidence),
            reasoning: decision.reasoning,
            risk_level: risk_word(decision.risk_level),
            strategy_id: decision.strategy_id,
            status: decision.status.as_str(),
            origin: decision.origin.as_str(),
            cycle_id: decision.cycle_id,
            order_id: decision.order_id,
            stop_loss: decision.stop_loss.map(number),
            take_profit: decision.target_price.map(number),
            entry_price: decision.entry_price.map(number),
            trailing_stop_percent: decision.trailing_stop_percent.map(number),
            suggested_quantity: decision.suggested_fraction.map(number),
            filled_price: decision.filled_price.map(number),
            filled_at: decision.filled_at.map(timestamp::text),
            skip_reason: decision.skip_reason,
            analyst: decision.analyst,
            model: decision.model,
            fallbacks: decision.fallbacks,
            gates: decision.gates,
            trace_id: decision.trace_id,
            market_context: decision.market_context,
            metadata: decision.metadata,
            approved_at: decision.approved_at.map(timestamp::text),
            created_at: timestamp::text(decision.created_at),
            updated_at: timestamp::text(decision.updated_at),
        }
    }
}

/// Returns the word of an action.
pub(in crate::routes) const fn action_word(action: Action) -> &'static str {
    match action {
        Action::Buy => "buy",
        Action::Sell => "sell",
        Action::Hold => "hold",
    }
}

/// Returns the word of a level.
pub(super) const fn risk_word(level: RiskLevel) -> &'static str {
    match level {
        RiskLevel::Low => "low",
        RiskLevel::Medium => "medium",
        RiskLevel::High => "high",
    }
}
