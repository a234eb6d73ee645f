//! Closes a user's position, or a part of it, with an opposite market order.
//!
//! Orders that rest in the symbol are canceled first: they hold shares, or would trade with the
//! one that closes. Since they may be what protects the position, the gates are asked before. The
//! order that closes takes the path of any other: gates, row and job.

use std::{fmt, sync::Arc, time::Duration};

use domain::{
    cycle::DecisionStatus,
    order::{Amount, OrderRequest, OrderStatus, Side},
    risk::{Refusal, Stage, Verdict},
};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tracing::{debug, warn};
use uuid::Uuid;

use crate::{
    db::{
        decisions, events,
        orders::{self, Order, Origin},
        positions::{self, Position},
        risk,
    },
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, Ending, JobError},
    trading::{self, Gate, PlaceRefused, PlaceRequest},
};

/// How soon orders that are being canceled are looked at again.
const AGAIN: Duration = Duration::from_millis(300);
/// The wait for what is missing to judge a close.
const UNKNOWN: Duration = Duration::from_secs(1);
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

impl fmt::Display for Portion {
    /// Writes equal amounts alike.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Units(units) => write!(f, "{} shares", units.normalize()),
            Self::Percent(percent) => write!(f, "{} percent", percent.normalize()),
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
    /// The quarantined job that it does not wait for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_of: Option<Uuid>,
}

impl Job for ClosePosition {
    const KIND: &'static str = "close_position";
    const QUEUE: &'static str = trading::QUEUE;
    const PRIORITY: i16 = -5;

    /// The same wish again is one job. Another one stands behind nothing: not behind a smaller one,
    /// and a liquidation not behind a close, which the kill switch refuses.
    fn unique_key(&self) -> Option<String> {
        let Self { user_id, symbol, portion, .. } = self;
        let wish = format!("{user_id}:{symbol}:{}:{portion}", self.origin.as_str());
        Some(match self.in_place_of {
            None => wish,
            Some(job_id) => format!("{wish}:after {job_id}"),
        })
    }
}

/// How far an attempt came.
enum Step {
    /// It is to be looked at again after so long.
    Again(Duration),
    /// The job is over, with this output.
    Done(Value),
}

impl Handler for ClosePosition {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(10) },
        max_failures: 20,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        self.refresh(&env).await?;
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        // Before any order is locked, as whoever places or replaces one does.
        risk::one_at_a_time(&mut tx, self.user_id).await?;
        if orders::by_id(&mut tx, self.order_id).await?.is_some() {
            return Ok(Success::Output(json!({ "order_id": self.order_id })));
        }
        let done = match self.step(&mut tx, &ctx).await? {
            Step::Done(output) => Ok(ctx.complete_in(&mut tx, output).await?),
            Step::Again(wait) => Err(JobError::Snooze(wait)),
        };
        tx.commit().await?;
        env.hints.events();
        env.hints.admissions();
        env.hints.jobs(trading::QUEUE);
        done
    }

    async fn abandoned(self, conn: &mut PgConnection, ending: &Ending) -> sqlx::Result<()> {
        self.end(conn, DecisionStatus::Failed, &ending.message).await?;
        self.tell(conn, &ending.message).await
    }
}

impl ClosePosition {
    /// Reads the broker, as before an order is sent, if there is something to be judged before.
    async fn refresh(&self, env: &Environment) -> Result<(), JobError> {
        let resting = self.resting(&mut *env.pool.acquire().await?).await?;
        if resting.is_empty() {
            return Ok(());
        }
        let broker = trading::broker(env)?;
        trading::refresh_account(env, broker, trading::MAX_VIEW_AGE).await?;
        trading::refresh_symbol(env, broker, &self.symbol).await
    }

    /// Judges, cancels what rests in the symbol, and places the order that closes once nothing does.
    async fn step(&self, conn: &mut PgConnection, ctx: &Context) -> Result<Step, JobError> {
        let resting = self.resting(conn).await?;
        if !resting.is_empty() {
            if let Some(step) = self.spares(conn, &resting).await? {
                return Ok(step);
            }
            if self.clear(conn, ctx, &resting).await? > 0 {
                return Ok(Step::Again(AGAIN));
            }
        }
        // Read after the orders, of which one may just have been filled.
        let output = match positions::of_symbol(conn, self.user_id, &self.symbol).await? {
            None => self.skip(conn, "there is no such position").await?,
            Some(held) => match self.order(&held) {
                None => self.skip(conn, "nothing is to be closed").await?,
                Some(order) => self.place(conn, ctx, order).await?,
            },
        };
        Ok(Step::Done(output))
    }

