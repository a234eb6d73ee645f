//! `capstan migrate`: schema, then the market data that ships with the product.

use anyhow::Context;
use chrono::Utc;
use jobs::{
    db::{self, schema::MIGRATIONS},
    market_data,
};
use secrecy::ExposeSecret;
use tracing::info;

use crate::{bootstrap, reach};

/// Waits for the database (up to a minute), migrates it, loads the shipped bars.
///
/// # Errors
/// When the database stays away (names the place and the cause), or refuses a step.
pub async fn run() -> anyhow::Result<()> {
    // Past a pooler: migrations hold a lock of their session.
    let (config, pooled) = bootstrap::start("migrate")?;
    let pool = db::direct_or(&pooled, &config.database)?;
    let url = config.database.direct_url.as_ref().or(config.database.url.as_ref());
    let url = url.context("no database is configured: set DATABASE_URL")?;
    reach::wait(&reach::options(url.expose_secret())?, reach::LIMIT, |text| info!("{text}")).await?;
    MIGRATIONS.run(&pool).await.context("the schema can't be brought up to date")?;
    let loaded = market_data::load_shipped(&pool, Utc::now().date_naive()).await?;
    info!("the schema is current; {} symbols, {} new bars", loaded.symbols.len(), loaded.written());
    Ok(())
}
