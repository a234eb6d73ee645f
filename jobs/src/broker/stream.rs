//! What happens to orders, as it happens.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use rust_decimal::Decimal;
use serde_json::Value;

use super::{BrokerOrder, StreamError};

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TradeEventKind {
    /// It works at the exchange.
    New,
    /// Some of it was filled.
    PartialFill,
    /// The rest of it was filled.
    Fill,
    /// It was canceled.
    Canceled,
    /// Its time in force is over.
    Expired,
    /// The broker or the exchange refused it.
    Rejected,
    /// Another order took its place.
    Replaced,
    /// It is over for today.
    DoneForDay,
    /// Anything else, in the broker's word: the order says where it stands.
    Other(String),
}

/// One event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct TradeEvent {
    /// What happened.
    pub kind: TradeEventKind,
    /// When.
    pub at: DateTime<Utc>,
    /// The broker's id of the event, if it has one.
    pub execution_id: Option<String>,
    /// At a fill: what a share cost.
    pub price: Option<Decimal>,
    /// At a fill: the shares of this execution.
    pub qty: Option<Decimal>,
    /// At a fill: the position after it, below zero when short.
    pub position_qty: Option<Decimal>,
    /// The order after the event.
    pub order: BrokerOrder,
    /// All that the broker said.
    pub raw: Value,
}

/// A connection on which events arrive. It keeps itself alive while [`next`](Self::next) is awaited.
pub trait TradeStream: Debug + Send {
    /// Waits for the next event. After any error but [`StreamError::Malformed`] the connection is
    /// gone; connecting again is up to the caller.
    fn next(&mut self) -> BoxFuture<'_, Result<TradeEvent, StreamError>>;
}
