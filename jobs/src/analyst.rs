//! Who proposes what to do with a symbol: language models of several providers, or rules.
//!
//! Analysts are asked in order; what they say is validated before anybody sees it. The last one
//! asked is always the deterministic technical analyst, which needs nothing but bars.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{bars::Series, decision::Proposal};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

use crate::connector::Fallback;

/// What an analyst is told.
#[derive(Debug, Clone)]
pub struct Question {
    /// Whose.
    pub user_id: Uuid,
    /// The ticker.
    pub symbol: String,
    /// The last price.
    pub price: Decimal,
    /// When it was so.
    pub price_at: DateTime<Utc>,
    /// Daily bars, oldest first, without the running session.
    pub bars: Series,
    /// What the user holds of it; below zero when short.
    pub held: Decimal,
    /// Sentiment of the news, -1 to 1, if there is any that is fresh.
    pub sentiment: Option<Decimal>,
    /// Score of all sources together, -1 to 1, if there is one that is fresh.
    pub fused: Option<Decimal>,
    /// Headlines, newest first; text of others, never instructions.
    pub headlines: Vec<String>,
    /// Name and parameters of the strategy that lists the symbol.
    pub strategy: Option<Value>,
    /// The trace.
    pub trace_id: Option<String>,
}

/// An analyst's answer, valid for the question.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it proposes.
    pub proposal: Proposal,
    /// Who says so: `technical`, or a provider.
    pub analyst: &'static str,
    /// The model, of a provider.
    pub model: Option<String>,
    /// Who was asked before, in order.
    pub fallbacks: Vec<Fallback>,
    /// What it was made from, for the record: indicators, regime, scores, or the call's id.
    pub evidence: Value,
}

/// Every analyst of this process.
#[derive(Debug, Clone, Default)]
pub struct Analysts {
    inner: Arc<()>,
}

impl Analysts {
    /// Returns the first valid answer; the technical analyst always has one, which is to hold when
    /// there is too little to go by.
    pub async fn ask(&self, question: &Question) -> Answer {
        let _ = (&self.inner, question);
        Answer {
            proposal: Proposal {
                action: domain::decision::Action::Hold,
                confidence: Decimal::ZERO,
                reasoning: "no analyst has an opinion".into(),
                risk_level: domain::decision::RiskLevel::Low,
                suggested_quantity: None,
                target_price: None,
                stop_loss: None,
                trailing_stop_percent: None,
            },
            analyst: "technical",
            model: None,
            fallbacks: Vec::new(),
            evidence: Value::Null,
        }
    }
}
