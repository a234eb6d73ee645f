//! What the symbols cost, and their bars: kept ones where they are fresh, else asked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::cycle::quote_is_fresh;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Run, skipped};
use crate::{
    connector::{Fallback, Quote, Sourced},
    db::{cycles::Skipped, market_cache},
    queue::JobError,
};

/// Daily bars that are asked for: a year's sessions.
const BARS: usize = 260;
/// The longest that they may take of a cycle's time; what is missing then is asked for by the next one.
const BARS_PATIENCE: Duration = Duration::from_mins(1);

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
        let patience = self.env.config.cycle.source_timeout();
        let problem = match self.env.connectors.quotes(&missing, now, patience).await {
            Ok(quotes) => {
                self.keep(&quotes).await?;
                None
            }
            Err(error) => Some(error.to_string()),
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

    /// Returns those of `symbols` of which there are bars; those that nobody gives in time are left out.
    async fn bars(
        &self,
        symbols: &[String],
        now: DateTime<Utc>,
        market: &mut Market,
    ) -> Result<BTreeSet<String>, JobError> {
        let config = &self.env.config.cycle;
        let (mut have, mut wanted) = (BTreeSet::new(), Vec::new());
        for symbol in symbols {
            let kept = market_cache::bars(&mut *self.env.pool.acquire().await?, symbol).await?;
            if kept.is_some_and(|kept| Utc::now() - kept.fetched_at <= config.bars_max_age()) {
                have.insert(symbol.clone());
            } else {
                wanted.push(symbol.clone());
            }
        }
        let patience = bars_patience(config.source_timeout(), wanted.len());
        let asked = self.env.connectors.daily_bars_of(&wanted, BARS, now, patience);
        let asked = self.ctx.interrupted().run_until_cancelled(asked).await;
        for (symbol, answer) in asked.ok_or(JobError::Interrupted)? {
            match answer {
                Ok(bars) => {
                    market_cache::put_bars(&mut *self.env.pool.acquire().await?, &bars).await?;
                    have.insert(symbol);
                }
                Err(error) => {
                    market.skipped.push(skipped(&symbol, error.to_string()));
                    market.error = Some(error.to_string());
                }
            }
        }
        Ok(have)
    }
}

/// Returns how long the bars of so many symbols are waited for, of which one is waited for `each`.
fn bars_patience(each: Duration, symbols: usize) -> Duration {
    let symbols = u32::try_from(symbols).unwrap_or(u32::MAX);
    each.saturating_mul(symbols).min(BARS_PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, handler::Handler, kinds::run_cycle::RunCycle};

    #[test]
    fn the_market_leaves_a_cycle_most_of_its_time_however_many_symbols_it_looks_at() {
        let config = Config::for_profile("test", false).expect("the test profile is valid").cycle;
        let each = config.source_timeout();
        // Quotes are asked for twice: of what is held, and of everything.
        let longest = 2 * each + bars_patience(each, config.max_symbols);
        assert!(2 * longest < RunCycle::POLICY.timeout, "{longest:?}");
        assert_eq!(bars_patience(each, 1), each);
    }
}
