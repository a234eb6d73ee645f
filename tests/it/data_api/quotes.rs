//! Quotes: what is shown, what is not known, and what is asked for.

use std::collections::HashSet;

use futures::future::join_all;
use serde_json::{Value, json};
use suites::TestApp;

use super::{asset, ok, quote, refreshing, refused, start};

#[tokio::test]
async fn a_snapshot_says_where_its_figures_come_from() {
    let app = start().await;
    let user = app.signed_up().await;
    quote(&app, "AAPL", "110", "polygon", 5).await;
    quote(&app, "MSFT", "90.5", "yahoo", 3600).await;
    let all = ok(user.get("/api/market/snapshot?symbols=msft,AAPL,zzzz,aapl").await);
    let keys: HashSet<&str> = all.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, HashSet::from(["AAPL", "MSFT", "ZZZZ"]));
    let fresh = &all["AAPL"];
    assert_eq!((&fresh["price"], &fresh["previousClose"]), (&json!(110.0), &json!(100.0)), "{fresh}");
    assert_eq!((&fresh["change"], &fresh["changePercent"]), (&json!(10.0), &json!(10.0)));
    assert_eq!((&fresh["provider"], &fresh["stale"]), (&json!("polygon"), &json!(false)));
    assert_eq!(fresh["asOf"], "2026-03-02T15:30:00.000Z");
    assert_eq!(fresh["fallbacks"], json!([{"provider": "alpaca", "reason": "timed out"}]));
    assert!(fresh["fetchedAt"].as_str().is_some_and(|text| text.ends_with('Z')), "{fresh}");
    let old = &all["MSFT"];
    assert_eq!((&old["price"], &old["stale"]), (&json!(90.5), &json!(true)), "an old price is marked");
    let unknown = &all["ZZZZ"];
    for key in ["price", "previousClose", "change", "changePercent", "volume", "provider", "asOf"] {
        assert_eq!(unknown[key], Value::Null, "{key}");
    }
    assert_eq!((&unknown["stale"], &unknown["fallbacks"]), (&json!(true), &json!([])));
    assert_eq!(refreshing(&app).await, [json!(["MSFT", "ZZZZ"])], "what is fresh is not asked for");
}

#[tokio::test]
async fn quotes_are_a_list_in_the_order_asked_for() {
    let app = start().await;
    let user = app.signed_up().await;
    quote(&app, "AAPL", "95", "polygon", 5).await;
    let all = ok(user.get("/api/market/quotes?symbols=NONE,AAPL").await);
    assert_eq!((&all[0]["symbol"], &all[0]["price"]), (&json!("NONE"), &Value::Null), "{all}");
    assert_eq!((&all[0]["change"], &all[0]["changePercent"]), (&Value::Null, &Value::Null));
    let known = &all[1];
    assert_eq!((&known["price"], &known["change"]), (&json!(95.0), &json!(-5.0)), "{known}");
    for key in ["volume", "high", "low", "open", "changePercent"] {
        assert!(known[key].is_number(), "{key}: {known}");
    }
}

#[tokio::test]
async fn symbols_are_checked_before_anything_is_asked_for() {
    let app = start().await;
    let user = app.signed_up().await;
    let many = (0..51).map(|number| format!("A{number}")).collect::<Vec<_>>().join(",");
    for path in ["/api/market/snapshot", "/api/market/quotes"] {
        for (query, code) in [
            (String::new(), "INVALID_QUERY"),
            ("?symbols=".into(), "INVALID_QUERY"),
            ("?symbols=AAPL,a%20b".into(), "INVALID_SYMBOL"),
            ("?symbols=%00".into(), "INVALID_SYMBOL"),
            ("?symbols='%3Bdrop".into(), "INVALID_SYMBOL"),
            (format!("?symbols={many}"), "TOO_MANY_SYMBOLS"),
        ] {
            let answer = user.get(&format!("{path}{query}")).await;
            assert_eq!(refused(&answer), (400, code), "{path}{query}");
        }
    }
    for symbol in ["a%20b", "%00", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "..%2F"] {
        let answer = user.get(&format!("/api/stock/quote/{symbol}")).await;
        assert_eq!(refused(&answer), (400, "INVALID_SYMBOL"), "{symbol}");
    }
    assert!(refreshing(&app).await.is_empty());
}

/// Sends `many` anonymous requests for a quote at once; returns their statuses.
async fn flood(app: &TestApp, symbol: &str, many: usize) -> Vec<u16> {
    let client = app.client();
    let url = format!("{}/api/stock/quote/{symbol}", app.url);
    let answers = (0..many).map(|_| async { client.get(&url).send().await.expect("an answer").status() });
    join_all(answers).await.into_iter().map(|status| status.as_u16()).collect()
}

