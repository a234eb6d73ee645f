//! Orders from the wish to the position: the real queue and worker, real sockets, and a broker on
//! the far side that does as a test says.

mod adopting;
mod cancelling;
mod closing;
mod crashing;
mod far_side;
mod gates;
mod judging;
mod once;
mod reconciling;
mod replacing;
mod streaming;
mod switches;
mod wishes;
mod with_sandbox;

use std::{sync::Arc, time::Duration};

use domain::order::{Amount, OrderRequest, Side};
use jobs::{
    Environment, Job, Registry,
    broker::alpaca::Alpaca,
    config::Config,
    db::{
        fills::{self, Fill},
        orders::{self, Order},
        positions::{self, Position},
    },
    external::ExternalMetrics,
    queue::{Counters, Enqueue, WorkerOptions, enqueue, inspect},
    trading::{self, PlaceRefused, PlaceRequest},
};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use suites::{TestApp, eventually};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use far_side::FarSide;

/// Generous: a test machine may be busy.
const LIMIT: Duration = Duration::from_mins(1);

/// The application, a worker that reaches the far side, and a user.
struct Desk {
    app: TestApp,
    far: FarSide,
    user: Uuid,
    config: Arc<Config>,
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
    /// Starts everything but the worker.
    async fn closed() -> Self {
        let far = FarSide::start().await;
        let app = TestApp::start().await;
        let user = app.signed_up().await.user_id.parse().expect("a user's id is a UUID");
        let mut config = Config::clone(&app.config);
        let broker = &mut config.broker;
        broker.key = Some("PKTEST".into());
        broker.secret = Some("secret".into());
        broker.trading_url = format!("http://{}", far.address);
        broker.data_url = format!("http://{}", far.address);
        broker.stream_url = format!("ws://{}/stream", far.address);
        broker.timeout_ms = 1_500;
        broker.requests_per_minute = 100_000;
        broker.burst = 10_000;
        Self {
            app,
            far,
            user,
            config: Arc::new(config),
            shutdown: CancellationToken::new(),
            workers: JoinSet::new(),
        }
    }

    /// Starts everything.
    async fn open() -> Self {
        let mut desk = Self::closed().await;
        desk.start_worker();
        desk.settled().await;
        desk
    }

    /// Starts everything; the worker waits long for an answer, so that one may be held back.
    async fn patient() -> Self {
        let mut desk = Self::closed().await;
        let mut config = Config::clone(&desk.config);
        config.broker.timeout_ms = 30_000;
        desk.config = Arc::new(config);
        desk.start_worker();
        desk.settled().await;
        desk
    }

    fn start_worker(&mut self) {
        let pool =
            jobs::db::pool(&self.config.database, "test").expect("the URL of a test's database parses");
        let metrics = ExternalMetrics::default();
        let broker = Alpaca::configured(&self.config.broker, &pool, &metrics);
        let broker = broker.expect("the addresses are valid").expect("there are keys");
        let env = Environment::new(pool, Arc::clone(&self.config)).with_broker(Arc::new(broker), metrics);
        let shutdown = self.shutdown.child_token();
        self.workers.spawn(async move {
            let options = WorkerOptions { queues: vec![("orders".into(), 8)] };
            let counters = Arc::new(Counters::default());
            let ran =
                jobs::queue::run(Arc::new(env), Registry::new(false), options, counters, shutdown).await;
            ran.expect("a worker in a test ends only because it was told to");
        });
    }

    async fn place(&self, request: OrderRequest) -> Order {
        self.try_place(request).await.expect("the order is accepted")
    }

    async fn try_place(&self, request: OrderRequest) -> Result<Order, PlaceRefused> {
        let mut tx = self.app.pool.begin().await.expect("a transaction begins");
        let wish = PlaceRequest::by_user(self.user, request);
        let placed = trading::place(&mut tx, Some(self.user), wish).await?;
        tx.commit().await.expect("the transaction commits");
        Ok(placed.order)
    }

    async fn put(&self, job: &impl Job) -> Uuid {
        let mut conn = self.app.pool.acquire().await.expect("a connection");
        enqueue(&mut conn, job, Enqueue::default()).await.expect("the job is enqueued").job_id
    }

    async fn order(&self, id: Uuid) -> Order {
        let mut conn = self.app.pool.acquire().await.expect("a connection");
        orders::by_id(&mut conn, id).await.expect("the order is read").expect("the order is there")
    }

