//! Which jobs an operator means, as query parameters or as an object.

use axum::{extract::FromRequestParts, http::request::Parts};
use chrono::{DateTime, Utc};
use jobs::queue::inspect::{Arg, Filter, State};
use serde_json::{Map, Value, json};
use utoipa::IntoParams;

use crate::{
    error::{ApiError, ApiResult, codes},
    extract::Query,
};

/// The longest value of a filter.
const LONGEST: usize = 500;
/// The deepest place in a payload.
const DEEPEST: usize = 16;

/// The parameters of a selection, for the OpenAPI document; besides these there is
/// `args.PATH=VALUE`, for the scalar at a dotted path of the payload.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only the document reads it")]
pub(super) struct SelectionQuery {
    /// States, separated by commas.
    #[param(required = false)]
    state: Option<String>,
    #[param(required = false)]
    kind: Option<String>,
    #[param(required = false)]
    queue: Option<String>,
    #[param(required = false)]
    tag: Option<String>,
    /// The fingerprint of a failure, from `/api/admin/errors`.
    #[param(required = false)]
    error: Option<String>,
    /// The trace that the job was enqueued under.
    #[param(required = false)]
    trace_id: Option<String>,
    /// JSON that the payload contains. `args.PATH=VALUE` asks for the scalar at a dotted path.
    #[param(required = false)]
    args: Option<String>,
    /// Enqueued at this time or later (RFC 3339).
    #[param(required = false)]
    since: Option<String>,
    /// Enqueued before this time (RFC 3339).
    #[param(required = false)]
    until: Option<String>,
}

/// The jobs that a query string selects; 400 `INVALID_FILTER` for what it can't mean.
#[derive(Debug, Clone)]
pub(super) struct Selection(pub(super) Filter);

impl<S: Send + Sync> FromRequestParts<S> for Selection {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await?;
        let mut filter = Filter::default();
        for (name, value) in pairs {
            if name != "limit" && name != "cursor" {
                add(&mut filter, &name, &value)?;
            }
        }
        Ok(Self(filter))
    }
}

/// Returns the jobs that an object of a body selects.
pub(super) fn from_object(fields: &Map<String, Value>) -> ApiResult<Filter> {
    let mut filter = Filter::default();
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::String(text) => add(&mut filter, name, text)?,
            Value::Number(_) | Value::Bool(_) if name.starts_with("args.") => {
                add(&mut filter, name, &value.to_string())?;
            }
            Value::Array(words) if name == "state" => {
                let words: Option<Vec<&str>> = words.iter().map(Value::as_str).collect();
                let words = words.ok_or_else(|| refuse(name, "state must be a list of words"))?;
                add(&mut filter, name, &words.join(","))?;
            }
            Value::Object(_) if name == "args" => filter.contains = Some(value.clone()),
            _ => return Err(refuse(name, format!("{name} has a value of the wrong type"))),
        }
    }
    Ok(filter)
}

fn refuse(name: &str, message: impl Into<String>) -> ApiError {
    ApiError::bad_request(codes::INVALID_FILTER, message).with_details(json!({ "filter": name }))
}

fn add(filter: &mut Filter, name: &str, value: &str) -> ApiResult<()> {
    if value.len() > LONGEST || name.len() > LONGEST || value.contains('\0') || name.contains('\0') {
        return Err(refuse(&name.replace('\0', ""), format!("a filter holds at most {LONGEST} characters")));
    }
    let word = || {
        let word = value.trim();
        if word.is_empty() { Err(refuse(name, format!("{name} is empty"))) } else { Ok(word.to_owned()) }
    };
    match name {
        "state" => filter.states = states(value)?,
        "kind" => filter.kind = Some(word()?),
        "queue" => filter.queue = Some(word()?),
        "tag" => filter.tag = Some(word()?),
        "error" => filter.error = Some(word()?),
        "trace_id" | "traceId" => filter.trace_id = Some(word()?),
        "since" => filter.since = Some(time(name, value)?),
        "until" => filter.until = Some(time(name, value)?),
        "args" => {
            let json: Value = serde_json::from_str(value).map_err(|_| refuse(name, "args must be JSON"))?;
            if crate::extract::holds_nul(&json) {
                return Err(refuse(name, "args holds the character U+0000"));
            }
            filter.contains = Some(json);
        }
        _ => match name.strip_prefix("args.") {
            Some(path) => filter.args.push(arg(name, path, value)?),
            None => return Err(refuse(name, format!("there is no filter {name:?}"))),
        },
    }
    Ok(())
}

