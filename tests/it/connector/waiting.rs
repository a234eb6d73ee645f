//! Who hangs costs nobody else their answer, and no cycle its time.

use std::sync::Arc;

use jobs::db::{agents, cycles};
use serde_json::json;
use suites::TestDatabase;
use tokio::sync::Notify;
use uuid::Uuid;

use super::{health::while_working, *};

/// Returns Polygon's bars of a symbol up to the session before the tests' day.
fn polygon_bars() -> Value {
    let bar = |day: NaiveDate| {
        let at = day.and_hms_opt(5, 0, 0).expect("a time").and_utc().timestamp_millis();
        json!({"t": at, "o": 187.1, "h": 189.0, "l": 186.2, "c": 188.4, "v": 7})
    };
    let bars: Vec<_> = sessions("2026-03-04").into_iter().map(bar).collect();
    json!({"status": "OK", "resultsCount": bars.len(), "results": bars})
}

/// Returns Yahoo's bars of a symbol.
fn yahoo_bars(days: &[NaiveDate]) -> Value {
    let at = |day: &NaiveDate| day.and_hms_opt(14, 30, 0).expect("a time").and_utc().timestamp();
    let column = |price: f64| vec![price; days.len()];
    json!({"chart": {"error": null, "result": [{
        "meta": {}, "timestamp": days.iter().map(at).collect::<Vec<_>>(),
        "indicators": {"quote": [{"open": column(187.1), "high": column(189.0), "low": column(186.2),
                                  "close": column(188.4), "volume": column(7.0)}]}}]}})
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("S{number:02}")).collect()
}

#[tokio::test]
async fn bars_of_several_symbols_are_asked_for_at_once() {
    let database = TestDatabase::create().await;
    let other = Arc::new(Notify::new());
    // The first symbol's answer comes once the other one is asked about.
    let far = FarSide::start(move |seen: &Seen| {
        if seen.target.contains("/AAPL/") {
            return Reply::Later(Arc::clone(&other), polygon_bars());
        }
        other.notify_one();
        Reply::Json(200, polygon_bars())
    })
    .await;
    let asked = connectors(&settings(&[("polygon", &far.url)]), &database.pool);
    for (symbol, bars) in asked.daily_bars_of(&symbols(&["AAPL", "MSFT"]), 4, now(), LIMIT).await {
        let bars = bars.unwrap_or_else(|error| panic!("{symbol}: {error}"));
        assert_eq!((bars.value.symbol, bars.value.dates.len()), (symbol, 4));
        assert_eq!(bars.as_of.to_rfc3339(), "2026-03-04T21:00:00+00:00");
    }
    assert_eq!(far.seen().len(), 2);
}

#[tokio::test]
async fn a_source_that_hangs_leaves_time_for_the_next_and_is_not_asked_about_every_symbol() {
    let database = TestDatabase::create().await;
    let hanging = FarSide::start(|_: &Seen| Reply::Silence).await;
    let good = saying(yahoo_bars(&sessions("2026-03-04"))).await;
    let mut config = settings(&[("polygon", &hanging.url), ("yahoo", &good.url)]);
    config.connectors.polygon.timeout_ms = 60_000;
    let asked = connectors(&config, &database.pool);
    let found = asked.daily_bars_of(&names(12), 4, now(), Duration::from_secs(6)).await;
    assert_eq!(found.len(), 12);
    for (symbol, bars) in found {
        let bars = bars.unwrap_or_else(|error| panic!("{symbol}: {error}"));
        assert_eq!(bars.provider, "yahoo");
        let [fallback] = bars.fallbacks.as_slice() else { panic!("{symbol}: {:?}", bars.fallbacks) };
        assert!(fallback.reason.contains("no answer within"), "{symbol}: {fallback:?}");
    }
    assert_eq!(hanging.seen().len(), 4, "a few at once, and then nobody waits for it any longer");
    counted(&database.pool, "polygon", [1, 0, 1, 0, 0]).await;
}

