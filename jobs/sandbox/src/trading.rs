//! The trading API: the provider's routes over the exchange.
//!
//! A handler reads the request, asks the exchange under its lock, and answers; nothing waits
//! while the lock is held. What the exchange announces is published before the lock is let go,
//! so that the stream tells events in the order in which they happened.

mod account;
mod orders;
mod positions;
mod query;
mod ticker;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::StatusCode;
use tokio::sync::broadcast;

pub use self::ticker::run_ticker;
use crate::error::ApiError;
use crate::exchange::{Exchange, Market, Refusal, TradeUpdate};
use crate::ledger;

/// Trade updates a slow stream connection may lag behind before it is cut off.
const UPDATES_KEPT: usize = 16_384;

/// What the trading routes, the stream and the ticker share.
#[derive(Clone)]
pub struct TradingState {
    exchange: Arc<Mutex<Exchange>>,
    updates: broadcast::Sender<TradeUpdate>,
    market: Arc<dyn Market>,
}

impl std::fmt::Debug for TradingState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TradingState").finish_non_exhaustive()
    }
}

impl TradingState {
    /// Returns the state around `exchange`, which trades on `market`.
    pub fn new(exchange: Exchange, market: Arc<dyn Market>) -> Self {
        let updates = broadcast::Sender::new(UPDATES_KEPT);
        Self { exchange: Arc::new(Mutex::new(exchange)), updates, market }
    }

    /// Lets `act` change the exchange, and publishes what it announces.
    pub fn act<T>(&self, act: impl FnOnce(&mut Exchange, &dyn Market) -> T) -> T {
        // The exchange is whole between two changes, whatever a panic cut short.
        let mut exchange = self.exchange.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = act(&mut exchange, &*self.market);
        for update in exchange.take_updates() {
            // Nobody listening is no failure: the stream has no replay.
            let _ = self.updates.send(update);
        }
        outcome
    }

    /// Works all open orders up to the market's time.
    pub fn tick(&self) -> Result<(), Refusal> {
        self.act(|exchange, market| exchange.tick(market, market.now()))
    }

    /// Returns a receiver of every trade update from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<TradeUpdate> {
        self.updates.subscribe()
    }
}

/// Returns the routes of the trading API and of the ledger, ready to be merged.
pub fn router(state: TradingState) -> Router {
    Router::new()
        .merge(account::routes())
        .merge(orders::routes())
        .merge(positions::routes())
        .merge(ledger::routes())
        .with_state(state)
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { extra: refusal.extra, ..Self::new(status, refusal.code, refusal.message) }
    }
}
