//! What is enqueued by the clock.

mod input;

use axum::{Json, extract::State, http::StatusCode};
use jobs::{
    db::audit,
    queue::{
        cron::CronError,
        inspect::{self, ScheduleView},
        operate::{self, NewSchedule, ScheduleError},
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use self::input::ScheduleInput;
use super::{
    queues::known,
    reason::{self, Reasoned},
    view::optional,
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{
        Body, Id, May, Operator,
        may::{AdminRead, AdminWrite},
    },
    routes::auth::Done,
    state::AppState,
    timestamp::text,
};

/// A schedule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduleItem {
    id: Uuid,
    name: String,
    cron: String,
    time_zone: String,
    queue: String,
    kind: String,
    #[schema(value_type = Object)]
    payload: Value,
    misfire: String,
    overlap: String,
    paused: bool,
    last_tick: Option<String>,
    /// When it enqueues next, unless it is paused.
    next_tick: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<ScheduleView> for ScheduleItem {
    fn from(schedule: ScheduleView) -> Self {
        Self {
            id: schedule.schedule_id,
            name: schedule.name,
            cron: schedule.cron,
            time_zone: schedule.time_zone,
            queue: schedule.queue,
            kind: schedule.kind,
            payload: schedule.payload,
            misfire: schedule.misfire,
            overlap: schedule.overlap,
            paused: schedule.paused,
            last_tick: optional(schedule.last_tick),
            next_tick: optional(schedule.next_tick),
            created_at: text(schedule.created_at),
            updated_at: text(schedule.updated_at),
        }
    }
}

fn refused(error: ScheduleError) -> ApiError {
    let message = error.to_string();
    match error {
        ScheduleError::Cron(CronError::Zone(_)) => ApiError::bad_request(codes::INVALID_TIME_ZONE, message),
        ScheduleError::Cron(CronError::Line { .. }) | ScheduleError::Never(_) => {
            ApiError::bad_request(codes::INVALID_CRON, message)
        }
        ScheduleError::NameTaken(_) => ApiError::conflict(codes::NAME_TAKEN, message),
        ScheduleError::Database(error) => error.into(),
    }
}

fn kept(schedule: &ScheduleView) -> Value {
    json!({
        "name": schedule.name, "cron": schedule.cron, "timeZone": schedule.time_zone,
        "queue": schedule.queue, "kind": schedule.kind, "payload": schedule.payload,
        "misfire": schedule.misfire, "overlap": schedule.overlap, "paused": schedule.paused
    })
}

async fn read(conn: &mut PgConnection, id: Uuid) -> ApiResult<ScheduleView> {
    inspect::schedule(conn, id).await?.ok_or_else(missing)
}

fn missing() -> ApiError {
    ApiError::not_found("schedule")
}

/// Lists the schedules by name.
#[utoipa::path(
    get, path = "/api/admin/schedules", tag = "admin", operation_id = "schedules",
    responses((status = 200, body = [ScheduleItem]), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn list(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
) -> ApiResult<Json<Vec<ScheduleItem>>> {
    let mut conn = state.pool.acquire().await?;
    Ok(Json(inspect::schedules(&mut conn).await?.into_iter().map(Into::into).collect()))
}

/// Returns a schedule.
#[utoipa::path(
    get, path = "/api/admin/schedules/{id}", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "schedule",
    responses((status = 200, body = ScheduleItem), (status = 403, description = "Needs `admin:read`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn one(
    _operator: May<AdminRead>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
) -> ApiResult<Json<ScheduleItem>> {
    let mut conn = state.pool.acquire().await?;
    read(&mut conn, id).await.map(|schedule| Json(schedule.into()))
}

/// Makes a schedule. It begins with its next tick.
#[utoipa::path(
    post, path = "/api/admin/schedules", tag = "admin", operation_id = "schedule_create",
    request_body = ScheduleInput,
    responses(
        (status = 201, body = ScheduleItem),
        (status = 403, description = "Needs `admin:write`."),
        (status = 404, description = "There is no such queue."),
        (status = 409, description = "The name is taken."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn create(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Body(input): Body<ScheduleInput>,
) -> ApiResult<(StatusCode, Json<ScheduleItem>)> {
    for (field, absent) in
        [("name", input.name.is_none()), ("cron", input.cron.is_none()), ("kind", input.kind.is_none())]
    {
        if absent {
            return Err(ApiError::invalid_field(field, format!("{field} is required")));
        }
    }
    let reason = reason::optional(input.reason.as_deref())?;
    let mut new = NewSchedule {
        name: String::new(),
        cron: String::new(),
        time_zone: "UTC".into(),
        queue: "default".into(),
        kind: String::new(),
        payload: json!({}),
        misfire: "latest".into(),
        overlap: "skip".into(),
        paused: false,
    };
    input.apply(&mut new, state.config.worker.exercise)?;
    let mut tx = state.pool.begin().await?;
    known(&mut tx, &state, &new.queue).await?;
    let made = operate::create_schedule(&mut tx, &new).await.map_err(refused)?;
    let entry = audit::Entry {
        reason,
        ..operator.entry("create_schedule", "schedule", made.schedule_id, kept(&made))
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// Changes what is sent of a schedule and leaves the rest. It goes on with its next tick.
#[utoipa::path(
    patch, path = "/api/admin/schedules/{id}", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "schedule_patch",
    request_body = ScheduleInput,
    responses(
        (status = 200, body = ScheduleItem),
        (status = 403, description = "Needs `admin:write`."),
        (status = 409, description = "The name is taken."),
    ),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn patch(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(input): Body<ScheduleInput>,
) -> ApiResult<Json<ScheduleItem>> {
    let reason = reason::optional(input.reason.as_deref())?;
    let mut tx = state.pool.begin().await?;
    let before = read(&mut tx, id).await?;
    let mut new = NewSchedule {
        name: before.name.clone(),
        cron: before.cron.clone(),
        time_zone: before.time_zone.clone(),
        queue: before.queue.clone(),
        kind: before.kind.clone(),
        payload: before.payload.clone(),
        misfire: before.misfire.clone(),
        overlap: before.overlap.clone(),
        paused: before.paused,
    };
    input.apply(&mut new, state.config.worker.exercise)?;
    if new.queue != before.queue {
        known(&mut tx, &state, &new.queue).await?;
    }
    let changed = operate::update_schedule(&mut tx, id, &new).await.map_err(refused)?.ok_or_else(missing)?;
    let entry = audit::Entry {
        reason,
        before: Some(kept(&before)),
        ..operator.entry("update_schedule", "schedule", id, kept(&changed))
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(Json(changed.into()))
}

/// Deletes a schedule. The jobs that it has enqueued stay.
#[utoipa::path(
    delete, path = "/api/admin/schedules/{id}", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "schedule_delete",
    request_body = Reasoned,
    responses((status = 200, body = Done), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn delete(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<Done>> {
    let reason = body.required()?;
    let mut tx = state.pool.begin().await?;
    let before = operate::delete_schedule(&mut tx, id).await?.ok_or_else(missing)?;
    let entry = audit::Entry {
        reason: Some(reason),
        before: Some(kept(&before)),
        ..operator.entry("delete_schedule", "schedule", id, json!({}))
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(Json(Done::YES))
}

/// The job of a triggered schedule.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Triggered {
    job_id: Uuid,
    /// False when the job of an earlier triggering is still unfinished: it stands for this one.
    enqueued: bool,
}

/// Enqueues a schedule's job now, whatever its clock says, paused or not.
#[utoipa::path(
    post, path = "/api/admin/schedules/{id}/trigger", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "schedule_trigger",
    request_body = Reasoned,
    responses((status = 200, body = Triggered), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn trigger(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<Triggered>> {
    let reason = body.optional()?;
    let mut tx = state.pool.begin().await?;
    let schedule = read(&mut tx, id).await?;
    let trace_id = operator.client.trace_id.as_deref();
    let job = operate::trigger_schedule(&mut tx, &schedule, trace_id).await?;
    let after = json!({ "jobId": job.job_id, "enqueued": job.inserted });
    let entry = audit::Entry { reason, ..operator.entry("trigger_schedule", "schedule", id, after) };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    state.hints.jobs(&schedule.queue);
    Ok(Json(Triggered { job_id: job.job_id, enqueued: job.inserted }))
}

/// Stops a schedule from enqueueing.
#[utoipa::path(
    post, path = "/api/admin/schedules/{id}/pause", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "schedule_pause",
    request_body = Reasoned,
    responses((status = 200, body = ScheduleItem), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn pause(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<ScheduleItem>> {
    set_paused(&state, &operator, "pause_schedule", id, true, &body).await
}

/// Lets a schedule enqueue again, from its next tick: the ticks of the pause are not made up
/// for.
#[utoipa::path(
    post, path = "/api/admin/schedules/{id}/resume", tag = "admin", params(("id" = Uuid, Path)),
    operation_id = "schedule_resume",
    request_body = Reasoned,
    responses((status = 200, body = ScheduleItem), (status = 403, description = "Needs `admin:write`.")),
    security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn resume(
    operator: May<AdminWrite>,
    State(state): State<AppState>,
    Id(id): Id<Uuid>,
    Body(body): Body<Reasoned>,
) -> ApiResult<Json<ScheduleItem>> {
    set_paused(&state, &operator, "resume_schedule", id, false, &body).await
}

async fn set_paused(
    state: &AppState,
    operator: &Operator,
    action: &str,
    id: Uuid,
    paused: bool,
    body: &Reasoned,
) -> ApiResult<Json<ScheduleItem>> {
    let reason = body.optional()?;
    let mut tx = state.pool.begin().await?;
    let before = read(&mut tx, id).await?;
    let changed =
        operate::pause_schedule(&mut tx, &before, paused).await.map_err(refused)?.ok_or_else(missing)?;
    let entry = audit::Entry {
        reason,
        before: Some(kept(&before)),
        ..operator.entry(action, "schedule", id, kept(&changed))
    };
    audit::record(&mut tx, entry).await?;
    tx.commit().await?;
    Ok(Json(changed.into()))
}
