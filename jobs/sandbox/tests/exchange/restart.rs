//! A sandbox that comes back knows what it accepted.

use reqwest::StatusCode;

use crate::desk::{Desk, buy, resting};

#[tokio::test]
async fn orders_and_their_ledger_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("exchange.jsonl");
    let desk = Desk::with(Some(&journal)).await;
    desk.place(&buy("job-1", 10)).await;
    desk.place(&resting("job-2")).await;
    desk.pass().await;
    let (orders, ledger) = (desk.get("/v2/orders?status=all").await, desk.get("/sandbox/ledger").await);
    let positions = desk.get("/v2/positions").await;
    desk.close().await;

    let desk = Desk::with(Some(&journal)).await;
    assert_eq!(desk.get("/v2/orders?status=all").await, orders);
    assert_eq!(desk.get("/sandbox/ledger").await, ledger);
    assert_eq!(desk.get("/v2/positions").await[0]["qty"], positions[0]["qty"]);
    let (status, body) = desk.post(&resting("job-2")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
}
