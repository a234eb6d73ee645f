//! Queues: what waits in them, and whether and how wide they run.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use chrono::Utc;
use jobs::{
    db::audit,
    queue::{
        inspect::{self, QueueView},
        operate::{self, QueueSettings},
    },
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use utoipa::ToSchema;

use super::{
    reason::{self, Reasoned},
    view::{CountView, optional},
};
use crate::{
    error::{ApiError, ApiResult},
    extract::{
        Body, May, Name, Operator,
        may::{AdminRead, AdminWrite},
    },
    state::AppState,
};

/// A queue as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "queue": "backtests", "paused": false, "draining": false, "concurrency": null, "reason": null,
    "updatedAt": null, "depth": {"available": {"count": 3, "approximate": false}},
    "oldestAvailableAgeMs": 1250, "finishedLastMinute": {"count": 4, "approximate": false},
    "finishedLastFiveMinutes": {"count": 21, "approximate": false},
    "discardedLastFiveMinutes": {"count": 0, "approximate": false}, "workers": 2, "slots": 4, "limits": []
}))]
pub(super) struct QueueItem {
    queue: String,
    paused: bool,
    /// Paused, and some of its jobs still run.
    draining: bool,
    /// Slots of each worker process, when an operator set them.
    concurrency: Option<i32>,
    /// Why an operator changed it last.
    reason: Option<String>,
    updated_at: Option<String>,
    /// Unfinished jobs by state; states without jobs are absent.
    depth: BTreeMap<&'static str, CountView>,
    /// How long the longest waiting job that could run has waited.
    oldest_available_age_ms: Option<i64>,
    finished_last_minute: CountView,
    finished_last_five_minutes: CountView,
    discarded_last_five_minutes: CountView,
    /// Live worker processes that serve it.
    workers: i64,
    /// Their slots together, by their own settings.
    slots: i64,
    /// The keys of the fleet-wide limits that its unfinished jobs share: `/api/admin/limits/{key}`.
    limits: Vec<String>,
}

impl From<QueueView> for QueueItem {
    fn from(view: QueueView) -> Self {
        let age = |since: chrono::DateTime<Utc>| (Utc::now() - since).num_milliseconds().max(0);
        Self {
            draining: view.paused && view.depth.get("running").is_some_and(|running| running.count > 0),
            queue: view.queue,
            paused: view.paused,
            concurrency: view.concurrency,
            reason: view.reason,
            updated_at: optional(view.updated_at),
            depth: view.depth.into_iter().map(|(state, count)| (state, count.into())).collect(),
            oldest_available_age_ms: view.oldest_available.map(age),
            finished_last_minute: view.finished[0].into(),
            finished_last_five_minutes: view.finished[1].into(),
            discarded_last_five_minutes: view.discarded.into(),
            workers: view.workers,
            slots: view.slots,
            limits: view.limits,
        }
    }
}

fn configured(state: &AppState) -> Vec<String> {
    state.config.worker.queues.keys().cloned().collect()
}

/// Refuses the name of a queue that nothing knows.
pub(super) async fn known(conn: &mut PgConnection, state: &AppState, queue: &str) -> ApiResult<()> {
    if state.config.worker.queues.contains_key(queue) || inspect::is_queue(conn, queue).await? {
        return Ok(());
    }
    Err(ApiError::not_found(&format!("queue {queue:?}")))
}

