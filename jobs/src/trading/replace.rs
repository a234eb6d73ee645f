//! Asking for an order in the place of another.

use domain::{
    order::{Amount, OrderError, OrderRequest, OrderStatus, TimeInForce, Trail},
    risk::{Refusal, Stage, Verdict},
};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Gate, PlacedOrder, gate, place::options};
use crate::{
    db::{
        audit::{self, Entry},
        orders::{self, NewOrder},
        risk,
    },
    kinds::replace_order::ReplaceOrder,
    queue::{Enqueue, EnqueueError, enqueue},
};

/// What to change about an order; `None` leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Change {
    /// Shares.
    pub qty: Option<Decimal>,
    /// How long it works.
    pub time_in_force: Option<TimeInForce>,
    /// The worst price it may fill at.
    pub limit_price: Option<Decimal>,
    /// The price that triggers it.
    pub stop_price: Option<Decimal>,
    /// The distance that it follows at: money or percent, as it was.
    pub trail: Option<Decimal>,
}

impl Change {
    /// Returns `old` with the changes made.
    fn made(&self, old: &OrderRequest) -> OrderRequest {
        let trail = old.trail.map(|old| match (old, self.trail) {
            (old, None) => old,
            (Trail::Price(_), Some(price)) => Trail::Price(price),
            (Trail::Percent(_), Some(percent)) => Trail::Percent(percent),
        });
        OrderRequest {
            amount: self.qty.map_or(old.amount, Amount::Units),
            time_in_force: self.time_in_force.unwrap_or(old.time_in_force),
            limit_price: self.limit_price.or(old.limit_price),
            stop_price: self.stop_price.or(old.stop_price),
            trail,
            ..old.clone()
        }
    }
}

/// Why an order is not replaced; nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum ReplaceRefused {
    /// There is no such order.
    #[error("there is no such order")]
    Unknown,
    /// It is not in a state, or of a kind, in which the broker replaces orders.
    #[error("the order can't be replaced while it is {0}")]
    NotReplaceable(OrderStatus),
    /// Its replacement is no order that can be sent.
    #[error(transparent)]
    Invalid(#[from] OrderError),
    /// A gate holds the replacement back.
    #[error("{}: {}", .0.rule, .0.message)]
    Risk(Refusal),
    /// It could not be enqueued.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Accepts a replacement of the order `id` of `user_id` in the caller's transaction: a new order,
/// pending, and the job that sends it; the old one works until the broker says otherwise.
pub async fn replace(
    conn: &mut PgConnection,
    actor_id: Option<Uuid>,
    user_id: Uuid,
    id: Uuid,
    change: &Change,
    trace_id: Option<&str>,
) -> Result<PlacedOrder, ReplaceRefused> {
    risk::one_at_a_time(conn, user_id).await?;
    let old = orders::lock(conn, id).await?.filter(|order| order.user_id == user_id);
    let old = old.ok_or(ReplaceRefused::Unknown)?;
    let replaceable = old.status.is_brokers()
        && !old.status.is_terminal()
        && old.notional.is_none()
        && old.cancel_requested_at.is_none();
    if !replaceable {
        return Err(ReplaceRefused::NotReplaceable(old.status));
    }
    let request = change.made(&old.request());
    request.validate()?;
    let asked = Gate {
        user_id,
        request: &request,
        origin: old.origin,
        order: None,
        replaces: Some(id),
        clears: false,
        at: Stage::Acceptance,
    };
    if let (Verdict::Refuse(refusal), _) = gate(conn, &asked).await? {
        return Err(ReplaceRefused::Risk(refusal));
    }
    let (new_id, job_id) = (Uuid::now_v7(), Enqueue::new_id());
    let new = NewOrder {
        id: new_id,
        user_id,
        request: &request,
        origin: old.origin,
        reduces: old.reduces,
        replaces: Some(id),
        strategy_id: old.strategy_id,
        decision_id: old.decision_id,
        trace_id,
        job_id,
    };
    orders::insert(conn, new).await?;
    let options = options(conn, &request, job_id, new_id, trace_id).await?;
    enqueue(conn, &ReplaceOrder { order_id: id, new_order_id: new_id }, options).await?;
    audit::record(
        conn,
        Entry {
            actor_id,
            action: "replace_order",
            resource: "order",
            resource_id: Some(id.to_string()),
            before: Some(old.request().to_broker_json()),
            after: Some(json!({ "newOrderId": new_id, "request": request.to_broker_json() })),
            trace_id: trace_id.map(Into::into),
            ..Entry::default()
        },
    )
    .await?;
    let order = orders::by_id(conn, new_id).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(PlacedOrder { order, job_id })
}
