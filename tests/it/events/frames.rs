//! Reads server-sent events.

use std::time::Duration;

use futures::{Stream, StreamExt};
use jobs::db::events;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sqlx::PgConnection;
use suites::SignedIn;
use tokio::time::timeout;
use uuid::Uuid;

/// The longest wait for a frame.
const LIMIT: Duration = Duration::from_mins(1);
/// A stream outlasts what a client otherwise allows for a whole answer.
const OPEN: Duration = Duration::from_mins(10);

/// One frame, or a comment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frame {
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) data: Value,
    pub(crate) comment: String,
}

/// An open stream.
pub(crate) struct Frames {
    bytes: std::pin::Pin<Box<dyn Stream<Item = reqwest::Result<axum::body::Bytes>> + Send>>,
    text: String,
}

impl Frames {
    /// Opens `path` as `user`, after the event `last` if given, and returns it with the greeting.
    pub(crate) async fn open(user: &SignedIn, path: &str, last: Option<&str>) -> (Self, Frame) {
        let mut request = user.request(Method::GET, path).timeout(OPEN);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let mut frames = Self::of(request.send().await.expect("an answer"));
        let greeting = frames.next().await;
        assert_eq!((greeting.event.as_str(), &greeting.data["connected"]), ("agent:status", &json!(true)));
        (frames, greeting)
    }

    /// Reads the frames of `response`.
    pub(crate) fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { bytes: response.bytes_stream().boxed(), text: String::new() }
    }

    /// Returns the next frame that is no comment.
    pub(crate) async fn next(&mut self) -> Frame {
        self.next_or_end().await.expect("the stream goes on")
    }

    /// Returns the next frame that is no comment, `None` when the stream ends: a sign of life comes
    /// whenever there was nothing else for a while.
    pub(crate) async fn next_or_end(&mut self) -> Option<Frame> {
        loop {
            match self.raw().await {
                Some(frame) if !frame.comment.is_empty() => {}
                other => return other,
            }
        }
    }

    /// Returns whatever comes next, `None` when the stream ends.
    pub(crate) async fn raw(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let rest = self.text.split_off(end + 2);
                return Some(parse(std::mem::replace(&mut self.text, rest).trim_end()));
            }
            let more = timeout(LIMIT, self.bytes.next()).await.expect("a frame in time");
            let more = more?.expect("the connection holds");
            self.text
                .push_str(std::str::from_utf8(&more).expect("our frames are not cut inside a character"));
        }
    }

    /// Returns the `n` of the next `count` events made by [`append`].
    pub(crate) async fn numbers(&mut self, count: usize) -> Vec<i64> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            numbers.push(self.next().await.data["n"].as_i64().expect("an event of the test"));
        }
        numbers
    }
}

fn parse(text: &str) -> Frame {
    let mut frame = Frame::default();
    for line in text.lines() {
        match line.split_once(": ").expect("a field or a comment") {
            ("event", value) => value.clone_into(&mut frame.event),
            ("id", value) => value.clone_into(&mut frame.id),
            ("data", value) => frame.data = serde_json::from_str(value).expect("data is JSON"),
            ("", value) => value.clone_into(&mut frame.comment),
            ("retry", _) => {}
            (field, _) => panic!("{field} is no field of a frame"),
        }
    }
    frame
}

/// Appends an event `{n}` for `user`.
pub(crate) async fn append(conn: &mut PgConnection, user: &SignedIn, n: i64) {
    events::append(conn, id_of(user), "alert:new", None, &json!({"n": n}))
        .await
        .expect("an event is appended");
}

/// Returns the user's id.
pub(crate) fn id_of(user: &SignedIn) -> Uuid {
    user.user_id.parse().expect("user ids are UUIDs")
}
