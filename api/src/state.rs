//! What every handler can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use jobs::{config::Config, db, queue::Hints};
use sqlx::PgPool;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    event_hub::{EventHub, Timing},
    market_gate::MarketGate,
    password::Hasher,
    streams::Streams,
    telemetry::Telemetry,
};

/// Shared by all requests; cloning is cheap.
#[derive(Clone)]
pub struct AppState {
    /// Connections to the one database.
    pub pool: PgPool,
    /// The settings of the process.
    pub config: Arc<Config>,
    /// Wakes workers and streams, after commit.
    pub hints: Hints,
    /// Brings events to the open streams of this process.
    pub hub: EventHub,
    /// Cancelled when the process begins to stop: streams end on it.
    pub shutdown: CancellationToken,
    /// Checks and makes password hashes, a few at a time.
    pub passwords: Hasher,
    /// Permits for requests in flight.
    pub(crate) in_flight: Arc<Semaphore>,
    /// Places for event streams.
    pub(crate) streams: Streams,
    /// How often market data are asked for.
    pub(crate) market_gate: MarketGate,
    /// What this process counts.
    pub(crate) telemetry: Arc<Telemetry>,
}

impl AppState {
    /// Makes the state of one API process; call it inside a tokio runtime. Panics when
    /// `database.direct_url` is no URL, which the start of a process has checked.
    pub fn new(pool: PgPool, config: Config) -> Self {
        let direct = db::direct_or(&pool, &config.database).expect("the start has read the URL already");
        let in_flight = Arc::new(Semaphore::new(config.api.max_connections));
        let shutdown = CancellationToken::new();
        let telemetry = Arc::new(Telemetry::new(&pool));
        Self {
            streams: Streams::new(config.api.max_streams_per_user, telemetry.streams.clone()),
            telemetry,
            market_gate: MarketGate::default(),
            hub: EventHub::listening_on(&direct, pool.clone(), shutdown.clone(), Timing::default()),
            hints: Hints::new(pool.clone()),
            pool,
            config: Arc::new(config),
            shutdown,
            passwords: Hasher::default(),
            in_flight,
        }
    }
}

impl FromRef<AppState> for PgPool {
    fn from_ref(state: &AppState) -> Self {
        state.pool.clone()
    }
}
