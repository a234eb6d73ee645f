//! What the API shows of connectors, market data and fusion: reads of what workers keep fresh,
//! and forgetting it.
//!
//! Nothing here asks a provider.

mod caches;
mod connectors;
mod fusion;
mod quotes;

pub use caches::{CacheRow, caches, purge};
pub use connectors::{Keeping, Share, blocked, keeping, llm_shares, shares};
pub use fusion::{
    FusedRow, FusionTotals, SentimentRow, SourceShare, fused, newest_sentiment, source_shares, totals,
};
pub use quotes::{QuoteRow, known_assets, newest_symbols, quotes, symbols_from, usual_volumes};
