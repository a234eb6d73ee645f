//! Makes a halted order what the broker has under its id, because an operator says so.
//!
//! The broker is asked first; the change is one transaction, in which the order must still be halted.
//! Its amount, state and fills become the broker's. Never taken are another symbol or side, fewer fills
//! than are recorded, and fills whose shares reconciliation may have accounted for: an order that differs
//! so can only be disowned.

use std::{sync::Arc, time::Duration};

use domain::{order::OrderStatus, reconciliation::Mismatch};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use tracing::info;
use uuid::Uuid;

use crate::{
    broker::BrokerOrder,
    db::{
        audit::{self, Entry},
        fills::Source,
        orders::{self, Applied, Order},
    },
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError},
    trading,
};

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdoptOrder {
    /// The order.
    pub order_id: Uuid,
    /// The operator; `None` for a program.
    pub actor_id: Option<Uuid>,
    /// Why.
    pub reason: String,
}

impl Job for AdoptOrder {
    const KIND: &'static str = "adopt_order";
    const QUEUE: &'static str = trading::QUEUE;

    fn unique_key(&self) -> Option<String> {
        Some(self.order_id.to_string())
    }
}

impl Handler for AdoptOrder {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_millis(500), cap: Duration::from_secs(30) },
        max_failures: 10,
        timeout: Duration::from_mins(1),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let broker = trading::broker(&env)?;
        let order = orders::by_id(&mut *env.pool.acquire().await?, self.order_id).await?;
        let order = match halted(order) {
            Ok(order) => order,
            Err(skipped) => return Ok(skipped),
        };
        let found = broker.order_by_client_id(&order.client_order_id).await.map_err(trading::broker_error)?;
        let found =
            found.ok_or_else(|| refused(format!("the broker has no order {}", order.client_order_id)))?;
        let mut tx = env.pool.begin().await?;
        ctx.hold(&mut tx).await?;
        let order = match halted(orders::lock(&mut tx, self.order_id).await?) {
            Ok(order) => order,
            Err(skipped) => return Ok(skipped),
        };
        take_over(&mut tx, &order, &found).await?;
        self.note(&mut tx, &order, &found, ctx.trace_id()).await?;
        let output = json!({
            "adopted": found.id, "status": found.status.as_str(), "filledQty": found.filled_qty,
        });
        let success = ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        env.hints.events();
        info!(order.id = %order.id, "order {} was halted and is what the broker has now", order.id);
        Ok(success)
    }
}

impl AdoptOrder {
    async fn note(
        &self,
        conn: &mut PgConnection,
        order: &Order,
        found: &BrokerOrder,
        trace_id: Option<&str>,
    ) -> sqlx::Result<()> {
        let before = json!({
            "status": order.status.as_str(), "filledQty": order.filled_qty, "qty": order.qty,
            "notional": order.notional, "code": order.reject_code, "message": order.reject_message,
        });
        let after = json!({
            "status": found.status.as_str(), "filledQty": found.filled_qty, "broker": found.raw,
        });
        audit::record(
            conn,
            Entry {
                actor_id: self.actor_id,
                action: "adopt_order",
                resource: "order",
                resource_id: Some(order.id.to_string()),
                reason: Some(self.reason.clone()),
                before: Some(before),
                after: Some(after),
                trace_id: trace_id.map(Into::into),
                ..Entry::default()
            },
        )
        .await
    }
}

/// Returns the order if there is still something to decide about it; else how the job ends.
fn halted(order: Option<Order>) -> Result<Order, Success> {
    match order {
        Some(order) if order.status == OrderStatus::Halted => Ok(order),
        Some(order) => Err(Success::Output(json!({ "skipped": order.status.as_str() }))),
        None => Err(Success::Output(json!({ "skipped": "there is no such order" }))),
    }
}

/// Records the broker's word about `order`, whose row is locked; roll back when it is refused.
async fn take_over(conn: &mut PgConnection, order: &Order, found: &BrokerOrder) -> Result<(), JobError> {
    if let Some((Mismatch::Symbol | Mismatch::Side, words)) = order.difference(found) {
        return Err(refused(words));
    }
    let (theirs, ours) = (found.filled_qty, order.filled_qty);
    if theirs < ours {
        return Err(refused(format!("the broker has {theirs} shares filled, {ours} are recorded")));
    }
    let (qty, notional) = amount(order, found);
    orders::take_amount(conn, order.id, qty, notional).await?;
    match orders::overrule(conn, order.id, &orders::seen(found), Source::Poll).await? {
        Applied::Applied { .. } => {}
        Applied::Illegal { reason } => return Err(refused(reason)),
        Applied::Stale | Applied::Unknown => return Err(refused("it tells nothing new".to_owned())),
    }
    if theirs > ours && orders::position_was_corrected(conn, order).await? {
        let symbol = &order.symbol;
        return Err(refused(format!(
            "{} shares filled are not recorded, but the position in {symbol} has been corrected since",
            theirs - ours
        )));
    }
    Ok(())
}

/// Returns shares and money, one of the two, as the broker has them; ours where it says neither.
fn amount(order: &Order, found: &BrokerOrder) -> (Option<Decimal>, Option<Decimal>) {
    let some = |amount: Option<Decimal>| amount.filter(|amount| !amount.is_zero());
    match (some(found.qty), some(found.notional)) {
        // The broker turns money into shares: what was asked for stays beside them.
        (_, Some(money)) if order.notional.is_some() => (None, Some(money)),
        (Some(shares), _) => (Some(shares), None),
        (None, Some(money)) => (None, Some(money)),
        (None, None) => (order.qty, order.notional),
    }
}

fn refused(words: String) -> JobError {
    JobError::fatal("ORDER_NOT_ADOPTABLE", words)
}
