//! How connectors are found outlives the processes that found it, and nobody's counts are lost.

use std::sync::Arc;

use jobs::{
    Environment, Registry,
    db::market_cache,
    kinds::{probe_connectors::ProbeConnectors, refresh_market_data::RefreshMarketData},
    queue::{Counters, Enqueue, WorkerOptions, enqueue},
};
use serde_json::json;
use suites::TestDatabase;
use tokio_util::sync::CancellationToken;

use super::*;

/// Runs a worker with `asked` until `done` says so.
pub(super) async fn while_working(
    database: &TestDatabase,
    mut config: Config,
    asked: Connectors,
    done: impl AsyncFnMut() -> Result<(), String>,
) {
    config.database.url = Some(database.url().into());
    let env = Environment::new(database.pool.clone(), Arc::new(config)).with_connectors(asked);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(jobs::queue::run(
        Arc::new(env),
        Registry::new(false),
        WorkerOptions::default(),
        Arc::new(Counters::default()),
        shutdown.clone(),
    ));
    eventually("the work is done", LIMIT, done).await;
    shutdown.cancel();
    running.await.expect("no panic").expect("a worker ends because it was told to");
}

async fn status(pool: &PgPool, connector: &str) -> Option<connectors::ConnectorState> {
    let mut conn = pool.acquire().await.expect("the database answers");
    let states = connectors::states(&mut conn).await.expect("it answers");
    states.into_iter().find(|state| state.connector == connector)
}

#[tokio::test]
async fn workers_probe_by_themselves_and_what_they_found_stays() {
    let database = TestDatabase::create().await;
    let alpaca = saying(alpaca_snapshot(&json!(188.4), "2026-03-05T17:59:50Z")).await;
    let polygon = FarSide::start(|_: &Seen| Reply::Json(403, json!({"status": "ERROR"}))).await;
    let config = settings(&[("alpaca", &alpaca.url), ("polygon", &polygon.url)]);
    // Nobody enqueues anything: the scheduler's leader does.
    while_working(&database, nobody(), connectors(&config, &database.pool), async || {
        let found = (status(&database.pool, "alpaca").await, status(&database.pool, "polygon").await);
        let (Some(alpaca), Some(polygon)) = found else { return Err("nothing".into()) };
        if alpaca.status == "active" && polygon.status == "inactive" {
            return Ok(());
        }
        Err(format!("{alpaca:?} {polygon:?}"))
    })
    .await;
    let state = status(&database.pool, "polygon").await.expect("it was found");
    assert!(state.has_key && state.last_ok_at.is_none(), "{state:?}");
    assert!(state.last_error.is_some_and(|error| error.contains("403")), "what went wrong is kept");
    let state = status(&database.pool, "fred").await.expect("the others are known too");
    assert_eq!((state.status.as_str(), state.has_key, state.last_checked_at), ("unknown", false, None));
    let mut conn = database.pool.acquire().await.expect("the database answers");
    let job = ProbeConnectors {};
    enqueue(&mut conn, &job, Enqueue::default()).await.expect("a probe may be asked for");
}

