//! Asking for an order in the place of another.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use jobs::trading::{self, Change, ReplaceRefused};
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{
    idempotency::Key,
    order_view::OrderView,
    orders::own,
    place::{announce, held_back, invalid, not_enqueued, row},
    source::require_broker,
};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Body, Name},
    state::AppState,
};

/// What to change, in our words or the broker's (`limit_price`); what is not sent stays.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"limitPrice": "186.5"}))]
pub(super) struct ChangeBody {
    /// Shares.
    qty: Option<f64>,
    limit_price: Option<f64>,
    stop_price: Option<f64>,
    /// The distance of a trailing stop: money or percent, as it was.
    trail: Option<f64>,
    time_in_force: Option<String>,
}

/// Changes an order by putting another in its place.
///
/// The reply is the new order, with `replacesOrderId`; the old one works until the broker says
/// otherwise, and may still be filled: then the new one is refused. 422 `ORDER_NOT_REPLACEABLE`
/// for an order that the broker does not have or that is over.
#[utoipa::path(
    patch, path = "/api/orders/{id}", operation_id = "replace_order", tag = "trading",
    request_body = ChangeBody,
    params(
        ("id" = String, Path, description = "Our id or the broker's"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters")),
    responses(
        (status = 200, body = OrderView),
        (status = 409, description = "The first request with this key is still at work."),
        (status = 422, description = "It can't be changed now, a limit refuses it, or the key was used otherwise."),
        (status = 503, description = "No broker is configured.")),
    security(("session" = []))
)]
pub(super) async fn replace(
    actor: Actor,
    Name(id): Name,
    State(state): State<AppState>,
    headers: HeaderMap,
    Body(body): Body<Value>,
) -> ApiResult<Response> {
    let mut tx = state.pool.begin().await?;
    let order = own(&mut tx, &actor, &id).await?;
    let change = decode(&body)?;
    let path = format!("/api/orders/{}", order.id);
    let key = Key::read(&headers, &actor, Method::PATCH, &path, &body)?;
    if let Some(key) = &key
        && let Some(earlier) = key.begin(&mut tx).await?
    {
        return Ok(earlier);
    }
    require_broker(&state)?;
    let user = actor.user_id;
    let trace_id = actor.client.trace_id.as_deref();
    let placed =
        trading::replace(&mut tx, Some(user), user, order.id, &change, trace_id).await.map_err(refused)?;
    let answer = row(placed.order)?;
    if let Some(key) = &key {
        key.finish(&mut tx, StatusCode::OK, &answer).await?;
    }
    tx.commit().await?;
    announce(&state);
    Ok(Json(answer).into_response())
}

fn refused(refused: ReplaceRefused) -> ApiError {
    match refused {
        ReplaceRefused::Unknown => ApiError::not_found("order"),
        ReplaceRefused::NotReplaceable(status) => {
            let status = status.as_str();
            let message = format!("an order that is {status} can't be changed");
            ApiError::unprocessable(codes::ORDER_NOT_REPLACEABLE, message)
                .with_details(json!({ "status": status }))
        }
        ReplaceRefused::Invalid(error) => invalid(error),
        ReplaceRefused::Risk(refusal) => held_back(refusal),
        ReplaceRefused::Enqueue(error) => not_enqueued(error),
        ReplaceRefused::Database(error) => error.into(),
    }
}

fn decode(body: &Value) -> ApiResult<Change> {
    if !body.is_object() {
        return Err(ApiError::bad_request(codes::BODY_NOT_AN_OBJECT, "the body must be a JSON object"));
    }
    let change = Change {
        qty: amount(body, &["qty", "quantity"])?,
        limit_price: amount(body, &["limitPrice", "limit_price"])?,
        stop_price: amount(body, &["stopPrice", "stop_price"])?,
        trail: amount(body, &["trail"])?,
        time_in_force: match sent(body, &["timeInForce", "time_in_force"]) {
            None => None,
            Some((name, value)) => {
                let word = value.as_str().map(|word| word.trim().to_ascii_lowercase());
                let found = word.and_then(|word| word.parse().ok());
                let message = format!("{name} is unknown: use day, gtc, opg, cls, ioc or fok");
                let refused = ApiError::bad_request(codes::ORDER_TIME_IN_FORCE_INVALID, message)
                    .with_details(json!({ "field": name }));
                Some(found.ok_or(refused)?)
            }
        },
    };
    if change == Change::default() {
        return Err(ApiError::bad_request(codes::INVALID_FIELD, "the body changes nothing")
            .with_details(json!({ "field": "qty" })));
    }
    Ok(change)
}

/// Returns the first of the spellings that was sent; null and blank text count as nothing.
fn sent<'a>(body: &'a Value, names: &[&'static str]) -> Option<(&'static str, &'a Value)> {
    let given = |name: &&'static str| Some((*name, body.get(*name)?));
    names
        .iter()
        .filter_map(given)
        .find(|(_, value)| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty()))
}

/// Returns the amount above zero that was sent as number or text; whether it fits the order is
/// looked at with the whole of it.
fn amount(body: &Value, names: &[&'static str]) -> ApiResult<Option<Decimal>> {
    let Some((name, value)) = sent(body, names) else { return Ok(None) };
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => String::new(),
    };
    let parsed = text.parse::<Decimal>().or_else(|_| Decimal::from_scientific(&text)).ok();
    let found = parsed.filter(|amount| amount.is_sign_positive() && !amount.is_zero());
    let refused = || ApiError::invalid_field(name, format!("{name} must be a number above 0"));
    found.map(Some).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_read_in_both_spellings() {
        let of = |body| decode(&body).expect("a change");
        let price: Decimal = "186.5".parse().expect("a price");
        assert_eq!(of(json!({"limitPrice": "186.5"})), of(json!({"limit_price": 186.5})));
        assert_eq!(of(json!({"limit_price": 186.5})).limit_price, Some(price));
        for body in [
            json!([]),
            json!({}),
            json!({"qty": null}),
            json!({"qty": 0}),
            json!({"qty": -1}),
            json!({"qty": "ten"}),
            json!({"qty": true}),
            json!({"qty": 1e300}),
            json!({"timeInForce": "soon"}),
        ] {
            assert!(decode(&body).is_err(), "{body}");
        }
    }
}
