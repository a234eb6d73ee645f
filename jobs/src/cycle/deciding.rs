//! Proposals become decisions: one row a symbol and window.

use domain::{
    cycle::{DecisionOrigin, DecisionStatus},
    decision::Action,
};
use serde_json::json;
use sqlx::Connection;
use uuid::Uuid;

use super::{Begun, Run, analysis::Analysed};
use crate::{
    db::decisions::{self, NewDecision},
    queue::JobError,
};

impl Run {
    /// Keeps what was proposed; returns how many of it are to buy or sell. What another cycle decided
    /// in the window stays as it is.
    pub(super) async fn decide(&self, begun: &Begun, analysed: &[Analysed]) -> Result<i32, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await?;
        for answer in analysed {
            let hold = answer.proposal.action == Action::Hold;
            let new = NewDecision {
                id: Uuid::now_v7(),
                user_id: self.user_id,
                cycle_id: Some(self.id()),
                strategy_id: answer.strategy_id,
                origin: DecisionOrigin::Cycle,
                symbol: answer.symbol.clone(),
                proposal: answer.proposal.clone(),
                status: if hold { DecisionStatus::Skipped } else { DecisionStatus::Pending },
                skip_reason: hold.then(|| "hold".to_owned()),
                entry_price: Some(answer.price.price),
                analyst: answer.analyst.clone(),
                model: answer.model.clone(),
                fallbacks: answer.fallbacks.clone(),
                market_context: json!({
                    "price": answer.price.price,
                    "asOf": answer.price.as_of,
                    "provider": answer.price.provider,
                    "priceFallbacks": answer.price.fallbacks,
                    "told": answer.told,
                }),
                metadata: json!({ "evidence": answer.evidence }),
                window_start: begun.window_start,
                trace_id: self.ctx.trace_id().map(Into::into),
            };
            // A crash before the step was recorded repeats it, and finds its own decisions.
            decisions::insert(&mut tx, &new).await?;
        }
        let decided = decisions::made_by_cycle(&mut tx, self.id()).await?;
        tx.commit().await?;
        self.env.hints.events();
        Ok(i32::try_from(decided).unwrap_or(i32::MAX))
    }
}