#[tokio::test]
async fn a_refresh_keeps_quotes_and_bars_with_their_provenance() {
    let database = TestDatabase::create().await;
    let sessions = finished_sessions();
    let bars: Vec<_> = sessions
        .iter()
        .map(|day| {
            let at = day.and_hms_opt(5, 0, 0).expect("a time").and_utc();
            json!({"t": at, "o": 187.1, "h": 189.0, "l": 186.2, "c": 188.4, "v": 7})
        })
        .collect();
    let far = FarSide::start(move |seen: &Seen| {
        let at = Utc::now().to_rfc3339();
        if seen.target.starts_with("/v2/stocks/bars") {
            return Reply::Json(200, json!({"bars": {"AAPL": bars}, "next_page_token": null}));
        }
        Reply::Json(200, alpaca_snapshot(&json!(188.4), &at))
    })
    .await;
    let mut conn = database.pool.acquire().await.expect("the database answers");
    for job in RefreshMarketData::of(symbols(&["AAPL"])) {
        enqueue(&mut conn, &job, Enqueue::default()).await.expect("it is enqueued");
    }
    let config = settings(&[("alpaca", &far.url)]);
    while_working(&database, nobody(), connectors(&config, &database.pool), async || {
        let mut conn = database.pool.acquire().await.expect("the database answers");
        let quotes = market_cache::quotes(&mut conn, &symbols(&["AAPL"])).await.expect("it answers");
        let bars = market_cache::bars(&mut conn, "AAPL").await.expect("it answers");
        match (quotes.first(), bars) {
            (Some(quote), Some(bars)) => {
                assert_eq!((quote.provider.as_str(), bars.provider.as_str()), ("alpaca", "alpaca"));
                assert_eq!(bars.series.dates, sessions);
                Ok(())
            }
            found => Err(format!("{found:?}")),
        }
    })
    .await;
    let price = jobs::db::broker_state::price(&mut conn, "AAPL").await.expect("it answers");
    assert_eq!(price.map(|price| price.price.to_string()).as_deref(), Some("188.4"));
}

#[tokio::test]
async fn models_are_found_by_the_calls_that_were_made_anyway() {
    let database = TestDatabase::create().await;
    for (provider, status, minutes) in [
        ("openai", "ok", 30),
        ("openai", "ok", 20),
        ("openai", "failed", 10),
        ("openai", "skipped", 5),
        ("anthropic", "ok", 20),
        ("anthropic", "cached", 10),
    ] {
        sqlx::query(
            "insert into llm_calls (call_id, role, provider, model, status, latency_ms, error, request_hash,
                    created_at)
             values (gen_random_uuid(), 'technical_analyst', $1, 'm', $2, 700,
                    case when $2 = 'failed' then 'it hung up' end, 'h',
                    date_trunc('second', clock_timestamp()) - make_interval(mins => $3))",
        )
        .bind(provider)
        .bind(status)
        .bind(minutes)
        .execute(&database.pool)
        .await
        .expect("a call is recorded");
    }
    let alpaca = saying(alpaca_snapshot(&json!(188.4), "2026-03-05T17:59:50Z")).await;
    let mut config = nobody();
    config.analysts.openai.key = Some(KEY.into());
    let asked = connectors(&settings(&[("alpaca", &alpaca.url)]), &database.pool);
    while_working(&database, config, asked, async || match status(&database.pool, "anthropic").await {
        Some(_) => Ok(()),
        None => Err("nothing".into()),
    })
    .await;
    let openai = status(&database.pool, "openai").await.expect("it is found with the others");
    assert_eq!((openai.status.as_str(), openai.has_key, openai.latency_ms), ("inactive", true, Some(700)));
    assert_eq!(openai.last_error.as_deref(), Some("it hung up"));
    let (ok, error) = (openai.last_ok_at.expect("it answered"), openai.last_error_at.expect("it did not"));
    assert_eq!((error - ok).num_minutes(), 10, "the times are those of the calls");
    assert_eq!(openai.last_checked_at, Some(error));
    let anthropic = status(&database.pool, "anthropic").await.expect("it is found with the others");
    assert_eq!((anthropic.status.as_str(), anthropic.has_key), ("active", false));
}

#[tokio::test]
async fn counts_of_many_at_once_add_up() {
    let database = TestDatabase::create().await;
    let far = saying(alpaca_snapshot(&json!(188.4), "2026-03-05T17:59:50Z")).await;
    let config = settings(&[("alpaca", &far.url)]);
    let processes: Vec<_> = (0..4).map(|_| connectors(&config, &database.pool)).collect();
    let asking = processes.iter().map(async |asked| {
        for _ in 0..25 {
            asked.quotes(&symbols(&["AAPL"]), now(), LIMIT).await.expect("a quote");
        }
        asked.flush().await;
    });
    futures::future::join_all(asking).await;
    counted(&database.pool, "alpaca", [100, 100, 0, 0, 0]).await;
}
