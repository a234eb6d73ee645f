//! A trading desk to be hit: the exchange, users without limits, their orders, and the check that
//! all came out right.

use std::time::Duration;

use domain::order::{Amount, OrderRequest, Side};
use futures::future::join_all;
use jobs::trading::{self, PlaceRequest};
use rand::{Rng, rngs::StdRng};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgPool;
use suites::{Capstan, Process, Sandbox, SandboxLedger, SignedIn, eventually};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

use super::{
    super::fleet::{Fleet, STARTED},
    verdict::{OurOrder, Verdict, judge},
};

/// How long a call to the exchange may take; lost answers cost this much.
pub(super) const ANSWER: Duration = Duration::from_secs(1);
/// Everything that is listed at the exchange.
const SYMBOLS: [&str; 5] = ["AAPL", "FB", "GOOG", "IBM", "MSFT"];
/// One user after the other places orders: the gates look at all that a user has open.
const ORDERS_A_USER: usize = 20;
/// What is open at the exchange and what is recorded here meet within this once all is calm: the
/// books are compared every 45 s.
const MEETING: Duration = Duration::from_secs(100);

/// Held by the drill under way: side by side they would starve each other's processes, and
/// their limits would judge the machine.
static DRILL: Mutex<()> = Mutex::const_new(());

/// The exchange and the database of one drill.
pub(super) struct Desk {
    pub(super) sandbox: Sandbox,
    pub(super) pool: PgPool,
    url: String,
    placed: usize,
    _alone: MutexGuard<'static, ()>,
}

/// An API process and a user of it.
pub(super) struct Counter {
    _process: Process,
    user: SignedIn,
}

impl Desk {
    /// Opens a desk on the database at `url`.
    pub(super) async fn open(url: &str, pool: &PgPool, seed: u64) -> Self {
        let alone = DRILL.lock().await;
        let sandbox = Sandbox::start(seed, 0.5).await;
        Self { sandbox, pool: pool.clone(), url: url.to_owned(), placed: 0, _alone: alone }
    }

    /// Prepares workers that send orders, `slots` at a time each; starts none.
    pub(super) fn fleet(&self, slots: usize) -> Fleet {
        // The blows hit the same few jobs again and again; that is the drill's doing, not theirs.
        let fleet = Fleet::new(&self.url, &format!("orders={slots}"))
            .env("CAPSTAN__QUEUE__CRASH_BUDGET", "1000")
            .env("CAPSTAN__LOG__FILTER", "info,sqlx=error,apalis_core=warn,jobs::queue=debug");
        let settings = self.sandbox.settings(ANSWER);
        settings.into_iter().fold(fleet, |fleet, (key, value)| fleet.env(key, &value))
    }

    /// Starts an API and signs a user up who may trade without limits.
    pub(super) async fn counter(&self) -> Counter {
        let mut process = self.sandbox.brokers(Capstan::api(&self.url), ANSWER).start();
        let user = SignedIn::sign_up(&process.url(STARTED).await).await;
        self.unlimit(user.user_id.parse().expect("a user's id is a UUID")).await;
        Counter { _process: process, user }
    }

    /// Places `n` orders through the API, one after the other.
    pub(super) async fn ask(&mut self, counter: &Counter, n: usize, rng: &mut StdRng) {
        for _ in 0..n {
            let request = any(self.placed, rng);
            let body = body(&request);
            let (status, answer, _) = counter.user.post("/api/orders", &body).await;
            assert_eq!(status, 201, "{body}: {answer}");
            self.placed += 1;
        }
    }

    /// Places `n` orders in this process, for users who may trade without limits.
    pub(super) async fn place(&mut self, n: usize, rng: &mut StdRng) {
        let requests: Vec<_> = (self.placed..self.placed + n).map(|number| any(number, rng)).collect();
        for wave in requests.chunks(ORDERS_A_USER * 4) {
            join_all(wave.chunks(ORDERS_A_USER).map(|requests| self.place_for_one(requests))).await;
        }
        self.placed += n;
    }

    async fn place_for_one(&self, requests: &[OrderRequest]) {
        let user = Uuid::now_v7();
        sqlx::query("insert into users (user_id, username, password_hash) values ($1, $2, 'none')")
            .bind(user)
            .bind(user.simple().to_string())
            .execute(&self.pool)
            .await
            .expect("a user without a password");
        self.unlimit(user).await;
        for request in requests {
            let mut tx = self.pool.begin().await.expect("a transaction begins");
            let wish = PlaceRequest::by_user(user, request.clone());
            trading::place(&mut tx, Some(user), wish).await.expect("an order without limits is accepted");
            tx.commit().await.expect("the transaction commits");
        }
    }

    async fn unlimit(&self, user: Uuid) {
        sqlx::query(
            "insert into risk_settings
                    (user_id, max_position_size_percent, max_total_exposure_percent, max_positions_count,
                     daily_loss_limit_percent, price_collar_percent, duplicate_window_s)
             values ($1, 100000, 100000, 100, 100000, 100000, 0)",
        )
        .bind(user)
        .execute(&self.pool)
        .await
        .expect("the limits are recorded");
    }

    /// Returns how many orders have been placed.
    pub(super) fn placed(&self) -> usize {
        self.placed
    }

