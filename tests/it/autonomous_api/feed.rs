//! Events, sentiment, and the models that are asked.

use serde_json::{Value, json};

use super::by_hand::{self as rows, Written};
use crate::trading_api::by_hand;

#[tokio::test]
async fn the_feed_holds_decisions_locks_sentiment_and_news() {
    let app = by_hand::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    assert_eq!(user.get("/api/ai/events").await.1, json!([]));
    rows::decide(&app, &user, &Written::default()).await;
    rows::decide(&app, &user, &Written { action: "hold", status: "skipped", ..Written::default() }).await;
    user.post("/api/risk/locks", &json!({"minutes": 5, "symbol": "AAPL", "reason": "earnings"})).await;
    for statement in [
        "insert into sentiment_scores (sentiment_id, symbol, source, score, confidence, articles, trend,
             explanation, as_of)
         select gen_random_uuid(), symbol, 'finnhub', 0.4, 0.7, 3, 'up', 'three good headlines',
                clock_timestamp() from (values ('AAPL'), ('IBM')) s (symbol)",
        "insert into news_items (news_id, provider, provider_news_id, headline, symbols, published_at, available_at)
         select gen_random_uuid(), 'finnhub', symbol, symbol || ' ships', array[symbol], clock_timestamp(),
                clock_timestamp() from (values ('AAPL'), ('IBM')) s (symbol)",
    ] {
        sqlx::query(statement).execute(&app.pool).await.expect("rows are written");
    }
    for (kind, expected) in [("signal", 1), ("suggestion", 1), ("risk", 1), ("sentiment", 1), ("news", 1)] {
        let (code, list, _) = user.get(&format!("/api/ai/events?type={kind}")).await;
        assert_eq!(code, 200, "{kind}: {list}");
        assert_eq!(list.as_array().map(Vec::len), Some(expected), "{kind}: {list}");
        let entry = &list[0];
        assert_eq!((&entry["type"], &entry["symbol"]), (&json!(kind), &json!("AAPL")), "{entry}");
        for key in ["id", "title", "headline", "description", "explanation", "time", "createdAt"] {
            assert!(entry[key].is_string(), "{key}: {entry}");
        }
        assert!(entry["confidence"].is_f64() && entry["metadata"].is_object(), "{entry}");
    }
    let (_, all, _) = user.get("/api/ai/events?limit=100").await;
    assert_eq!(all.as_array().map(Vec::len), Some(5), "only of what the agent looks at: {all}");
    assert_eq!(other.get("/api/ai/events").await.1, json!([]), "it is the user's");
    for query in ["limit=0", "limit=101", "type=gossip", "limit=x"] {
        let (code, reply, _) = user.get(&format!("/api/ai/events?{query}")).await;
        assert_eq!((code.as_u16(), &reply["code"]), (400, &json!("INVALID_QUERY")), "{query}: {reply}");
    }
    let (_, scores, _) = user.get("/api/ai/sentiment?symbols=aapl,NOPE").await;
    assert_eq!(scores.as_array().map(Vec::len), Some(1), "who has no news is absent: {scores}");
    let score = &scores[0];
    assert_eq!((&score["symbol"], &score["score"]), (&json!("AAPL"), &json!(0.4)), "{score}");
    assert_eq!((&score["sourceId"], &score["trend"]), (&json!("finnhub"), &json!("up")), "{score}");
    assert_eq!(user.get("/api/ai/sentiment").await.1.as_array().map(Vec::len), Some(2));
    assert_eq!(user.get("/api/ai/sentiment?symbols=,").await.1, json!([]));
    let many = "A,".repeat(51);
    assert_eq!(user.get(&format!("/api/ai/sentiment?symbols={many}")).await.0, 400);
}

#[tokio::test]
async fn without_a_model_the_rules_answer_and_it_says_so() {
    let app = by_hand::start().await;
    let user = app.signed_up().await;
    let (code, stats, _) = user.get("/api/ai/llm/stats").await;
    assert_eq!(
        (code.as_u16(), &stats["totalCalls"], &stats["models"]),
        (200, &json!(0), &json!([])),
        "{stats}"
    );
    let (code, provider, _) = user.get("/api/ai/status").await;
    let expected =
        json!({"available": false, "model": Value::Null, "provider": "technical", "usingGateway": false});
    assert_eq!((code.as_u16(), provider), (200, expected));
}
