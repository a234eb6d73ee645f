//! The stocks that are listed: those whose bars ship with the project.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// What is known of a stock besides its prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// The ticker, upper case.
    pub symbol: &'static str,
    /// The company's name while the bars were recorded.
    pub name: &'static str,
    /// The listing exchange.
    pub exchange: &'static str,
    /// The tape that reports its trades: A for New York's listings, C for Nasdaq's.
    pub tape: &'static str,
    /// Its daily bars, as text.
    pub(super) bars: &'static str,
}

macro_rules! shipped {
    ($symbol:literal, $name:literal, $exchange:literal, $tape:literal) => {
        Listing {
            symbol: $symbol,
            name: $name,
            exchange: $exchange,
            tape: $tape,
            bars: include_str!(concat!("../../../market_data/ohlcv/adjusted/", $symbol, ".csv")),
        }
    };
}

/// The listed stocks, by ticker.
pub const LISTINGS: [Listing; 5] = [
    shipped!("AAPL", "Apple Inc. Common Stock", "NASDAQ", "C"),
    shipped!("FB", "Facebook, Inc. Class A Common Stock", "NASDAQ", "C"),
    shipped!("GOOG", "Google Inc. Class A Common Stock", "NASDAQ", "C"),
    shipped!("IBM", "International Business Machines Corporation Common Stock", "NYSE", "A"),
    shipped!("MSFT", "Microsoft Corporation Common Stock", "NASDAQ", "C"),
];

impl Listing {
    /// Returns the id of the stock: the same in every sandbox, of the form of a random one.
    pub fn id(&self) -> Uuid {
        let digest = Sha256::digest(format!("capstan sandbox asset {}", self.symbol));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// Returns the place in [`LISTINGS`] of a ticker, in any case, or of an id.
pub fn find(symbol_or_id: &str) -> Option<usize> {
    LISTINGS.iter().position(|listing| listing.symbol.eq_ignore_ascii_case(symbol_or_id)).or_else(|| {
        let id = Uuid::parse_str(symbol_or_id).ok()?;
        LISTINGS.iter().position(|listing| listing.id() == id)
    })
}
