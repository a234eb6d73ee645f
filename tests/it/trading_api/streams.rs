//! Events of orders reach their owner, and nobody else, and a stream goes on where it was.

use super::by_hand;
use crate::events::frames::Frames;

#[tokio::test]
async fn the_owner_follows_an_order_and_resumes_after_the_last_event() {
    let app = by_hand::start().await;
    let (owner, other) = (app.signed_up().await, app.signed_up().await);
    let (mut strangers, _) = Frames::open(&other, "/api/events", None).await;
    let (mut first, _) = Frames::open(&owner, "/api/events", None).await;
    let order = by_hand::id_of(&by_hand::buy(&owner, "AAPL", 10).await);
    let placed = first.next().await;
    assert_eq!(placed.event, "order:update", "{placed:?}");
    assert_eq!(placed.data["orderId"], order.to_string(), "{placed:?}");
    for key in ["status", "symbol", "side", "type", "timeInForce"] {
        assert!(placed.data[key].is_string(), "{key}: {placed:?}");
    }
    drop(first);
    by_hand::fill(&app, order, "10", "100").await;
    let (mut resumed, _) = Frames::open(&owner, "/api/sse/trading", Some(&placed.id)).await;
    let mut names = Vec::new();
    while !["order:update", "order:fill", "position:update"]
        .iter()
        .all(|name| names.contains(&(*name).to_owned()))
    {
        let frame = resumed.next().await;
        assert_ne!(frame.id, placed.id, "each event comes once");
        names.push(frame.event);
    }
    by_hand::buy(&other, "MSFT", 1).await;
    let theirs = strangers.next().await;
    assert_eq!(theirs.data["symbol"], "MSFT", "another's events are not sent: {theirs:?}");
}
