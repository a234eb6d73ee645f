//! Agents from the start to the position: the real queue and worker, the sandbox as the broker, and
//! quotes and bars as connectors would have kept them.

mod controls;
mod crashing;
mod exits;
mod limits;
mod modes;

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Days, Utc};
use jobs::{
    Environment, Registry,
    broker::{Broker, alpaca::Alpaca},
    config::Config,
    cycle::{self, ExecuteRefused, Executed},
    db::{
        agents,
        cycles::{self, Cycle},
        decisions::{self, Decision, Filter},
        positions::{self, Position},
    },
    external::ExternalMetrics,
    queue::{Counters, WorkerOptions},
};
use rust_decimal::Decimal;
use suites::{TestApp, eventually};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Generous: a test machine may be busy.
const LIMIT: Duration = Duration::from_secs(40);
/// The market's time when a test begins: half an hour after an opening long ago.
const MARKET: &str = "2024-03-04T15:00:00Z";

/// The application, a worker that trades at a sandbox, and a user.
struct Desk {
    app: TestApp,
    user: Uuid,
    config: Arc<Config>,
    broker: Arc<dyn Broker>,
    shutdown: CancellationToken,
    workers: JoinSet<()>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.workers.abort_all();
    }
}

impl Desk {
    async fn open() -> Self {
        let app = TestApp::start().await;
        let user = app.signed_up().await.user_id.parse().expect("a user's id is a UUID");
        let listener =
            TcpListener::bind("127.0.0.1:0").await.expect("the loopback interface has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let mut config = Config::clone(&app.config);
        config.cycle.quote_max_age_s = 3600;
        let settings = &mut config.broker;
        settings.key = Some("PKTEST".into());
        settings.secret = Some("secret".into());
        settings.trading_url = format!("http://{address}");
        settings.data_url = format!("http://{address}");
        settings.stream_url = format!("ws://{address}/stream");
        settings.requests_per_minute = 100_000;
        settings.burst = 10_000;
        let config = Arc::new(config);
        let metrics = ExternalMetrics::default();
        let broker = Alpaca::configured(&config.broker, &app.pool, &metrics);
        let broker: Arc<dyn Broker> =
            Arc::new(broker.expect("the addresses are valid").expect("there are keys"));
        let mut desk =
            Self { app, user, config, broker, shutdown: CancellationToken::new(), workers: JoinSet::new() };
        desk.start_exchange(listener);
        desk.start_worker();
        desk.allow(user).await;
        desk
    }

    fn start_exchange(&mut self, listener: TcpListener) {
        let settings = sandbox::Settings {
            rate_limit: 0,
            start: Some(at(MARKET)),
            ..sandbox::Settings::new("PKTEST", "secret")
        };
        let stop = self.shutdown.clone().cancelled_owned();
        self.workers.spawn(async move {
            sandbox::serve(settings, listener, stop).await.expect("a sandbox serves until it is stopped");
        });
    }

    fn start_worker(&mut self) {
        let pool =
            jobs::db::pool(&self.config.database, "test").expect("the URL of a test's database parses");
        let metrics = ExternalMetrics::default();
        let env = Environment::new(pool, Arc::clone(&self.config));
        let env = env.with_broker(Arc::clone(&self.broker), metrics);
        let shutdown = self.shutdown.child_token();
        self.workers.spawn(async move {
            let options = WorkerOptions { queues: vec![("orders".into(), 8), ("agents".into(), 4)] };
            let counters = Arc::new(Counters::default());
            let ran =
                jobs::queue::run(Arc::new(env), Registry::new(false), options, counters, shutdown).await;
            ran.expect("a worker in a test ends only because it was told to");
        });
    }

    /// Lets a user hold more of a symbol than usual, so that only what a test is about holds orders back.
    async fn allow(&self, user: Uuid) {
        self.sql(&format!(
            "insert into risk_settings (user_id, max_position_size_percent, max_total_exposure_percent)
             values ('{user}', 50, 100)"
        ))
        .await;
    }

    async fn sql(&self, statements: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(statements))
            .execute(&self.app.pool)
            .await
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    async fn number(&self, select: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(select))
            .fetch_one(&self.app.pool)
            .await
            .unwrap_or_else(|error| panic!("{select}: {error}"))
    }

