//! Keys that a provider repeats are put away nowhere, and nothing it says keeps records back.

use serde_json::json;
use suites::TestDatabase;

use super::*;

/// Returns all that is kept of calls and answers, as text, once `needle` is among it.
async fn kept(pool: &PgPool, needle: &str) -> String {
    eventually("what is kept", LIMIT, async || {
        let kept: Vec<String> = sqlx::query_scalar(
            "select to_jsonb(q)::text from quarantined_data q
              union all select to_jsonb(m)::text from connector_metrics m",
        )
        .fetch_all(pool)
        .await
        .expect("the database answers");
        let kept = kept.join("\n");
        if kept.contains(needle) { Ok(kept) } else { Err(kept) }
    })
    .await
}

#[tokio::test]
async fn a_key_of_the_query_comes_back_in_no_error_and_no_excerpt() {
    let (raw, sent) = ("planted/key+of a query", "planted%2Fkey%2Bof%20a%20query");
    let told = format!("api_key={sent}, which is {raw}");
    for status in [200, 400, 500] {
        let database = TestDatabase::create().await;
        let body = told.clone();
        let far = FarSide::start(move |_: &Seen| {
            Reply::Text(status, vec![("content-type", "text/html".into())], body.clone())
        })
        .await;
        let mut config = settings(&[("fred", &far.url)]);
        config.connectors.fred.key = Some(raw.into());
        let asked = connectors(&config, &database.pool);
        let error = asked.economy("UNRATE", now()).await.expect_err("that is no series");
        assert!(far.seen()[0].target.contains(sent), "{:?}", far.seen());
        let kept = kept(&database.pool, "api_key=***, which is ***").await;
        for shown in [format!("{error} {error:?}"), kept] {
            assert!(!shown.contains(raw) && !shown.contains(sent), "{status}: {shown}");
        }
    }
}

#[tokio::test]
async fn a_key_of_a_header_is_masked_in_what_is_put_away_of_a_part() {
    let database = TestDatabase::create().await;
    let far = saying(alpaca_snapshot(&json!(format!("{KEY}, told again")), "2026-03-05T17:59:50Z")).await;
    let asked = connectors(&settings(&[("alpaca", &far.url)]), &database.pool);
    asked.quotes(&symbols(&["AAPL"]), now(), LIMIT).await.expect_err("that is no price");
    let kept = kept(&database.pool, "***, told again").await;
    assert!(!kept.contains(KEY), "{kept}");
}

#[tokio::test]
async fn no_reason_for_asking_another_repeats_a_key() {
    let database = TestDatabase::create().await;
    let told = json!(format!("{KEY}, told again"));
    let mut part = polygon_snapshot(188.4);
    part["tickers"][0]["lastTrade"]["p"] = told.clone();
    for (provider, answer) in [
        ("alpaca", alpaca_snapshot(&told, "2026-03-05T17:59:50Z")),
        ("polygon", part),
        ("polygon", json!({"status": told})),
        ("finnhub", json!({"c": told, "h": 1, "l": 1, "o": 1, "pc": 1, "t": 1_772_733_590})),
    ] {
        let far = saying(answer).await;
        let asked = connectors(&settings(&[(provider, &far.url)]), &database.pool);
        let error = asked.quotes(&symbols(&["AAPL"]), now(), LIMIT).await.expect_err("that is no price");
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("***, told again") && !shown.contains(KEY), "{provider}: {shown}");
        for probed in asked.probe(now()).await {
            let shown = format!("{probed:?}");
            assert!(!shown.contains(KEY), "{shown}");
        }
    }
    let far = saying(json!({"observations": [{"date": "2026-02-01", "value": told}]})).await;
    let asked = connectors(&settings(&[("fred", &far.url)]), &database.pool);
    let error = asked.economy("UNRATE", now()).await.expect_err("that is no value");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("***, told again") && !shown.contains(KEY), "{shown}");
}

#[tokio::test]
async fn a_nul_in_a_refusal_keeps_no_record_back() {
    let database = TestDatabase::create().await;
    let far = FarSide::start(|_: &Seen| {
        Reply::Text(403, vec![("content-type", "text/plain".into())], "no\0not\x1byou".into())
    })
    .await;
    let asked = connectors(&settings(&[("polygon", &far.url)]), &database.pool);
    let error = asked.quotes(&symbols(&["AAPL"]), now(), LIMIT).await.expect_err("it refuses");
    assert!(error.to_string().contains("no not you"), "{error}");
    kept(&database.pool, "no not you").await;
    counted(&database.pool, "polygon", [1, 0, 1, 0, 0]).await;
}
