//! Jobs under the words of older clients: work items in five states.

use axum::{Json, extract::State};
use chrono::Utc;
use jobs::{
    Registry,
    queue::inspect::{self, Filter, JobRow, JobView, State as JobState, Tally},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgConnection;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{changes, reason};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{
        Body, May, Operator, Query,
        may::{AdminDanger, AdminRead, AdminWrite},
    },
    state::AppState,
    timestamp::text,
};

/// The five words and the states that each stands for.
const WORDS: [(&str, &[JobState]); 5] = [
    ("PENDING", &[JobState::Scheduled, JobState::Blocked, JobState::Available, JobState::Retryable]),
    ("RUNNING", &[JobState::Running]),
    ("SUCCEEDED", &[JobState::Completed]),
    ("FAILED", &[JobState::Cancelled, JobState::Indeterminate]),
    ("DEAD_LETTER", &[JobState::Discarded, JobState::Quarantined]),
];

/// Returns the word for a state.
pub(super) fn status(state: &str) -> &'static str {
    let found = WORDS.iter().find(|(_, states)| states.iter().any(|one| one.as_str() == state));
    found.map_or("PENDING", |(word, _)| word)
}

/// A job in the words of older clients.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkItem {
    id: Uuid,
    #[serde(rename = "type")]
    kind: String,
    /// PENDING, RUNNING, SUCCEEDED, FAILED or DEAD_LETTER.
    status: &'static str,
    attempts: i32,
    max_attempts: Option<i32>,
    next_run_at: String,
    last_error: Option<String>,
    /// JSON as text.
    payload: String,
    /// JSON as text.
    result: Option<String>,
    idempotency_key: String,
    symbol: Option<String>,
    trace_id: Option<String>,
    created_at: String,
    updated_at: String,
}

impl WorkItem {
    pub(super) fn of_view(job: JobView) -> Self {
        Self::new(JobRow {
            job_id: job.job_id,
            queue: job.queue,
            kind: job.kind,
            state: job.state,
            priority: job.priority,
            attempt: job.attempt,
            failures: job.failures,
            crashes: job.crashes,
            run_at: job.run_at,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            worker_id: job.worker_id,
            progress: job.progress,
            progress_note: job.progress_note,
            tags: job.tags,
            trace_id: job.trace_id,
            last_error: job.last_error,
            payload: job.payload,
            output: job.output,
        })
    }

    pub(super) fn new(job: JobRow) -> Self {
        let updated_at = job.finished_at.or(job.started_at).unwrap_or(job.created_at);
        Self {
            id: job.job_id,
            status: status(&job.state),
            attempts: job.attempt,
            max_attempts: Registry::new(true).max_failures(&job.kind),
            kind: job.kind,
            next_run_at: text(job.run_at),
            last_error: job.last_error,
            symbol: job.payload["symbol"].as_str().map(ToOwned::to_owned),
            payload: job.payload.to_string(),
            result: job.output.as_ref().map(Value::to_string),
            idempotency_key: job.job_id.to_string(),
            trace_id: job.trace_id,
            created_at: text(job.created_at),
            updated_at: text(updated_at),
        }
    }
}

/// How many jobs are in each of the five states.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct Counts {
    pending: i64,
    running: i64,
    succeeded: i64,
    failed: i64,
    dead_letter: i64,
}

impl From<&Tally> for Counts {
    fn from(tally: &Tally) -> Self {
        Self {
            pending: tally.pending.count,
            running: tally.running.count,
            succeeded: tally.succeeded.count,
            failed: tally.failed.count,
            dead_letter: tally.dead.count,
        }
    }
}

/// Returns whether any of the numbers is higher than was counted.
pub(super) fn is_approximate(tally: &Tally) -> bool {
    [tally.pending, tally.running, tally.succeeded, tally.failed, tally.dead].iter().any(|c| c.approximate)
}

/// Which work items to show.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct WorkItemsQuery {
    /// PENDING, RUNNING, SUCCEEDED, FAILED or DEAD_LETTER.
    status: Option<String>,
    /// The kind.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    kind: Option<String>,
    /// Most items, 1 to 500; 50 unless given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
}

/// Work items and how many there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WorkItems {
    /// Newest first.
    items: Vec<WorkItem>,
    /// Of all kinds.
    counts: Counts,
    /// How many there are of the status and type asked for.
    total: i64,
    /// Some number is higher than 10,000, where counting ends.
    approximate: bool,
}

impl WorkItemsQuery {
    fn filter(&self) -> ApiResult<Filter> {
        let asked = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let mut filter = Filter { kind: asked(&self.kind), ..Filter::default() };
        if let Some(word) = asked(&self.status) {
            let known = WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word));
            let (_, states) = known.ok_or_else(|| {
                let words = WORDS.map(|(word, _)| word).join(", ");
                let message = format!("unknown status {word:?}: use one of {words}");
                ApiError::bad_request(codes::INVALID_FILTER, message)
            })?;
            filter.states = states.to_vec();
        }
        if filter.kind.as_deref().is_some_and(|kind| kind.contains('\0')) {
            return Err(ApiError::bad_request(codes::INVALID_FILTER, "type holds the character U+0000"));
        }
        Ok(filter)
    }

    /// Returns the work items asked for.
    pub(super) async fn answer(&self, conn: &mut PgConnection) -> ApiResult<WorkItems> {
        let limit = self.limit.unwrap_or(50);
        if !(1..=500).contains(&limit) {
            let message = format!("limit must be between 1 and 500, not {limit}");
            return Err(ApiError::bad_request(codes::INVALID_QUERY, message));
        }
        let filter = self.filter()?;
        let tally = inspect::tally(conn).await?;
        let total = inspect::count(conn, &filter, Utc::now()).await?;
        let rows = inspect::list(conn, &filter, None, limit).await?;
        Ok(WorkItems {
            items: rows.into_iter().map(WorkItem::new).collect(),
            counts: (&tally).into(),
            total: total.count,
            approximate: total.approximate || is_approximate(&tally),
        })
    }
}

