//! The one path from a wish to a row and a job.

use chrono::Utc;
use domain::{
    order::{OrderError, OrderRequest},
    risk::{Effect, Refusal, Stage, Verdict},
};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Gate, fifo_key, gate, timing};
use crate::{
    db::{
        audit::{self, Entry},
        broker_state,
        orders::{self, NewOrder, Order, Origin},
        risk,
    },
    kinds::submit_order::SubmitOrder,
    queue::{Enqueue, EnqueueError, enqueue},
};

/// An order to be placed.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceRequest {
    /// Whose.
    pub user_id: Uuid,
    /// What is asked for.
    pub request: OrderRequest,
    /// Where it comes from.
    pub origin: Origin,
    /// The strategy that asks for it.
    pub strategy_id: Option<Uuid>,
    /// The decision behind it.
    pub decision_id: Option<Uuid>,
    /// The trace of the request.
    pub trace_id: Option<String>,
    /// The order's id, when its maker has to know it beforehand; a fresh one otherwise.
    pub order_id: Option<Uuid>,
}

impl PlaceRequest {
    /// Returns a user's own order.
    pub fn by_user(user_id: Uuid, request: OrderRequest) -> Self {
        Self {
            user_id,
            request,
            origin: Origin::User,
            strategy_id: None,
            decision_id: None,
            trace_id: None,
            order_id: None,
        }
    }
}

/// An order that was accepted. Send hints for [`super::QUEUE`], admissions and events after the
/// commit.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedOrder {
    /// The order, pending.
    pub order: Order,
    /// The job that sends it.
    pub job_id: Uuid,
}

/// Why an order was not accepted; nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum PlaceRefused {
    /// It is no order that can be sent.
    #[error(transparent)]
    Invalid(#[from] OrderError),
    /// A gate holds it back.
    #[error("{}: {}", .0.rule, .0.message)]
    Risk(Refusal),
    /// It could not be enqueued.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Accepts an order in the caller's transaction: checks it, asks the gates, and records it
/// together with the job that sends it and an audit of who wanted it.
pub async fn place(
    conn: &mut PgConnection,
    actor_id: Option<Uuid>,
    place: PlaceRequest,
) -> Result<PlacedOrder, PlaceRefused> {
    place.request.validate()?;
    risk::one_at_a_time(conn, place.user_id).await?;
    let asked = Gate {
        user_id: place.user_id,
        request: &place.request,
        origin: place.origin,
        order: None,
        replaces: None,
        clears: false,
        at: Stage::Acceptance,
    };
    let (verdict, effect) = gate(conn, &asked).await?;
    if let Verdict::Refuse(refusal) = verdict {
        return Err(PlaceRefused::Risk(refusal));
    }
    let id = place.order_id.unwrap_or_else(Uuid::now_v7);
    let job_id = Enqueue::new_id();
    let new = NewOrder {
        id,
        user_id: place.user_id,
        request: &place.request,
        origin: place.origin,
        reduces: effect == Some(Effect::Exit),
        replaces: None,
        strategy_id: place.strategy_id,
        decision_id: place.decision_id,
        trace_id: place.trace_id.as_deref(),
        job_id,
    };
    orders::insert(conn, new).await?;
    let mut options = options(conn, &place.request, job_id, id, place.trace_id.as_deref()).await?;
    // What closes is placed when nothing else is open, so it has nobody to wait for: not for the job
    // of an order that is over either, which an operator has not looked at yet.
    if !place.origin.closes() {
        options = options.fifo(fifo_key(place.user_id, &place.request.symbol));
    }
    enqueue(conn, &SubmitOrder { order_id: id }, options).await?;
    audit::record(
        conn,
        Entry {
            actor_id,
            action: "place_order",
            resource: "order",
            resource_id: Some(id.to_string()),
            after: Some(place.request.to_broker_json()),
            reason: Some(place.origin.as_str().to_owned()),
            trace_id: place.trace_id.clone(),
            ..Entry::default()
        },
    )
    .await?;
    let order = orders::by_id(conn, id).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(PlacedOrder { order, job_id })
}

/// Returns how the job that sends an order is enqueued; it is sent by the end of its session or
/// not at all, by the broker's clock where that is known.
pub(super) async fn options(
    conn: &mut PgConnection,
    request: &OrderRequest,
    job_id: Uuid,
    order_id: Uuid,
    trace_id: Option<&str>,
) -> sqlx::Result<Enqueue> {
    let state = broker_state::state(conn).await?;
    let now = Utc::now();
    let mut options = Enqueue::default().id(job_id).tag(format!("order:{order_id}"));
    if let Some(within) = timing::not_after(request, state.market_time(now).unwrap_or(now)) {
        options = options.not_after(within);
    }
    if let Some(trace_id) = trace_id {
        options = options.trace_id(trace_id);
    }
    Ok(options)
}
