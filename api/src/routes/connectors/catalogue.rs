//! The connectors that clients know by name: ours, and those that this platform does without.

use jobs::connector::{KNOWN, Known};

const NOT_OURS: &str = "not part of this platform";

const fn absent(id: &'static str, name: &'static str, category: &'static str) -> Known {
    Known { id, name, category, feed: "", description: NOT_OURS, needs_key: true }
}

const ABSENT: [Known; 7] = [
    absent("uae-markets", "UAE Markets", "stock"),
    absent("coingecko", "CoinGecko", "crypto"),
    absent("coinmarketcap", "CoinMarketCap", "crypto"),
    absent("huggingface", "Hugging Face", "ai"),
    absent("valyu", "Valyu", "ai"),
    absent("newsapi", "NewsAPI", "fusion"),
    absent("gdelt", "GDELT", "fusion"),
];

/// Returns every connector in the order in which they are shown, and whether this platform has it.
pub(super) fn all() -> impl Iterator<Item = (&'static Known, bool)> {
    KNOWN.iter().map(|known| (known, true)).chain(ABSENT.iter().map(|known| (known, false)))
}

/// Returns where a connector is shown: `stock`, `crypto`, `ai` or `fusion`.
pub(super) fn group(known: &Known) -> &'static str {
    match known.category {
        "company" | "economy" => "fusion",
        category => category,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_distinct_and_all_that_clients_name_are_there() {
        let ids: BTreeSet<_> = all().map(|(known, _)| known.id).collect();
        assert_eq!(ids.len(), all().count());
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
        assert!(all().all(|(known, _)| ["stock", "crypto", "ai", "fusion"].contains(&group(known))));
    }
}
