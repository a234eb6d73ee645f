//! What an operator may say about a schedule. Every field is optional: what is absent stays.

use jobs::{PayloadError, Registry, queue::operate::NewSchedule};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    error::{ApiError, ApiResult, codes},
    plain_text::plain,
};

const LONGEST_NAME: usize = 200;

/// What a schedule consists of. To create one `name`, `cron` and `kind` are required; a change
/// leaves what is absent as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({
    "name": "nightly", "cron": "30 2 * * *", "timeZone": "America/New_York", "kind": "run_backtest",
    "queue": "backtests", "payload": {}, "misfire": "latest", "overlap": "skip"
}))]
pub(in super::super) struct ScheduleInput {
    /// Unique, at most 200 characters.
    pub(super) name: Option<String>,
    /// Five fields, six with seconds in front, or a nickname such as `@daily`.
    pub(super) cron: Option<String>,
    /// An IANA name; `UTC` unless given.
    time_zone: Option<String>,
    /// `default` unless given.
    queue: Option<String>,
    pub(super) kind: Option<String>,
    #[schema(value_type = Option<Object>)]
    payload: Option<Map<String, Value>>,
    /// Ticks missed while nobody led: `skip`, `latest` (unless given) or `all`.
    misfire: Option<String>,
    /// While an earlier tick's job is unfinished: `skip` (unless given) or `allow`.
    overlap: Option<String>,
    paused: Option<bool>,
    /// At most 500 characters.
    pub(super) reason: Option<String>,
}

impl ScheduleInput {
    /// Writes what was sent over `schedule`.
    pub(super) fn apply(self, schedule: &mut NewSchedule, exercise: bool) -> ApiResult<()> {
        if let Some(name) = &self.name {
            schedule.name = name_of(name)?;
        }
        // What stays as it was is not judged anew: an operator must be able to pause it.
        let judged = self.kind.is_some() || self.payload.is_some();
        if let Some(kind) = self.kind {
            schedule.kind = kind;
        }
        if let Some(payload) = self.payload {
            schedule.payload = Value::Object(payload);
        }
        if judged {
            check(&Registry::new(exercise), &schedule.kind, &schedule.payload)?;
        }
        schedule.misfire = word("misfire", self.misfire, &schedule.misfire, &["skip", "latest", "all"])?;
        schedule.overlap = word("overlap", self.overlap, &schedule.overlap, &["skip", "allow"])?;
        if let Some(cron) = self.cron {
            cron.trim().clone_into(&mut schedule.cron);
        }
        if let Some(zone) = self.time_zone {
            schedule.time_zone = zone;
        }
        if let Some(queue) = self.queue {
            schedule.queue = queue;
        }
        schedule.paused = self.paused.unwrap_or(schedule.paused);
        Ok(())
    }
}

/// Refuses a kind that there is not, and a payload that its handler could not read.
fn check(registry: &Registry, kind: &str, payload: &Value) -> ApiResult<()> {
    registry.check_payload(kind, payload).map_err(|error| match error {
        PayloadError::UnknownKind(kind) => {
            let known = registry.kinds();
            let message = format!("there is no kind {kind:?}: use one of {}", known.join(", "));
            ApiError::bad_request(codes::UNKNOWN_KIND, message).with_details(json!({ "known": known }))
        }
        PayloadError::Undecodable { kind, path, reason } => {
            let field = if path == "." { "payload".to_owned() } else { format!("payload.{path}") };
            let message = format!("{field} does not fit {kind}: {reason}");
            ApiError::bad_request(codes::INVALID_PAYLOAD, message).with_details(json!({ "field": field }))
        }
    })
}

fn name_of(sent: &str) -> ApiResult<String> {
    let name = plain(sent);
    let length = name.chars().count();
    if (1..=LONGEST_NAME).contains(&length) {
        return Ok(name);
    }
    let message = format!("name has {length} characters: 1 to {LONGEST_NAME} are allowed");
    Err(ApiError::invalid_field("name", message))
}

fn word(field: &str, sent: Option<String>, now: &str, allowed: &[&str]) -> ApiResult<String> {
    match sent {
        None => Ok(now.to_owned()),
        Some(word) if allowed.contains(&word.as_str()) => Ok(word),
        Some(word) => Err(ApiError::invalid_field(
            field,
            format!("unknown {field} {word:?}: use one of {}", allowed.join(", ")),
        )),
    }
}
