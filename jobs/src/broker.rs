//! The broker, as the platform sees it: what can be asked, and what can come of it.
//!
//! A broker is reached over the network, so every answer may be lost. Errors therefore say what
//! is known about the effect: see [`PlaceError`]. Nothing here decides whether an order should be
//! sent, and nothing is repeated that could act twice.

mod account;
pub mod alpaca;
mod error;
mod order;
mod position;
mod price;
mod stream;

use std::{collections::HashSet, fmt::Debug};

use chrono::{DateTime, NaiveDate, Utc};
use futures::{FutureExt, future::BoxFuture};

pub use self::{
    account::{Account, Asset, CalendarDay, Clock},
    error::{BrokerError, PlaceError, Refusal, StreamError},
    order::{
        BrokerOrder, CancelOutcome, CancelledOrder, Direction, OrderQuery, OrderScope, PlaceOrder,
        ReplaceOrder,
    },
    position::{Fill, FillKind, Portion, Position, PositionSide},
    price::{LatestPrice, LatestQuote},
    stream::{TradeEvent, TradeEventKind, TradeStream},
};

use crate::external::BreakerState;

/// What comes of asking a broker.
pub type Answered<'a, T> = BoxFuture<'a, Result<T, BrokerError>>;
/// What comes of sending an order to a broker.
pub type Placed<'a> = BoxFuture<'a, Result<BrokerOrder, PlaceError>>;

/// The most orders that one page holds.
const PAGE: u16 = 500;
/// The most pages that are read in one go: a quarter of a million orders.
const MOST_PAGES: usize = 500;

/// A broker. Shared between handlers as `Arc<dyn Broker>`.
pub trait Broker: Debug + Send + Sync {
    /// Returns the account.
    fn account(&self) -> Answered<'_, Account>;

    /// Returns the exchange's time, and when it opens and closes next.
    fn clock(&self) -> Answered<'_, Clock>;

    /// Returns the trading days from `start` to `end`, both included, oldest first.
    fn calendar(&self, start: NaiveDate, end: NaiveDate) -> Answered<'_, Vec<CalendarDay>>;

    /// Returns what the broker knows about `symbol`; `None` when it knows no such asset.
    fn asset(&self, symbol: &str) -> Answered<'_, Option<Asset>>;

    /// Sends an order, once. After [`PlaceError::Unknown`] the caller looks it up by its client
    /// order id, and may send it again with the same one.
    fn place(&self, order: &PlaceOrder) -> Placed<'_>;

    /// Returns the order that was sent under `client_order_id`, without legs; `None` when there is none.
    fn order_by_client_id(&self, client_order_id: &str) -> Answered<'_, Option<BrokerOrder>>;

    /// Returns the order with the broker's id, with its legs; `None` when there is none.
    fn order(&self, broker_order_id: &str) -> Answered<'_, Option<BrokerOrder>>;

    /// Returns one page of orders.
    fn orders(&self, query: &OrderQuery) -> Answered<'_, Vec<BrokerOrder>>;

    /// Asks for the order's cancellation. That it is asked for does not mean that it succeeds: a
    /// fill may come first.
    fn cancel(&self, broker_order_id: &str) -> Answered<'_, CancelOutcome>;

    /// Asks for the cancellation of every open order; returns what became of each request.
    fn cancel_all(&self) -> Answered<'_, Vec<CancelledOrder>>;

    /// Replaces an order; returns the new one. Sent once; the old order may still fill first.
    fn replace(&self, broker_order_id: &str, change: &ReplaceOrder) -> Placed<'_>;

    /// Returns every open position.
    fn positions(&self) -> Answered<'_, Vec<Position>>;

    /// Returns the position in `symbol`; `None` when there is none.
    fn position(&self, symbol: &str) -> Answered<'_, Option<Position>>;

    /// Has the broker close a position with a market order of its own making, once.
    ///
    /// That order has no client order id of ours, so it can't be looked up after
    /// [`PlaceError::Unknown`]: an opposite order through [`place`](Self::place) is the better way.
    fn close_position(&self, symbol: &str, portion: Portion) -> Placed<'_>;

    /// Returns the last trade's price.
    fn latest_price(&self, symbol: &str) -> Answered<'_, LatestPrice>;

    /// Returns the last quote.
    fn latest_quote(&self, symbol: &str) -> Answered<'_, LatestQuote>;

    /// Returns the executions after `since`, oldest first.
    fn fills(&self, since: DateTime<Utc>) -> Answered<'_, Vec<Fill>>;

    /// Connects to the stream of order events. It has no replay: after a connection was lost, the
    /// caller reads what happened meanwhile by [`orders`](Self::orders).
    fn trade_updates(&self) -> BoxFuture<'_, Result<Box<dyn TradeStream>, StreamError>>;

    /// Returns how this process finds each of the broker's services, by its name.
    fn health(&self) -> Vec<(&'static str, BreakerState)>;

    /// Returns every order submitted after `after`, oldest first, each once; with legs inside
    /// their entries.
    fn all_orders_since(&self, after: DateTime<Utc>, scope: OrderScope) -> Answered<'_, Vec<BrokerOrder>> {
        async move {
            let mut query = OrderQuery {
                scope,
                after: Some(after),
                direction: Direction::OldestFirst,
                limit: PAGE,
                nested: true,
                ..OrderQuery::default()
            };
            let (mut found, mut known) = (Vec::new(), HashSet::new());
            for _ in 0..MOST_PAGES {
                let page = self.orders(&query).await?;
                let full = page.len() >= usize::from(PAGE);
                let last = page.iter().map(BrokerOrder::submitted).max();
                let before = found.len();
                found.extend(page.into_iter().filter(|order| known.insert(order.id.clone())));
                let Some(last) = last.filter(|_| full) else { return Ok(found) };
                // The bound is exclusive, and orders of the same instant may lie on both pages.
                let inclusive = last - chrono::Duration::nanoseconds(1);
                let stuck = found.len() == before || query.after.is_some_and(|after| inclusive <= after);
                query.after = Some(if stuck { last } else { inclusive });
            }
            Err(BrokerError::Malformed {
                reason: format!("more than {MOST_PAGES} pages of orders since {after}"),
            })
        }
        .boxed()
    }
}
