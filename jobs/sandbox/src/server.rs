//! The server: everything put together on one listener.

mod admin;
mod connection;

use std::{future::Future, io, sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, middleware, routing::any};
use chrono::{DateTime, Utc};
use thiserror::Error;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    error::ApiError,
    exchange::{self, Exchange},
    faults::{self, Faults},
    gate::{self, Gate},
    journal::Journal,
    market_data, models,
    prices::{FileError, Prices},
    providers, reference,
    replay::{Clock, Replay},
    settings::Settings,
    stream::{self, Disturbances, StreamState},
    trading::{self, TradingState},
};

/// How often orders are looked at, in the replay's time.
const TICK: Duration = Duration::from_secs(1);
/// How often at least, and at most, in the world's.
const TICK_LONGEST: Duration = Duration::from_millis(100);
const TICK_SHORTEST: Duration = Duration::from_millis(10);

/// Why a sandbox ended of itself.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The shipped bars can't be read.
    #[error(transparent)]
    Files(#[from] FileError),
    /// The journal can't be opened, or is damaged.
    #[error("sandbox can't use its journal: {0}")]
    Journal(io::Error),
}

/// Serves on `listener` until `stop` is ready, then lets requests under way finish for a moment.
///
/// The routes under `/sandbox/` move the clock, set faults and tell what was accepted. They ask
/// for no key: the listener's address is their only protection, and should be a loopback one.
pub async fn serve(
    settings: Settings,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let stopping = CancellationToken::new();
    let (exchange, latest) = exchange_of(&settings)?;
    let clock = Clock::new(settings.clock, settings.starts_at(Utc::now(), latest));
    let replay = Replay { clock, prices: Arc::new(Prices::shipped(settings.seed)?) };
    let trading = TradingState::new(exchange, Arc::new(replay.clone()));
    let mut ticker = JoinSet::new();
    let every = settings.clock.takes(TICK).unwrap_or(TICK_LONGEST).clamp(TICK_SHORTEST, TICK_LONGEST);
    ticker.spawn(trading::run_ticker(trading.clone(), every, stopping.clone()));
    let app = assemble(&settings, &replay, &trading, &stopping);
    connection::serve(listener, app, stop).await;
    stopping.cancel();
    ticker.join_all().await;
    Ok(())
}

/// Returns the exchange, and the latest time it knows of.
fn exchange_of(settings: &Settings) -> Result<(Exchange, Option<DateTime<Utc>>), ServeError> {
    let rules = exchange::Settings { seed: settings.seed, ..settings.exchange.clone() };
    let Some(path) = &settings.journal else { return Ok((Exchange::new(rules), None)) };
    let (journal, past) = Journal::open(path, false).map_err(ServeError::Journal)?;
    let exchange = Exchange::restored(rules, journal, &past);
    let book = exchange.book();
    let times = book.orders.iter().map(|order| order.updated_at);
    let times = times.chain(book.day_end.as_ref().map(|day| day.at)).chain(book.created_at);
    let latest = times.max();
    Ok((exchange, latest))
}

fn assemble(
    settings: &Settings,
    replay: &Replay,
    trading: &TradingState,
    stopping: &CancellationToken,
) -> Router {
    let gate = Gate::new(&settings.key, &settings.secret, settings.rate_limit);
    let faults = Faults::new(settings.seed, settings.faults.clone());
    let live = market_data::Live::new(replay.clone(), gate.clone(), stopping.clone());
    let disturbances = Disturbances::new(settings.seed);
    let opens = {
        let gate = gate.clone();
        Arc::new(move |key: &str, secret: &str| gate.opens(key, secret))
    };
    let stream = StreamState {
        trading: trading.clone(),
        opens,
        disturbances: disturbances.clone(),
        stopping: stopping.clone(),
    };
    Router::new()
        .merge(trading::router(trading.clone()))
        .merge(stream::router(stream))
        .merge(reference::router(replay.clone()))
        .merge(market_data::router(replay.clone()))
        .merge(market_data::live_router(live))
        .merge(faults::router(faults.clone()))
        .merge(admin::router(replay.clone(), trading.clone(), disturbances))
        .fallback(any(async || ApiError::new(StatusCode::NOT_FOUND, 40_410_000, "endpoint not found")))
        .method_not_allowed_fallback(async || {
            ApiError::new(StatusCode::METHOD_NOT_ALLOWED, 40_510_000, "method not allowed")
        })
        .layer(middleware::from_fn_with_state(gate, gate::keep))
        // After the gate, which is the exchange's: each provider asks for its own key.
        .merge(models::router(&settings.key))
        .merge(providers::router(replay.clone(), &settings.key, settings.seed))
        .layer(middleware::from_fn_with_state(faults, faults::disturb))
}
