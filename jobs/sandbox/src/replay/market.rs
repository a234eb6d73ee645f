//! The exchange's view of the replay.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::market_hours;
use rust_decimal::Decimal;

use super::Clock;
use crate::{
    exchange::market::{Asset, Market, Quote, Session},
    prices::{LISTINGS, Listing, Pips, Prices, find},
};

/// The market as it is replayed: prices and a clock.
#[derive(Debug, Clone)]
pub struct Replay {
    /// What time it is.
    pub clock: Clock,
    /// What was paid when.
    pub prices: Arc<Prices>,
}

impl Market for Replay {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    fn quote(&self, symbol: &str, at: DateTime<Utc>) -> Option<Quote> {
        let tick = self.prices.tick(symbol, at)?;
        Some(Quote { bid: tick.bid.decimal(), ask: tick.ask.decimal(), last: tick.price.decimal() })
    }

    fn previous_close(&self, symbol: &str, at: DateTime<Utc>) -> Option<Decimal> {
        self.prices.previous_close(symbol, at).map(Pips::decimal)
    }

    fn asset(&self, symbol_or_id: &str) -> Option<Asset> {
        find(symbol_or_id).map(|place| asset(&LISTINGS[place]))
    }

    fn session(&self, at: DateTime<Utc>) -> Session {
        match market_hours::session_at(at) {
            market_hours::Session::Regular => Session::Regular,
            session if session.is_extended() => Session::Extended,
            _ => Session::Closed,
        }
    }

    fn next_open(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        market_hours::next_open(at)
    }

    fn next_close(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        market_hours::next_close(at)
    }
}

fn asset(listing: &Listing) -> Asset {
    Asset {
        id: listing.id(),
        symbol: listing.symbol.to_owned(),
        exchange: listing.exchange.to_owned(),
        tradable: true,
        marginable: true,
        shortable: true,
        fractionable: true,
    }
}