    /// Waits until the order is in the state.
    async fn reaches(&self, id: Uuid, status: &str) -> Order {
        eventually(format!("order {id} is {status}"), LIMIT, async || {
            let order = self.order(id).await;
            if order.status.as_str() == status { Ok(order) } else { Err(format!("{order:?}")) }
        })
        .await
    }

    /// Waits until the job has finished; returns its state, output and last error.
    async fn finished(&self, job_id: Uuid) -> inspect::JobView {
        eventually(format!("job {job_id} has finished"), LIMIT, async || {
            let mut conn = self.app.pool.acquire().await.expect("a connection");
            let job = inspect::job(&mut conn, job_id).await.expect("the job is read");
            let job = job.ok_or_else(|| "no such job".to_owned())?;
            if job.finished_at.is_some() { Ok(job) } else { Err(format!("{job:?}")) }
        })
        .await
    }

    async fn fills(&self, order_id: Uuid) -> Vec<Fill> {
        let mut conn = self.app.pool.acquire().await.expect("a connection");
        fills::for_order(&mut conn, self.user, order_id).await.expect("the fills are read")
    }

    async fn positions(&self) -> Vec<Position> {
        let mut conn = self.app.pool.acquire().await.expect("a connection");
        positions::list(&mut conn, self.user).await.expect("the positions are read")
    }

    /// The names and bodies of the user's events, in order.
    async fn events(&self, name: &str) -> Vec<Value> {
        sqlx::query_scalar("select body from events where user_id = $1 and name = $2 order by event_id")
            .bind(self.user)
            .bind(name)
            .fetch_all(&self.app.pool)
            .await
            .expect("the events are read")
    }

    async fn audited(&self, action: &str) -> i64 {
        sqlx::query_scalar("select count(*) from audit_log where action = $1")
            .bind(action)
            .fetch_one(&self.app.pool)
            .await
            .expect("the audit is read")
    }

    /// Runs statements of the test.
    async fn sql(&self, statements: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&self.app.pool).await;
        done.expect("the test's SQL is right");
    }

    /// Begins a transaction that the server lets rest for as long as the test needs.
    async fn begun(&self) -> Transaction<'static, Postgres> {
        let mut tx = self.app.pool.begin().await.expect("a transaction begins");
        let patient =
            sqlx::query("set local idle_in_transaction_session_timeout = 0").execute(&mut *tx).await;
        patient.expect("it may rest");
        tx
    }

    /// Returns whether a statement with these words waits for a lock.
    async fn waits(&self, words: &str) -> bool {
        sqlx::query_scalar(
            "select exists (select from pg_stat_activity
                             where datname = current_database() and wait_event_type = 'Lock'
                               and query like '%' || $1 || '%')",
        )
        .bind(words)
        .fetch_one(&self.app.pool)
        .await
        .expect("the sessions are read")
    }

    /// Buys and waits until all of it is filled.
    async fn holds(&self, symbol: &str, qty: &str) -> Order {
        let order = self.place(buy(symbol, qty)).await;
        self.reaches(order.id, "new").await;
        let event = self.far.fill(&order.client_order_id, qty, "100");
        self.listening().await;
        self.far.send(&event);
        self.reaches(order.id, "filled").await
    }

    /// Waits until the leader has looked at the far side as it does when it begins: it reads the
    /// orders for its stream and compares the books, and the next time is far away. What a test
    /// does from here on is not met by either.
    async fn settled(&self) {
        self.listening().await;
        eventually("the leader has read the orders and compared the books", LIMIT, async || {
            let compared: i64 =
                sqlx::query_scalar("select count(*) from reconciliations where status = 'completed'")
                    .fetch_one(&self.app.pool)
                    .await
                    .expect("the runs are read");
            let compared = usize::try_from(compared).expect("a count is not negative");
            let lists = self.far.book().lists;
            // Each asks for the list once.
            if compared > 0 && lists > compared { Ok(()) } else { Err((compared, lists)) }
        })
        .await;
    }

    /// Waits until the worker listens to the far side's events.
    async fn listening(&self) {
        eventually("the worker listens", LIMIT, async || self.far.listeners() > 0).await;
    }
}

fn d(text: &str) -> Decimal {
    text.parse().expect("a number of this test is valid")
}

fn buy(symbol: &str, qty: &str) -> OrderRequest {
    OrderRequest::limit(symbol, Side::Buy, Amount::Units(d(qty)), d("100"))
}

fn sell(symbol: &str, qty: &str) -> OrderRequest {
    OrderRequest::limit(symbol, Side::Sell, Amount::Units(d(qty)), d("100"))
}
