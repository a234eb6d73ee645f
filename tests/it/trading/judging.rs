//! A close that is not to be sent takes no order away that protects the position.

use jobs::{
    db::risk::{self, TradingState},
    kinds::close_position::Portion,
    trading,
};
use serde_json::json;
use suites::eventually;
use uuid::Uuid;

use super::{
    Desk, LIMIT, buy,
    closing::{close, closing},
    sell,
};

/// What the far side says of an account that it has blocked.
fn blocked() -> serde_json::Value {
    json!({
        "id": Uuid::nil(), "account_number": "PA1", "status": "ACTIVE", "currency": "USD",
        "cash": "100000", "equity": "100000", "last_equity": "100000", "buying_power": "200000",
        "long_market_value": "0", "short_market_value": "0", "shorting_enabled": true,
        "pattern_day_trader": false, "daytrade_count": 0, "trading_blocked": true,
        "account_blocked": false, "trade_suspended_by_user": false,
    })
}

#[tokio::test]
async fn a_close_that_a_gate_refuses_leaves_what_protects_the_position() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let resting = desk.place(sell("ACME", "8")).await;
    desk.reaches(resting.id, "new").await;
    // The account is not read again by itself until it is older.
    let aged = "update broker_state set synced_at = synced_at - interval '1 minute', reading_at = null";
    let cases = [
        ("update broker_assets set tradable = false", None, "tradable_asset"),
        ("update broker_assets set tradable = true", Some(blocked()), "account_blocked"),
    ];
    for (statement, account, rule) in cases {
        desk.sql(statement).await;
        if let Some(account) = account {
            desk.far.talk_nonsense("/v2/account", account);
            desk.sql(aged).await;
        }
        let done = desk.finished(close(&desk, Portion::All).await).await;
        assert_eq!(done.output.expect("an output")["refused"], rule);
        let resting = desk.order(resting.id).await;
        assert_eq!((resting.status.as_str(), resting.cancel_requested_at), ("new", None), "{rule}");
        assert_eq!(desk.far.book().cancels, 0, "{rule}");
    }
    assert_eq!(desk.events("alert:new").await.len(), 2, "its owner is told");
    desk.far.talk_nonsense("/v2/account", serde_json::Value::Null);
    desk.sql(aged).await;
    close(&desk, Portion::All).await;
    closing(&desk, "close").await;
    assert_eq!(desk.order(resting.id).await.status.as_str(), "canceled");
}

#[tokio::test]
async fn a_close_that_cannot_be_judged_yet_waits_beside_what_protects_the_position() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let resting = desk.place(sell("ACME", "8")).await;
    desk.reaches(resting.id, "new").await;
    desk.far.talk_nonsense("/v2/assets", json!({}));
    desk.sql("delete from broker_assets").await;
    let job = close(&desk, Portion::All).await;
    eventually("it has looked", LIMIT, async || {
        let looked = "select attempt from queue.jobs where job_id = $1 and state <> 'running'";
        let attempt: Option<i32> = sqlx::query_scalar(looked)
            .bind(job)
            .fetch_optional(&desk.app.pool)
            .await
            .expect("the job is read");
        attempt.filter(|attempt| *attempt > 1)
    })
    .await;
    assert_eq!(desk.order(resting.id).await.cancel_requested_at, None);
    desk.far.talk_nonsense("/v2/assets", serde_json::Value::Null);
    closing(&desk, "close").await;
    assert_eq!(desk.order(resting.id).await.status.as_str(), "canceled");
}

#[tokio::test]
async fn a_liquidation_that_is_refused_cancels_entries_only() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let protects = desk.place(sell("ACME", "8")).await;
    let enters = [desk.place(buy("THIRD", "5")).await, desk.place(buy("OTHER", "6")).await];
    for order in enters.iter().chain([&protects]) {
        desk.reaches(order.id, "new").await;
    }
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    risk::set_platform(&mut tx, None, TradingState::Halted, Some("a test")).await.expect("it is halted");
    trading::liquidate(&mut tx, desk.user, "enough", None).await.expect("it is enqueued");
    tx.commit().await.expect("the transaction commits");
    let refused = eventually("the close has ended", LIMIT, async || {
        sqlx::query_scalar::<_, Option<String>>(
            "select output->>'refused' from queue.finished where kind = 'close_position'",
        )
        .fetch_optional(&desk.app.pool)
        .await
        .expect("the jobs are read")
    })
    .await;
    assert_eq!(refused.as_deref(), Some("trading_halted"));
    for order in &enters {
        desk.reaches(order.id, "canceled").await;
    }
    assert_eq!(desk.order(protects.id).await.cancel_requested_at, None, "the position is still held");
    assert_eq!(desk.positions().await.len(), 1);
}
