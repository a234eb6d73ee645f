//! A decision that its user asked for: one symbol, outside of any cycle.

use std::sync::Arc;

use chrono::Utc;
use domain::{
    cycle::{DecisionOrigin, DecisionStatus},
    decision::{Action, Proposal, RiskLevel},
};
use rust_decimal::Decimal;
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
    let market = run.market(std::slice::from_ref(&job.symbol)).await?;
    let price = market.prices.get(&job.symbol);
    let missing = market.skipped.iter().find(|skipped| skipped.symbol == job.symbol);
    let (answer, told) = if let Some(price) = price {
        run.answer(&job, price).await?
    } else {
        let reason = missing.map_or("there is no fresh price", |skipped| &skipped.reason);
        (hold(format!("no price and bars of {} to go by: {reason}", job.symbol)), Value::Null)
    };
    let new = decision(&run, &job, price, answer, &told);
    let mut conn = run.env.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    run.ctx.hold(&mut tx).await?;
    decisions::insert(&mut tx, &new).await?;
    run.complete(tx, json!({ "decision_id": new.id })).await
}

impl Run {
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

fn decision(
    run: &Run,
    job: &AnalyzeSymbol,
    price: Option<&Price>,
    answer: Answer,
    told: &Value,
) -> NewDecision {
    let holds = answer.proposal.action == Action::Hold;
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
        analyst: answer.analyst.to_owned(),
        model: answer.model,
        fallbacks: json!(answer.fallbacks),
        market_context: json!({
            "price": price.map(|price| price.price),
            "asOf": price.map(|price| price.as_of),
            "provider": price.map(|price| &price.provider),
            "told": told,
            "callers": job.callers_market_data,
        }),
        metadata: json!({ "evidence": answer.evidence }),
        proposal: answer.proposal,
        window_start: run.tick,
        trace_id: run.ctx.trace_id().map(Into::into),
    }
}
