//! A decision becomes an order, once: by its cycle, or by its user's word.
//!
//! One transaction locks the decision, asks the gates, and records order and status together, so that
//! neither a crash nor a second caller makes two orders of a decision.

use std::time::Duration;

use domain::{
    cycle::{DecisionStatus, Mode},
    decision::Action,
    order::OrderError,
    risk::Refusal,
};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use tracing::{info, warn};
use uuid::Uuid;

use super::{Left, Run, gates, sizing::Size};
use crate::{
    db::{
        cycles::Outcome,
        decisions::{self, Decision, GateRecord},
        orders::{Order, Origin},
    },
    failpoint,
    kinds::close_position::Portion,
    queue::{EnqueueError, JobError},
    trading::{self, Close, PlaceRefused, PlaceRequest},
};

/// So long a decision waits for somebody to act on it; later, the price it was made at says nothing.
pub(super) const PATIENCE: Duration = Duration::from_hours(1);

/// What a decision became.
#[derive(Debug, Clone, PartialEq)]
pub struct Executed {
    /// The order, pending; `None` for a sale, whose order is made by the job that closes the position
    /// once it is free of other orders.
    pub order: Option<Order>,
    /// The job that sends the order, or closes the position.
    pub job_id: Uuid,
}

/// Why a decision did not become an order.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteRefused {
    /// The user has no such decision.
    #[error("there is no such decision")]
    Unknown,
    /// It waits for nobody.
    #[error("the decision is {0}")]
    NotPending(DecisionStatus),
    /// A gate of the agent holds it back.
    #[error("{gate}: {message}")]
    Gate {
        /// The gate.
        gate: String,
        /// In words.
        message: String,
    },
    /// A gate of risk refused the order; the decision is over.
    #[error("{}: {}", .0.rule, .0.message)]
    Risk(Refusal),
    /// It is no order that can be sent; the decision is over.
    #[error(transparent)]
    Invalid(#[from] OrderError),
    /// It could not be enqueued.
    #[error(transparent)]
    Enqueue(#[from] EnqueueError),
    /// The database refused or did not answer.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Turns the user's decision into an order because `by` wants it, in the caller's transaction.
///
/// Commit also when it is refused, except for [`ExecuteRefused::Enqueue`] and
/// [`ExecuteRefused::Database`]: the gates that it met are kept, and a decision that a gate of the agent
/// held back stays approved and may be tried again. Send hints for [`trading::QUEUE`], admissions and
/// events after the commit.
pub async fn execute(
    conn: &mut PgConnection,
    user_id: Uuid,
    decision_id: Uuid,
    by: Uuid,
) -> Result<Executed, ExecuteRefused> {
    let decision = open(conn, user_id, decision_id).await?;
    if decision.action != Action::Hold {
        decisions::approve(conn, user_id, decision_id, by).await?;
    }
    act(conn, &decision, Some(by)).await
}

/// Returns the decision, locked, if something can be done about it.
async fn open(conn: &mut PgConnection, user_id: Uuid, id: Uuid) -> Result<Decision, ExecuteRefused> {
    let decision = decisions::lock(conn, user_id, id).await?.ok_or(ExecuteRefused::Unknown)?;
    match decision.status {
        DecisionStatus::Pending | DecisionStatus::Approved => Ok(decision),
        status => Err(ExecuteRefused::NotPending(status)),
    }
}

/// Asks the gates about a locked decision, and orders.
async fn act(
    conn: &mut PgConnection,
    decision: &Decision,
    by: Option<Uuid>,
) -> Result<Executed, ExecuteRefused> {
    crate::db::risk::one_at_a_time(conn, decision.user_id).await?;
    let judged = gates::judge(conn, decision, by.is_some()).await?;
    decisions::note_gates(conn, decision.id, &judged.met).await?;
    let size = judged.verdict.map_err(|(gate, message)| ExecuteRefused::Gate { gate, message })?;
    match size {
        Size::Buy(request) => place(conn, decision, *request, by).await,
        Size::Leave => leave(conn, decision).await,
    }
}

async fn place(
    conn: &mut PgConnection,
    decision: &Decision,
    request: domain::order::OrderRequest,
    by: Option<Uuid>,
) -> Result<Executed, ExecuteRefused> {
    let wish = PlaceRequest {
        user_id: decision.user_id,
        request,
        origin: Origin::Cycle,
        strategy_id: decision.strategy_id,
        decision_id: Some(decision.id),
        trace_id: decision.trace_id.clone(),
        order_id: Some(order_id(decision.id)),
    };
    match trading::place(conn, by, wish).await {
        Ok(placed) => {
            let met = GateRecord::new("risk", true, "the gates of risk let it pass");
            decisions::note_gates(conn, decision.id, &[met]).await?;
            decisions::ordered(conn, decision.id, placed.order.id).await?;
            Ok(Executed { order: Some(placed.order), job_id: placed.job_id })
        }
        Err(PlaceRefused::Risk(refusal)) => {
            let reason = format!("{}: {}", refusal.rule, refusal.message);
            let met = GateRecord::new(refusal.rule.as_str(), false, &refusal.message);
            decisions::note_gates(conn, decision.id, &[met]).await?;
            decisions::end(conn, decision.id, DecisionStatus::Rejected, &reason).await?;
            Err(ExecuteRefused::Risk(refusal))
        }
        Err(PlaceRefused::Invalid(error)) => {
            decisions::end(conn, decision.id, DecisionStatus::Rejected, &error.to_string()).await?;
            Err(error.into())
        }
        Err(PlaceRefused::Enqueue(error)) => Err(error.into()),
        Err(PlaceRefused::Database(error)) => Err(error.into()),
    }
}

async fn leave(conn: &mut PgConnection, decision: &Decision) -> Result<Executed, ExecuteRefused> {
    let close = Close {
        user_id: decision.user_id,
        symbol: &decision.symbol,
        portion: Portion::All,
        origin: Origin::Close,
        trace_id: decision.trace_id.as_deref(),
    };
    let enqueued = trading::close_for_decision(conn, &close, order_id(decision.id), decision.id).await?;
    if !enqueued.inserted {
        let message = "the position is being closed already".to_owned();
        return Err(ExecuteRefused::Gate { gate: "open_order".into(), message });
    }
    decisions::queued(conn, decision.id).await?;
    Ok(Executed { order: None, job_id: enqueued.job_id })
}

/// Returns the one id that an order of the decision may have.
pub(super) fn order_id(decision_id: Uuid) -> Uuid {
    let digest = Sha256::digest([b"order of decision ".as_slice(), decision_id.as_bytes()].concat());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl Run {
    /// Orders what this cycle decided, the surest first, while the agent acts by itself.
    pub(super) async fn order(&self, outcome: &mut Outcome) -> Result<(), Left> {
        let mut agent = self.controls("orders").await?;
        let pending = decisions::pending_of_cycle(&mut *self.env.pool.acquire().await?, self.id()).await?;
        for id in pending {
            if agent.mode != Mode::Autonomous {
                break;
            }
            if outcome.ordered >= agent.dynamic_order_limit {
                self.pass_over(id, agent.dynamic_order_limit).await?;
                continue;
            }
            self.order_one(id).await?;
            outcome.ordered = self.ordered().await?;
            agent = self.controls("orders").await?;
        }
        outcome.ordered = self.ordered().await?;
        Ok(())
    }

    async fn ordered(&self) -> sqlx::Result<i32> {
        let count = decisions::ordered_by_cycle(&mut *self.env.pool.acquire().await?, self.id()).await?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }

    async fn pass_over(&self, id: Uuid, limit: i32) -> Result<(), Left> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await.map_err(JobError::from)?;
        let reason = format!("the cycle's {limit} orders are made");
        decisions::end(&mut tx, id, DecisionStatus::Skipped, &reason).await?;
        Ok(tx.commit().await?)
    }

    async fn order_one(&self, id: Uuid) -> Result<(), Left> {
        let mut conn = self.env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        self.ctx.hold(&mut tx).await.map_err(JobError::from)?;
        let done = match open(&mut tx, self.user_id, id).await {
            Ok(decision) => act(&mut tx, &decision, None).await,
            Err(refused) => Err(refused),
        };
        match done {
            Ok(executed) => info!(decision.id = %id, job.id = %executed.job_id, "decision {id} is ordered"),
            // Somebody else acted on it, or its order was refused: its row says so.
            Err(ExecuteRefused::Unknown | ExecuteRefused::NotPending(_) | ExecuteRefused::Risk(_)) => {}
            Err(ExecuteRefused::Invalid(error)) => {
                warn!(decision.id = %id, %error, "decision {id} makes no order");
            }
            Err(ExecuteRefused::Gate { gate, message }) => {
                let reason = format!("{gate}: {message}");
                decisions::end(&mut tx, id, DecisionStatus::Skipped, &reason).await?;
            }
            Err(ExecuteRefused::Enqueue(error)) => return Err(JobError::retryable("ENQUEUE", error).into()),
            Err(ExecuteRefused::Database(error)) => return Err(error.into()),
        }
        failpoint::hit("run_cycle.before_order_commit");
        tx.commit().await?;
        failpoint::hit("run_cycle.after_order");
        self.hint();
        Ok(())
    }
}
