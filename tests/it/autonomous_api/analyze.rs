//! Asking about a symbol: a worker asks the analysts, and believes no price but its own.

use std::{sync::Arc, time::Duration};

use jobs::{
    Environment, Registry,
    analyst::Analysts,
    external::ExternalMetrics,
    queue::{Counters, WorkerOptions},
};
use serde_json::{Value, json};
use suites::eventually;
use tokio_util::sync::CancellationToken;

use super::by_hand as rows;
use crate::{
    broker::far_side::{FarSide, Reply},
    trading_api::by_hand,
};

const ANALYZE: &str = "/api/ai/analyze";
/// A worker on a busy machine.
const SOON: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_request_names_symbol_and_market_data() {
    let app = by_hand::with_broker().config(|config| config.api.analysis_wait_ms = 0).start().await;
    let user = app.signed_up().await;
    for body in [
        json!({}),
        json!({"symbol": "AAPL"}),
        json!({"symbol": "AAPL", "marketData": 7}),
        json!({"symbol": "no symbol", "marketData": {}}),
        json!({"symbol": 7, "marketData": {}}),
        json!({"symbol": "1X", "marketData": {}}),
        json!({"symbol": "A..B", "marketData": {}}),
        json!({"symbol": "-/-", "marketData": {}}),
        json!({"symbol": "AAPL", "marketData": {}, "strategyId": "mine"}),
        json!({"symbol": "AAPL", "marketData": {"text": "x".repeat(20_000)}}),
    ] {
        let (code, reply, _) = user.post(ANALYZE, &body).await;
        assert_eq!((code.as_u16(), &reply["code"]), (400, &json!("INVALID_FIELD")), "{reply}");
    }
    let strategy = uuid::Uuid::now_v7();
    let body = json!({"symbol": "AAPL", "marketData": {}, "strategyId": strategy});
    assert_eq!(user.post(ANALYZE, &body).await.0, 404, "another's strategy is not found");
}

#[tokio::test]
async fn an_analysis_that_takes_longer_is_told_by_its_id() {
    let app = by_hand::with_broker().config(|config| config.api.analysis_wait_ms = 0).start().await;
    let user = app.signed_up().await;
    let body = json!({"symbol": "AAPL", "marketData": {"price": 100}});
    let (code, first, _) = user.post(ANALYZE, &body).await;
    assert_eq!((code.as_u16(), &first["status"]), (202, &json!("pending")), "{first}");
    let (_, second, _) = user.post(ANALYZE, &body).await;
    assert_eq!(first["id"], second["id"], "what is being asked is not asked twice");
}

#[tokio::test]
async fn the_analysts_are_asked_with_our_price() {
    let app =
        by_hand::with_broker().workers(1).config(|config| config.api.analysis_wait_ms = 5_000).start().await;
    let user = app.signed_up().await;
    rows::quote(&app, "AAPL", "100").await;
    rows::rising_bars(&app, "AAPL", 260).await;
    let body = json!({"symbol": "aapl", "marketData": {"price": 1}, "newsContext": ["AAPL ships"]});
    let (_, reply, _) = user.post(ANALYZE, &body).await;
    let id = reply["id"].as_str().expect("an id").to_owned();
    let decision = eventually("the decision appears", SOON, async || {
        let (_, list, _) = user.get("/api/ai/decisions").await;
        list.as_array().and_then(|list| list.iter().find(|row| row["id"] == json!(id)).cloned())
    })
    .await;
    assert_eq!((&decision["origin"], &decision["symbol"]), (&json!("request"), &json!("AAPL")), "{decision}");
    assert_eq!(decision["entryPrice"], json!(100.0), "the caller's price is not believed: {decision}");
    assert_eq!(decision["marketContext"]["callers"], json!({"price": 1}), "{decision}");
    for key in ["action", "riskLevel", "reasoning", "traceId", "createdAt"] {
        assert!(decision[key].is_string(), "{key}: {decision}");
    }
}

#[tokio::test]
async fn without_a_price_of_our_own_the_answer_is_to_hold() {
    let app =
        by_hand::with_broker().workers(1).config(|config| config.api.analysis_wait_ms = 5_000).start().await;
    let user = app.signed_up().await;
    let body = json!({"symbol": "IBM", "marketData": {"price": 100, "bars": [1, 2, 3]}});
    let (_, reply, _) = user.post(ANALYZE, &body).await;
    let id = reply["id"].as_str().expect("an id").to_owned();
    let decision = eventually("the decision appears", SOON, async || {
        let (_, list, _) = user.get("/api/ai/decisions").await;
        list.as_array().and_then(|list| list.iter().find(|row| row["id"] == json!(id)).cloned())
    })
    .await;
    assert_eq!((&decision["action"], &decision["entryPrice"]), (&json!("hold"), &Value::Null), "{decision}");
    let reasoning = decision["reasoning"].as_str().unwrap_or_default();
    assert!(reasoning.contains("IBM"), "{decision}");
}

