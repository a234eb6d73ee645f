//! Nonsense is refused, whatever its kind; nobody panics.

use jobs::broker::{Broker, BrokerError, PlaceError};
use serde_json::json;
use suites::TestDatabase;

use super::{
    alpaca, buy_ten,
    far_side::{FarSide, Reply, text},
};

/// Answers that can't be trusted, by name.
fn nonsense(kind: &str) -> Reply {
    let typed = |media: &str| vec![("content-type", media.to_owned())];
    match kind {
        "html" => Reply::Text(200, typed("text/html"), "<html>maintenance</html>".into()),
        "html that claims to be json" => Reply::Text(200, typed("application/json"), "<html></html>".into()),
        "json that claims to be text" => Reply::Text(200, typed("text/plain"), "{}".into()),
        "json of no type" => Reply::Text(200, vec![], "{}".into()),
        "truncated json" => Reply::Text(200, typed("application/json"), "{\"id\": \"5b0d".into()),
        "wrong type" => Reply::Json(200, json!({"id": "a", "cash": 5.5, "equity": []})),
        "wrong shape" => Reply::Json(200, json!([[1, 2], 3])),
        "deep" => Reply::Text(200, typed("application/json"), "[".repeat(100_000)),
        "huge" => Reply::Text(200, typed("application/json"), format!("\"{}\"", "x".repeat(9 << 20))),
        "redirect" => {
            Reply::Text(307, vec![("location", "http://127.0.0.1:1/elsewhere".into())], String::new())
        }
        "nothing" => Reply::Text(204, vec![], String::new()),
        "not utf-8" => {
            let mut bytes = text(200, &[("content-type", "application/json".into())], "xxxx");
            let end = bytes.len();
            bytes[end - 4..].copy_from_slice(&[b'"', 0xff, 0xfe, b'"']);
            Reply::Raw(bytes)
        }
        other => panic!("no nonsense is called {other}"),
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_trusted_is_malformed_and_a_placement_unknown() {
    let database = TestDatabase::create().await;
    for kind in [
        "html",
        "html that claims to be json",
        "json that claims to be text",
        "json of no type",
        "truncated json",
        "wrong type",
        "wrong shape",
        "deep",
        "huge",
        "redirect",
        "nothing",
        "not utf-8",
    ] {
        let far = FarSide::start(move |_| nonsense(kind)).await;
        let broker = alpaca(&far.url, &database.pool);
        let account = broker.account().await;
        assert!(matches!(account, Err(BrokerError::Malformed { .. })), "{kind}: {account:?}");
        let price = broker.latest_price("AAPL").await;
        assert!(matches!(price, Err(BrokerError::Malformed { .. })), "{kind}: {price:?}");
        let placed = broker.place(&buy_ten()).await;
        assert!(matches!(placed, Err(PlaceError::Unknown { .. })), "{kind}: {placed:?}");
        assert!(far.seen().iter().all(|seen| seen.target.starts_with("/v2/")), "no redirect is followed");
    }
}

#[tokio::test]
async fn what_is_no_http_at_all_leaves_the_outcome_unknown() {
    let database = TestDatabase::create().await;
    for garbage in [&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"\0\0\0\0", b"HTTP/9.9 banana\r\n\r\n"] {
        let far = FarSide::start(move |_| Reply::Raw(garbage.to_vec())).await;
        let placed = alpaca(&far.url, &database.pool).place(&buy_ten()).await;
        assert!(matches!(placed, Err(PlaceError::Unknown { .. })), "{placed:?}");
    }
}
