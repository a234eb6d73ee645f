//! Closes a user's position, or a part of it, with an opposite market order.
//!
//! Orders that rest in the symbol are canceled first: they hold shares, or would trade with the
//! one that closes. That order takes the path of any other: gates, row and job.

use std::{sync::Arc, time::Duration};

use domain::{
    cycle::DecisionStatus,
    order::{Amount, OrderRequest, Side},
    risk::{Rule, TradingState},
};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tracing::warn;
use uuid::Uuid;

use crate::{
    db::{
        decisions, events,
        orders::{self, Origin},
        positions::{self, Position},
        risk,
    },
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, Ending, JobError},
    trading::{self, PlaceRefused, PlaceRequest},
};

/// How soon orders that are being canceled are looked at again.
const AGAIN: Duration = Duration::from_millis(300);
/// The broker's decimals of shares.
const SHARE_DECIMALS: u32 = 9;

/// How much of a position is closed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Portion {
    /// All of it.
    All,
    /// So many shares, at most all.
    Units(Decimal),
    /// So many percent of it, above 0 and up to 100.
    Percent(Decimal),
}

impl Portion {
    /// Returns the shares of `held`, which may be below zero, that are closed.
    fn of(self, held: Decimal) -> Decimal {
        let all = held.abs();
        match self {
            Self::All => all,
            Self::Units(units) => units.min(all),
            Self::Percent(percent) if percent >= Decimal::ONE_HUNDRED => all,
            Self::Percent(percent) => (all * percent / Decimal::ONE_HUNDRED)
                .round_dp_with_strategy(SHARE_DECIMALS, RoundingStrategy::ToZero),
        }
    }
}

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClosePosition {
    /// Whose.
    pub user_id: Uuid,
    /// In what.
    pub symbol: String,
    /// How much of it.
    pub portion: Portion,
    /// The id of the order that will close it, the same in every attempt.
    pub order_id: Uuid,
    /// Where the wish comes from.
    pub origin: Origin,
    /// The decision that asks for it, which follows the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision_id: Option<Uuid>,
}

impl Job for ClosePosition {
    const KIND: &'static str = "close_position";
    const QUEUE: &'static str = trading::QUEUE;
    const PRIORITY: i16 = -5;

    fn unique_key(&self) -> Option<String> {
        let (user, symbol) = (self.user_id, &self.symbol);
        // A liquidation never stands behind a smaller wish: that one the kill switch refuses.
        Some(match self.origin {
            Origin::Liquidation => format!("{user}:{symbol}:liquidation"),
            _ => format!("{user}:{symbol}"),
        })
    }
}

impl Handler for ClosePosition {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(10) },
        max_failures: 20,
        timeout: Duration::from_secs(30),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        // Before any order is locked, as whoever places or replaces one does.
        risk::one_at_a_time(&mut tx, self.user_id).await?;
        if orders::by_id(&mut tx, self.order_id).await?.is_some() {
            return Ok(Success::Output(json!({ "order_id": self.order_id })));
        }
        if let Some((control, message)) = self.held_back(&mut tx).await? {
            self.end(&mut tx, DecisionStatus::Rejected, message).await?;
            self.tell(&mut tx, message).await?;
            let success = ctx.complete_in(&mut tx, json!({ "refused": control, "message": message })).await?;
            tx.commit().await?;
            env.hints.events();
            return Ok(success);
        }
        if self.clear(&mut tx, &ctx).await? > 0 {
            tx.commit().await?;
            env.hints.events();
            env.hints.jobs(trading::QUEUE);
            return Err(JobError::Snooze(AGAIN));
        }
        let held = positions::of_symbol(&mut tx, self.user_id, &self.symbol).await?;
        let output = match held {
            Some(held) => self.place(&mut tx, &ctx, &held).await?,
            None => self.skip(&mut tx, "there is no such position").await?,
        };
        let success = ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        env.hints.events();
        env.hints.admissions();
        env.hints.jobs(trading::QUEUE);
        Ok(success)
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        self.end(conn, DecisionStatus::Failed, &ending.message).await?;
        self.tell(conn, &ending.message).await
    }
}

impl ClosePosition {
    /// Returns what keeps the close from being sent, before any order that protects the position is
    /// taken away for it; the gates say the rest.
    async fn held_back(&self, conn: &mut PgConnection) -> sqlx::Result<Option<(&'static str, &'static str)>> {
        let settings = risk::settings(conn, self.user_id).await?;
        let platform = risk::platform(conn).await?.trading_state;
        if settings.kill_switch && self.origin != Origin::Liquidation {
            return Ok(Some((Rule::KillSwitch.as_str(), "the kill switch is on")));
        }
        let halted = [settings.trading_state, platform].contains(&TradingState::Halted);
        Ok(halted.then_some((Rule::TradingHalted.as_str(), "trading is halted")))
    }

