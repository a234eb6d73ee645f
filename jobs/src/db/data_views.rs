//! What the API shows of connectors, market data and fusion: reads of what workers keep fresh,
//! and forgetting it.
//!
//! Nothing here asks a provider.

mod caches;
mod connectors;
mod fusion;
mod symbols;

pub use caches::{CacheRow, caches, purge};
pub use connectors::{Keeping, Share, blocked, keeping, llm_shares, shares};
pub use fusion::{FusionTotals, SourceShare, source_shares, totals};
pub use symbols::{known_assets, newest_symbols, symbols_from, usual_volumes};
