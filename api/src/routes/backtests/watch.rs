//! Watching one run.

use std::cmp::Ordering;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SubsecRound, Utc};
use futures::StreamExt;
use jobs::db::{
    backtests::Run,
    events::{self, Audience, Event},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::own;
use crate::{
    error::ApiResult,
    extract::{Actor, Id},
    routes::events::{Resume, ResumeQuery, Step, frame, respond, stream},
    state::AppState,
    timestamp,
};

const PROGRESS: &str = "backtest:progress";

/// Streams the progress of one run as `backtest:progress` events.
///
/// The present state comes first, and the stream ends with the run. Connecting again
/// afterwards with the last event's id gets 204, which tells an `EventSource` to stop.
#[utoipa::path(
    get, path = "/api/backtests/{id}/events", tag = "backtests", params(("id" = Uuid, Path), ResumeQuery),
    responses(
        (status = 200, description = "Events until the run is finished.", body = String,
            content_type = "text/event-stream"),
        (status = 204, description = "The run is finished and its last event was received."),
        (status = 429, description = "Too many streams are open.")),
    security(("session" = []))
)]
pub(super) async fn watch(
    actor: Actor,
    Id(id): Id<Uuid>,
    State(state): State<AppState>,
    resume: Resume,
) -> ApiResult<Response> {
    let mut conn = state.pool.acquire().await?;
    own(&mut conn, &actor, id).await?;
    drop(conn);
    let audience = Audience::Subject { user_id: actor.user_id, subject_id: id };
    let mut feed = state.hub.open(audience, resume.0).await?;
    // The present state is sent instead.
    let lost = feed.take_reset();
    let missed = feed.has_stored().await?;
    // Read after the feed was opened, so that no change falls between the two.
    let mut conn = state.pool.acquire().await?;
    let run = own(&mut conn, &actor, id).await?;
    let finished = run.status.is_finished();
    if missed {
        // What was missed ends with the present state.
        return Ok(respond(&state, stream(&state, &actor, feed, Vec::new(), |event| step(event, None))?));
    }
    let resumed = resume.0.is_some() && !lost;
    if finished && resumed && !events::unsettled_after(&mut conn, feed.cursor()).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    drop(conn);
    let now = frame(PROGRESS, &body(&run), feed.cursor());
    if finished {
        let greeting = stream(&state, &actor, feed, vec![now], |_| Step::Skip)?;
        return Ok(respond(&state, greeting.take(2)));
    }
    Ok(respond(&state, stream(&state, &actor, feed, vec![now], move |event| step(event, Some(&run)))?))
}

/// Skips what the first frame has shown already, and ends with the run.
fn step(event: &Event, shown: Option<&Run>) -> Step {
    if event.name != PROGRESS || shown.is_some_and(|run| is_shown(event, run)) {
        return Step::Skip;
    }
    match event.body["status"].as_str() {
        Some("DONE" | "FAILED" | "CANCELLED") => Step::SendAndEnd,
        _ => Step::Send,
    }
}

/// Returns whether `event` says no more than `run` does. Times are sent in milliseconds, in
/// one of which a run can take several steps: what was reached decides then.
fn is_shown(event: &Event, run: &Run) -> bool {
    let at = event.body["updatedAt"].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    let Some(at) = at else { return false };
    let reached = || match event.body["status"].as_str() {
        Some("QUEUED") => true,
        Some(status) => {
            status == run.status.as_str()
                && event.body["progress"].as_i64().is_some_and(|progress| progress <= run.progress.into())
        }
        None => false,
    };
    match at.trunc_subsecs(3).cmp(&run.updated_at.trunc_subsecs(3)) {
        Ordering::Less => true,
        Ordering::Equal => reached(),
        Ordering::Greater => false,
    }
}

/// The same keys as the stored events have.
fn body(run: &Run) -> Value {
    json!({
        "id": run.id,
        "status": run.status.as_str(),
        "progress": run.progress,
        "strategyId": run.strategy_id,
        "errorCode": run.error_code,
        "errorMessage": run.error_message,
        "updatedAt": timestamp::text(run.updated_at),
    })
}