    /// Asks for the end of every order that rests in the symbol; returns how many are not over.
    async fn clear(&self, conn: &mut PgConnection, ctx: &Context) -> Result<usize, JobError> {
        let mut left = 0;
        for order in orders::open_of_symbol(conn, self.user_id, &self.symbol).await? {
            // A leg ends with its entry, and a halted order is an operator's.
            if order.status == domain::order::OrderStatus::Halted {
                continue;
            }
            let asked = trading::request(conn, &order, "the position is being closed", ctx.trace_id())
                .await
                .map_err(|error| JobError::retryable("ENQUEUE", error))?;
            left += usize::from(matches!(asked, trading::Cancel::Requested { .. }));
        }
        Ok(left)
    }

    async fn place(
        &self,
        conn: &mut PgConnection,
        ctx: &Context,
        held: &Position,
    ) -> Result<Value, JobError> {
        let side = if held.qty > Decimal::ZERO { Side::Sell } else { Side::Buy };
        let qty = self.portion.of(held.qty);
        if qty <= Decimal::ZERO {
            return Ok(self.skip(conn, "nothing is to be closed").await?);
        }
        let wish = PlaceRequest {
            user_id: self.user_id,
            request: OrderRequest::market(self.symbol.as_str(), side, Amount::Units(qty)),
            origin: self.origin,
            strategy_id: None,
            decision_id: self.decision_id,
            trace_id: ctx.trace_id().map(Into::into),
            order_id: Some(self.order_id),
        };
        match trading::place(conn, None, wish).await {
            Ok(placed) => {
                if let Some(decision_id) = self.decision_id {
                    decisions::ordered(conn, decision_id, placed.order.id).await?;
                }
                Ok(json!({ "order_id": placed.order.id, "job_id": placed.job_id, "qty": qty }))
            }
            Err(PlaceRefused::Risk(refusal)) => {
                let reason = format!("{}: {}", refusal.rule, refusal.message);
                self.end(conn, DecisionStatus::Rejected, &reason).await?;
                self.tell(conn, &reason).await?;
                Ok(json!({ "refused": refusal.rule.as_str(), "message": refusal.message }))
            }
            Err(PlaceRefused::Invalid(error)) => Err(JobError::fatal("CLOSE_INVALID", error)),
            Err(PlaceRefused::Enqueue(error)) => Err(JobError::retryable("ENQUEUE", error)),
            Err(PlaceRefused::Database(error)) => Err(error.into()),
        }
    }

    /// Ends the decision behind a close that has nothing to do; returns what the job says of it.
    async fn skip(&self, conn: &mut PgConnection, reason: &str) -> sqlx::Result<Value> {
        self.end(conn, DecisionStatus::Skipped, reason).await?;
        Ok(json!({ "skipped": reason }))
    }

    /// Tells the owner of a close that was not sent: what rested in the symbol may be canceled already.
    async fn tell(&self, conn: &mut PgConnection, why: &str) -> sqlx::Result<()> {
        let symbol = &self.symbol;
        let message = format!(
            "the position in {symbol} was not closed: {why}; orders that protected it may be canceled"
        );
        warn!(user.id = %self.user_id, symbol, "{message}");
        let body = json!({
            "severity": "error",
            "title": "position not closed",
            "message": message,
            "orderId": self.order_id,
            "symbol": symbol,
        });
        events::append(conn, self.user_id, "alert:new", None, &body).await?;
        Ok(())
    }

    async fn end(&self, conn: &mut PgConnection, status: DecisionStatus, reason: &str) -> sqlx::Result<()> {
        if let Some(decision_id) = self.decision_id {
            decisions::end(conn, decision_id, status, reason).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_is_never_more_than_the_position() {
        let d = |text: &str| text.parse::<Decimal>().expect("a number of this test is valid");
        let cases = [
            (Portion::All, "10", "10"),
            (Portion::All, "-2.5", "2.5"),
            (Portion::Units(d("3")), "10", "3"),
            (Portion::Units(d("30")), "10", "10"),
            (Portion::Percent(d("50")), "-3", "1.5"),
            (Portion::Percent(d("33.3333333333")), "1", "0.333333333"),
            (Portion::Percent(d("100")), "0.1", "0.1"),
            (Portion::Percent(d("250")), "4", "4"),
        ];
        for (portion, held, expected) in cases {
            assert_eq!(portion.of(d(held)), d(expected), "{portion:?} of {held}");
        }
    }
}