    /// Keeps bars that rise to the symbol's price at the exchange, and a fresh quote of it.
    async fn rises(&self, symbol: &str) -> Decimal {
        let price = self.broker.latest_price(symbol).await.expect("the exchange lists it").price;
        self.quote(symbol, price).await;
        let last: f64 = price.to_string().parse().expect("a price is a number");
        keep_bars(&self.app.pool, symbol, last).await;
        price
    }

    async fn quote(&self, symbol: &str, price: Decimal) {
        sqlx::query(
            "insert into market_quotes (symbol, price, as_of, provider) values ($1, $2, $3, 'test')
             on conflict (symbol) do update set price = $2, fetched_at = clock_timestamp()",
        )
        .bind(symbol)
        .bind(price)
        .bind(at(MARKET))
        .execute(&self.app.pool)
        .await
        .expect("the quote is kept");
    }

    /// Makes the symbol a candidate of the user.
    async fn candidate(&self, user: Uuid, symbol: &str, status: &str) {
        self.sql(&format!(
            "insert into universe_assets (symbol) values ('{symbol}') on conflict do nothing;
             insert into universe_candidates (user_id, symbol, status, tier, liquidity_score, score, rationale)
             values ('{user}', '{symbol}', '{status}', 'A', 1, 0.5, 'a test')"
        ))
        .await;
    }

    /// Starts the user's agent, whose second cycle is far away.
    async fn start(&self, user: Uuid) {
        let mut tx = self.app.pool.begin().await.expect("a transaction begins");
        agents::set_interval(&mut tx, user, 3600).await.expect("the interval is set");
        let agent = agents::start(&mut tx, user).await.expect("the agent starts");
        tx.commit().await.expect("the transaction commits");
        assert!(agent.is_running && !agent.is_paused);
    }

