//! Leaving positions: what the rules say becomes a decision and a close in one transaction.
//!
//! A take-profit step counts by the shares that its orders sold, so one that ended unfilled is due
//! again. It waits while orders rest in the symbol, legs of the entry included: they hold the shares,
//! and canceling them would take the rest of the position's protection away. What leaves all of the
//! position does not wait with it.

use chrono::{DateTime, Utc};
use domain::{
    cycle::{self, DecisionOrigin, DecisionStatus, ExitPlan, ExitRules, Holding, Memory},
    decision::{Action, Proposal, RiskLevel},
};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{
    Left, Run, controls,
    market::{Market, Price},
    orders::order_id,
    skipped,
};
use crate::{
    db::{
        cycles::{self, Outcome},
        decisions::{self, NewDecision},
        orders::{self, Origin},
        positions::{self, Position},
    },
    failpoint,
    kinds::close_position::Portion,
    queue::JobError,
    trading::{self, Close},
};

impl Run {
    /// Looks at each position of the user, unless the agent leaves none by itself.
    pub(super) async fn exit(&self, outcome: &mut Outcome) -> Result<(), Left> {
        let agent = self.controls("exits").await?;
        if agent.mode == cycle::Mode::Manual {
            return Ok(());
        }
        let held = positions::list(&mut *self.env.pool.acquire().await?, self.user_id).await?;
        if held.is_empty() {
            return Ok(());
        }
        let now = self.market_time().await?;
        let symbols: Vec<String> = held.iter().map(|position| position.symbol.clone()).collect();
        let prices = self.prices(&symbols, now, &mut Market::default()).await?;
        for position in &held {
            let agent = self.controls("exits").await?;
            if agent.mode == cycle::Mode::Manual {
                return Ok(());
            }
            match prices.get(&position.symbol) {
                Some(price) => self.exit_one(position, price, now).await?,
                None => {
                    outcome.skipped.push(skipped(&position.symbol, "its exits need a fresh quote"));
                }
            }
        }
        let mut conn = self.env.pool.acquire().await?;
        let exited = decisions::exits_of_cycle(&mut conn, self.id()).await?;
        outcome.exited = i32::try_from(exited).unwrap_or(i32::MAX);
        Ok(())
    }

    async fn exit_one(&self, position: &Position, price: &Price, now: DateTime<Utc>) -> Result<(), Left> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await.map_err(JobError::from)?;
        // Read anew under the lock of whoever orders: a fill may have come since.
        crate::db::risk::one_at_a_time(&mut tx, self.user_id).await?;
        if !controls::hold(&mut tx, self.user_id).await?.controls.exits() {
            return Ok(());
        }
        // One that is being left is looked at once it is left. Asked before the position is read: an
        // order that ends in between would count as sold and as held.
        if decisions::exiting(&mut tx, self.user_id, &position.symbol).await? {
            return Ok(());
        }
        let Some(position) = positions::of_symbol(&mut tx, self.user_id, &position.symbol).await? else {
            return Ok(());
        };
        let holding = Holding {
            quantity: position.qty,
            stepped: cycles::stepped(&mut tx, self.user_id, &position.symbol, position.opened_at).await?,
            entry: position.avg_entry_price,
            price: price.price,
            opened_at: position.opened_at,
        };
        let memory = match cycles::memory(&mut tx, self.user_id, &position.symbol, position.opened_at).await?
        {
            Some(memory) => memory,
            None => self.first_memory(&mut tx, &position, &holding).await?,
        };
        let rests = !orders::open_of_symbol(&mut tx, self.user_id, &position.symbol).await?.is_empty();
        let rules = ExitRules::default();
        let (memory, mut plan) = cycle::plan(&rules, &holding, &memory, now);
        if rests && plan.as_ref().is_some_and(|plan| plan.portion != cycle::Portion::All) {
            let whole = ExitRules { steps: Vec::new(), ..rules };
            plan = cycle::plan(&whole, &holding, &memory, now).1;
        }
        if let Some(plan) = &plan {
            self.leave(&mut tx, &position, price, plan).await?;
        }
        cycles::remember(&mut tx, self.user_id, &position.symbol, position.opened_at, &memory).await?;
        failpoint::hit("run_cycle.before_exit_commit");
        tx.commit().await?;
        self.hint();
        Ok(())
    }

    /// Returns what a position remembers at first: the stop of the decision that entered it.
    async fn first_memory(
        &self,
        conn: &mut PgConnection,
        position: &Position,
        holding: &Holding,
    ) -> sqlx::Result<Memory> {
        let stop = decisions::entry_stop(conn, self.user_id, &position.symbol, position.opened_at).await?;
        let below = |stop: &Decimal| position.qty.is_sign_positive() && *stop < position.avg_entry_price;
        Ok(Memory { stop_loss: stop.filter(below), ..Memory::fresh(holding) })
    }

    /// Enqueues the close, unless one is at work.
    async fn leave(
        &self,
        conn: &mut PgConnection,
        position: &Position,
        price: &Price,
        plan: &ExitPlan,
    ) -> Result<(), Left> {
        let id = Uuid::now_v7();
        let portion = match plan.portion {
            cycle::Portion::All => Portion::All,
            cycle::Portion::Shares(shares) => Portion::Units(shares),
        };
        let close = Close {
            user_id: self.user_id,
            symbol: &position.symbol,
            portion,
            origin: Origin::Close,
            trace_id: self.ctx.trace_id(),
        };
        let enqueued = trading::close_for_decision(conn, &close, order_id(id), id)
            .await
            .map_err(|error| JobError::retryable("ENQUEUE", error))?;
        if !enqueued.inserted {
            return Ok(());
        }
        let action = if position.qty.is_sign_positive() { Action::Sell } else { Action::Buy };
        let new = NewDecision {
            id,
            user_id: self.user_id,
            cycle_id: Some(self.id()),
            strategy_id: None,
            origin: DecisionOrigin::Exit,
            symbol: position.symbol.clone(),
            proposal: Proposal {
                action,
                confidence: Decimal::ONE,
                reasoning: format!("{}: {}", plan.reason, plan.because),
                risk_level: RiskLevel::Low,
                suggested_quantity: None,
                target_price: None,
                stop_loss: None,
                trailing_stop_percent: None,
            },
            status: DecisionStatus::PendingExecution,
            skip_reason: None,
            entry_price: Some(price.price),
            analyst: "exit rules".into(),
            model: None,
            fallbacks: json!([]),
            market_context: json!({
                "price": price.price, "asOf": price.as_of, "provider": price.provider,
                "entry": position.avg_entry_price, "held": position.qty,
            }),
            metadata: json!({ "exit": plan.reason, "portion": portion }),
            window_start: self.tick,
            trace_id: self.ctx.trace_id().map(Into::into),
        };
        decisions::insert(conn, &new).await?;
        Ok(())
    }
}
