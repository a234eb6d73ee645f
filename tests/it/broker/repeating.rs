//! What may be sent twice is, and what may not is not.

use jobs::broker::{Broker, PlaceError, Portion, ReplaceOrder};
use serde_json::json;
use suites::TestDatabase;

use super::{
    alpaca, buy_ten,
    far_side::{FarSide, Reply},
};

#[tokio::test]
async fn a_read_is_repeated_until_it_is_answered() {
    let database = TestDatabase::create().await;
    let mut replies =
        vec![Reply::Json(200, json!([])), Reply::HangUp, Reply::Text(503, vec![], "busy".into())];
    let far = FarSide::start(move |_| replies.pop().unwrap_or(Reply::HangUp)).await;
    let positions = alpaca(&far.url, &database.pool).positions().await.expect("the third try is answered");
    assert!(positions.is_empty());
    assert_eq!(far.seen().len(), 3);
}

#[tokio::test]
async fn a_cancellation_is_repeated_and_what_could_act_twice_never() {
    let database = TestDatabase::create().await;
    let far = FarSide::start(|_| Reply::Text(502, vec![], String::new())).await;
    let broker = alpaca(&far.url, &database.pool);
    let sent = |method: &str| far.seen().iter().filter(|seen| seen.method == method).count();

    broker.cancel("o1").await.expect_err("nothing but 502");
    assert_eq!(sent("DELETE"), 3, "a cancellation is tried again");

    for result in [
        broker.place(&buy_ten()).await,
        broker.replace("o1", &ReplaceOrder::default()).await,
        broker.close_position("AAPL", Portion::All).await,
    ] {
        assert!(matches!(result, Err(PlaceError::Unknown { .. })), "{result:?}");
    }
    assert_eq!((sent("POST"), sent("PATCH"), sent("DELETE")), (1, 1, 4));
}
