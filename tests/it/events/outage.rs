//! Streams and a database that goes away.

use std::time::Duration;

use api::event_hub::{EventHub, Item, Timing};
use jobs::db::events::{self, Audience};
use serde_json::json;
use sqlx::postgres::PgPoolOptions;
use suites::{PrivateCluster, eventually};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

#[tokio::test]
async fn a_feed_outlives_a_restart_of_the_database() {
    let mut cluster = PrivateCluster::start().await;
    let pool = PgPoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(2))
        .connect_lazy(&cluster.url())
        .expect("the cluster's URL parses");
    let user = Uuid::now_v7();
    sqlx::query("insert into users (user_id, username, password_hash) values ($1, 'u', 'x')")
        .bind(user)
        .execute(&pool)
        .await
        .expect("a user");
    let shutdown = CancellationToken::new();
    let timing = Timing { poll: Duration::from_millis(100), ..Timing::default() };
    let hub = EventHub::start(pool.clone(), shutdown.clone(), timing);
    let mut feed = hub.open(Audience::User(user), None).await.expect("a feed");
    for n in 0..3 {
        eventually("the event to be stored", Duration::from_mins(1), async || {
            let mut conn = pool.acquire().await?;
            events::append(&mut conn, user, "alert:new", None, &json!({ "n": n })).await
        })
        .await;
        let item = timeout(Duration::from_mins(1), feed.next()).await.expect("the event arrives in time");
        match item.expect("a live feed needs no database") {
            Some(Item::Event(event)) => assert_eq!(event.body["n"], n),
            other => panic!("{other:?} instead of event {n}"),
        }
        cluster.stop().await;
        cluster.start_again().await;
    }
    shutdown.cancel();
}
