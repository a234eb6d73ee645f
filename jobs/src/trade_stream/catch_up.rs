//! Reading what happened to our orders while nobody listened.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};
use tracing::debug;

use crate::{
    broker::{Broker, BrokerOrder, OrderScope},
    db::{
        fills::Source,
        orders::{self, Applied, Order},
    },
    queue::JobError,
    trading::{self, broker_error},
};

/// The most open orders of ours that are looked at.
const OURS: i64 = 100_000;
/// More orders than this are read by a list rather than one by one.
const ONE_BY_ONE: usize = 10;

/// Returns the orders at the broker that may be news: all that are open there, and those of ours
/// that no longer are.
pub(crate) async fn read(pool: &PgPool, broker: &dyn Broker) -> Result<Vec<BrokerOrder>, JobError> {
    let ours = orders::open(&mut *pool.acquire().await?, None, OURS).await?;
    let mut seen =
        broker.all_orders_since(DateTime::<Utc>::UNIX_EPOCH, OrderScope::Open).await.map_err(broker_error)?;
    let listed = ids(&seen);
    let mut ended: Vec<&Order> = ours.iter().filter(|order| is_missing(order, &listed)).collect();
    let since = ended.iter().filter_map(|order| order.submitted_at).min();
    if ended.len() > ONE_BY_ONE
        && let Some(since) = since
    {
        let since = since - TimeDelta::seconds(1);
        seen.extend(broker.all_orders_since(since, OrderScope::Closed).await.map_err(broker_error)?);
        let listed = ids(&seen);
        ended.retain(|order| is_missing(order, &listed));
    }
    for order in ended {
        let found = match &order.broker_order_id {
            Some(id) => broker.order(id).await,
            None => broker.order_by_client_id(&order.client_order_id).await,
        };
        if let Some(found) = found.map_err(broker_error)? {
            seen.push(found);
        } else {
            debug!(order.id = %order.id, "the broker has no order {}", order.id);
        }
    }
    Ok(seen)
}

/// Applies news of an order, in the caller's transaction; returns whether it changed anything.
/// Orders that are not ours are left alone.
pub(crate) async fn apply(conn: &mut PgConnection, seen: &BrokerOrder) -> sqlx::Result<bool> {
    let Some(order) = find(conn, seen).await? else { return Ok(false) };
    let applied = trading::absorb(conn, &order, &orders::seen(seen), Source::Poll).await?;
    Ok(matches!(applied, Applied::Applied { .. }))
}

/// Returns our row of the broker's order.
pub(crate) async fn find(conn: &mut PgConnection, seen: &BrokerOrder) -> sqlx::Result<Option<Order>> {
    match orders::by_client_id(conn, &seen.client_order_id).await? {
        Some(order) => Ok(Some(order)),
        None => orders::by_broker_id(conn, &seen.id).await,
    }
}

fn ids(orders: &[BrokerOrder]) -> BTreeSet<&str> {
    orders
        .iter()
        .flat_map(|order| order.legs.iter().chain([order]))
        .flat_map(|order| [order.id.as_str(), order.client_order_id.as_str()])
        .collect()
}

/// An order that was never sent is missing nowhere.
fn is_missing(order: &Order, listed: &BTreeSet<&str>) -> bool {
    order.status.may_rest_at_broker()
        && !listed.contains(order.client_order_id.as_str())
        && !order.broker_order_id.as_deref().is_some_and(|id| listed.contains(id))
}
