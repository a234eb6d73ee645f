//! The broker's adapter and the way out that it goes through, against real sockets.

mod breaker;
mod classes;
pub(crate) mod far_side;
mod limits;
mod nonsense;
mod paging;
mod repeating;
mod sandbox;
mod secrets;
mod stream;

use std::time::Duration;

use domain::order::{Amount, OrderRequest, Side};
use jobs::{
    broker::{
        PlaceOrder,
        alpaca::{Alpaca, AlpacaOptions},
    },
    external::{BreakerOptions, ExternalMetrics, Limit},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::PgPool;

const KEY: &str = "PKPLANTEDKEYID";
const SECRET: &str = "planted-secret-value";
/// The limit of every wait for a condition.
const LIMIT: Duration = Duration::from_mins(1);

/// Returns options for a broker at `url`: short deadlines, no limits in the way.
fn options(url: &str) -> AlpacaOptions {
    let limit = Limit { per_minute: 1_000_000, burst: 1000, patience: Duration::from_secs(5) };
    AlpacaOptions {
        trading_url: url.to_owned(),
        data_url: url.to_owned(),
        stream_url: format!("{}/stream", url.replace("http://", "ws://")),
        key: KEY.into(),
        secret: SECRET.into(),
        data_feed: "iex".into(),
        process: "test:1".into(),
        timeout: Duration::from_secs(4),
        trading_limit: limit,
        data_limit: limit,
        breaker: BreakerOptions {
            failures: 1000,
            apart: Duration::from_hours(1),
            ..BreakerOptions::default()
        },
        stream_silence: Duration::from_secs(10),
    }
}

fn alpaca(url: &str, pool: &PgPool) -> Alpaca {
    Alpaca::new(options(url), pool, &ExternalMetrics::default()).expect("a loopback URL is fine")
}

fn buy_ten() -> PlaceOrder {
    PlaceOrder {
        client_order_id: "cap-1".into(),
        request: OrderRequest::market("AAPL", Side::Buy, Amount::Units(Decimal::TEN)),
    }
}

/// Returns an order as Alpaca writes it.
fn order_json(id: &str, submitted_at: &str) -> Value {
    json!({
        "id": id, "client_order_id": format!("cap-{id}"), "created_at": submitted_at,
        "updated_at": submitted_at, "submitted_at": submitted_at, "filled_at": null, "symbol": "AAPL",
        "asset_class": "us_equity", "notional": null, "qty": "10", "filled_qty": "0",
        "filled_avg_price": null, "order_class": "", "order_type": "market", "type": "market",
        "side": "buy", "time_in_force": "day", "limit_price": null, "stop_price": null,
        "status": "accepted", "extended_hours": false, "legs": null
    })
}