/// Lists the queues that are configured, served, changed or in use.
#[utoipa::path(
    get, path = "/api/admin/queues", tag = "admin", operation_id = "queues",
    responses((status = 200, body = [QueueItem]), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn list(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<QueueItem>>> {
    let mut conn = state.pool.acquire().await?;
    let queues = inspect::queues(&mut conn, &configured(&state)).await?;
    Ok(Json(queues.into_iter().map(Into::into).collect()))
}

/// Returns a queue.
#[utoipa::path(
    get, path = "/api/admin/queues/{queue}", tag = "admin", params(("queue" = String, Path)),
    operation_id = "queue",
    responses((status = 200, body = QueueItem), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn one(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Name(queue): Name,
) -> ApiResult<Json<QueueItem>> {
    let mut conn = state.pool.acquire().await?;
    read(&mut conn, &state, &queue).await.map(Json)
}

async fn read(conn: &mut PgConnection, state: &AppState, queue: &str) -> ApiResult<QueueItem> {
    let view = inspect::queue(conn, queue, &configured(state)).await?;
    view.map(Into::into).ok_or_else(|| ApiError::not_found(&format!("queue {queue:?}")))
}

/// Keeps workers from claiming the queue's jobs; running ones finish.
#[utoipa::path(
    post, path = "/api/admin/queues/{queue}/pause", tag = "admin", params(("queue" = String, Path)),
    operation_id = "queue_pause",
    request_body = Reasoned,
    responses((status = 200, body = QueueItem), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn pause(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Name(queue): Name,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<QueueItem>> {
    set_paused(&state, &operator, "pause_queue", &queue, true, body.required()?).await.map(Json)
}

/// Lets workers claim the queue's jobs again.
#[utoipa::path(
    post, path = "/api/admin/queues/{queue}/resume", tag = "admin", params(("queue" = String, Path)),
    operation_id = "queue_resume",
    request_body = Reasoned,
    responses((status = 200, body = QueueItem), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn resume(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Name(queue): Name,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<QueueItem>> {
    set_paused(&state, &operator, "resume_queue", &queue, false, body.required()?).await.map(Json)
}

/// Pauses the queue so that it runs empty: `draining` stays true until its last running job
/// has ended. Waiting jobs stay.
#[utoipa::path(
    post, path = "/api/admin/queues/{queue}/drain", tag = "admin", params(("queue" = String, Path)),
    operation_id = "queue_drain",
    request_body = Reasoned,
    responses((status = 200, body = QueueItem), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn drain(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Name(queue): Name,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<QueueItem>> {
    set_paused(&state, &operator, "drain_queue", &queue, true, body.required()?).await.map(Json)
}

/// Pauses or resumes a queue that is known, audited as `action`.
pub(super) async fn set_paused(
    state: &AppState,
    operator: &Operator,
    action: &str,
    queue: &str,
    paused: bool,
    reason: String,
) -> ApiResult<QueueItem> {
    let mut tx = state.pool.begin().await?;
    known(&mut tx, state, queue).await?;
    let before = operate::queue_settings(&mut tx, queue).await?;
    operate::set_paused(&mut tx, queue, paused, &reason).await?;
    let after = QueueSettings { paused, ..before.clone() };
    let entry = audit::Entry {
        reason: Some(reason),
        before: Some(json!(before)),
        ..operator.entry(action, "queue", queue, json!(after))
    };
    audit::record(&mut tx, entry).await?;
    let view = read(&mut tx, state, queue).await?;
    tx.commit().await?;
    state.hints.jobs(queue);
    Ok(view)
}

/// What to change of a queue.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"concurrency": 4, "reason": "the machines are busy"}))]
pub(super) struct Resize {
    /// Slots of each worker process, 1 to 10,000; null: the worker's own setting.
    #[serde(default)]
    #[schema(value_type = Option<i32>)]
    concurrency: Concurrency,
    /// At most 500 characters.
    reason: Option<String>,
}

/// Null and absence are different things to say.
#[derive(Debug, Clone, Copy, Default)]
enum Concurrency {
    #[default]
    Absent,
    Sent(Option<i32>),
}

impl<'de> Deserialize<'de> for Concurrency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Sent)
    }
}

/// Sets how many of the queue's jobs each worker process runs at a time. Fleet-wide limits are
/// set by key: `/api/admin/limits/{key}`.
#[utoipa::path(
    patch, path = "/api/admin/queues/{queue}", tag = "admin", params(("queue" = String, Path)),
    operation_id = "queue_resize",
    request_body = Resize,
    responses((status = 200, body = QueueItem), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn resize(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Name(queue): Name,
    Body(body): Body<Resize>,
) -> ApiResult<Json<QueueItem>> {
    let reason = reason::optional(body.reason.as_deref())?;
    let Concurrency::Sent(concurrency) = body.concurrency else {
        let message = "there is nothing to change: send concurrency";
        return Err(ApiError::invalid_field("concurrency", message));
    };
    if let Some(slots) = concurrency.filter(|slots| !(1..=10_000).contains(slots)) {
        let message =
            format!("concurrency must be between 1 and 10000, not {slots}: pause the queue to stop it");
        return Err(ApiError::invalid_field("concurrency", message));
    }
    let mut tx = state.pool.begin().await?;
    known(&mut tx, &state, &queue).await?;
    let before = operate::queue_settings(&mut tx, &queue).await?;
    operate::resize(&mut tx, &queue, concurrency, reason.as_deref()).await?;
    let after = QueueSettings { concurrency, ..before.clone() };
    let entry = audit::Entry {
        reason,
        before: Some(json!(before)),
        ..operator.entry("resize_queue", "queue", &queue, json!(after))
    };
    audit::record(&mut tx, entry).await?;
    let view = read(&mut tx, &state, &queue).await?;
    tx.commit().await?;
    Ok(Json(view))
}