#[tokio::test]
async fn anybody_reads_a_quote_and_a_flood_makes_one_job_a_symbol() {
    let app = start().await;
    for symbol in ["AAPL", "MSFT"] {
        asset(&app, symbol).await;
    }
    quote(&app, "MSFT", "110", "polygon", 5).await;
    let body: Value = app
        .client()
        .get(format!("{}/api/stock/quote/msft", app.url))
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    assert_eq!((&body["c"], &body["d"], &body["dp"]), (&json!(110.0), &json!(10.0), &json!(10.0)), "{body}");
    assert_eq!((&body["h"], &body["l"], &body["o"]), (&json!(112.0), &json!(99.0), &json!(101.0)));
    assert_eq!((&body["pc"], &body["t"]), (&json!(100.0), &json!(1_772_465_400)));
    assert!(flood(&app, "AAPL", 40).await.iter().all(|status| *status == 200));
    // The one that was made is done: the next request still makes no second one.
    run_out(&app).await;
    assert!(flood(&app, "AAPL", 10).await.iter().all(|status| *status == 200));
    assert!(refreshing(&app).await.is_empty(), "asked for lately");
    assert!(flood(&app, "STRANGE", 10).await.iter().all(|status| *status == 200));
    assert!(refreshing(&app).await.is_empty(), "what is not in the universe is not asked for");
}

/// Takes the only refreshing job away, as if it had been done.
async fn run_out(app: &TestApp) {
    assert_eq!(refreshing(app).await, [json!(["AAPL"])]);
    super::run(app, "delete from queue.jobs where kind = 'refresh_market_data'").await;
}

#[tokio::test]
async fn an_address_that_asks_without_end_is_told_to_wait() {
    let app = start().await;
    // Turns come back at two a second: a test machine asks faster than that.
    suites::eventually("an answer is refused", super::LIMIT, async || {
        let statuses = flood(&app, "AAPL", 50).await;
        assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
        statuses.contains(&429)
    })
    .await;
    let refused = suites::eventually("one more is refused", super::LIMIT, async || {
        let response = app.client().get(format!("{}/api/stock/quote/AAPL", app.url)).send().await;
        response.ok().filter(|response| response.status() == 429)
    })
    .await;
    assert!(refused.headers().contains_key("retry-after"));
    let body: Value = refused.json().await.expect("JSON");
    assert_eq!(body["code"], "TOO_MANY_REQUESTS");
    assert!(refreshing(&app).await.len() <= 1, "however often it was asked for");
}

#[tokio::test]
async fn a_read_waits_for_the_row_that_workers_write() {
    let app = TestApp::builder().config(|config| config.api.run_wait_ms = 60_000).start().await;
    let user = app.signed_up().await;
    let read = user.get("/api/market/snapshot?symbols=AAPL");
    let write = async {
        suites::eventually("it is asked for", super::LIMIT, async || !refreshing(&app).await.is_empty())
            .await;
        quote(&app, "AAPL", "110", "polygon", 0).await;
    };
    let (answer, ()) = tokio::join!(read, write);
    let all = ok(answer);
    // The wait is bounded: on a machine that is too busy for it, the answer says so.
    let aapl = &all["AAPL"];
    assert!(aapl["price"] == json!(110.0) || aapl["stale"] == json!(true), "{aapl}");
    let aapl = ok(user.get("/api/market/snapshot?symbols=AAPL").await)["AAPL"].clone();
    assert_eq!((&aapl["price"], &aapl["stale"]), (&json!(110.0), &json!(false)));
}

#[tokio::test]
async fn what_a_read_asks_for_expires_and_what_an_operator_asks_for_does_not() {
    let app = start().await;
    let (user, admin) = (app.signed_up().await, super::administrator(&app).await);
    ok(user.get("/api/market/quotes?symbols=AAPL").await);
    quote(&app, "IBM", "110", "polygon", 5).await;
    ok(admin.post_empty("/api/admin/provider/polygon/force-refresh").await);
    let lives: Vec<(Value, Option<f64>)> = sqlx::query_as(
        "select payload -> 'symbols', round(extract(epoch from not_after - created_at))::float8
           from queue.jobs
          where kind = 'refresh_market_data'
          order by payload -> 'symbols' ->> 0",
    )
    .fetch_all(&app.pool)
    .await
    .expect("the jobs can be read");
    assert_eq!(lives, [(json!(["AAPL"]), Some(15.0)), (json!(["IBM"]), None)]);
}

#[tokio::test]
async fn a_user_who_asks_for_symbols_without_end_makes_no_more_work_than_anybody() {
    let app = start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    // Turns come back at two a second: a test machine asks faster than that.
    for request in 0..8 {
        let symbols = (0..50).map(|number| format!("A{request}X{number}")).collect::<Vec<_>>().join(",");
        let all = ok(user.get(&format!("/api/market/snapshot?symbols={symbols}")).await);
        assert_eq!(all.as_object().map(serde_json::Map::len), Some(50), "all are shown, as not known");
    }
    let asked = |jobs: Vec<Value>| jobs.iter().filter_map(Value::as_array).map(Vec::len).sum::<usize>();
    let first = asked(refreshing(&app).await);
    assert!((120..400).contains(&first), "{first} symbols were asked for");
    ok(other.get("/api/market/snapshot?symbols=OTHER").await);
    assert!(refreshing(&app).await.contains(&json!(["OTHER"])), "others have their own turns");
}
