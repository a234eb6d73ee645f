//! Decisions become orders because their user says so.

use axum::{Json, extract::State};
use jobs::{
    cycle::{self, ExecuteRefused, Executed},
    trading,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body},
    routes::trading::{order_view::OrderView, place::not_enqueued, source::require_broker},
    state::AppState,
};

/// The most decisions of one request.
const MOST: usize = 100;

/// Which decisions to act on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecuteBody {
    /// 1 to 100 ids of decisions.
    decision_ids: Vec<String>,
}

/// What became of the decisions.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExecuteView {
    /// Whether all of them are on their way.
    success: bool,
    message: String,
    /// In the order of the request.
    results: Vec<ExecuteResult>,
}

/// What became of one decision.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecuteResult {
    decision_id: String,
    success: bool,
    /// A code: `DECISION_NOT_FOUND`, `DECISION_NOT_PENDING`, `GATE_REFUSED`, `RISK_REFUSED`, `ORDER_INVALID` or
    /// `INTERNAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The gate or rule that refuses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<String>,
    /// The order; absent for a sale, whose order is made when the position is free of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderView>,
    /// The job that sends the order or closes the position.
    #[serde(skip_serializing_if = "Option::is_none")]
    work_item_id: Option<Uuid>,
}

/// Turns decisions of the caller into orders, each on its own: one that is refused keeps no other back.
///
/// Each passes all gates again: the kill switch, an approved candidate, the limits. What a gate holds
/// back stays approved and may be tried again.
#[utoipa::path(
    post, path = "/api/autonomous/execute-trades", operation_id = "execute_trades", tag = "autonomous",
    request_body = ExecuteBody,
    responses((status = 200, body = ExecuteView), (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn execute(
    actor: Actor,
    State(state): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<ExecuteView>> {
    let ids = decode(&body)?;
    require_broker(&state)?;
    let mut results = Vec::with_capacity(ids.len());
    for id in ids {
        results.push(one(&state, &actor, id).await?);
    }
    let done = results.iter().filter(|result| result.success).count();
    let all = results.len();
    Ok(Json(ExecuteView {
        success: done == all,
        message: format!("{done} of {all} decisions are on their way"),
        results,
    }))
}

fn decode(body: &Value) -> ApiResult<Vec<String>> {
    let refused = || {
        let message = format!("decisionIds must be a list of 1 to {MOST} texts");
        ApiError::bad_request(codes::INVALID_FIELD, message)
            .with_details(serde_json::json!({ "field": "decisionIds" }))
    };
    let list = body.get("decisionIds").and_then(Value::as_array).ok_or_else(refused)?;
    let ids: Option<Vec<String>> = list.iter().map(|id| id.as_str().map(str::to_owned)).collect();
    ids.filter(|ids| (1..=MOST).contains(&ids.len())).ok_or_else(refused)
}

/// Acts on one decision in a transaction of its own; only a database that can't go on ends the request.
async fn one(state: &AppState, actor: &Actor, id: String) -> ApiResult<ExecuteResult> {
    let Ok(decision) = id.trim().parse::<Uuid>() else {
        return Ok(ExecuteResult::refused(id, ExecuteRefused::Unknown));
    };
    let mut tx = state.pool.begin().await?;
    let user = actor.user_id;
    let done = cycle::execute(&mut tx, user, decision, user).await;
    match done {
        Err(ExecuteRefused::Database(error)) => return Err(error.into()),
        Err(ExecuteRefused::Enqueue(error)) => return Err(not_enqueued(error)),
        _ => tx.commit().await?,
    }
    state.hints.jobs(trading::QUEUE);
    state.hints.admissions();
    state.hints.events();
    Ok(match done {
        Ok(executed) => ExecuteResult::done(id, executed),
        Err(refused) => ExecuteResult::refused(id, refused),
    })
}

impl ExecuteResult {
    fn done(decision_id: String, executed: Executed) -> Self {
        Self {
            decision_id,
            success: true,
            error: None,
            message: None,
            gate: None,
            order: executed.order.map(OrderView::from),
            work_item_id: Some(executed.job_id),
        }
    }

    fn refused(decision_id: String, refused: ExecuteRefused) -> Self {
        let message = refused.to_string();
        let (error, gate) = match refused {
            ExecuteRefused::Unknown => ("DECISION_NOT_FOUND", None),
            ExecuteRefused::NotPending(_) => ("DECISION_NOT_PENDING", None),
            ExecuteRefused::Gate { gate, .. } => ("GATE_REFUSED", Some(gate)),
            ExecuteRefused::Risk(refusal) => ("RISK_REFUSED", Some(refusal.rule.as_str().to_owned())),
            ExecuteRefused::Invalid(_) => ("ORDER_INVALID", None),
            ExecuteRefused::Enqueue(_) | ExecuteRefused::Database(_) => ("INTERNAL", None),
        };
        Self {
            decision_id,
            success: false,
            error: Some(error),
            message: Some(message),
            gate,
            order: None,
            work_item_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_names_one_to_a_hundred_decisions() {
        for (body, count) in [
            (json!({"decisionIds": ["a"]}), Some(1)),
            (json!({"decisionIds": ["a", "b"]}), Some(2)),
            (json!({"decisionIds": []}), None),
            (json!({"decisionIds": "a"}), None),
            (json!({"decisionIds": [1]}), None),
            (json!({"decisionIds": vec!["a"; 101]}), None),
            (json!({}), None),
            (json!([]), None),
        ] {
            assert_eq!(decode(&body).ok().map(|ids| ids.len()), count, "{body}");
        }
    }
}