#[tokio::test]
async fn a_source_in_the_middle_that_hangs_is_left_alone_once_its_breaker_has_heard_of_it() {
    let database = TestDatabase::create().await;
    let empty = saying(json!({"bars": {}, "next_page_token": null})).await;
    let hanging = FarSide::start(|_: &Seen| Reply::Silence).await;
    let good = saying(yahoo_bars(&sessions("2026-03-04"))).await;
    let providers = [("alpaca", &*empty.url), ("polygon", &*hanging.url), ("yahoo", &*good.url)];
    let mut config = settings(&providers);
    // Its own timeout never comes: half of what is left of the time is less.
    config.connectors.polygon.timeout_ms = 60_000;
    let asked = connectors(&config, &database.pool);
    eventually("its breaker is open", LIMIT, async || {
        let before = hanging.seen().len();
        let mut found = asked.daily_bars_of(&names(1), 4, now(), Duration::from_secs(4)).await;
        let bars = found.pop().and_then(|(_, bars)| bars.ok()).ok_or("nobody answered")?;
        let [_, second] = bars.fallbacks.as_slice() else { panic!("{:?}", bars.fallbacks) };
        if !second.reason.starts_with("not tried") {
            return Err(second.reason.clone());
        }
        assert_eq!(hanging.seen().len(), before, "nothing is sent to it");
        assert!(second.reason.contains("no answer within"), "what opened it is told: {second:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_source_without_sense_is_given_up_and_what_is_missing_says_why() {
    let database = TestDatabase::create().await;
    // This opens no breaker: it answers.
    let far = FarSide::start(|_: &Seen| Reply::Text(307, vec![], String::new())).await;
    let asked = connectors(&settings(&[("polygon", &far.url)]), &database.pool);
    let found = asked.daily_bars_of(&names(24), 4, now(), LIMIT).await;
    assert_eq!(found.len(), 24);
    for (symbol, bars) in found {
        let error = bars.expect_err("there is no sense in it").to_string();
        assert!(error.contains("307"), "{symbol}: {error}");
    }
    let calls = far.seen().len();
    assert!(calls <= 12, "{calls} calls, though each is made twice and 4 at once");
}

#[tokio::test]
async fn quotes_that_came_are_kept_though_somebody_hangs() {
    let database = TestDatabase::create().await;
    let alpaca = saying(alpaca_snapshot(&json!(188.4), "2026-03-05T17:59:50Z")).await;
    let yahoo = FarSide::start(|seen: &Seen| {
        if seen.target.contains("/IBM") {
            return Reply::Silence;
        }
        let mut chart = yahoo_chart(188.4);
        chart["chart"]["result"][0]["meta"]["symbol"] = json!("MSFT");
        Reply::Json(200, chart)
    })
    .await;
    let mut config = settings(&[("alpaca", &alpaca.url), ("yahoo", &yahoo.url)]);
    config.connectors.yahoo.timeout_ms = 60_000;
    let asked = connectors(&config, &database.pool);
    let wanted = symbols(&["AAPL", "IBM", "MSFT"]);
    let quotes = asked.quotes(&wanted, now(), Duration::from_secs(4)).await.expect("two of three");
    let whose: Vec<_> = quotes.iter().map(|quote| (quote.value.symbol.as_str(), quote.provider)).collect();
    assert_eq!(whose, [("AAPL", "alpaca"), ("MSFT", "yahoo")]);
}

#[tokio::test]
async fn a_cycle_goes_on_with_what_came_though_providers_hang() {
    let database = TestDatabase::create().await;
    let user = Uuid::new_v4();
    sqlx::query("insert into users (user_id, username, password_hash) values ($1, $1::text, '-')")
        .bind(user)
        .execute(&database.pool)
        .await
        .expect("a user is made");
    sqlx::query(
        "insert into universe_candidates (user_id, symbol, status, tier, liquidity_score, score, rationale)
         select $1, symbol, 'WATCHLIST', 'A', 1, 0.5, 'a test' from unnest(array['AAPL', 'MSFT']) as symbol",
    )
    .bind(user)
    .execute(&database.pool)
    .await
    .expect("two candidates");
    // The first knows one share's price, the second knows bars; about all else they are silent.
    let alpaca = FarSide::start(|seen: &Seen| {
        if seen.target.starts_with("/v2/stocks/bars") {
            return Reply::Silence;
        }
        Reply::Json(200, alpaca_snapshot(&json!(188.4), &Utc::now().to_rfc3339()))
    })
    .await;
    let yahoo = FarSide::start(|seen: &Seen| {
        if seen.target.contains("period1") {
            return Reply::Json(200, yahoo_bars(&finished_sessions()));
        }
        Reply::Silence
    })
    .await;
    let mut config = settings(&[("alpaca", &alpaca.url), ("yahoo", &yahoo.url)]);
    (config.broker.timeout_ms, config.connectors.yahoo.timeout_ms) = (60_000, 60_000);
    let asked = connectors(&config, &database.pool);
    let mut tx = database.pool.begin().await.expect("a transaction begins");
    agents::set_interval(&mut tx, user, 3600).await.expect("the interval is set");
    agents::start(&mut tx, user).await.expect("the agent starts");
    tx.commit().await.expect("the transaction commits");
    let mut config = nobody();
    config.cycle.source_timeout_ms = 6000;
    while_working(&database, config, asked, async || {
        let mut conn = database.pool.acquire().await.expect("the database answers");
        let cycles = cycles::recent(&mut conn, user, 1).await.expect("the cycles are read");
        let Some(cycle) = cycles.first().filter(|cycle| cycle.status != "running") else {
            return Err(format!("{cycles:?}"));
        };
        assert_eq!((cycle.status.as_str(), cycle.analysed), ("done", 1), "{cycle:?}");
        assert_eq!(cycle.skipped[0]["symbol"], "MSFT", "{}", cycle.skipped);
        Ok(())
    })
    .await;
}
