//! The application in this process: a database, the API, and workers if asked for.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use api::AppState;
use jobs::{
    Environment, Registry,
    config::Config,
    queue::{Counters, WorkerOptions},
};
use reqwest::Client;
use sqlx::PgPool;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    client::{SignedIn, new_client},
    database::{self, TestDatabase},
    pooler,
};

/// The longest that [`TestApp::stop`] waits.
const STOP: Duration = Duration::from_mins(1);
/// How long API and workers of a test wait for a connection, in milliseconds: bursts of requests
/// share a few of them on a busy machine, and only a request that is lost is to be refused.
const ACQUIRE_MS: u64 = 10_000;

/// What a test's application consists of.
pub struct TestAppBuilder {
    config: Config,
    workers: usize,
    pooled: bool,
}

/// The application on a database of its own; everything ends with this value.
pub struct TestApp {
    /// Where the API listens, as `http://host:port`.
    pub url: String,
    /// Connections of the test itself.
    pub pool: PgPool,
    /// The settings that API and workers run with.
    pub config: Arc<Config>,
    /// What the workers have counted, one entry for each.
    pub counters: Vec<Arc<Counters>>,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    database: TestDatabase,
}

impl TestAppBuilder {
    /// Adds workers inside this process (none unless asked for).
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// Puts PgBouncer between API and workers and their database.
    #[must_use]
    pub fn pooled(mut self) -> Self {
        self.pooled = true;
        self
    }

    /// Changes the settings, which begin as those of the test profile.
    #[must_use]
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// Starts the application on a fresh database.
    pub async fn start(self) -> TestApp {
        self.start_on(TestDatabase::create().await).await
    }

    /// Starts the application on `database`.
    pub async fn start_on(mut self, database: TestDatabase) -> TestApp {
        self.config.database.url = Some(database.url().into());
        if self.pooled {
            let direct = database.url().to_owned();
            let through =
                tokio::task::spawn_blocking(move || pooler::through(&direct, pooler::Kind::Proper)).await;
            self.config.database.url = Some(through.expect("a pooler starts").into());
            self.config.database.direct_url = Some(database.url().into());
        }
        let config = Arc::new(self.config);
        let mut app = TestApp {
            url: String::new(),
            pool: database.pool.clone(),
            config,
            counters: Vec::new(),
            shutdown: CancellationToken::new(),
            tasks: JoinSet::new(),
            database,
        };
        app.start_api().await;
        for _ in 0..self.workers {
            app.start_worker();
        }
        app
    }
}

impl TestApp {
    /// Starts the API on a fresh database, without workers.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// Returns a builder that begins with the test profile and no workers.
    pub fn builder() -> TestAppBuilder {
        let mut config = Config::for_profile("test", false).expect("the test profile in the tree is valid");
        config.database.acquire_timeout_ms = ACQUIRE_MS;
        TestAppBuilder { config, workers: 0, pooled: pooler::everywhere() }
    }

    /// Returns the URL of the database, for processes and further pools.
    pub fn database_url(&self) -> &str {
        self.database.url()
    }

    /// Returns a client with an empty cookie store.
    pub fn client(&self) -> Client {
        new_client()
    }

    /// Returns a new user with a session.
    pub async fn signed_up(&self) -> SignedIn {
        SignedIn::sign_up(&self.url).await
    }

    /// Starts one more worker in this process, with a pool of its own as a process has.
    pub fn start_worker(&mut self) {
        let pool = self.new_pool();
        let env = Arc::new(Environment::new(pool, Arc::clone(&self.config)));
        let registry = Registry::new(self.config.worker.exercise);
        let counters = Arc::new(Counters::default());
        self.counters.push(Arc::clone(&counters));
        let shutdown = self.shutdown.child_token();
        self.tasks.spawn(async move {
            let ran = jobs::queue::run(env, registry, WorkerOptions::default(), counters, shutdown).await;
            ran.expect("a worker in a test ends only because it was told to");
        });
    }

    /// Starts a worker after [`stop`](Self::stop).
    pub fn start_worker_anew(&mut self) {
        self.shutdown = CancellationToken::new();
        self.start_worker();
    }

    /// Stops API and workers softly and waits for them; panics when one of them had panicked.
    /// The database stays.
    pub async fn stop(&mut self) {
        self.shutdown.cancel();
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.expect("neither API nor worker panics");
            }
        };
        tokio::time::timeout(STOP, all).await.expect("API and workers stop in time");
    }

    async fn start_api(&mut self) {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await;
        let listener = listener.expect("the loopback interface has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        self.url = format!("http://{address}");
        let state = AppState::new(self.new_pool(), Config::clone(&self.config));
        let shutdown = self.shutdown.child_token();
        self.tasks.spawn(async move {
            let served = api::serve(listener, state, shutdown).await;
            served.expect("the API in a test ends only because it was told to");
        });
    }

    /// A pool as a process has one, but smaller: many tests share the server's connections.
    fn new_pool(&self) -> PgPool {
        database::new_pool(&self.config.database)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.tasks.abort_all();
    }
}
