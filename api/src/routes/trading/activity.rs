//! What happened, in one line of time.

use axum::{Json, extract::State};
use jobs::db::trading_views::{self, Activity, Category};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::source::Seen;
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Actor, Query},
    pagination::{self, Page, PageQuery},
    state::AppState,
    timestamp,
};

/// Which entries to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TimelineQuery {
    /// `order`, `trade`, `risk`, `strategy`, `backtest` or `system`; all unless sent.
    category: Option<String>,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: String,
    ts: String,
    category: String,
    title: String,
    subtitle: String,
    /// The present state of what it is about.
    status: String,
    /// Ids of what it is about, such as `orderId`.
    #[schema(value_type = Object)]
    entity_links: Value,
    provenance: Provenance,
    #[schema(value_type = Object)]
    details: Value,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    /// `alpaca` for what the broker did, else `capstan`.
    provider: &'static str,
    /// Always `fresh`: entries are read from the database.
    cache_status: &'static str,
}

/// What is known of the broker meanwhile.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Meta {
    alpaca_connected: bool,
    /// `alpaca_live`, `cache_stale` or `unavailable`.
    alpaca_status: &'static str,
    /// Entries on this page.
    total_events: usize,
    fetched_at: String,
}

/// A page of what happened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timeline {
    /// Newest first.
    events: Vec<Entry>,
    has_more: bool,
    /// Where the next page starts; null on the last.
    cursor: Option<String>,
    meta: Meta,
}

/// Returns what happened to the caller's orders, trades, limits, strategies and back-tests.
#[utoipa::path(
    get, path = "/api/activity/timeline", operation_id = "activity_timeline", tag = "trading",
    params(TimelineQuery, PageQuery),
    responses((status = 200, body = Timeline)), security(("session" = []))
)]
pub(super) async fn timeline(
    actor: Actor,
    page: Page,
    Query(query): Query<TimelineQuery>,
    State(state): State<AppState>,
) -> ApiResult<Json<Timeline>> {
    let category = category(query.category.as_deref())?;
    let limit = page.limit(50);
    let mut conn = state.pool.acquire().await?;
    let after = page.after()?;
    let mut found = trading_views::activity(&mut conn, actor.user_id, category, after, limit + 1).await?;
    let seen = Seen::load(&mut conn, &state).await?;
    let limit = usize::try_from(limit).map_err(ApiError::internal)?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| has_more).map(Activity::key);
    Ok(Json(Timeline {
        has_more,
        cursor: last.map(|key| pagination::encode(&key)).transpose()?,
        meta: Meta {
            alpaca_connected: seen.is_live(),
            alpaca_status: seen.source.word(),
            total_events: found.len(),
            fetched_at: timestamp::now(),
        },
        events: found.into_iter().map(Entry::from).collect(),
    }))
}

fn category(word: Option<&str>) -> ApiResult<Option<Category>> {
    match word.unwrap_or_default().trim() {
        "" | "all" => Ok(None),
        word => Category::parse(word).map(Some).ok_or_else(|| {
            let known = Category::ALL.map(Category::as_str).join(", ");
            let message = format!("category {word:.40?} is unknown, use all or one of {known}");
            ApiError::bad_request(codes::INVALID_QUERY, message)
        }),
    }
}

impl From<Activity> for Entry {
    fn from(activity: Activity) -> Self {
        let Activity { id, at, category, action, status, symbol, order_id, resource, resource_id, details } =
            activity;
        let words = action.replace('_', " ");
        let title = match &symbol {
            Some(symbol) => format!("{words} {symbol}"),
            None => words,
        };
        Self {
            subtitle: subtitle(&details, resource.as_deref()),
            entity_links: json!({
                "orderId": order_id,
                "symbol": symbol,
                "resource": resource,
                "resourceId": resource_id,
            }),
            provenance: Provenance {
                provider: if category == "trade" { "alpaca" } else { "capstan" },
                cache_status: "fresh",
            },
            id,
            ts: timestamp::text(at),
            category,
            title,
            status,
            details,
        }
    }
}

/// Returns side, quantity and price, or the reason; else what was changed.
fn subtitle(details: &Value, resource: Option<&str>) -> String {
    let plain = |key: &str| match &details[key] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    if let Some(side) = plain("side") {
        let amount = plain("qty").or_else(|| plain("notional").map(|money| format!("${money}")));
        let price = plain("price").map(|price| format!("at {price}"));
        return [Some(side), amount, price].into_iter().flatten().collect::<Vec<_>>().join(" ");
    }
    plain("reason").or_else(|| resource.map(|resource| resource.replace('_', " "))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_says_what_it_is_about() {
        for (details, resource, expected) in [
            (json!({"side": "buy", "qty": 10, "price": 1.5}), None, "buy 10 at 1.5"),
            (json!({"side": "buy", "qty": null, "notional": 50}), None, "buy $50"),
            (json!({"reason": "too risky"}), Some("risk_settings"), "too risky"),
            (json!({"reason": null}), Some("risk_settings"), "risk settings"),
            (json!({}), None, ""),
        ] {
            assert_eq!(subtitle(&details, resource), expected, "{details}");
        }
    }

    #[test]
    fn a_category_is_one_of_ours_or_all() {
        assert!(matches!(category(Some("all")), Ok(None)));
        assert!(matches!(category(Some("trade")), Ok(Some(Category::Trade))));
        assert!(category(Some("weather")).is_err());
    }
}
