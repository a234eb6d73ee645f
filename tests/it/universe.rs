//! The universe and its candidates: proposed by rules, approved by nobody but the user.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use domain::universe::{CandidateStatus, Figures, Liquidity, Tier};
use jobs::{
    db::{
        candidates::{self, Generated},
        cycles, universe,
    },
    kinds::sync_universe::SyncUniverse,
    queue::{Enqueue, enqueue, inspect},
};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::PgConnection;
use suites::{TestApp, TestDatabase, eventually};
use uuid::Uuid;

/// Generous: a test machine may be busy.
const LIMIT: Duration = Duration::from_mins(1);

fn d(text: &str) -> Decimal {
    text.parse().expect("a number of this test is valid")
}

async fn user(conn: &mut PgConnection) -> Uuid {
    let id = Uuid::new_v4();
    sqlx::query("insert into users (user_id, username, password_hash) values ($1, $2, '-')")
        .bind(id)
        .bind(id.to_string())
        .execute(conn)
        .await
        .expect("a user is made");
    id
}

/// Makes the asset as liquid as can be, at `price`.
async fn liquid(conn: &mut PgConnection, symbol: &str, price: &str) {
    let found = Liquidity {
        avg_daily_volume: d("1000000"),
        traded_value: d("100000000"),
        price: d(price),
        tier: Tier::of(d("100000000"), None, d(price)),
    };
    universe::store_liquidity(conn, symbol, &found, "alpaca").await.expect("it is recorded");
}

#[tokio::test]
async fn a_fresh_database_knows_the_shipped_assets() {
    let database = TestDatabase::create().await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let assets = universe::assets(&mut conn).await.expect("they are read");
    let symbols: Vec<_> = assets.iter().map(|asset| asset.symbol.as_str()).collect();
    assert_eq!(symbols, ["AAPL", "FB", "GOOG", "IBM", "MSFT"]);
    assert_eq!(universe::seed(&mut conn).await.expect("it seeds"), 0, "there are assets");
    sqlx::query("delete from universe_assets").execute(&mut *conn).await.expect("deleted");
    assert_eq!(universe::seed(&mut conn).await.expect("it seeds"), 5);
    let seeded = universe::assets(&mut conn).await.expect("they are read");
    let names = |assets: &[universe::Asset]| {
        assets.iter().map(|asset| (asset.name.clone(), asset.exchange.clone())).collect::<Vec<_>>()
    };
    assert_eq!(names(&seeded), names(&assets), "the migration and the code name the same assets");
}

#[tokio::test]
async fn candidates_are_proposed_by_score_and_keep_what_the_user_decided() {
    let database = TestDatabase::create().await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let user = user(&mut conn).await;
    let none = candidates::generate(&mut conn, user, None).await.expect("generated");
    assert_eq!(none, Generated::default(), "nothing is known of any asset yet");
    for symbol in ["AAPL", "FB", "IBM"] {
        liquid(&mut conn, symbol, "100").await;
    }
    // A good company, a bad one, a penny stock and one that is excluded.
    liquid(&mut conn, "GOOG", "4.99").await;
    liquid(&mut conn, "MSFT", "100").await;
    sqlx::query("update universe_assets set excluded = true where symbol = 'MSFT'")
        .execute(&mut *conn)
        .await
        .expect("excluded");
    let good = Figures {
        revenue_growth: Some(d("0.4")),
        operating_margin: Some(d("0.3")),
        debt_to_equity: None,
        dilution: Some(d("0")),
    };
    let bad = Figures { revenue_growth: Some(d("-0.2")), operating_margin: Some(d("-0.2")), ..good };
    universe::store_figures(&mut conn, "AAPL", &good).await.expect("recorded");
    universe::store_figures(&mut conn, "FB", &bad).await.expect("recorded");
    let first = candidates::generate(&mut conn, user, Some("trace")).await.expect("generated");
    assert_eq!(first, Generated { generated: 2, updated: 0 });
    let list = candidates::list(&mut conn, user, None, 10).await.expect("listed");
    let symbols: Vec<_> = list.iter().map(|one| (one.symbol.as_str(), one.status)).collect();
    assert_eq!(symbols, [("AAPL", CandidateStatus::New), ("IBM", CandidateStatus::New)]);
    assert!(list[0].rationale.contains("leverage"), "what is not known is named: {}", list[0].rationale);
    assert!(list[1].rationale.contains("liquidity alone"), "{}", list[1].rationale);

    let set = candidates::set_status(&mut conn, user, "AAPL", CandidateStatus::Approved, user).await;
    assert_eq!(set.expect("set"), Some((CandidateStatus::New, CandidateStatus::Approved)));
    let set = candidates::set_status(&mut conn, user, "TSLA", CandidateStatus::Approved, user).await;
    assert_eq!(set.expect("no error"), None);
    universe::store_figures(&mut conn, "AAPL", &bad).await.expect("recorded");
    let again = candidates::generate(&mut conn, user, None).await.expect("generated");
    assert_eq!(again, Generated { generated: 0, updated: 2 });
    let approved = candidates::list(&mut conn, user, Some(CandidateStatus::Approved), 10).await;
    let approved = approved.expect("listed");
    assert_eq!((approved.len(), approved[0].decided_by), (1, Some(user)));
    assert!(approved[0].score < list[0].score, "it was scored again");
    let other = candidates::list(&mut conn, Uuid::new_v4(), None, 10).await.expect("listed");
    assert_eq!(other, [], "candidates belong to their user");
}