    /// Returns how many orders are known to be at the exchange; `None` while the database is away.
    pub(super) async fn sent(&self) -> Option<usize> {
        let count: i64 = sqlx::query_scalar("select count(*) from orders where broker_order_id is not null")
            .fetch_one(&self.pool)
            .await
            .ok()?;
        usize::try_from(count).ok()
    }

    /// Waits until no job has an order left to send.
    pub(super) async fn sends_all(&self, limit: Duration) {
        eventually("every order is sent", limit, async || {
            let left: Vec<(String, i64, i32, Option<String>)> = sqlx::query_as(
                "select state::text, count(*), max(failures), max(last_error)
                   from queue.jobs
                  where kind = 'submit_order'
                  group by 1",
            )
            .fetch_all(&self.pool)
            .await
            .map_err(|error| error.to_string())?;
            if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
        })
        .await;
    }

    /// The promise: with faults over, our records and the exchange agree, and each order is there
    /// once. Returns the ledger.
    pub(super) async fn comes_out_right(&mut self) -> SandboxLedger {
        self.sandbox.set_faults(json!([])).await;
        let wrong = |verdict: &Verdict, ours: &[OurOrder]| {
            let mut verdict = verdict.clone();
            verdict.unlike.truncate(3);
            format!("of {} orders {verdict:?}", ours.len())
        };
        let ledger = eventually("our records and the exchange agree", MEETING, async || {
            let ours = self.orders().await.map_err(|error| error.to_string())?;
            let ledger = self.sandbox.ledger().await;
            let verdict = judge(&ours, &ledger);
            if verdict == Verdict::default() { Ok(ledger) } else { Err(wrong(&verdict, &ours)) }
        })
        .await;
        assert_eq!(ledger.orders.len(), self.placed, "all that was placed is recorded");
        self.positions_agree().await;
        ledger
    }

    /// Returns our records.
    pub(super) async fn orders(&self) -> sqlx::Result<Vec<OurOrder>> {
        sqlx::query_as(
            "select o.client_order_id, o.broker_order_id, o.symbol, o.qty, o.status, o.filled_qty,
                    coalesce((select sum(f.qty) from fills f where f.order_id = o.order_id), 0) as fills
               from orders o
              order by o.order_id",
        )
        .fetch_all(&self.pool)
        .await
    }

    /// Waits until all users together hold what the account holds.
    async fn positions_agree(&self) {
        eventually("users and account hold the same", MEETING, async || {
            let ours: Vec<(String, Decimal)> =
                sqlx::query_as("select symbol, sum(qty) from positions group by symbol order by symbol")
                    .fetch_all(&self.pool)
                    .await
                    .map_err(|error| error.to_string())?;
            let theirs = self.sandbox.positions().await.into_iter();
            let mut theirs: Vec<_> = theirs.map(|held| (held.symbol, held.qty)).collect();
            theirs.sort();
            if ours == theirs { Ok(()) } else { Err(format!("{ours:?} but {theirs:?}")) }
        })
        .await;
    }

    /// Returns how many jobs found their order at the exchange by a look.
    pub(super) async fn adopted(&self) -> i64 {
        sqlx::query_scalar(
            "select count(*) from queue.finished where kind = 'submit_order' and output ? 'adopted'",
        )
        .fetch_one(&self.pool)
        .await
        .expect("the database answers")
    }

    /// Returns how the jobs that send orders ended: rows, completed, failed and crashed attempts.
    pub(super) async fn jobs(&self) -> (i64, i64, i64, i64) {
        sqlx::query_as(
            "select count(*), count(*) filter (where state = 'completed'),
                    coalesce(sum(failures), 0), coalesce(sum(crashes), 0)
               from queue.finished
              where kind = 'submit_order'",
        )
        .fetch_one(&self.pool)
        .await
        .expect("the database answers")
    }
}

/// Prepares workers that the exchange's events do not reach: nobody listens on port 9.
pub(super) fn deaf(fleet: Fleet) -> Fleet {
    fleet.env("CAPSTAN__BROKER__STREAM_URL", "ws://127.0.0.1:9/stream")
}

/// Returns an order that the account can pay for, however many there are: mostly at the market,
/// whole shares or fractions, and some that rest.
fn any(number: usize, rng: &mut StdRng) -> OrderRequest {
    let symbol = SYMBOLS[number % SYMBOLS.len()];
    match rng.random_range(0..20) {
        0 => OrderRequest::limit(symbol, Side::Buy, Amount::Units(Decimal::ONE), Decimal::ONE),
        // Only whole shares are filled in parts; there are few, since the money has to last.
        1 => OrderRequest::market("FB", Side::Buy, Amount::Units(rng.random_range(2..=3).into())),
        _ => {
            let units = Decimal::new(rng.random_range(10..=40), 3);
            OrderRequest::market(symbol, Side::Buy, Amount::Units(units))
        }
    }
}

fn body(request: &OrderRequest) -> Value {
    let mut body = json!({
        "symbol": request.symbol,
        "side": request.side.as_str(),
        "qty": request.amount.units(),
        "type": request.order_type.as_str(),
        "timeInForce": request.time_in_force.as_str(),
    });
    if let Some(price) = request.limit_price {
        body["limitPrice"] = json!(price);
    }
    body
}
