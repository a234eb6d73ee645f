//! Watching one run.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
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
        (status = 204, description = "The run is finished and its last event was received.")),
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
        return Ok(respond(&state, stream(&state, &actor, feed, Vec::new(), |event| step(event, None))));
    }
    let resumed = resume.0.is_some() && !lost;
    if finished && resumed && !events::unsettled_after(&mut conn, feed.cursor()).await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    drop(conn);
    let now = frame(PROGRESS, &body(&run), feed.cursor());
    if finished {
        let greeting = stream(&state, &actor, feed, vec![now], |_| Step::Skip);
        return Ok(respond(&state, greeting.take(2)));
    }
    let shown = run.updated_at;
    Ok(respond(&state, stream(&state, &actor, feed, vec![now], move |event| step(event, Some(shown)))))
}

/// Skips what the first frame has shown already, and ends with the run.
fn step(event: &Event, shown: Option<DateTime<Utc>>) -> Step {
    let at = event.body["updatedAt"].as_str().and_then(|text| text.parse::<DateTime<Utc>>().ok());
    if event.name != PROGRESS || matches!((at, shown), (Some(at), Some(shown)) if at <= shown) {
        return Step::Skip;
    }
    match event.body["status"].as_str() {
        Some("DONE" | "FAILED" | "CANCELLED") => Step::SendAndEnd,
        _ => Step::Send,
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
        "updatedAt": run.updated_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
    })
}
