//! What the symbols cost, and their bars: kept ones where they are fresh, else asked for.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::cycle::quote_is_fresh;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Run, skipped};
use crate::{
    connector::{Fallback, Quote, Sourced},
    db::{cycles::Skipped, market_cache},
    queue::JobError,
};

/// Daily bars that are asked for: a year's sessions.
const BARS: usize = 260;

/// What a share costs, and who says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the price itself is a field of what is known about it")]
pub(super) struct Price {
    /// Of what.
    pub(super) symbol: String,
    /// US dollars a share.
    pub(super) price: Decimal,
    /// When it was so, by the market's clock.
    pub(super) as_of: DateTime<Utc>,
    /// Who says so.
    pub(super) provider: String,
    /// Who was asked before.
    pub(super) fallbacks: Vec<Fallback>,
}

/// What is known of the market.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Market {
    /// Fresh prices of symbols that have bars.
    pub(super) prices: BTreeMap<String, Price>,
    /// Symbols that lack one or the other.
    pub(super) skipped: Vec<Skipped>,
    /// Why nobody gave what was asked for, if it was so.
    pub(super) error: Option<String>,
}

impl Run {
    /// Sees to it that there are fresh quotes and bars; symbols without are left out.
    pub(super) async fn market(&self, symbols: &[String]) -> Result<Market, JobError> {
        let now = self.market_time().await?;
        let mut market = Market::default();
        let prices = self.prices(symbols, now, &mut market).await?;
        let wanted: Vec<String> = symbols.iter().filter(|s| prices.contains_key(*s)).cloned().collect();
        let with_bars = self.bars(&wanted, now, &mut market).await?;
        for (symbol, price) in prices {
            if with_bars.contains(&symbol) {
                market.prices.insert(symbol, price);
            }
        }
        Ok(market)
    }

    /// Returns the kept prices that can be acted on.
    async fn kept_prices(
        &self,
        symbols: &[String],
        now: DateTime<Utc>,
    ) -> sqlx::Result<BTreeMap<String, Price>> {
        let max_age = self.env.config.cycle.quote_max_age();
        let mut conn = self.env.pool.acquire().await?;
        let kept = market_cache::quotes(&mut conn, symbols).await?;
        let fresh = kept.into_iter().filter(|kept| {
            Utc::now() - kept.fetched_at <= max_age && quote_is_fresh(kept.as_of, now, max_age)
        });
        let prices = fresh.map(|kept| Price {
            symbol: kept.symbol,
            price: kept.price,
            as_of: kept.as_of,
            provider: kept.provider,
            fallbacks: kept.fallbacks,
        });
        Ok(prices.map(|price| (price.symbol.clone(), price)).collect())
    }

    /// Returns fresh prices, asking for those that are not kept; what nobody gives is left out.
    pub(super) async fn prices(
        &self,
        symbols: &[String],
        now: DateTime<Utc>,
        market: &mut Market,
    ) -> Result<BTreeMap<String, Price>, JobError> {
        let kept = self.kept_prices(symbols, now).await?;
        let missing: Vec<String> = symbols.iter().filter(|s| !kept.contains_key(*s)).cloned().collect();
        if missing.is_empty() {
            return Ok(kept);
        }
        let asked = self.env.connectors.quotes(&missing, now);
        let problem = match timeout(self.env.config.cycle.source_timeout(), asked).await {
            Ok(Ok(quotes)) => {
                self.keep(&quotes).await?;
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("nobody gave quotes in time".to_owned()),
        };
        let kept = self.kept_prices(symbols, now).await?;
        let reason = problem.as_deref().unwrap_or("there is no fresh quote");
        market.skipped.extend(missing.iter().filter(|s| !kept.contains_key(*s)).map(|s| skipped(s, reason)));
        market.error = problem;
        Ok(kept)
    }

    async fn keep(&self, quotes: &[Sourced<Quote>]) -> sqlx::Result<()> {
        let mut conn = self.env.pool.acquire().await?;
        for quote in quotes {
            market_cache::put_quote(&mut conn, quote).await?;
        }
        Ok(())
    }

    /// Returns those of `symbols` of which there are bars; those that nobody gives are left out.
    async fn bars(
        &self,
        symbols: &[String],
        now: DateTime<Utc>,
        market: &mut Market,
    ) -> Result<BTreeSet<String>, JobError> {
        let mut have = BTreeSet::new();
        for symbol in symbols {
            if self.ctx.interruption().is_some() {
                return Err(JobError::Interrupted);
            }
            let kept = market_cache::bars(&mut *self.env.pool.acquire().await?, symbol).await?;
            let max_age = self.env.config.cycle.bars_max_age();
            if kept.is_some_and(|kept| Utc::now() - kept.fetched_at <= max_age) {
                have.insert(symbol.clone());
                continue;
            }
            let asked = self.env.connectors.daily_bars(symbol, BARS, now);
            let problem = match timeout(self.env.config.cycle.source_timeout(), asked).await {
                Ok(Ok(bars)) => {
                    market_cache::put_bars(&mut *self.env.pool.acquire().await?, &bars).await?;
                    have.insert(symbol.clone());
                    continue;
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "nobody gave bars in time".to_owned(),
            };
            market.skipped.push(skipped(symbol, problem.clone()));
            market.error = Some(problem);
        }
        Ok(have)
    }
}
