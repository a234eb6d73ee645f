//! What all sources say together.

use serde_json::{Value, json};

use super::{ok, quote, run, start};

#[tokio::test]
async fn nothing_fused_is_said_to_be_nothing() {
    let app = start().await;
    let user = app.signed_up().await;
    for path in ["/api/data-fusion/status", "/api/fusion/status"] {
        let status = ok(user.get(path).await);
        assert_eq!(
            (&status["available"], &status["lastFusionTime"]),
            (&json!(false), &Value::Null),
            "{status}"
        );
        assert_eq!(status["cacheSize"], 0);
    }
    let whole = ok(user.get("/api/fusion/intelligence").await);
    assert_eq!((&whole["activeSources"], &whole["dataQuality"]), (&json!(0), &json!("poor")), "{whole}");
    assert_eq!((&whole["overall"], &whole["components"]["momentum"]), (&json!(0.5), &json!(0.5)));
    assert_eq!(ok(user.get("/api/fusion/market-data").await), json!([]));
}

#[tokio::test]
async fn what_was_fused_is_shown_with_its_sources() {
    let app = start().await;
    let user = app.signed_up().await;
    quote(&app, "AAPL", "110", "polygon", 5).await;
    run(
        &app,
        "with made as (
             insert into fused_analyses (fused_id, symbol, score, signal, confidence, agreement, quality, weights,
                    missing)
             values (gen_random_uuid(), 'AAPL', 0.4, 'bullish', 0.7, 0.9, 'good', '{\"polygon\": 1}',
                    '[{\"source\": \"finra\", \"reason\": \"not published yet\"}]')
             returning fused_id)
         insert into data_source_analysis (analysis_id, fused_id, symbol, source, analysis_type, data, signal,
                confidence, reliability, event_at, available_at)
         select gen_random_uuid(), fused_id, 'AAPL', 'polygon', 'momentum', '{}', 'bullish', 0.8, 0.9, now(), now()
           from made",
    )
    .await;
    run(
        &app,
        "insert into sentiment_scores (sentiment_id, symbol, source, score, confidence, trend, explanation, as_of)
         values (gen_random_uuid(), 'AAPL', 'finnhub', 0.5, 0.8, 'up', 'good news', now())",
    )
    .await;
    let status = ok(user.get("/api/data-fusion/status").await);
    assert_eq!((&status["available"], &status["cacheSize"]), (&json!(true), &json!(1)), "{status}");
    assert!(status["lastFusionTime"].is_string());
    assert_eq!(status["sources"][0]["source"], "polygon");
    let data = ok(user.get("/api/fusion/market-data").await);
    assert_eq!((&data[0]["symbol"], &data[0]["price"]), (&json!("AAPL"), &json!(110.0)), "{data}");
    assert_eq!((&data[0]["fused"]["signal"], &data[0]["fused"]["score"]), (&json!("bullish"), &json!(0.4)));
    assert_eq!(data[0]["fused"]["missing"][0]["source"], "finra");
    assert_eq!(data[0]["sentiment"]["trend"], "up");
    let other = ok(user.get("/api/fusion/market-data?symbols=MSFT").await);
    assert_eq!((&other[0]["price"], &other[0]["fused"]), (&Value::Null, &Value::Null), "{other}");
    assert_eq!(other.as_array().map(Vec::len), Some(1));
    let whole = ok(user.get("/api/fusion/intelligence").await);
    // Prices, their range and news are known; a usual volume is not.
    assert_eq!((&whole["activeSources"], &whole["totalSources"]), (&json!(3), &json!(4)), "{whole}");
    assert_eq!((&whole["dataQuality"], &whole["components"]["volume"]), (&json!("good"), &json!(0.5)));
    assert!(whole["signals"].as_array().is_some_and(|all| all.iter().any(|one| one["type"] == "bullish")));
    assert!(whole["lastUpdated"].as_str().is_some_and(|text| text.len() == 24), "{whole}");
}
