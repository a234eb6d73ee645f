//! Setting the faults. Protected by nothing but the loopback address the sandbox listens on.

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};

use super::{Faults, Rule};
use crate::error::ApiError;

/// Returns `GET`, `PUT` and `DELETE /sandbox/faults`.
pub fn router(faults: Faults) -> Router {
    Router::new().route("/sandbox/faults", get(list).put(replace).delete(clear)).with_state(faults)
}

async fn list(State(faults): State<Faults>) -> Json<Value> {
    Json(written(&faults))
}

/// Takes a list of rules, and answers with it, or refuses it whole.
async fn replace(
    State(faults): State<Faults>,
    Json(rules): Json<Vec<Value>>,
) -> Result<Json<Value>, ApiError> {
    let read = rules
        .into_iter()
        .enumerate()
        .map(|(place, value)| Rule::read(value).map_err(|problem| format!("fault {place}: {problem}")));
    let rules = read.collect::<Result<Vec<_>, _>>();
    let rules = rules.map_err(|problem| ApiError::plain(StatusCode::UNPROCESSABLE_ENTITY, problem))?;
    faults.set(rules);
    Ok(Json(written(&faults)))
}

async fn clear(State(faults): State<Faults>) -> StatusCode {
    faults.set(Vec::new());
    StatusCode::NO_CONTENT
}

fn written(faults: &Faults) -> Value {
    let rules = faults.rules();
    let rules: Vec<_> = rules
        .iter()
        .map(|active| json!({ "rule": active.rule, "matched": active.matched, "injected": active.injected }))
        .collect();
    json!({ "faults": rules })
}
