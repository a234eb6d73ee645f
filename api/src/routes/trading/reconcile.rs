//! Holding our records against the broker's, on demand; workers do it by themselves, too.

use axum::{Json, extract::State};
use jobs::{
    db::reconciliations::{self, Outcome, Reconciliation, Trigger},
    kinds::{reconcile_positions::ReconcilePositions, sync_orders::SyncOrders},
    queue::{Enqueue, enqueue},
    trading,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{amount::number, place::not_enqueued, source::require_broker};
use crate::{
    error::ApiResult,
    extract::{Actor, Query},
    state::AppState,
    timestamp,
};

/// How often workers reconcile by themselves. Seconds.
const INTERVAL_S: i64 = 45;
/// How far back the last run is looked for.
const LAST: i64 = 20;

/// What was queued.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Queued {
    success: bool,
    /// The job; one that waited already stands for it.
    work_item_id: Uuid,
    /// `queued`.
    status: &'static str,
    message: &'static str,
    trace_id: Option<String>,
}

/// How to reconcile.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReconcileQuery {
    /// Ignored: it is always done anew.
    force: Option<String>,
}

/// Queues a reconciliation of positions and orders with the broker.
#[utoipa::path(
    post, path = "/api/trading/reconcile", operation_id = "reconcile", tag = "trading",
    responses((status = 200, body = Queued), (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn reconcile(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Queued>> {
    queue(&state, &actor).await.map(Json)
}

/// Queues a reconciliation, as `/api/trading/reconcile` does.
#[utoipa::path(
    post, path = "/api/positions/reconcile", operation_id = "reconcile_positions", tag = "trading",
    params(ReconcileQuery),
    responses((status = 200, body = Queued), (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn reconcile_positions(
    actor: Actor,
    Query(query): Query<ReconcileQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Queued>> {
    let _ = query.force;
    queue(&state, &actor).await.map(Json)
}

/// Queues a reconciliation of positions and orders with the broker.
pub(in crate::routes) async fn queue(state: &AppState, actor: &Actor) -> ApiResult<Queued> {
    require_broker(state)?;
    let job = ReconcilePositions { trigger: Trigger::User, user_id: Some(actor.user_id) };
    let mut tx = state.pool.begin().await?;
    let queued = enqueue(&mut tx, &job, options(actor)).await.map_err(not_enqueued)?;
    tx.commit().await?;
    state.hints.jobs(trading::QUEUE);
    Ok(reply(actor, queued.job_id, "positions and orders are being held against the broker's"))
}

/// Queues a reading of the open and the latest orders from the broker.
#[utoipa::path(
    post, path = "/api/orders/sync", operation_id = "sync_orders", tag = "trading",
    responses((status = 200, body = Queued), (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn sync_orders(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<Queued>> {
    require_broker(&state)?;
    let mut tx = state.pool.begin().await?;
    let queued = enqueue(&mut tx, &SyncOrders {}, options(&actor)).await.map_err(not_enqueued)?;
    tx.commit().await?;
    state.hints.jobs(trading::QUEUE);
    Ok(Json(reply(&actor, queued.job_id, "orders are being read from the broker")))
}

fn options(actor: &Actor) -> Enqueue {
    let options = Enqueue::default();
    match &actor.client.trace_id {
        Some(trace_id) => options.trace_id(trace_id),
        None => options,
    }
}

fn reply(actor: &Actor, work_item_id: Uuid, message: &'static str) -> Queued {
    Queued { success: true, work_item_id, status: "queued", message, trace_id: actor.client.trace_id.clone() }
}

/// What a reconciliation found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunView {
    timestamp: String,
    /// `success`, `partial` (with conflicts) or `failed`.
    status: &'static str,
    broker_positions: i32,
    db_positions: i32,
    synced: i32,
    added: i32,
    removed: i32,
    #[schema(value_type = [Object])]
    conflicts: Value,
    total_value: Option<f64>,
    /// Milliseconds.
    #[serde(rename = "duration_ms")]
    duration_ms: Option<i32>,
    error: Option<String>,
}

impl RunView {
    /// Conflicts name positions of every user: only administrators see what they are.
    fn new(run: Reconciliation, actor: &Actor) -> Self {
        let conflicts = run.conflicts.as_array().is_some_and(|list| !list.is_empty());
        Self {
            timestamp: timestamp::text(run.finished_at.unwrap_or(run.started_at)),
            status: match run.status {
                Outcome::Completed if conflicts => "partial",
                Outcome::Completed => "success",
                Outcome::Failed | Outcome::Running => "failed",
            },
            broker_positions: run.broker_positions,
            db_positions: run.db_positions,
            synced: run.synced,
            added: run.added,
            removed: run.removed,
            conflicts: if actor.is_admin { run.conflicts } else { json!([]) },
            total_value: run.total_value.map(number),
            duration_ms: run.duration_ms,
            error: run.error,
        }
    }
}

/// How reconciliation stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct StatusView {
    /// The last run that ended; null when there was none.
    last_run: Option<RunView>,
    /// How often workers reconcile by themselves, in milliseconds.
    interval: i64,
    is_reconciling: bool,
    /// When the next run is due, in milliseconds from now.
    next_run_in: i64,
}

/// Returns what the last reconciliation found, and when the next one is due.
#[utoipa::path(
    get, path = "/api/positions/reconcile/status", operation_id = "reconciliation_status", tag = "trading",
    responses((status = 200, body = StatusView)), security(("session" = []))
)]
pub(super) async fn status(actor: Actor, State(state): State<AppState>) -> ApiResult<Json<StatusView>> {
    standing(&mut *state.pool.acquire().await?, &actor).await.map(Json)
}

/// Returns how reconciliation stands.
pub(in crate::routes) async fn standing(conn: &mut PgConnection, actor: &Actor) -> ApiResult<StatusView> {
    let runs = reconciliations::recent(conn, LAST).await?;
    let interval = INTERVAL_S * 1000;
    let since = runs.first().map(|run| (chrono::Utc::now() - run.started_at).num_milliseconds());
    let next_run_in = since.map_or(0, |since| (interval - since).clamp(0, interval));
    let is_reconciling = runs.first().is_some_and(|run| run.status == Outcome::Running);
    let last = runs.into_iter().find(|run| run.status != Outcome::Running);
    let last_run = last.map(|run| RunView::new(run, actor));
    Ok(StatusView { last_run, interval, is_reconciling, next_run_in })
}
