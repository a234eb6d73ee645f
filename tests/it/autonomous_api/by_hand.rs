//! What cycles and connectors would write down, written by the test.

use serde_json::{Value, json};
use suites::{SignedIn, TestApp};
use uuid::Uuid;

use crate::trading_api::by_hand::decimal;

/// A decision to be written.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) symbol: &'static str,
    pub(crate) action: &'static str,
    pub(crate) confidence: &'static str,
    pub(crate) status: &'static str,
    pub(crate) order_id: Option<Uuid>,
    pub(crate) gates: Value,
    pub(crate) skip_reason: Option<&'static str>,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            symbol: "AAPL",
            action: "buy",
            confidence: "0.8",
            status: "pending",
            order_id: None,
            gates: json!([]),
            skip_reason: None,
        }
    }
}

/// Writes a decision of `user` made just now, and returns its id.
pub(crate) async fn decide(app: &TestApp, user: &SignedIn, new: &Written) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "insert into ai_decisions
             (decision_id, user_id, origin, symbol, action, confidence, reasoning, risk_level, status,
              skip_reason, suggested_fraction, entry_price, target_price, stop_loss, order_id, gates, analyst,
              window_start, market_context)
         values ($1, $2, 'cycle', $3, $4, $5, 'it looks so', 'medium', $6, $7, 0.05, 100, 110, 95, $8, $9,
                 'technical', clock_timestamp(), '{\"price\": 100}')",
    )
    .bind(id)
    .bind(id_of(user))
    .bind(new.symbol)
    .bind(new.action)
    .bind(decimal(new.confidence))
    .bind(new.status)
    .bind(new.skip_reason)
    .bind(new.order_id)
    .bind(&new.gates)
    .execute(&app.pool)
    .await
    .expect("a decision is written");
    id
}

/// Returns the id of a user.
pub(crate) fn id_of(user: &SignedIn) -> Uuid {
    user.user_id.parse().expect("a user's id is a UUID")
}

/// Writes symbols that may be looked at: liquid, of tier A, at 100, growing and earning.
pub(crate) async fn universe(app: &TestApp, symbols: &[&str]) {
    for symbol in symbols {
        sqlx::query(
            "insert into universe_assets
                 (symbol, name, exchange, tier, avg_daily_volume, traded_value, spread_percent, price,
                  liquidity_score, metrics_at, revenue_growth, operating_margin, debt_to_equity, dilution,
                  fundamentals_at)
             values ($1, $1, 'NASDAQ', 'A', 50000000, 5000000000, 0.01, 100, 1, clock_timestamp(), 0.2,
                  0.25, 0.5, 0, clock_timestamp())
             on conflict (symbol) do update
                set tier = 'A', price = 100, liquidity_score = 1, metrics_at = clock_timestamp(),
                    revenue_growth = 0.2, operating_margin = 0.25, debt_to_equity = 0.5, dilution = 0,
                    fundamentals_at = clock_timestamp()",
        )
        .bind(symbol)
        .execute(&app.pool)
        .await
        .expect("an asset is written");
    }
}

/// Writes a candidate of `user`, in the universe too.
pub(crate) async fn candidate(app: &TestApp, user: &SignedIn, symbol: &str, status: &str) {
    universe(app, &[symbol]).await;
    sqlx::query(
        "insert into universe_candidates
             (user_id, symbol, status, tier, liquidity_score, growth_score, quality_score, score, rationale)
         values ($1, $2, $3, 'A', 1, 0.6, 0.7, 0.8, 'liquid and growing')",
    )
    .bind(id_of(user))
    .bind(symbol)
    .bind(status)
    .execute(&app.pool)
    .await
    .expect("a candidate is written");
}

/// Writes a fresh quote of `symbol`.
pub(crate) async fn quote(app: &TestApp, symbol: &str, price: &str) {
    sqlx::query(
        "insert into market_quotes (symbol, price, previous_close, as_of, provider)
         values ($1, $2, $2, clock_timestamp(), 'test')
         on conflict (symbol) do update set price = excluded.price, as_of = excluded.as_of,
                fetched_at = clock_timestamp()",
    )
    .bind(symbol)
    .bind(decimal(price))
    .execute(&app.pool)
    .await
    .expect("a quote is written");
}

/// Writes `count` daily bars of `symbol` that end yesterday, each a percent above the one before.
pub(crate) async fn rising_bars(app: &TestApp, symbol: &str, count: i32) {
    sqlx::query(
        "insert into market_bars (symbol, dates, open, high, low, close, volume, provider)
         select $1, array_agg(current_date - ($2 - n) order by n), array_agg(p order by n),
                array_agg(p * 1.02 order by n), array_agg(p * 0.99 order by n),
                array_agg(p * 1.01 order by n), array_agg(1e6::float8 order by n), 'test'
           from (select n, (50 * power(1.01, n))::float8 as p from generate_series(0, $2 - 1) n) bars",
    )
    .bind(symbol)
    .bind(count)
    .execute(&app.pool)
    .await
    .expect("bars are written");
}
