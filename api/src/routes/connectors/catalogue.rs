//! The connectors that clients know by name: ours, and those that this platform does without.

/// Where a connector is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::routes) enum Group {
    /// Shares.
    Stock,
    /// Coins.
    Crypto,
    /// Language models.
    Ai,
    /// What is fused with prices: reports, news, the economy.
    Fusion,
}

impl Group {
    /// Returns the word for it.
    pub(in crate::routes) fn word(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Crypto => "crypto",
            Self::Ai => "ai",
            Self::Fusion => "fusion",
        }
    }
}

/// A connector's name and nature.
#[derive(Debug, Clone, Copy)]
pub(in crate::routes) struct Known {
    /// As in the rows that workers write.
    pub(in crate::routes) id: &'static str,
    /// For people.
    pub(in crate::routes) name: &'static str,
    /// Where it is shown.
    pub(in crate::routes) group: Group,
    /// `market`, `news`, `fundamental` or `crypto`; empty when it is no feed.
    pub(in crate::routes) feed: &'static str,
    /// For people.
    pub(in crate::routes) description: &'static str,
    /// Whether it works only with a key.
    pub(in crate::routes) needs_key: bool,
    /// Whether this platform has it.
    pub(in crate::routes) ours: bool,
}

const NOT_OURS: &str = "not part of this platform";

const fn ours(
    id: &'static str,
    name: &'static str,
    group: Group,
    feed: &'static str,
    needs_key: bool,
    description: &'static str,
) -> Known {
    Known { id, name, group, feed, description, needs_key, ours: true }
}

const fn absent(id: &'static str, name: &'static str, group: Group) -> Known {
    Known { id, name, group, feed: "", description: NOT_OURS, needs_key: true, ours: false }
}

/// Every connector, in the order in which they are shown.
pub(in crate::routes) const CATALOGUE: &[Known] = &[
    ours("alpaca", "Alpaca", Group::Stock, "market", true, "quotes, daily bars and news from the broker"),
    ours("polygon", "Polygon", Group::Stock, "market", true, "quotes and daily bars of US shares"),
    ours("yahoo", "Yahoo Finance", Group::Stock, "market", false, "daily bars and delayed quotes"),
    ours("finnhub", "Finnhub", Group::Stock, "news", true, "quotes and news about companies"),
    absent("uae-markets", "UAE Markets", Group::Stock),
    absent("coingecko", "CoinGecko", Group::Crypto),
    absent("coinmarketcap", "CoinMarketCap", Group::Crypto),
    ours("anthropic", "Anthropic", Group::Ai, "", true, "a language model that proposes decisions"),
    ours("openai", "OpenAI", Group::Ai, "", true, "a language model that proposes decisions"),
    absent("huggingface", "Hugging Face", Group::Ai),
    absent("valyu", "Valyu", Group::Ai),
    ours("sec-edgar", "SEC EDGAR", Group::Fusion, "fundamental", false, "figures from companies' reports"),
    ours("finra", "FINRA", Group::Fusion, "fundamental", false, "short volume off the exchanges"),
    ours("fred", "FRED", Group::Fusion, "fundamental", true, "figures of the US economy"),
    absent("newsapi", "NewsAPI", Group::Fusion),
    absent("gdelt", "GDELT", Group::Fusion),
];

/// Returns the connector of ours with this id.
pub(in crate::routes) fn ours_named(id: &str) -> Option<&'static Known> {
    CATALOGUE.iter().find(|known| known.ours && known.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_distinct_and_all_that_clients_name_are_there() {
        let ids: BTreeSet<_> = CATALOGUE.iter().map(|known| known.id).collect();
        assert_eq!(ids.len(), CATALOGUE.len());
        for id in [
            "alpaca",
            "finnhub",
            "coingecko",
            "coinmarketcap",
            "newsapi",
            "valyu",
            "huggingface",
            "openai",
            "uae-markets",
            "gdelt",
        ] {
            assert!(ids.contains(id), "{id}");
        }
        assert!(ours_named("gdelt").is_none() && ours_named("polygon").is_some());
        assert!(CATALOGUE.iter().all(|known| known.ours || known.description == NOT_OURS));
    }
}
