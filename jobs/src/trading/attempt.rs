//! One attempt to bring an order to the broker: what the kinds that send one do alike.
//!
//! Judge, begin, send, record. The request itself, and what is recorded of an order that the broker
//! has, are the kind's own. Whatever is written begins with the fence.

use std::time::Duration;

use domain::{
    order::OrderStatus,
    risk::{Stage, Verdict},
};
use serde_json::{Value, json};
use sqlx::{Postgres, Transaction};
use tracing::{debug, warn};

use super::{
    Gate, MAX_VIEW_AGE, broker_error, end_absent, gate, late, refresh_account, refresh_symbol, until,
};
use crate::{
    broker::{Broker, BrokerOrder, PlaceError, Refusal},
    db::{
        orders::{self, Order, Origin, Sending},
        risk,
    },
    environment::Environment,
    handler::Success,
    queue::{Context, JobError},
};

/// The wait for what is missing to judge an order, or for an order that may still arrive.
const AGAIN: Duration = Duration::from_secs(1);

/// One attempt at one order, as it was read when the attempt started.
pub(crate) struct Attempt<'a> {
    /// The order.
    pub(crate) order: &'a Order,
    /// Whom it goes to.
    pub(crate) broker: &'a dyn Broker,
    /// The job's attempt: fence and interruption.
    pub(crate) ctx: &'a Context,
    /// Pool, settings and hints.
    pub(crate) env: &'a Environment,
}

/// What the broker says of an order that was sent.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It took it.
    Taken(BrokerOrder),
    /// It had it already, from an earlier attempt.
    Found(BrokerOrder),
    /// It refuses it, for good.
    Refused(Refusal),
}

impl Attempt<'_> {
    /// Asks the broker for the order by our id; `None`: it has none.
    pub(crate) async fn look_up(&self) -> Result<Option<BrokerOrder>, JobError> {
        self.broker.order_by_client_id(&self.order.client_order_id).await.map_err(broker_error)
    }

    /// Asks the gates, with a view that is fresh; returns how the job ends when they refuse.
    pub(crate) async fn judge(&self) -> Result<Option<Success>, JobError> {
        refresh_account(self.env, self.broker, MAX_VIEW_AGE).await?;
        refresh_symbol(self.env, self.broker, &self.order.symbol).await?;
        let request = self.order.request();
        let asked = Gate {
            user_id: self.order.user_id,
            request: &request,
            origin: self.order.origin,
            order: Some(self.order),
            replaces: self.order.replaces_order_id,
            clears: false,
            at: Stage::Sending,
        };
        let (verdict, _) = gate(&mut *self.env.pool.acquire().await?, &asked).await?;
        match verdict {
            Verdict::Pass => Ok(None),
            Verdict::Unknown(missing) => {
                debug!(order.id = %self.order.id, "order {} waits: {missing}", self.order.id);
                Err(JobError::Snooze(AGAIN))
            }
            Verdict::Refuse(refusal) => {
                let code = refusal.rule.as_str();
                self.give_up(OrderStatus::Rejected, code, &refusal.message).await.map(Some)
            }
        }
    }

    /// Commits that from now on the broker may have the order.
    pub(crate) async fn begin(&self) -> Result<(), JobError> {
        let mut tx = self.hold().await?;
        // The gates were asked before: from here a kill switch waits for the commit, and finds the order sent.
        if self.order.origin != Origin::Liquidation
            && risk::kill_switch_held(&mut tx, self.order.user_id).await?
        {
            return Err(JobError::Snooze(Duration::ZERO));
        }
        if orders::begin_sending(&mut tx, self.order.id).await? == Sending::Refused {
            // Canceled since it was read: the next look says so.
            return Err(JobError::Snooze(Duration::ZERO));
        }
        tx.commit().await?;
        self.env.hints.events();
        Ok(())
    }

    /// Sorts what came of sending; an answer that did not come is left to the next attempt's look.
    pub(crate) async fn sort(&self, sent: Result<BrokerOrder, PlaceError>) -> Result<Answer, JobError> {
        match sent {
            Ok(order) => Ok(Answer::Taken(order)),
            Err(PlaceError::Duplicate) => self.look_up().await?.map(Answer::Found).ok_or_else(|| {
                let id = &self.order.client_order_id;
                let message = format!("the broker has {id} already, but does not find it");
                JobError::retryable("DUPLICATE_NOT_FOUND", message)
            }),
            Err(PlaceError::Rejected(refusal)) => {
                // An earlier attempt's order may be there after all.
                let sent_before = self.order.last_sent_at.is_some();
                let found = if sent_before { self.look_up().await? } else { None };
                Ok(found.map_or(Answer::Refused(refusal), Answer::Found))
            }
            Err(PlaceError::RateLimited { until: at }) => Err(JobError::Snooze(until(Some(at)))),
            Err(PlaceError::NotSent { retry_at, .. }) => Err(JobError::Snooze(until(retry_at))),
            Err(PlaceError::Unknown { reason }) => {
                let (id, attempt) = (self.order.id, self.ctx.attempt());
                warn!(order.id = %id, attempt, "no answer for order {id}; the next attempt looks it up");
                Err(JobError::retryable("BROKER_UNKNOWN", reason))
            }
        }
    }

    /// Records the broker's refusal; `raw` is kept as what it said about the order.
    pub(crate) async fn reject(&self, refusal: &Refusal, raw: Option<&Value>) -> Result<Success, JobError> {
        let code = refusal.code.map_or_else(|| refusal.status.to_string(), |code| code.to_string());
        let mut tx = self.hold().await?;
        orders::reject_sent(&mut tx, self.order.id, &code, &refusal.message, raw).await?;
        self.finish(tx, json!({ "status": "rejected", "code": code, "message": refusal.message })).await
    }

    /// Ends an order that the broker does not have; one that may still arrive is looked up again.
    pub(crate) async fn give_up(
        &self,
        status: OrderStatus,
        code: &str,
        message: &str,
    ) -> Result<Success, JobError> {
        let mut tx = self.hold().await?;
        if !end_absent(&mut tx, late(self.env), self.order, status, code, message).await? {
            return Err(JobError::Snooze(AGAIN));
        }
        self.finish(tx, json!({ "status": status.as_str(), "code": code, "message": message })).await
    }

    /// Begins a transaction in which nobody else can take the job.
    pub(crate) async fn hold(&self) -> Result<Transaction<'static, Postgres>, JobError> {
        let mut tx = self.env.pool.begin().await?;
        self.ctx.hold(&mut tx).await?;
        Ok(tx)
    }

    /// Completes the job with what was recorded in `tx`.
    pub(crate) async fn finish(
        &self,
        mut tx: Transaction<'_, Postgres>,
        output: Value,
    ) -> Result<Success, JobError> {
        let success = self.ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        self.env.hints.events();
        Ok(success)
    }
}
