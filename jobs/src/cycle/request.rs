//! A decision that its user asked for: one symbol, outside of any cycle.

use std::sync::Arc;

use chrono::Utc;
use domain::{
    cycle::{DecisionOrigin, DecisionStatus},
    decision::{Action, Proposal, RiskLevel},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::time::timeout;

use super::{Run, market::Price};
use crate::{
    analyst::{Answer, Question},
    db::decisions::{self, NewDecision},
    environment::Environment,
    handler::Success,
    kinds::analyze_symbol::AnalyzeSymbol,
    queue::{Context, JobError},
};

/// What came of asking, kept as a durable step: another attempt pays no model again.
#[derive(Debug, Serialize, Deserialize)]
struct Answered {
    /// What the symbol costs, if that is known.
    price: Option<Price>,
    proposal: Proposal,
    analyst: String,
    model: Option<String>,
    fallbacks: Value,
    evidence: Value,
    /// What the analysts were told.
    told: Value,
}

/// Asks about the symbol and keeps the decision under the job's id.
///
/// Without a fresh price of our own, or without an answer in time, the decision is to hold: what the
/// caller says a share costs is no price.
pub(crate) async fn analyse_on_request(
    job: AnalyzeSymbol,
    ctx: Context,
    env: Arc<Environment>,
) -> Result<Success, JobError> {
    let run = Run { ctx, env, user_id: job.user_id, tick: Utc::now() };
    let answered = run.ctx.step("answer", || run.answered(&job)).await?;
    let new = decision(&run, &job, answered);
    let mut conn = run.env.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    run.ctx.hold(&mut tx).await?;
    decisions::insert(&mut tx, &new).await?;
    run.complete(tx, json!({ "decision_id": new.id })).await
}

impl Run {
    async fn answered(&self, job: &AnalyzeSymbol) -> Result<Answered, JobError> {
        let mut market = self.market(std::slice::from_ref(&job.symbol)).await?;
        let price = market.prices.remove(&job.symbol);
        let (answer, told) = if let Some(price) = &price {
            self.answer(job, price).await?
        } else {
            let missing = market.skipped.iter().find(|skipped| skipped.symbol == job.symbol);
            let reason = missing.map_or("there is no fresh price", |skipped| &skipped.reason);
            (hold(format!("no price and bars of {} to go by: {reason}", job.symbol)), Value::Null)
        };
        Ok(Answered {
            price,
            proposal: answer.proposal,
            analyst: answer.analyst.to_owned(),
            model: answer.model,
            fallbacks: json!(answer.fallbacks),
            evidence: answer.evidence,
            told,
        })
    }

    /// Returns the analysts' answer, and what they were told.
    async fn answer(&self, job: &AnalyzeSymbol, price: &Price) -> Result<(Answer, Value), JobError> {
        let mut question = self.question(price, job.strategy_id).await?;
        question.headlines.extend(job.callers_headlines.iter().cloned());
        let patience = self.env.config.cycle.analyst_timeout();
        let answer = timeout(patience, self.env.analysts.ask(&question)).await;
        let answer = answer.unwrap_or_else(|_| hold("no analyst answered in time".to_owned()));
        Ok((answer, told(&question)))
    }
}

fn told(question: &Question) -> Value {
    json!({
        "sentiment": question.sentiment,
        "fused": question.fused,
        "headlines": question.headlines.len(),
        "bars": question.bars.len(),
        "lastBar": question.bars.dates.last(),
        "held": question.held,
    })
}

/// Returns the answer of nobody: to do nothing, for `reason`.
fn hold(reason: String) -> Answer {
    Answer {
        proposal: Proposal {
            action: Action::Hold,
            confidence: Decimal::ZERO,
            reasoning: reason,
            risk_level: RiskLevel::Low,
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

fn decision(run: &Run, job: &AnalyzeSymbol, answered: Answered) -> NewDecision {
    let price = answered.price.as_ref();
    let holds = answered.proposal.action == Action::Hold;
    NewDecision {
        id: run.id(),
        user_id: job.user_id,
        cycle_id: None,
        strategy_id: job.strategy_id,
        origin: DecisionOrigin::Request,
        symbol: job.symbol.clone(),
        status: if holds { DecisionStatus::Skipped } else { DecisionStatus::Pending },
        skip_reason: holds.then(|| "hold".to_owned()),
        entry_price: price.map(|price| price.price),
        analyst: answered.analyst,
        model: answered.model,
        fallbacks: answered.fallbacks,
        market_context: json!({
            "price": price.map(|price| price.price),
            "asOf": price.map(|price| price.as_of),
            "provider": price.map(|price| &price.provider),
            "told": answered.told,
            "callers": job.callers_market_data,
        }),
        metadata: json!({ "evidence": answered.evidence }),
        proposal: answered.proposal,
        window_start: run.tick,
        trace_id: run.ctx.trace_id().map(Into::into),
    }
}
