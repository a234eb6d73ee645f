//! The whole way, with the sandbox as the broker.

use std::sync::Arc;

use domain::order::{Amount, OrderRequest, Side};
use jobs::{
    config::Config,
    db::orders::Origin,
    kinds::close_position::Portion,
    trading::{self, Close},
};
use suites::eventually;
use tokio::net::TcpListener;

use super::{Desk, LIMIT, d};

/// A desk whose worker trades at a sandbox that began at the opening of a session long ago.
async fn desk() -> Desk {
    let mut desk = Desk::closed().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback interface has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let day = chrono::NaiveDate::from_ymd_opt(2024, 3, 4).expect("a calendar date");
    let settings = sandbox::Settings {
        rate_limit: 0,
        start: Some(sandbox::settings::opening(day) + chrono::TimeDelta::minutes(30)),
        ..sandbox::Settings::new("PKTEST", "secret")
    };
    let stop = desk.shutdown.clone().cancelled_owned();
    desk.workers.spawn(async move {
        sandbox::serve(settings, listener, stop).await.expect("a sandbox serves until it is stopped");
    });
    let mut config = Config::clone(&desk.config);
    config.broker.trading_url = format!("http://{address}");
    config.broker.data_url = format!("http://{address}");
    config.broker.stream_url = format!("ws://{address}/stream");
    config.broker.timeout_ms = 2000;
    desk.config = Arc::new(config);
    desk.start_worker();
    desk
}

#[tokio::test]
async fn a_position_is_opened_and_closed_at_the_sandbox() {
    let desk = desk().await;
    let order = desk.place(OrderRequest::market("AAPL", Side::Buy, Amount::Units(d("10")))).await;
    let filled = desk.reaches(order.id, "filled").await;
    assert_eq!((filled.filled_qty, desk.positions().await[0].qty), (d("10"), d("10")));
    let close = Close {
        user_id: desk.user,
        symbol: "AAPL",
        portion: Portion::All,
        origin: Origin::Close,
        trace_id: None,
    };
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    trading::close(&mut conn, &close).await.expect("the close is enqueued");
    eventually("the position is closed", LIMIT, async || desk.positions().await.is_empty()).await;
    let bought: Vec<_> = desk.fills(order.id).await.iter().map(|fill| fill.qty).collect();
    assert_eq!(bought.iter().sum::<rust_decimal::Decimal>(), d("10"));
}
