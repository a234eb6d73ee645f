//! Brings what is known of every asset up to date: its listing, how liquid it is, what its company
//! filed. Once a day, and when there is no asset.
//!
//! Without a connector for bars, liquidity is taken from the shipped bars, and the row says so.

mod read;

use std::{sync::Arc, time::Duration};

use domain::universe::Figures;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Connection;

use self::read::{Found, Heard};
use crate::{
    db::universe,
    environment::Environment,
    handler::{Handler, Policy, Success},
    job::Job,
    queue::{Backoff, Context, JobError, LogLevel},
};

/// The payload.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SyncUniverse {}

impl Job for SyncUniverse {
    const KIND: &'static str = "sync_universe";
    const QUEUE: &'static str = "data";

    fn unique_key(&self) -> Option<String> {
        Some("all".into())
    }
}

impl Handler for SyncUniverse {
    const POLICY: Policy = Policy {
        backoff: Backoff { base: Duration::from_secs(5), cap: Duration::from_mins(5) },
        max_failures: 5,
        timeout: Duration::from_mins(30),
    };

    async fn run(self, ctx: Context, env: Arc<Environment>) -> Result<Success, JobError> {
        let symbols = symbols(&ctx, &env).await?;
        let mut all: Vec<(String, Found)> = Vec::with_capacity(symbols.len());
        for (index, symbol) in symbols.iter().enumerate() {
            // One step a symbol: another attempt goes on where this one ends.
            let found = ctx.step(&format!("read:{symbol}"), || read::read(&env, symbol)).await?;
            for reason in &found.missing {
                ctx.log(LogLevel::Warn, &format!("{symbol}: {reason}")).await?;
            }
            all.push((symbol.clone(), found));
            let percent = u8::try_from(index * 100 / symbols.len()).unwrap_or(99);
            ctx.progress(percent, symbol).await?;
        }
        let mut conn = env.pool.acquire().await?;
        let mut tx = conn.begin().await?;
        ctx.hold(&mut tx).await?;
        for (symbol, found) in &all {
            match &found.listing {
                Heard::Nothing => {}
                Heard::Unlisted => universe::store_listing(&mut tx, symbol, None).await?,
                Heard::Listed(listing) => universe::store_listing(&mut tx, symbol, Some(listing)).await?,
            }
            if let Some((liquidity, source)) = &found.liquidity {
                universe::store_liquidity(&mut tx, symbol, liquidity, source).await?;
            }
            if let Some(figures) = found.figures {
                let [revenue_growth, operating_margin, debt_to_equity, dilution] = figures;
                let figures = Figures { revenue_growth, operating_margin, debt_to_equity, dilution };
                universe::store_figures(&mut tx, symbol, &figures).await?;
            }
        }
        let count = |has: fn(&Found) -> bool| all.iter().filter(|(_, found)| has(found)).count();
        let output = json!({
            "assets": all.len(),
            "listings": count(|found| !matches!(found.listing, Heard::Nothing)),
            "liquidity": count(|found| found.liquidity.is_some()),
            "figures": count(|found| found.figures.is_some()),
        });
        let success = ctx.complete_in(&mut tx, output).await?;
        tx.commit().await?;
        Ok(success)
    }
}

/// Returns the symbols to read, in order; the shipped ones are added first when there is none.
async fn symbols(ctx: &Context, env: &Environment) -> Result<Vec<String>, JobError> {
    let mut conn = env.pool.acquire().await?;
    let mut tx = conn.begin().await?;
    ctx.hold(&mut tx).await?;
    universe::seed(&mut tx).await?;
    let assets = universe::assets(&mut tx).await?;
    tx.commit().await?;
    Ok(assets.into_iter().map(|asset| asset.symbol).collect())
}
