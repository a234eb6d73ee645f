//! Who proposes what to do with a symbol: language models of several providers, or rules.
//!
//! Analysts are asked in order; what they say is validated before anybody sees it. The last one
//! asked is always the deterministic technical analyst, which needs nothing but bars.

mod anthropic;
mod attempt;
mod budget;
mod cache;
mod call_log;
mod model;
mod openai;
mod prompt;
mod provider;
mod router;
mod technical;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{bars::Series, decision::Proposal};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use self::{cache::Cache, call_log::CallLog, provider::Provider, router::Router};
use crate::{
    config,
    connector::Fallback,
    external::{ExternalError, ExternalMetrics},
};

/// The role that proposes what to do with a symbol.
pub const TECHNICAL_ANALYST: &str = "technical_analyst";
/// The role that weighs the news.
pub const SENTIMENT_ANALYST: &str = "sentiment_analyst";

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

/// Every analyst of this process; as it is by default, only the one who goes by rules.
#[derive(Debug, Clone, Default)]
pub struct Analysts {
    router: Option<Arc<Router>>,
}

impl Analysts {
    /// Returns the analysts of the settings: every provider that has a key.
    ///
    /// Must be called inside a runtime. Fails with [`ExternalError::Config`] when a provider's
    /// address or key can't be used.
    pub fn configured(
        config: &config::Analysts,
        pool: &PgPool,
        metrics: &ExternalMetrics,
    ) -> Result<Self, ExternalError> {
        let (mut providers, mut keyless, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for (name, settings) in config.in_order() {
            match settings.key() {
                Some(key) => {
                    keys.push(key.clone());
                    providers.push(Provider::new(name, key, settings, config, pool, metrics)?);
                }
                None => keyless.push((name, settings.model.clone())),
            }
        }
        if providers.is_empty() {
            return Ok(Self::default());
        }
        let router = Router {
            providers,
            keyless,
            pool: pool.clone(),
            cache: Cache::new(pool.clone(), config.cache()),
            log: CallLog::new(pool.clone(), keys),
            timeout: config.timeout(),
        };
        Ok(Self { router: Some(Arc::new(router)) })
    }

    /// Returns the first valid answer; the technical analyst always has one, which is to hold when
    /// there is too little to go by.
    pub async fn ask(&self, question: &Question) -> Answer {
        self.ask_as(TECHNICAL_ANALYST, question).await
    }

    /// Returns the answer of those who fill `role`; see [`Analysts::ask`].
    pub async fn ask_as(&self, role: &'static str, question: &Question) -> Answer {
        let (found, fallbacks) = match &self.router {
            Some(router) => router.ask(role, question).await,
            None => (None, Vec::new()),
        };
        match found {
            Some(found) => Answer {
                proposal: found.proposal,
                analyst: found.provider,
                model: Some(found.model),
                fallbacks,
                evidence: found.evidence,
            },
            None => technical::answer(question, fallbacks),
        }
    }
}
