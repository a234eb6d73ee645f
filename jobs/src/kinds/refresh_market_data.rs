//! Brings quotes and daily bars of some symbols up to date, for all who read them.
//!
//! Quotes are read of any symbol; daily bars, which take a request each, only of assets of the
//! universe and of what is held or being traded.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    connector::{ALPACA, SourceError, quality},
    db::{broker_state, data_views, market_cache},
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, FencedError, JobError},
};

/// The most symbols of one job.
pub const MOST_SYMBOLS: usize = 50;
/// How many daily bars are kept of a symbol: more than a year's.
pub const BARS: usize = 300;
/// The longest that quotes may take, and bars; what came until then is kept.
const PATIENCE: Duration = Duration::from_mins(1);

/// The payload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefreshMarketData {
    /// The tickers, ascending, at most [`MOST_SYMBOLS`].
    pub symbols: Vec<String>,
}

impl RefreshMarketData {
    /// Returns the jobs for `symbols`, each of at most [`MOST_SYMBOLS`]; the same symbols make the
    /// same jobs.
    pub fn of(symbols: impl IntoIterator<Item = String>) -> Vec<Self> {
        let mut symbols: Vec<String> = symbols.into_iter().collect();
        symbols.sort();
        symbols.dedup();
        symbols.chunks(MOST_SYMBOLS).map(|chunk| Self { symbols: chunk.to_vec() }).collect()
    }
}

impl Job for RefreshMarketData {
    const KIND: &'static str = "refresh_market_data";
    const QUEUE: &'static str = "data";

    fn unique_key(&self) -> Option<String> {
        Some(self.symbols.join(","))
    }
}

impl Handler for RefreshMarketData {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(1), cap: Duration::from_secs(10) },
        max_failures: 3,
        timeout: Duration::from_mins(3),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        if self.symbols.len() > MOST_SYMBOLS {
            let message = format!("{} symbols are more than {MOST_SYMBOLS}", self.symbols.len());
            return Err(JobError::fatal("TOO_MANY_SYMBOLS", message));
        }
        let now = Utc::now();
        let mut conn = env.pool.acquire().await?;
        let market = broker_state::state(&mut conn).await?.market_time(now).unwrap_or(now);
        drop(conn);
        let run = Run { ctx: &ctx, env: &env, market };
        let mut failed = Vec::new();
        let quotes = run.quotes(&self.symbols, &mut failed).await?;
        let bars = run.bars(&self.symbols, &mut failed).await?;
        env.hints.events();
        Ok(Success::Output(json!({ "quotes": quotes, "bars": bars, "failed": failed })))
    }
}

/// One run.
struct Run<'a> {
    ctx: &'a Context,
    env: &'a Environment,
    /// The market's time.
    market: DateTime<Utc>,
}

impl Run<'_> {
    async fn quotes(&self, symbols: &[String], failed: &mut Vec<Value>) -> Result<usize, JobError> {
        let quotes = match self.env.connectors.quotes(symbols, self.market, PATIENCE).await {
            Ok(quotes) => quotes,
            Err(error) => {
                failed.push(told("quotes", None, &error));
                return Ok(0);
            }
        };
        let mut tx = self.env.pool.begin().await?;
        self.ctx.hold(&mut tx).await?;
        for quote in &quotes {
            market_cache::put_quote(&mut tx, quote).await?;
            // The broker's word on the last trade, as it is kept for orders and risk.
            if quote.provider == ALPACA {
                let value = &quote.value;
                broker_state::store_price(&mut tx, &value.symbol, value.price, value.at).await?;
            }
        }
        tx.commit().await.map_err(FencedError::from)?;
        Ok(quotes.len())
    }

    /// Reads the bars of the symbols that matter whose last one is not of the last finished session.
    async fn bars(&self, symbols: &[String], failed: &mut Vec<Value>) -> Result<usize, JobError> {
        let mut conn = self.env.pool.acquire().await?;
        let mut matter: HashSet<String> =
            data_views::known_assets(&mut conn, symbols).await?.into_iter().collect();
        matter.extend(broker_state::symbols_of_interest(&mut conn).await?);
        let kept: HashMap<_, _> = market_cache::last_days(&mut conn, symbols).await?.into_iter().collect();
        drop(conn);
        let finished = quality::last_finished(self.market);
        let mut read = 0;
        let wanted = |symbol: &&String| matter.contains(*symbol) && kept.get(*symbol) != Some(&finished);
        let wanted: Vec<String> = symbols.iter().filter(wanted).cloned().collect();
        let asked = self.env.connectors.daily_bars_of(&wanted, BARS, self.market, PATIENCE);
        let asked = self.ctx.interrupted().run_until_cancelled(asked).await;
        for (symbol, answer) in asked.ok_or(JobError::Interrupted)? {
            match answer {
                Ok(bars) => {
                    let mut tx = self.env.pool.begin().await?;
                    self.ctx.hold(&mut tx).await?;
                    market_cache::put_bars(&mut tx, &bars).await?;
                    tx.commit().await.map_err(FencedError::from)?;
                    read += 1;
                }
                Err(error) => failed.push(told("daily bars", Some(&symbol), &error)),
            }
        }
        Ok(read)
    }
}

fn told(what: &str, symbol: Option<&str>, error: &SourceError) -> Value {
    json!({ "what": what, "symbol": symbol, "reason": error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_symbols_make_the_same_jobs_of_a_bounded_size() {
        let of = |symbols: &[&str]| RefreshMarketData::of(symbols.iter().map(|symbol| (*symbol).to_owned()));
        assert_eq!(of(&["MSFT", "AAPL", "MSFT"])[0].unique_key(), of(&["AAPL", "MSFT"])[0].unique_key());
        let many: Vec<String> = (0..120).map(|n| format!("S{n:03}")).collect();
        let sizes: Vec<usize> = RefreshMarketData::of(many).iter().map(|job| job.symbols.len()).collect();
        assert_eq!(sizes, [50, 50, 20]);
        assert!(RefreshMarketData::of([]).is_empty());
    }
}