    /// Returns what is done instead of canceling `resting`, when the order that closes would not be
    /// sent: they may be what protects the position.
    async fn spares(&self, conn: &mut PgConnection, resting: &[Order]) -> sqlx::Result<Option<Step>> {
        let Some(held) = positions::of_symbol(conn, self.user_id, &self.symbol).await? else {
            return Ok(None);
        };
        let Some(order) = self.order(&held) else {
            return Ok(Some(Step::Done(self.skip(conn, "nothing is to be closed").await?)));
        };
        if self.is_outdone(&order, resting) {
            return Ok(Some(Step::Done(self.skip(conn, "as much is being closed already").await?)));
        }
        match self.judge(conn, &order).await? {
            Verdict::Pass => Ok(None),
            Verdict::Refuse(refusal) => Ok(Some(Step::Done(self.refuse(conn, &refusal).await?))),
            Verdict::Unknown(missing) => {
                debug!(user.id = %self.user_id, "the close of {} waits: {missing}", self.symbol);
                Ok(Some(Step::Again(UNKNOWN)))
            }
        }
    }

    /// Returns the orders that rest in the symbol, but for halted ones, which are an operator's.
    async fn resting(&self, conn: &mut PgConnection) -> sqlx::Result<Vec<Order>> {
        let mut open = orders::open_of_symbol(conn, self.user_id, &self.symbol).await?;
        open.retain(|order| order.status != OrderStatus::Halted);
        Ok(open)
    }

    /// Returns the order that closes, if there is something to close.
    fn order(&self, held: &Position) -> Option<OrderRequest> {
        let side = if held.qty > Decimal::ZERO { Side::Sell } else { Side::Buy };
        let qty = self.portion.of(held.qty);
        let order = || OrderRequest::market(self.symbol.as_str(), side, Amount::Units(qty));
        (qty > Decimal::ZERO).then(order)
    }

    /// Returns whether an order that closes at least as much is at work, which a part must not undo.
    fn is_outdone(&self, order: &OrderRequest, resting: &[Order]) -> bool {
        let Amount::Units(wanted) = order.amount else { return false };
        self.portion != Portion::All
            && resting.iter().any(|other| {
                other.origin.closes()
                    && other.side == order.side
                    && other.cancel_requested_at.is_none()
                    && other.remaining().is_some_and(|rest| rest >= wanted)
            })
    }

    /// Asks the gates as if nothing rested in the symbol any more.
    async fn judge(&self, conn: &mut PgConnection, order: &OrderRequest) -> sqlx::Result<Verdict> {
        let asked = Gate {
            user_id: self.user_id,
            request: order,
            origin: self.origin,
            order: None,
            replaces: None,
            clears: true,
            at: Stage::Sending,
        };
        Ok(trading::gate(conn, &asked).await?.0)
    }

    /// Asks for the end of every order that rests in the symbol; returns how many are not over.
    async fn clear(
        &self,
        conn: &mut PgConnection,
        ctx: &Context,
        resting: &[Order],
    ) -> Result<usize, JobError> {
        let mut left = 0;
        for order in resting {
            let asked = trading::request(conn, order, "the position is being closed", ctx.trace_id())
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
        request: OrderRequest,
    ) -> Result<Value, JobError> {
        let wish = PlaceRequest {
            user_id: self.user_id,
            request,
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
                let qty = placed.order.qty;
                Ok(json!({ "order_id": placed.order.id, "job_id": placed.job_id, "qty": qty }))
            }
            Err(PlaceRefused::Risk(refusal)) => Ok(self.refuse(conn, &refusal).await?),
            Err(PlaceRefused::Invalid(error)) => Err(JobError::fatal("CLOSE_INVALID", error)),
            Err(PlaceRefused::Enqueue(error)) => Err(JobError::retryable("ENQUEUE", error)),
            Err(PlaceRefused::Database(error)) => Err(error.into()),
        }
    }

    /// Ends the decision behind a close that a gate refuses, and tells its owner; returns what the job
    /// says of it.
    async fn refuse(&self, conn: &mut PgConnection, refusal: &Refusal) -> sqlx::Result<Value> {
        let reason = format!("{}: {}", refusal.rule, refusal.message);
        self.end(conn, DecisionStatus::Rejected, &reason).await?;
        self.tell(conn, &refusal.message).await?;
        Ok(json!({ "refused": refusal.rule.as_str(), "message": refusal.message }))
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
