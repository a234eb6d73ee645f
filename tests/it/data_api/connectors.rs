//! Connectors and feeds, as workers find them.

use serde_json::{Value, json};

use super::{administrator, find, ok, quote, run, start};

#[tokio::test]
async fn every_connector_that_clients_name_is_there_and_those_we_lack_say_so() {
    let app = start().await;
    let user = app.signed_up().await;
    run(
        &app,
        "insert into connector_state (connector, status, has_key, last_checked_at, last_ok_at, latency_ms)
         values ('polygon', 'active', true, '2026-03-02T15:30:00Z', '2026-03-02T15:30:00Z', 41)",
    )
    .await;
    run(
        &app,
        "insert into connector_state (connector, status, last_error, last_error_at)
         values ('yahoo', 'inactive', 'too many requests', '2026-03-02T15:30:00Z')",
    )
    .await;
    quote(&app, "AAPL", "110", "polygon", 5).await;
    let status = ok(user.get("/api/connectors/status").await);
    let all = &status["allConnectors"];
    for id in [
        "alpaca",
        "finnhub",
        "coingecko",
        "coinmarketcap",
        "newsapi",
        "valyu",
        "huggingface",
        "openai",
        "uae-markets",
        "gdelt",
        "polygon",
        "yahoo",
        "fred",
        "sec-edgar",
        "finra",
        "anthropic",
    ] {
        let one = find(all, "id", id);
        let group = one["category"].as_str().expect("a category");
        assert_eq!(&status[group][id], one, "{id} is in its group");
        for key in ["name", "description", "status"] {
            assert!(one[key].is_string(), "{key}: {one}");
        }
    }
    let polygon = find(all, "id", "polygon");
    assert_eq!((&polygon["connected"], &polygon["hasApiKey"]), (&json!(true), &json!(true)), "{polygon}");
    assert_eq!((&polygon["cacheSize"], &polygon["latencyMs"]), (&json!(1), &json!(41)));
    assert_eq!(polygon["lastChecked"], "2026-03-02T15:30:00.000Z");
    let yahoo = find(all, "id", "yahoo");
    assert_eq!((&yahoo["connected"], &yahoo["lastError"]), (&json!(false), &json!("too many requests")));
    let gdelt = find(all, "id", "gdelt");
    assert_eq!((&gdelt["connected"], &gdelt["status"]), (&json!(false), &json!("inactive")), "{gdelt}");
    assert_eq!(gdelt["description"], "not part of this platform");
    let fred = find(all, "id", "fred");
    assert_eq!((&fred["status"], &fred["lastChecked"]), (&json!("unknown"), &Value::Null), "{fred}");
}

#[tokio::test]
async fn a_feed_is_judged_by_its_calls_of_seven_days() {
    let app = start().await;
    let (user, admin) = (app.signed_up().await, administrator(&app).await);
    for (connector, age, good, bad) in [
        ("polygon", 0, 90, 2),
        ("polygon", 3, 10, 0),
        ("yahoo", 0, 8, 2),
        ("finnhub", 1, 1, 9),
        ("fred", 8, 100, 0),
    ] {
        run(
            &app,
            &format!(
                "insert into connector_metrics (connector, endpoint, day, total_requests, success_count,
                        failure_count, latency_sum_ms, latency_max_ms, last_error, last_error_at)
                 values ('{connector}', 'quotes', (clock_timestamp() at time zone 'UTC')::date - {age},
                        {good} + {bad}, {good}, {bad}, 50 * ({good} + {bad}), 400, 'timed out', now())"
            ),
        )
        .await;
    }
    let feeds = ok(user.get("/api/feeds").await);
    for (id, word) in [
        ("polygon", "active"),
        ("yahoo", "degraded"),
        ("finnhub", "inactive"),
        ("fred", "unknown"),
        ("finra", "unknown"),
    ] {
        let feed = find(&feeds, "id", id);
        assert_eq!(feed["status"], word, "{feed}");
        assert_eq!(feed["metrics"].is_null(), word == "unknown", "{feed}");
        assert!(["market", "news", "fundamental"].contains(&feed["category"].as_str().expect("a word")));
    }
    let metrics = &find(&feeds, "id", "polygon")["metrics"];
    assert_eq!(
        (&metrics["totalRequests"], &metrics["successCount"]),
        (&json!(102), &json!(100)),
        "{metrics}"
    );
    assert_eq!((&metrics["avgLatencyMs"], &metrics["maxLatencyMs"]), (&json!(50), &json!(400)));
    assert_eq!(find(&feeds, "id", "yahoo")["lastError"], "timed out");
    let usage = ok(admin.get("/api/admin/api-usage?days=30").await);
    assert_eq!(usage["usage"].as_array().map(Vec::len), Some(5), "{usage}");
    assert_eq!(find(&usage["providers"], "provider", "fred")["totalRequests"], 100);
    let usage = ok(admin.get("/api/admin/api-usage").await);
    assert_eq!(usage["usage"].as_array().map(Vec::len), Some(4), "{usage}");
    for days in ["0", "91", "x"] {
        let answer = admin.get(&format!("/api/admin/api-usage?days={days}")).await;
        assert_eq!(super::refused(&answer), (400, "INVALID_QUERY"), "{days}");
    }
}