#[tokio::test]
async fn a_user_may_ask_ten_times_a_minute_and_cycles_come_first() {
    let app = by_hand::with_broker().config(|config| config.api.analysis_wait_ms = 0).start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    // Two that are decided, one of them long ago, and nine that nobody has worked at.
    for age in [10, 61] {
        sqlx::query(
            "insert into ai_decisions (decision_id, user_id, origin, symbol, action, confidence, reasoning,
                    risk_level, analyst, window_start, created_at)
             values (gen_random_uuid(), $1, 'request', 'IBM', 'hold', 0, 'so', 'low', 'technical', now(),
                    clock_timestamp() - make_interval(secs => $2))",
        )
        .bind(rows::id_of(&user))
        .bind(f64::from(age))
        .execute(&app.pool)
        .await
        .expect("a decision is written");
    }
    let body = |number: u32| json!({"symbol": format!("S{number}"), "marketData": {}});
    for number in 0..9 {
        assert_eq!(user.post(ANALYZE, &body(number)).await.0, 202, "{number}");
    }
    let (code, reply, headers) = user.post(ANALYZE, &body(9)).await;
    assert_eq!((code.as_u16(), &reply["code"]), (429, &json!("TOO_MANY_REQUESTS")), "{reply}");
    let wait: u64 = headers["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(user.post(ANALYZE, &body(3)).await.0, 202, "what is being asked already costs nothing");
    assert_eq!(other.post(ANALYZE, &body(9)).await.0, 202, "others have their own");
    let jobs: Vec<i16> = sqlx::query_scalar("select priority from queue.jobs where kind = 'analyze_symbol'")
        .fetch_all(&app.pool)
        .await
        .expect("the jobs can be read");
    assert_eq!(jobs, [5; 10], "what was refused left no job, and a cycle's 0 comes before");
    let sent = (20..40).map(|number| {
        let (other, body) = (&other, body(number));
        async move { other.post(ANALYZE, &body).await.0.as_u16() }
    });
    let codes = futures::future::join_all(sent).await;
    let accepted = codes.iter().filter(|code| **code == 202).count();
    assert_eq!(accepted, 9, "those at the same time are counted too: {codes:?}");
}

#[tokio::test]
async fn another_attempt_pays_no_model_again() {
    let proposal = json!({
        "action": "buy", "confidence": 0.7, "reasoning": "it rises", "riskLevel": "medium",
        "suggestedQuantity": 0.05, "targetPrice": 111, "stopLoss": 98, "trailingStopPercent": null
    });
    let answer = json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "m-1",
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": proposal.to_string(), "refusal": null }
        }],
        "usage": { "prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000 }
    });
    let far = FarSide::start(move |_| Reply::Json(200, answer.clone())).await;
    let app = by_hand::with_broker()
        .config(|config| {
            config.api.analysis_wait_ms = 0;
            config.analysts.cache_minutes = 0;
            let openai = &mut config.analysts.openai;
            (openai.key, openai.base_url) = (Some("key-of-nobody".into()), far.url.clone());
            (openai.requests_per_minute, openai.daily_tokens) = (1_000_000, 100_000_000);
        })
        .start()
        .await;
    let user = app.signed_up().await;
    rows::quote(&app, "AAPL", "103").await;
    rows::rising_bars(&app, "AAPL", 260).await;
    // The first attempt fails after its question, when it writes the decision down.
    sqlx::raw_sql(
        "create sequence attempts;
         create function fails_once() returns trigger language plpgsql as $$
         begin
             if nextval('attempts') = 1 then raise exception 'not now'; end if;
             return new;
         end $$;
         create trigger fails_once before insert on ai_decisions
            for each row execute function fails_once();
         grant usage on sequence attempts to public",
    )
    .execute(&app.pool)
    .await
    .expect("the trigger is made");
    let (_, reply, _) = user.post(ANALYZE, &json!({"symbol": "AAPL", "marketData": {}})).await;
    let id = reply["id"].as_str().expect("an id").to_owned();
    let analysts = Analysts::configured(&app.config.analysts, &app.pool, &ExternalMetrics::default());
    let env = Environment::new(app.pool.clone(), Arc::clone(&app.config))
        .with_analysts(analysts.expect("loopback URLs are fine"));
    let shutdown = CancellationToken::new();
    let working = tokio::spawn(jobs::queue::run(
        Arc::new(env),
        Registry::new(false),
        WorkerOptions { queues: vec![("agents".into(), 1)] },
        Arc::new(Counters::default()),
        shutdown.clone(),
    ));
    let decision = eventually("the decision appears", SOON, async || {
        let (_, list, _) = user.get("/api/ai/decisions").await;
        list.as_array().and_then(|list| list.iter().find(|row| row["id"] == json!(id)).cloned())
    })
    .await;
    shutdown.cancel();
    working.await.expect("no panic").expect("a worker ends because it was told to");
    let attempts: i64 = sqlx::query_scalar("select last_value from attempts")
        .fetch_one(&app.pool)
        .await
        .expect("the sequence is there");
    assert_eq!((attempts, far.seen().len()), (2, 1), "two attempts, one call: {decision}");
    assert_eq!(
        (&decision["analyst"], &decision["entryPrice"]),
        (&json!("openai"), &json!(103.0)),
        "{decision}"
    );
}
