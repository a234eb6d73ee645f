//! What is past its time is deleted, and nothing else.

use std::sync::Arc;

use jobs::{Environment, config::Config, housekeeping};
use sqlx::{AssertSqlSafe, PgPool};
use suites::TestDatabase;
use uuid::Uuid;

const USER: Uuid = Uuid::from_u128(1);

async fn execute(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(pool).await.expect("the test's SQL is right");
}

/// Puts `rows` records into every table that is swept, each `days` days old.
async fn records(pool: &PgPool, rows: usize, days: u32) {
    let each = format!("from generate_series(1, {rows}) as n");
    let at = format!("clock_timestamp() - interval '{days} days'");
    for (table, columns, values) in [
        (
            "llm_calls",
            "call_id, role, provider, model, status, request_hash, created_at",
            format!("gen_random_uuid(), 'r', 'p', 'm', 'ok', 'h', {at}"),
        ),
        (
            "sentiment_scores",
            "sentiment_id, symbol, source, score, confidence, trend, explanation, as_of, created_at",
            format!("gen_random_uuid(), 'AAPL', 's', 0, 0, 'up', 'e', {at}, {at}"),
        ),
        (
            "fused_analyses",
            "fused_id, symbol, score, signal, confidence, agreement, quality, weights, created_at",
            format!("gen_random_uuid(), 'AAPL', 0, 'neutral', 0, 0, 'good', '{{}}', {at}"),
        ),
        (
            "news_items",
            "news_id, provider, provider_news_id, headline, symbols, published_at, available_at",
            format!("gen_random_uuid(), 'p', '{days}/' || n, 'h', '{{AAPL}}', {at}, {at}"),
        ),
        (
            "cycles",
            "cycle_id, user_id, tick, mode, started_at",
            format!("gen_random_uuid(), '{USER}', {at} + n * interval '1 s', 'manual', {at}"),
        ),
        (
            "ai_decisions",
            "decision_id, user_id, origin, symbol, action, confidence, reasoning, risk_level, analyst,
             window_start, created_at",
            format!("gen_random_uuid(), '{USER}', 'request', 'AAPL', 'buy', 1, 'r', 'low', 'a', {at}, {at}"),
        ),
    ] {
        execute(pool, &format!("insert into {table} ({columns}) select {values} {each}")).await;
    }
}

/// Returns how many are left: calls, scores, analyses, news, cycles, decisions.
async fn left(pool: &PgPool) -> [i64; 6] {
    let mut left = [0; 6];
    let tables = ["llm_calls", "sentiment_scores", "fused_analyses", "news_items", "cycles", "ai_decisions"];
    for (count, table) in left.iter_mut().zip(tables) {
        let sql = format!("select count(*) from {table}");
        *count = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(pool).await.expect("it counts");
    }
    left
}

/// Returns surroundings on the database, in which a user is known.
async fn surroundings(database: &TestDatabase) -> Environment {
    execute(
        &database.pool,
        &format!("insert into users (user_id, username, password_hash) values ('{USER}', 'ann', '-')"),
    )
    .await;
    let config = Config::for_profile("test", false).expect("the test profile is valid");
    Environment::new(database.pool.clone(), Arc::new(config))
}

#[tokio::test]
async fn records_go_when_their_time_is_over_and_not_before() {
    for (days, stay) in [
        (0, [1, 1, 1, 1, 1, 1]),
        (29, [1, 1, 1, 1, 1, 1]),
        (31, [0, 0, 0, 1, 0, 1]),
        (89, [0, 0, 0, 1, 0, 1]),
        (91, [0, 0, 0, 0, 0, 1]),
        (179, [0, 0, 0, 0, 0, 1]),
        (181, [0, 0, 0, 0, 0, 0]),
    ] {
        let database = TestDatabase::create().await;
        let env = surroundings(&database).await;
        records(&database.pool, 1, days).await;
        let removed = housekeeping::sweep(&env).await.expect("it sweeps");
        assert_eq!(left(&database.pool).await, stay, "{days} days");
        let gone = 6 - stay.iter().sum::<i64>();
        assert_eq!(removed, gone.unsigned_abs(), "{days} days");
    }
}

#[tokio::test]
async fn more_than_a_page_goes_in_one_sweep() {
    let database = TestDatabase::create().await;
    let env = surroundings(&database).await;
    records(&database.pool, 1001, 200).await;
    records(&database.pool, 2, 1).await;
    assert_eq!(housekeeping::sweep(&env).await.expect("it sweeps"), 6 * 1001);
    assert_eq!(left(&database.pool).await, [2; 6]);
}

#[tokio::test]
async fn a_decision_stays_with_its_order_and_loses_its_cycle_and_an_analysis_takes_its_parts_along() {
    let database = TestDatabase::create().await;
    let (env, pool) = (surroundings(&database).await, &database.pool);
    records(pool, 3, 200).await;
    // One decision knows its order, one is known by its order only, one has none.
    execute(
        pool,
        &format!(
            "update ai_decisions set cycle_id = (select cycle_id from cycles limit 1);
             insert into orders (order_id, user_id, client_order_id, symbol, side, order_type,
                                 time_in_force, qty, origin, decision_id)
             select gen_random_uuid(), '{USER}', n, 'AAPL', 'buy', 'market', 'day', 1, 'cycle',
                    case n when 2 then (select decision_id from ai_decisions order by decision_id limit 1) end
               from generate_series(1, 2) as n;
             update ai_decisions set order_id = (select order_id from orders where client_order_id = '1')
              where decision_id = (select decision_id from ai_decisions order by decision_id desc limit 1);
             insert into data_source_analysis (analysis_id, fused_id, symbol, source, analysis_type, data,
                                               signal, confidence, reliability, event_at, available_at)
             select gen_random_uuid(), fused_id, 'AAPL', 's', 't', '{{}}', 'neutral', 0, 0, created_at,
                    created_at
               from fused_analyses"
        ),
    )
    .await;
    housekeeping::sweep(&env).await.expect("it sweeps");
    assert_eq!(left(pool).await, [0, 0, 0, 0, 0, 2]);
    let rest: (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from orders), (select count(*) from data_source_analysis),
                (select count(*) from ai_decisions where cycle_id is not null)",
    )
    .fetch_one(pool)
    .await
    .expect("it counts");
    assert_eq!(rest, (2, 0, 0));
}
