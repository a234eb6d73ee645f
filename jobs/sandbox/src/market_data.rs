//! Market data, version 2: bars, latest trades and quotes, snapshots, news, and the live socket.
//!
//! Numbers, not text; refusals carry a message and no code. Every price is replayed as if it
//! were adjusted for splits and dividends, whatever adjustment is asked for: the shipped bars
//! are. Nothing later than the sandbox's clock is told.

mod bars;
mod latest;
mod live;
pub(crate) mod news;
mod pages;
mod query;
mod shapes;
mod ticks;

use axum::{Router, routing::get};

pub use live::Live;
pub(crate) use shapes::stamp;

use crate::replay::Replay;

/// Returns the routes.
pub fn router(replay: Replay) -> Router {
    Router::new()
        .route("/v2/stocks/bars", get(bars::of_many))
        .route("/v2/stocks/trades", get(ticks::trades))
        .route("/v2/stocks/quotes", get(ticks::quotes))
        .route("/v2/stocks/{symbol}/trades", get(ticks::trades_of_one))
        .route("/v2/stocks/{symbol}/quotes", get(ticks::quotes_of_one))
        .route("/v2/stocks/bars/latest", get(latest::bars))
        .route("/v2/stocks/trades/latest", get(latest::trades))
        .route("/v2/stocks/quotes/latest", get(latest::quotes))
        .route("/v2/stocks/snapshots", get(latest::snapshots))
        .route("/v2/stocks/{symbol}/bars", get(bars::of_one))
        .route("/v2/stocks/{symbol}/bars/latest", get(latest::bar))
        .route("/v2/stocks/{symbol}/trades/latest", get(latest::trade))
        .route("/v2/stocks/{symbol}/quotes/latest", get(latest::quote))
        .route("/v2/stocks/{symbol}/snapshot", get(latest::snapshot))
        .route("/v1beta1/news", get(news::list))
        .with_state(replay)
}

/// Returns the routes of the live socket, which asks for the key itself.
pub fn live_router(live: Live) -> Router {
    Router::new()
        .route("/v2/iex", get(live::connect))
        .route("/v2/sip", get(live::connect))
        .route("/v2/delayed_sip", get(live::connect))
        .with_state(live)
}