    /// Waits until the user's newest cycle has ended, and its job with it: a tick that comes before is
    /// left out, for the agent is at work.
    async fn ended(&self, user: Uuid) -> Cycle {
        let at_work = format!(
            "select count(*) from queue.jobs where kind like 'run_cycle%' and payload->>'user_id' = '{user}'"
        );
        eventually("the cycle has ended", LIMIT, async || {
            let mut conn = self.app.pool.acquire().await.expect("a connection");
            let cycles = cycles::recent(&mut conn, user, 1).await.expect("the cycles are read");
            match cycles.into_iter().next() {
                Some(cycle) if cycle.status != "running" && self.number(&at_work).await == 0 => Ok(cycle),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    async fn decisions(&self, user: Uuid) -> Vec<Decision> {
        let mut conn = self.app.pool.acquire().await.expect("a connection");
        let filter = Filter { limit: 100, ..Filter::default() };
        decisions::list(&mut conn, user, &filter).await.expect("the decisions are read").0
    }

    /// Waits until the user's decision on the symbol stands there.
    async fn decision(&self, user: Uuid, symbol: &str, status: &str) -> Decision {
        eventually(format!("the decision on {symbol} is {status}"), LIMIT, async || {
            let all = self.decisions(user).await;
            let found = all.iter().find(|decision| decision.symbol == symbol);
            match found.filter(|decision| decision.status.as_str() == status) {
                Some(decision) => Ok(decision.clone()),
                None => Err(format!("{found:?}")),
            }
        })
        .await
    }

    async fn execute(&self, user: Uuid, id: Uuid) -> Result<Executed, ExecuteRefused> {
        let mut tx = self.app.pool.begin().await.expect("a transaction begins");
        let done = cycle::execute(&mut tx, user, id, user).await;
        tx.commit().await.expect("the transaction commits");
        done
    }

    async fn positions(&self, user: Uuid) -> Vec<Position> {
        let mut conn = self.app.pool.acquire().await.expect("a connection");
        positions::list(&mut conn, user).await.expect("the positions are read")
    }

    async fn orders(&self) -> i64 {
        self.number("select count(*) from orders where origin <> 'broker'").await
    }
}

/// Keeps bars of a steady rise that ends at `last`.
async fn keep_bars(pool: &sqlx::PgPool, symbol: &str, last: f64) {
    let closes: Vec<f64> = (0..120).map(|day| last * (0.6 + 0.4 * f64::from(day) / 119.0)).collect();
    let around = |factor: f64| closes.iter().map(|close| close * factor).collect::<Vec<_>>();
    let first = at(MARKET).date_naive() - Days::new(121);
    let dates: Vec<_> = (0..120).map(|day| first + Days::new(day)).collect();
    sqlx::query(
        "insert into market_bars (symbol, dates, open, high, low, close, volume, provider)
         values ($1, $2, $3, $4, $5, $3, $6, 'test')
         on conflict (symbol) do nothing",
    )
    .bind(symbol)
    .bind(dates)
    .bind(&closes)
    .bind(around(1.005))
    .bind(around(0.995))
    .bind(vec![1e6; closes.len()])
    .execute(pool)
    .await
    .expect("the bars are kept");
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("an instant of this test is valid").to_utc()
}

#[tokio::test]
async fn an_agent_that_is_started_decides_orders_and_holds() {
    let desk = Desk::open().await;
    let price = desk.rises("AAPL").await;
    desk.candidate(desk.user, "AAPL", "APPROVED").await;
    desk.start(desk.user).await;
    let decision = desk.decision(desk.user, "AAPL", "filled").await;
    assert_eq!((decision.action, decision.entry_price), (domain::decision::Action::Buy, Some(price)));
    assert!(decision.filled_price.is_some() && decision.filled_at.is_some(), "{decision:?}");
    let gates: Vec<_> =
        decision.gates.as_array().into_iter().flatten().map(|gate| gate["passed"].clone()).collect();
    assert!(gates.len() >= 4 && gates.iter().all(|passed| passed == true), "{}", decision.gates);
    let held = desk.positions(desk.user).await;
    assert_eq!((held.len(), held[0].symbol.as_str()), (1, "AAPL"));
    let cycle = desk.ended(desk.user).await;
    assert_eq!((cycle.status.as_str(), cycle.analysed, cycle.decided, cycle.ordered), ("done", 1, 1, 1));
    assert_eq!((cycle.universe, cycle.error), (vec!["AAPL".to_owned()], None));
    let told = "select count(*) from events where name = 'ai:decision' and body->>'status' = 'filled'";
    assert_eq!((desk.orders().await, desk.number(told).await), (1, 1));
    assert_eq!(desk.number("select count(*) from audit_log where action = 'start_agent'").await, 1);
}

#[tokio::test]
async fn nothing_is_bought_that_the_user_did_not_approve() {
    let desk = Desk::open().await;
    desk.rises("AAPL").await;
    desk.rises("IBM").await;
    desk.candidate(desk.user, "AAPL", "WATCHLIST").await;
    desk.candidate(desk.user, "IBM", "NEW").await;
    desk.start(desk.user).await;
    let cycle = desk.ended(desk.user).await;
    let decision = desk.decision(desk.user, "AAPL", "skipped").await;
    let reason = decision.skip_reason.expect("a decision that is skipped says why");
    assert!(reason.starts_with("candidate_approval: "), "{reason}");
    assert_eq!((cycle.universe, cycle.ordered, desk.orders().await), (vec!["AAPL".to_owned()], 0, 0));
    // Another user who approved it has no say in it, and its own user's word is not asked for twice.
    let other = desk.app.signed_up().await.user_id.parse().expect("a user's id is a UUID");
    desk.candidate(other, "AAPL", "APPROVED").await;
    assert!(matches!(desk.execute(other, decision.id).await, Err(ExecuteRefused::Unknown)));
    assert!(matches!(desk.execute(desk.user, decision.id).await, Err(ExecuteRefused::NotPending(_))));
}

#[tokio::test]
async fn a_symbol_is_decided_on_once_in_a_window() {
    let desk = Desk::open().await;
    desk.rises("AAPL").await;
    desk.candidate(desk.user, "AAPL", "WATCHLIST").await;
    desk.start(desk.user).await;
    for turn in 1..=3 {
        eventually(format!("cycle {turn} is done"), LIMIT, async || {
            desk.number("select count(*) from cycles where status = 'done'").await == turn
        })
        .await;
        desk.sql("update agent_status set next_cycle_at = clock_timestamp()").await;
    }
    let decided = desk.number("select count(*) from ai_decisions").await;
    let windows = desk.number("select count(distinct window_start) from ai_decisions").await;
    assert_eq!(decided, windows);
    assert!(decided < 3, "three cycles within seconds lie in two windows at most");
}
