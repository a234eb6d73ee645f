//! An order in the place of another.

use jobs::trading::{self, Change, ReplaceRefused};

use super::{Desk, Order, buy, d};

async fn replace(desk: &Desk, order: &Order, change: Change) -> Result<Order, ReplaceRefused> {
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let placed = trading::replace(&mut tx, Some(desk.user), desk.user, order.id, &change, None).await?;
    tx.commit().await.expect("the transaction commits");
    Ok(placed.order)
}

#[tokio::test]
async fn a_replacement_takes_the_place_of_the_order() {
    let desk = Desk::open().await;
    let order = desk.place(buy("ACME", "10")).await;
    desk.reaches(order.id, "new").await;
    let change = Change { limit_price: Some(d("98")), ..Change::default() };
    let new = replace(&desk, &order, change).await.expect("it is accepted");
    let new = desk.reaches(new.id, "new").await;
    assert_eq!(
        (new.limit_price, new.qty, new.replaces_order_id),
        (Some(d("98")), Some(d("10")), Some(order.id))
    );
    desk.reaches(order.id, "replaced").await;
    let theirs = desk.far.order(&new.client_order_id).expect("the broker has it");
    assert_eq!(theirs["limit_price"], "98");
}

#[tokio::test]
async fn an_order_that_is_over_or_never_sent_is_not_replaced() {
    let desk = Desk::closed().await;
    let order = desk.place(buy("ACME", "10")).await;
    let change = Change { qty: Some(d("9")), ..Change::default() };
    let refused = replace(&desk, &order, change).await;
    assert!(matches!(refused, Err(ReplaceRefused::NotReplaceable(_))));
}
