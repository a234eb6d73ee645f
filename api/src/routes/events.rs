//! The event stream: what happens to the caller's rows, as it happens.
//!
//! Every frame carries an `id`; a client that sends the last one back as `Last-Event-ID`
//! goes on exactly there.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderName, HeaderValue, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event as Frame, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt};
use jobs::db::{
    events::{Audience, Cursor, Event},
    sessions,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::time::{Instant, timeout_at};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult},
    event_hub::{Feed, Item},
    extract::{Actor, Query},
    state::AppState,
};

/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Returns the routes of this file.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events)).routes(routes!(trading))
}

/// Where a stream goes on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ResumeQuery {
    /// The `id` of the last frame received, for clients that can't set `Last-Event-ID`.
    #[param(example = "4711.42")]
    last_event_id: Option<String>,
}

/// The place that the header `Last-Event-ID`, or else the query, names. What is no id of
/// ours is [`Cursor::NOWHERE`]: its sender has missed we don't know what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resume(pub(crate) Option<Cursor>);

impl FromRequestParts<AppState> for Resume {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Query(query) = Query::<ResumeQuery>::from_request_parts(parts, state).await?;
        let header = parts.headers.get("last-event-id");
        let header = header.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        // Empty is how a browser says that it has none.
        let text = header.or(query.last_event_id).filter(|text| !text.trim().is_empty());
        Ok(Self(text.map(|text| text.trim().parse().unwrap_or(Cursor::NOWHERE))))
    }
}

/// Streams the caller's events.
///
/// The first frame is `agent:status` with `{connected, clientId}`; then events in the order
/// they were committed, each once; a comment after 30 s of silence. With `Last-Event-ID` the
/// stream goes on after that event; one that is malformed or no longer kept gets a
/// `reset` frame first: read the state anew. A stream ends with its session, and when
/// the process stops: connect again.
#[utoipa::path(
    get, path = "/api/events", tag = "events", params(ResumeQuery),
    responses((status = 200, description = "An endless stream of events.", body = String,
        content_type = "text/event-stream"), (status = 429, description = "Too many streams are open.")),
    security(("session" = []))
)]
async fn events(actor: Actor, State(state): State<AppState>, resume: Resume) -> ApiResult<Response> {
    let feed = state.hub.open(Audience::User(actor.user_id), resume.0).await?;
    Ok(respond(&state, stream(&state, &actor, feed, Vec::new(), |_| Step::Send)?))
}

/// Streams the caller's events, as `/api/events` does. The query's `userId` is ignored.
#[utoipa::path(
    get, path = "/api/sse/trading", tag = "events", params(ResumeQuery),
    responses((status = 200, description = "An endless stream of events.", body = String,
        content_type = "text/event-stream"), (status = 429, description = "Too many streams are open.")),
    security(("session" = []))
)]
async fn trading(actor: Actor, state: State<AppState>, resume: Resume) -> ApiResult<Response> {
    events(actor, state, resume).await
}

/// What to do with an event of a feed.
pub(crate) enum Step {
    Send,
    Skip,
    SendAndEnd,
}

/// Returns the frames of a stream: the greeting, `first`, then the feed's as `step` says; 429
/// when the caller has too many open.
pub(crate) fn stream<S: Fn(&Event) -> Step + Send + 'static>(
    state: &AppState,
    actor: &Actor,
    mut feed: Feed,
    first: Vec<Frame>,
    step: S,
) -> ApiResult<impl Stream<Item = Result<Frame, Infallible>> + Send + use<S>> {
    let place = state.streams.take(actor.user_id)?;
    let session = Session::of(state, actor);
    let interval = state.hub.timing().session_check;
    Ok(async_stream::stream! {
        // Held until the stream ends or its client goes away.
        let _place = place;
        let greeting = json!({ "connected": true, "clientId": Uuid::new_v4() });
        yield Ok(frame("agent:status", &greeting, feed.cursor()).retry(RETRY));
        for frame in first {
            yield Ok(frame);
        }
        let mut check = Instant::now() + interval;
        loop {
            if Instant::now() >= check {
                if session.has_ended().await {
                    break;
                }
                check = Instant::now() + interval;
            }
            let item = match timeout_at(check, feed.next()).await {
                Ok(Ok(Some(item))) => item,
                Ok(Ok(None)) => break,
                // The client connects again, and goes on where it was.
                Ok(Err(error)) => {
                    tracing::warn!(%error, "an event stream can't be read; its client has to connect again");
                    break;
                }
                Err(_) => continue,
            };
            match item {
                Item::Reset => {
                    let note = json!({ "reason": "the events since your last one can't be sent: they are no longer kept, or its id is none of ours" });
                    yield Ok(frame("reset", &note, feed.cursor()));
                }
                Item::Event(event) => {
                    let step = step(&event);
                    if !matches!(step, Step::Skip) {
                        yield Ok(frame(&event.name, &event.body, event.cursor));
                    }
                    if matches!(step, Step::SendAndEnd) {
                        break;
                    }
                }
            }
        }
    })
}

/// The session that a stream was opened in.
struct Session {
    pool: PgPool,
    user_id: Uuid,
    digest: Vec<u8>,
    idle_hours: i64,
}

impl Session {
    fn of(state: &AppState, actor: &Actor) -> Self {
        Self {
            pool: state.pool.clone(),
            user_id: actor.user_id,
            digest: actor.session.clone(),
            idle_hours: state.config.api.session_idle_hours,
        }
    }

    /// While the database can't say, the session holds: no events come then either.
    async fn has_ended(&self) -> bool {
        let Ok(mut conn) = self.pool.acquire().await else { return false };
        let open = sessions::list(&mut conn, self.user_id, self.idle_hours).await;
        open.is_ok_and(|open| open.iter().all(|session| session.token_hash != self.digest))
    }
}

/// Returns one frame. `name` is one of ours: it holds no line break.
pub(crate) fn frame(name: &str, body: &Value, cursor: Cursor) -> Frame {
    Frame::default().event(name).id(cursor.to_string()).data(body.to_string())
}

/// Returns the reply that sends `frames` as they come.
pub(crate) fn respond(
    state: &AppState,
    frames: impl Stream<Item = Result<Frame, Infallible>> + Send + 'static,
) -> Response {
    let keepalive = KeepAlive::new().interval(state.hub.timing().keepalive).text("keepalive");
    let mut response = Sse::new(frames.boxed()).keep_alive(keepalive).into_response();
    response.headers_mut().insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}
