//! Keys go to the broker and nowhere else.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use jobs::{
    broker::{Broker, alpaca::Alpaca},
    external::ExternalMetrics,
};
use serde_json::json;
use suites::TestDatabase;
use tokio::sync::oneshot;
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter, util::SubscriberInitExt};

use super::{
    KEY, SECRET, alpaca, buy_ten,
    far_side::{FarSide, Reply},
    options, stream,
};

/// Every log line of the test's thread.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A far side whose own log lines are not this thread's.
struct Elsewhere {
    url: String,
    _stop: oneshot::Sender<()>,
}

async fn elsewhere() -> Elsewhere {
    let (tell, told) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime starts").block_on(async {
            let far = stream::far(vec![], true).await;
            tell.send(far.url.clone()).expect("the test waits for the address");
            // Its sender is dropped with the test.
            let _ = stopped.await;
        });
    });
    Elsewhere { url: told.await.expect("the far side starts"), _stop: stop }
}

#[tokio::test]
async fn the_keys_reach_the_broker_but_no_log_no_debug_form_and_no_error() {
    let database = TestDatabase::create().await;
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(lines.clone())
        .finish();
    // By this way the records of libraries that use `log` come, too.
    let guard = subscriber.set_default();

    let mut replies = vec![Reply::HangUp, Reply::Json(401, json!({"message": "request is not authorized"}))];
    let far = FarSide::start(move |_| replies.pop().unwrap_or(Reply::HangUp)).await;
    let broker = alpaca(&far.url, &database.pool);
    let mut shown = vec![format!("{broker:?} {:?}", options(&far.url))];
    for result in [broker.place(&buy_ten()).await, broker.place(&buy_ten()).await] {
        let error = result.expect_err("neither is an order");
        shown.push(format!("{error} {error:?}"));
    }
    let streaming = elsewhere().await;
    let stream = alpaca(&streaming.url, &database.pool).trade_updates().await;
    shown.push(format!("{:?}", stream.expect("the keys are right")));
    let mut wrong = options(&streaming.url);
    wrong.key = "wrong".into();
    let wrong =
        Alpaca::new(wrong, &database.pool, &ExternalMetrics::default()).expect("a loopback URL is fine");
    shown.push(format!("{:?}", wrong.trade_updates().await.expect_err("the key is wrong")));
    drop(guard);
    let logged = lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let logged = String::from_utf8_lossy(&logged);
    for said in ["alpaca_trading: refused with 401", "tungstenite", "trade_updates"] {
        assert!(logged.contains(said), "{said:?} is in the log: {logged}");
    }
    shown.push(logged.into_owned());
    let shown = shown.concat();

    for secret in [KEY, SECRET] {
        let digits = secret.bytes().flat_map(|byte| [byte >> 4, byte & 15]).map(u32::from);
        let hex: String = digits.filter_map(|digit| char::from_digit(digit, 16)).collect();
        for form in [secret, &hex] {
            let at = shown.find(form).map(|at| &shown[at.saturating_sub(300)..at]);
            assert_eq!(at, None, "{form} is shown");
        }
    }
    let seen = &far.seen()[0];
    assert_eq!(seen.header("apca-api-key-id"), Some(KEY));
    assert_eq!(seen.header("apca-api-secret-key"), Some(SECRET));
    assert_eq!(seen.header("traceparent"), None, "our traces are nobody else's business");
}
