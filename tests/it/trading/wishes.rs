//! Wishes to close that meet each other: the larger one is carried out, and the same one is one job.

use jobs::{
    db::{
        orders::{self, Origin},
        risk,
    },
    kinds::close_position::Portion,
    queue::Enqueued,
    trading::{self, Close},
};
use suites::eventually;
use uuid::Uuid;

use super::{
    Desk, LIMIT, buy,
    closing::{close, closing},
    d, sell,
};

async fn wish(desk: &Desk, portion: Portion, origin: Origin) -> Enqueued {
    let close = Close { user_id: desk.user, symbol: "ACME", portion, origin, trace_id: None };
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    trading::close(&mut conn, &close).await.expect("the close is enqueued")
}

async fn liquidate(desk: &Desk) -> Enqueued {
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    trading::liquidate(&mut conn, desk.user, "enough", None).await.expect("it is enqueued")
}

async fn quarantine(desk: &Desk, job_id: Uuid) {
    desk.sql(&format!("update queue.jobs set state = 'quarantined' where job_id = '{job_id}'")).await;
}

#[tokio::test]
async fn the_same_wish_is_one_job_and_another_one_stands_behind_nothing() {
    let desk = Desk::closed().await;
    let wishes = [
        (Portion::Units(d("3")), Origin::Close),
        (Portion::Units(d("4")), Origin::Close),
        (Portion::Percent(d("50")), Origin::Close),
        (Portion::All, Origin::Close),
        (Portion::All, Origin::Liquidation),
    ];
    let mut made = Vec::new();
    for (portion, origin) in wishes {
        let first = wish(&desk, portion, origin).await;
        assert!(first.inserted, "{portion:?} of {origin:?} stands behind {made:?}");
        made.push(first.job_id);
    }
    for ((portion, origin), job_id) in wishes.into_iter().zip(made) {
        let again = wish(&desk, portion, origin).await;
        assert_eq!((again.inserted, again.job_id), (false, job_id), "{portion:?} of {origin:?}");
    }
    let same = wish(&desk, Portion::Units(d("3.0")), Origin::Close).await;
    assert!(!same.inserted, "the same amount in other words");
}

#[tokio::test]
async fn a_quarantined_wish_does_not_stand_for_a_later_one() {
    let desk = Desk::closed().await;
    let mut closes = Vec::new();
    let mut liquidations = Vec::new();
    for turn in 0..3 {
        let close = wish(&desk, Portion::All, Origin::Close).await;
        let liquidation = liquidate(&desk).await;
        assert!(close.inserted && liquidation.inserted, "turn {turn}");
        assert!(!wish(&desk, Portion::All, Origin::Close).await.inserted, "the same one is one job");
        assert!(!liquidate(&desk).await.inserted, "the same one is one job");
        for job_id in [close.job_id, liquidation.job_id] {
            quarantine(&desk, job_id).await;
        }
        closes.push(close.job_id);
        liquidations.push(liquidation.job_id);
    }
}

#[tokio::test]
async fn a_position_is_closed_though_an_earlier_close_is_quarantined() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let wish = Close {
        user_id: desk.user,
        symbol: "ACME",
        portion: Portion::All,
        origin: Origin::Close,
        trace_id: None,
    };
    let stuck = trading::close(&mut tx, &wish).await.expect("the close is enqueued").job_id;
    sqlx::query("update queue.jobs set state = 'quarantined' where job_id = $1")
        .bind(stuck)
        .execute(&mut *tx)
        .await
        .expect("it is quarantined");
    tx.commit().await.expect("the transaction commits");
    let job = close(&desk, Portion::All).await;
    assert_ne!(job, stuck);
    let order = closing(&desk, "close").await;
    desk.far.send(&desk.far.fill(&order.client_order_id, "10", "101"));
    desk.reaches(order.id, "filled").await;
    // An operator lets the first one go on: it looks at what is held by then.
    let mut conn = desk.app.pool.acquire().await.expect("a connection");
    jobs::queue::operate::retry(&mut conn, stuck).await.expect("it is quarantined");
    let late = desk.finished(stuck).await;
    assert_eq!(late.output.expect("an output")["skipped"], "there is no such position");
    assert_eq!(desk.far.len(), 2, "one purchase and one sale");
}

#[tokio::test]
async fn a_position_is_closed_though_the_job_of_an_earlier_order_is_quarantined() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    let wish = trading::PlaceRequest::by_user(desk.user, buy("ACME", "5"));
    let stuck = trading::place(&mut tx, Some(desk.user), wish).await.expect("the order is accepted");
    sqlx::query("update queue.jobs set state = 'quarantined' where job_id = $1")
        .bind(stuck.job_id)
        .execute(&mut *tx)
        .await
        .expect("it is quarantined");
    tx.commit().await.expect("the transaction commits");
    close(&desk, Portion::All).await;
    let order = closing(&desk, "close").await;
    assert_eq!(order.qty, Some(d("10")));
    assert_eq!(desk.order(stuck.order.id).await.status.as_str(), "canceled", "it was never sent");
}

