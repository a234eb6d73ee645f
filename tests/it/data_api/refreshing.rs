//! What a refresh reads of which symbols. A worker of the test's own asks a provider of its own.

use std::sync::Arc;

use chrono::Utc;
use jobs::{
    Environment, Registry,
    connector::Connectors,
    external::ExternalMetrics,
    kinds::refresh_market_data::RefreshMarketData,
    queue::{Counters, Enqueue, WorkerOptions, enqueue},
};
use serde_json::{Value, json};
use suites::{TestApp, eventually};
use tokio_util::sync::CancellationToken;

use super::{LIMIT, asset, count, run};
use crate::broker::far_side::{FarSide, Reply, Seen};

/// Answers with a quote of every symbol, and without bars.
fn answer(seen: &Seen) -> Reply {
    if seen.target.starts_with("/v2/stocks/bars") {
        return Reply::Json(200, json!({"bars": {}, "next_page_token": null}));
    }
    let at = Utc::now().to_rfc3339();
    let day = json!({"t": at, "o": 100, "h": 101, "l": 99, "c": 100, "v": 7});
    let one = json!({
        "latestTrade": {"t": at, "x": "V", "p": 100, "s": 10, "c": ["@"], "i": 1, "z": "C"},
        "latestQuote": null, "minuteBar": null, "dailyBar": day, "prevDailyBar": day
    });
    let all = ["HELD", "KNOWN", "STRANGE"].map(|symbol| (symbol.to_owned(), one.clone()));
    Reply::Json(200, Value::Object(all.into_iter().collect()))
}

#[tokio::test]
async fn bars_are_read_of_what_is_in_the_universe_or_held_and_quotes_of_all() {
    let far = FarSide::start(answer).await;
    let app = TestApp::builder()
        .config(|config| {
            let broker = &mut config.broker;
            (broker.key, broker.secret) = (Some("key-of-nobody".into()), Some("secret-of-nobody".into()));
            far.url.clone_into(&mut broker.data_url);
            (broker.requests_per_minute, broker.burst) = (1_000_000, 1000);
        })
        .start()
        .await;
    let user = app.signed_up().await;
    asset(&app, "KNOWN").await;
    let held = format!(
        "insert into positions (user_id, symbol, qty, avg_entry_price, opened_at)
         values ('{}', 'HELD', 1, 100, now())",
        user.user_id
    );
    run(&app, &held).await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    for job in RefreshMarketData::of(["HELD", "KNOWN", "STRANGE"].map(str::to_owned)) {
        enqueue(&mut conn, &job, Enqueue::default()).await.expect("it is enqueued");
    }
    let connectors = Connectors::configured(&app.config, &app.pool, &ExternalMetrics::default());
    let env = Environment::new(app.pool.clone(), Arc::clone(&app.config))
        .with_connectors(connectors.expect("loopback URLs are fine"));
    let shutdown = CancellationToken::new();
    let working = tokio::spawn(jobs::queue::run(
        Arc::new(env),
        Registry::new(false),
        WorkerOptions { queues: vec![("data".into(), 1)] },
        Arc::new(Counters::default()),
        shutdown.clone(),
    ));
    eventually("the refresh is done", LIMIT, async || {
        count(&app, "select count(*) from queue.jobs where kind = 'refresh_market_data'").await == 0
    })
    .await;
    shutdown.cancel();
    working.await.expect("no panic").expect("a worker ends because it was told to");
    let asked = |symbol: &str| {
        let about = |seen: &Seen| {
            seen.target.starts_with("/v2/stocks/bars") && seen.target.contains(&format!("symbols={symbol}&"))
        };
        far.seen().iter().any(about)
    };
    assert_eq!(
        ["HELD", "KNOWN", "STRANGE"].map(asked),
        [true, true, false],
        "{:?}",
        far.seen().iter().map(|seen| seen.target.clone()).collect::<Vec<_>>()
    );
    assert_eq!(count(&app, "select count(*) from market_quotes").await, 3);
}
