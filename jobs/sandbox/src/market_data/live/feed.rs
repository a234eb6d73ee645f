//! What has happened since a live socket was last served.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::subscription::Subscription;
use crate::{
    hours,
    market_data::shapes,
    prices::{Direction, LISTINGS, Span, Timeframe, find},
    replay::Replay,
};

/// Bars of a symbol sent at once at most, when the clock leaps; a session and its neighbour.
const MOST_BARS: usize = 800;

/// How far a socket has been served.
#[derive(Debug)]
pub(super) struct Feed {
    replay: Replay,
    served: DateTime<Utc>,
    /// Number of the last trade sent, by symbol.
    trades: HashMap<&'static str, u64>,
    quotes: HashMap<&'static str, u64>,
}

impl Feed {
    /// Returns a feed that begins now.
    pub(super) fn from(replay: Replay) -> Self {
        let served = replay.clock.now();
        Self { replay, served, trades: HashMap::new(), quotes: HashMap::new() }
    }

    /// Returns the messages of what has happened since the last call and is wanted.
    pub(super) fn news(&mut self, wanted: &Subscription) -> Vec<Value> {
        let now = self.replay.clock.now();
        let mut news = Vec::new();
        if hours::session_at(now).is_some() {
            self.last(now, wanted, &mut news);
        }
        self.bars(now, wanted, &mut news);
        self.served = now;
        news
    }

    /// The last trade and quote; those between are passed over when the clock leaps.
    fn last(&mut self, now: DateTime<Utc>, wanted: &Subscription, news: &mut Vec<Value>) {
        let channels = [("trades", "t", &mut self.trades), ("quotes", "q", &mut self.quotes)];
        for (channel, kind, sent) in channels {
            for symbol in wanted.symbols(channel) {
                let Some(tick) = self.replay.prices.tick(symbol, now) else { continue };
                let Some(place) = find(symbol) else { continue };
                if sent.insert(symbol, tick.id) == Some(tick.id) {
                    continue;
                }
                let shape = if kind == "t" { shapes::trade } else { shapes::quote };
                news.push(titled(kind, symbol, shape(&LISTINGS[place], &tick)));
            }
        }
    }

    /// The minutes that have ended, and the day so far behind the last of them.
    fn bars(&self, now: DateTime<Utc>, wanted: &Subscription, news: &mut Vec<Value>) {
        let minute = TimeDelta::minutes(1);
        let ended = Span {
            // A minute that had ended by `served` began a minute earlier.
            from: self.served - minute + TimeDelta::nanoseconds(1),
            to: now - minute,
            direction: Direction::Ascending,
            limit: MOST_BARS,
        };
        if ended.to < ended.from {
            return;
        }
        for symbol in wanted.symbols("bars") {
            let bars = self.replay.prices.bars(symbol, Timeframe::Minutes(1), &ended, now);
            news.extend(bars.iter().map(|bar| titled("b", symbol, shapes::bar(bar))));
        }
        for symbol in wanted.symbols("dailyBars") {
            if !self.replay.prices.bars(symbol, Timeframe::Minutes(1), &ended, now).is_empty()
                && let Some(bar) = self.replay.prices.daily(symbol, hours::last_opened(now).date, now)
            {
                news.push(titled("d", symbol, shapes::bar(&bar)));
            }
        }
    }
}

fn titled(kind: &str, symbol: &str, mut message: Value) -> Value {
    message["T"] = kind.into();
    message["S"] = symbol.into();
    message
}
