//! Every order since a time, each once, though pages meet in the middle of an instant.

use chrono::{DateTime, Utc};
use jobs::broker::{Broker, OrderScope};
use serde_json::Value;
use suites::TestDatabase;

use super::{
    alpaca,
    far_side::{FarSide, Reply, Seen},
    order_json,
};

/// Answers as Alpaca does: after an exclusive bound, oldest first, 500 at most.
fn page(orders: &[(String, DateTime<Utc>)], seen: &Seen) -> Value {
    let query = seen.target.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let field = |name: &str| {
        let value = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
        value.map(|value| value.replace("%3A", ":").replace("%2B", "+"))
    };
    assert_eq!(field("direction").as_deref(), Some("asc"));
    assert_eq!(field("status").as_deref(), Some("all"));
    let after: DateTime<Utc> = field("after").expect("a bound").parse().expect("a time");
    let limit: usize = field("limit").expect("a limit").parse().expect("a number");
    let rows = orders.iter().filter(|(_, at)| *at > after).take(limit);
    rows.map(|(id, at)| order_json(id, &at.to_rfc3339())).collect()
}

#[tokio::test]
async fn pages_that_meet_within_one_instant_lose_and_repeat_nothing() {
    let database = TestDatabase::create().await;
    let start: DateTime<Utc> = "2026-03-02T15:00:00.123456789Z".parse().expect("a time");
    // 1300 orders; about a hundred share each instant, so that both page ends fall into one.
    let orders: Vec<(String, DateTime<Utc>)> =
        (0..1300_i64).map(|n| (format!("o{n}"), start + chrono::Duration::nanoseconds(1 + n / 97))).collect();
    let known = orders.clone();
    let far = FarSide::start(move |seen| Reply::Json(200, page(&known, seen))).await;
    let found = alpaca(&far.url, &database.pool).all_orders_since(start, OrderScope::All).await;
    let found: Vec<String> =
        found.expect("every page is answered").into_iter().map(|order| order.id).collect();
    let expected: Vec<String> = orders.into_iter().map(|(id, _)| id).collect();
    assert_eq!(found, expected);
    assert!(far.seen().len() <= 5, "{} pages", far.seen().len());
}

#[tokio::test]
async fn an_instant_that_fills_a_whole_page_does_not_hold_it_up() {
    let database = TestDatabase::create().await;
    let start: DateTime<Utc> = "2026-03-02T15:00:00Z".parse().expect("a time");
    let known: Vec<(String, DateTime<Utc>)> = (0..600_i64)
        .map(|n| (format!("o{n}"), start + chrono::Duration::seconds(1 + i64::from(n >= 500))))
        .collect();
    let far = FarSide::start(move |seen| Reply::Json(200, page(&known, seen))).await;
    let found = alpaca(&far.url, &database.pool).all_orders_since(start, OrderScope::All).await;
    assert_eq!(found.expect("every page is answered").len(), 600);
}
