//! `capstan migrate`: schema, then the market data that ships with the product.

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::Utc;
use jobs::{db::schema::MIGRATIONS, market_data};
use tracing::info;

use crate::bootstrap;

/// Waits for the database (up to a minute), migrates it, loads the shipped bars.
pub async fn run() -> anyhow::Result<()> {
    let (_, pool) = bootstrap::start("migrate")?;
    let started = Instant::now();
    loop {
        match pool.acquire().await {
            Ok(_) => break,
            Err(error) if started.elapsed() > Duration::from_mins(1) => {
                return Err(error).context("the database can't be reached");
            }
            Err(error) => info!("waiting for the database: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    MIGRATIONS.run(&pool).await.context("the schema can't be brought up to date")?;
    let loaded = market_data::load_shipped(&pool, Utc::now().date_naive()).await?;
    info!("the schema is current; {} symbols, {} new bars", loaded.symbols.len(), loaded.written());
    Ok(())
}
