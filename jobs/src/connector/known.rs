//! The connectors that there are.

/// What a connector is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its id: in the tables, in provenance, in the API.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it gives: `stock`, `economy`, `company` or `ai`.
    pub category: &'static str,
    /// The feed it counts as: `market`, `news` or `fundamental`; empty when it is none.
    pub feed: &'static str,
    /// What it gives, in a sentence.
    pub description: &'static str,
    /// Whether it answers only to a key.
    pub needs_key: bool,
}

/// Alpaca's id.
pub const ALPACA: &str = "alpaca";
/// Polygon's id.
pub const POLYGON: &str = "polygon";
/// Yahoo's id.
pub const YAHOO: &str = "yahoo";
/// Finnhub's id.
pub const FINNHUB: &str = "finnhub";
/// FRED's id.
pub const FRED: &str = "fred";
/// EDGAR's id.
pub const SEC: &str = "sec-edgar";
/// FINRA's id.
pub const FINRA: &str = "finra";

/// Every connector, whether it is configured or not.
pub const KNOWN: [Known; 9] = [
    Known {
        id: ALPACA,
        name: "Alpaca",
        category: "stock",
        feed: "market",
        description: "quotes, daily bars and news from the broker",
        needs_key: true,
    },
    Known {
        id: FINNHUB,
        name: "Finnhub",
        category: "stock",
        feed: "news",
        description: "quotes and news about companies",
        needs_key: true,
    },
    Known {
        id: POLYGON,
        name: "Polygon",
        category: "stock",
        feed: "market",
        description: "quotes and daily bars of US shares",
        needs_key: true,
    },
    Known {
        id: YAHOO,
        name: "Yahoo Finance",
        category: "stock",
        feed: "market",
        description: "daily bars and delayed quotes",
        needs_key: false,
    },
    Known {
        id: FRED,
        name: "FRED",
        category: "economy",
        feed: "fundamental",
        description: "figures of the US economy",
        needs_key: true,
    },
    Known {
        id: SEC,
        name: "SEC EDGAR",
        category: "company",
        feed: "fundamental",
        description: "figures from companies' reports",
        needs_key: false,
    },
    Known {
        id: FINRA,
        name: "FINRA",
        category: "company",
        feed: "fundamental",
        description: "short volume off the exchanges",
        needs_key: false,
    },
    Known {
        id: "openai",
        name: "OpenAI",
        category: "ai",
        feed: "",
        description: "a language model that proposes decisions",
        needs_key: true,
    },
    Known {
        id: "anthropic",
        name: "Anthropic",
        category: "ai",
        feed: "",
        description: "a language model that proposes decisions",
        needs_key: true,
    },
];

/// Returns the connector called `id`.
pub fn known(id: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.id == id)
}