fn states(value: &str) -> ApiResult<Vec<State>> {
    let state = |word: &str| {
        word.trim().parse::<State>().map_err(|()| {
            let known = State::ALL.map(State::as_str).join(", ");
            refuse("state", format!("there is no state {:?}: use {known}", word.trim()))
        })
    };
    let mut states = value.split(',').map(state).collect::<ApiResult<Vec<_>>>()?;
    states.sort_unstable();
    states.dedup();
    Ok(states)
}

fn time(name: &str, value: &str) -> ApiResult<DateTime<Utc>> {
    // A plus sign in a query string is a space.
    let time = DateTime::parse_from_rfc3339(&value.trim().replace(' ', "+"));
    let time =
        time.map_err(|_| refuse(name, format!("{name} must be a time such as 2026-01-02T03:04:05Z")))?;
    Ok(time.with_timezone(&Utc))
}

fn arg(name: &str, path: &str, value: &str) -> ApiResult<Arg> {
    let path: Vec<String> = path.split('.').map(ToOwned::to_owned).collect();
    if path.len() > DEEPEST || path.iter().any(String::is_empty) {
        return Err(refuse(name, format!("{name} must be args.KEY.KEY with 1 to {DEEPEST} keys")));
    }
    Ok(Arg { path, value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(object: &Value) -> ApiResult<Filter> {
        from_object(object.as_object().expect("an object"))
    }

    #[test]
    fn an_object_and_a_query_mean_the_same() {
        let mut queried = Filter::default();
        for (name, value) in [("state", "running, available"), ("args.a.0", "5"), ("tag", "t")] {
            add(&mut queried, name, value).expect("a filter");
        }
        let sent = read(&json!({"state": ["available", "running"], "args.a.0": 5, "tag": "t", "kind": null}));
        assert_eq!(sent.expect("a filter"), queried);
        assert_eq!(queried.states, [State::Available, State::Running]);
        assert_eq!(queried.args, [Arg { path: vec!["a".into(), "0".into()], value: "5".into() }]);
    }

    #[test]
    fn what_is_no_filter_is_refused_by_name() {
        for (object, filter) in [
            (json!({"state": "pending"}), "state"),
            (json!({"state": [1]}), "state"),
            (json!({"colour": "red"}), "colour"),
            (json!({"kind": 5}), "kind"),
            (json!({"kind": " "}), "kind"),
            (json!({"since": "yesterday"}), "since"),
            (json!({"args": "{"}), "args"),
            (json!({"args.": "1"}), "args."),
            (json!({"args.a..b": "1"}), "args.a..b"),
            (json!({"tag": "x".repeat(501)}), "tag"),
        ] {
            let error = read(&object).expect_err(&object.to_string());
            assert_eq!(error.code(), codes::INVALID_FILTER, "{object}");
            assert!(error.to_string().contains(filter) || filter == "tag", "{object}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_pair_makes_it_panic(name in "\\PC{0,20}", value in "\\PC{0,40}") {
            let _ = add(&mut Filter::default(), &name, &value);
            let _ = add(&mut Filter::default(), &format!("args.{name}"), &value);
            let _ = add(&mut Filter::default(), "state", &value);
            let _ = add(&mut Filter::default(), "since", &value);
        }
    }
}