#[tokio::test]
async fn all_of_a_position_is_closed_though_a_part_of_it_is_being_closed() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    let resting = desk.place(sell("ACME", "8")).await;
    desk.reaches(resting.id, "new").await;
    desk.far.book().slow_cancels = true;
    let part = close(&desk, Portion::Units(d("3"))).await;
    eventually("the part waits for the shares", LIMIT, async || desk.far.book().cancels > 0).await;
    let all = close(&desk, Portion::All).await;
    assert_ne!(all, part);
    desk.far.book().slow_cancels = false;
    for order in &mut desk.far.book().orders {
        if order["status"] == "pending_cancel" {
            order["status"] = "canceled".into();
        }
    }
    desk.far.send(&desk.far.event("canceled", &resting.client_order_id));
    let order = eventually("the order that closes all is at the broker", LIMIT, async || {
        let mut conn = desk.app.pool.acquire().await.expect("a connection");
        let open = orders::open(&mut conn, Some(desk.user), 10).await.expect("the orders are read");
        let found = open.iter().find(|order| order.qty == Some(d("10")) && order.status.as_str() == "new");
        found.cloned().ok_or_else(|| format!("{open:?}"))
    })
    .await;
    for job in [part, all] {
        assert_eq!(desk.finished(job).await.state, "completed");
    }
    desk.far.send(&desk.far.fill(&order.client_order_id, "10", "101"));
    desk.reaches(order.id, "filled").await;
    assert!(desk.positions().await.is_empty());
}

#[tokio::test]
async fn a_part_does_not_undo_the_close_of_all() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    close(&desk, Portion::All).await;
    let order = closing(&desk, "close").await;
    let part = close(&desk, Portion::Units(d("3"))).await;
    let done = desk.finished(part).await;
    assert_eq!(done.output.expect("an output")["skipped"], "as much is being closed already");
    let order = desk.order(order.id).await;
    assert_eq!((order.status.as_str(), order.cancel_requested_at), ("new", None));
}

#[tokio::test]
async fn a_liquidation_repeats_no_close_that_it_canceled() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    close(&desk, Portion::All).await;
    let first = closing(&desk, "close").await;
    // However busy the machine is, the two follow each other closely enough.
    desk.sql(&format!(
        "insert into risk_settings (user_id, duplicate_window_s) values ('{0}', 3600)
         on conflict (user_id) do update set duplicate_window_s = 3600",
        desk.user
    ))
    .await;
    let mut tx = desk.app.pool.begin().await.expect("a transaction begins");
    risk::kill_switch(&mut tx, Some(desk.user), desk.user, true, Some("enough"), None)
        .await
        .expect("the switch is on");
    trading::liquidate(&mut tx, desk.user, "enough", None).await.expect("it is enqueued");
    tx.commit().await.expect("the transaction commits");
    let order = closing(&desk, "liquidation").await;
    assert_eq!(order.qty, Some(d("10")));
    assert_eq!(desk.order(first.id).await.status.as_str(), "canceled");
}

#[tokio::test]
async fn a_close_takes_its_users_turn_before_it_touches_orders() {
    let desk = Desk::open().await;
    desk.holds("ACME", "10").await;
    for order in [desk.place(sell("ACME", "8")).await, desk.place(buy("OTHER", "5")).await] {
        desk.reaches(order.id, "new").await;
    }
    let canceled = "select count(*) from orders where cancel_requested_at is not null";
    for liquidates in [false, true] {
        let before: i64 = sqlx::query_scalar(canceled).fetch_one(&desk.app.pool).await.expect("a count");
        let mut accepting = desk.begun().await;
        risk::one_at_a_time(&mut accepting, desk.user).await.expect("it is this one's turn");
        if liquidates {
            liquidate(&desk).await;
        } else {
            close(&desk, Portion::All).await;
        }
        eventually("the job waits for its turn", LIMIT, async || desk.waits("'risk '").await).await;
        // What whoever has the turn locks next, as a replacement does, is free.
        let open = "select order_id from orders where user_id = $1 for update nowait";
        let free = sqlx::query(open).bind(desk.user).fetch_all(&mut *accepting).await;
        free.expect("no order is locked");
        let after: i64 = sqlx::query_scalar(canceled).fetch_one(&mut *accepting).await.expect("a count");
        assert_eq!(after, before, "nothing was canceled out of turn");
        accepting.commit().await.expect("the transaction commits");
        closing(&desk, if liquidates { "liquidation" } else { "close" }).await;
    }
}