/// Lists jobs as work items, newest first.
#[utoipa::path(
    get, path = "/api/admin/work-items", tag = "admin", params(WorkItemsQuery), operation_id = "work_items",
    responses((status = 200, body = WorkItems), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn list(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Query(query): Query<WorkItemsQuery>,
) -> ApiResult<Json<WorkItems>> {
    let mut conn = state.pool.acquire().await?;
    query.answer(&mut conn).await.map(Json)
}

/// Which work item, and why.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(super) struct Choice {
    /// Id of the job.
    id: Option<String>,
    /// At most 500 characters.
    reason: Option<String>,
}

impl Choice {
    fn id(&self) -> ApiResult<Uuid> {
        let id = self.id.as_deref().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| ApiError::invalid_field("id", "id is required"))?;
        id.parse().map_err(|_| ApiError::not_found("work item"))
    }
}

/// It is done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "work item queued for retry"}))]
pub(super) struct Said {
    success: bool,
    message: &'static str,
}

/// What older clients read as "not in that state" is a 400.
fn as_bad_request(error: ApiError) -> ApiError {
    if error.status() == axum::http::StatusCode::CONFLICT {
        return error.with_status(axum::http::StatusCode::BAD_REQUEST);
    }
    error
}

/// Retries a job that is DEAD_LETTER or FAILED.
pub(super) async fn retry_item(
    state: &AppState,
    operator: &Operator,
    id: Uuid,
    sent: Option<&str>,
) -> ApiResult<Json<Said>> {
    let reason = reason::optional(sent)?.unwrap_or_else(|| "retried as a work item".to_owned());
    let mut conn = state.pool.acquire().await?;
    let job = inspect::job(&mut conn, id).await?.ok_or_else(|| ApiError::not_found("work item"))?;
    drop(conn);
    let word = status(&job.state);
    if !matches!(word, "DEAD_LETTER" | "FAILED") {
        let message = format!("the work item is {word}: only DEAD_LETTER and FAILED ones are retried");
        return Err(as_bad_request(ApiError::conflict(codes::CONFLICT, message)));
    }
    changes::retry_job(state, operator, id, reason).await.map_err(as_bad_request)?;
    Ok(Json(Said { success: true, message: "work item queued for retry" }))
}

/// Discards a waiting job.
pub(super) async fn dead_letter_item(
    state: &AppState,
    operator: &Operator,
    id: Uuid,
    sent: Option<&str>,
) -> ApiResult<Json<Said>> {
    let reason = reason::optional(sent)?.unwrap_or_else(|| "moved to the dead letters".to_owned());
    changes::discard_job(state, operator, id, reason).await.map_err(as_bad_request)?;
    Ok(Json(Said { success: true, message: "work item moved to the dead letters" }))
}

/// Cancels a job.
pub(super) async fn cancel_item(
    state: &AppState,
    operator: &Operator,
    id: Uuid,
    sent: Option<&str>,
) -> ApiResult<Json<Said>> {
    let reason = reason::optional(sent)?.unwrap_or_else(|| "cancelled as a work item".to_owned());
    changes::cancel_job(state, operator, id, reason).await.map_err(as_bad_request)?;
    Ok(Json(Said { success: true, message: "work item cancelled" }))
}

/// Retries a work item that is DEAD_LETTER or FAILED; one that has finished is repeated as a
/// new job.
#[utoipa::path(
    post, path = "/api/admin/work-items/retry", tag = "admin", request_body = Choice,
    operation_id = "work_item_retry",
    responses(
        (status = 200, body = Said),
        (status = 403, description = "Needs `admin:write`."),
        (status = 404, description = "There is no such work item."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn retry(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Body(choice): Body<Choice>,
) -> ApiResult<Json<Said>> {
    retry_item(&state, &operator, choice.id()?, choice.reason.as_deref()).await
}

/// Discards a waiting work item.
#[utoipa::path(
    post, path = "/api/admin/work-items/dead-letter", tag = "admin", request_body = Choice,
    operation_id = "work_item_dead_letter",
    responses(
        (status = 200, body = Said),
        (status = 403, description = "Needs `admin:danger`."),
        (status = 404, description = "There is no such work item."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn dead_letter(
    operator: May<AdminDanger>,
    State(state): State<AppState>,
    Body(choice): Body<Choice>,
) -> ApiResult<Json<Said>> {
    dead_letter_item(&state, &operator, choice.id()?, choice.reason.as_deref()).await
}