#[tokio::test]
async fn a_cycle_looks_at_what_is_held_and_then_at_who_waited_longest() {
    let database = TestDatabase::create().await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let user = user(&mut conn).await;
    sqlx::query(
        "insert into universe_candidates (user_id, symbol, status, tier, liquidity_score, score, rationale)
         select $1, symbol, case symbol when 'FB' then 'APPROVED' else 'WATCHLIST' end, 'A', 1, 0.5, 'a test'
           from universe_assets",
    )
    .bind(user)
    .execute(&mut *conn)
    .await
    .expect("five candidates");
    sqlx::query(
        "insert into positions (user_id, symbol, qty, avg_entry_price, opened_at)
         values ($1, 'TSLA', 1, 100, now())",
    )
    .bind(user)
    .execute(&mut *conn)
    .await
    .expect("a position");
    let mut turns = Vec::new();
    for turn in 0..3 {
        let symbols = cycles::symbols_of(&mut conn, user, 3).await.expect("read");
        let at = DateTime::UNIX_EPOCH + TimeDelta::minutes(turn);
        cycles::looked_at(&mut conn, user, &symbols, at).await.expect("noted");
        turns.push(symbols.join(" "));
    }
    assert_eq!(turns, ["TSLA AAPL FB", "TSLA GOOG IBM", "TSLA MSFT AAPL"]);
}

#[tokio::test]
async fn what_is_shipped_never_replaces_what_a_market_gave() {
    let database = TestDatabase::create().await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    assert!(universe::is_due(&mut conn, 24).await.expect("read"));
    liquid(&mut conn, "AAPL", "100").await;
    assert!(!universe::is_due(&mut conn, 24).await.expect("read"));
    let found = Liquidity { avg_daily_volume: d("1"), traded_value: d("1"), price: d("1"), tier: Tier::C };
    universe::store_liquidity(&mut conn, "AAPL", &found, universe::SHIPPED).await.expect("no error");
    let asset = universe::asset(&mut conn, "AAPL").await.expect("read").expect("it is there");
    assert_eq!((asset.tier, asset.price), (Tier::A, Some(d("100"))));
}

#[tokio::test]
async fn without_connectors_liquidity_comes_from_the_shipped_bars_and_the_row_says_so() {
    let app = TestApp::builder().workers(1).start().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    sqlx::query("delete from universe_assets").execute(&mut *conn).await.expect("deleted");
    let job = enqueue(&mut conn, &SyncUniverse {}, Enqueue::default()).await.expect("enqueued").job_id;
    let done = eventually("the universe is synced", LIMIT, async || {
        let job = inspect::job(&mut conn, job).await.expect("read").ok_or("no such job")?;
        if job.finished_at.is_some() { Ok(job) } else { Err("at work") }
    })
    .await;
    let output: Value = done.output.expect("a job that succeeded has an output");
    assert_eq!(
        (&output["assets"], &output["liquidity"], &output["figures"]),
        (&5.into(), &5.into(), &0.into())
    );
    for asset in universe::assets(&mut conn).await.expect("read") {
        assert_eq!(asset.metrics_source.as_deref(), Some(universe::SHIPPED), "{}", asset.symbol);
        assert!(asset.price.is_some_and(|price| price > Decimal::ZERO), "{asset:?}");
    }
    let user = user(&mut conn).await;
    let generated = candidates::generate(&mut conn, user, None).await.expect("generated");
    assert!(generated.generated > 0, "the shipped assets are liquid");
    let list = candidates::list(&mut conn, user, None, 10).await.expect("listed");
    assert!(list.iter().all(|one| one.rationale.contains("shipped bars")), "{list:?}");
}
