//! What a live socket's client wants to hear of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::prices::LISTINGS;

/// The channels, as named by clients. Only the first four carry anything.
const CHANNELS: [&str; 9] = [
    "trades",
    "quotes",
    "bars",
    "dailyBars",
    "updatedBars",
    "statuses",
    "lulds",
    "corrections",
    "cancelErrors",
];

/// The symbols wanted, by channel; `*` is all of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Subscription {
    wanted: BTreeMap<&'static str, BTreeSet<String>>,
}

impl Subscription {
    /// Adds the lists of `message`; `None`, and no change, when one is no list of texts.
    pub(super) fn add(&mut self, message: &Value) -> Option<()> {
        for (channel, symbols) in lists(message)? {
            self.wanted.entry(channel).or_default().extend(symbols);
        }
        Some(())
    }

    /// Takes the lists of `message` away; `None`, and no change, when one is no list of texts.
    pub(super) fn remove(&mut self, message: &Value) -> Option<()> {
        for (channel, symbols) in lists(message)? {
            if let Some(wanted) = self.wanted.get_mut(channel) {
                for symbol in &symbols {
                    wanted.remove(symbol);
                }
            }
        }
        Some(())
    }

    /// Returns the listed symbols of a channel.
    pub(super) fn symbols(&self, channel: &str) -> impl Iterator<Item = &'static str> {
        let wanted = self.wanted.get(channel);
        LISTINGS.iter().map(|listing| listing.symbol).filter(move |symbol| {
            wanted.is_some_and(|wanted| wanted.contains("*") || wanted.contains(*symbol))
        })
    }

    /// Returns the message that lists all that is wanted.
    pub(super) fn written(&self) -> Value {
        let mut message = Map::from_iter([("T".to_owned(), Value::from("subscription"))]);
        for channel in CHANNELS {
            let symbols = self.wanted.get(channel).into_iter().flatten();
            message.insert(channel.to_owned(), symbols.map(String::as_str).collect());
        }
        Value::Object(message)
    }
}

fn lists(message: &Value) -> Option<Vec<(&'static str, Vec<String>)>> {
    let mut lists = Vec::new();
    for channel in CHANNELS {
        let symbols = match &message[channel] {
            Value::Null => continue,
            Value::Array(symbols) => {
                symbols.iter().map(|symbol| symbol.as_str().map(str::to_ascii_uppercase))
            }
            _ => return None,
        };
        lists.push((channel, symbols.collect::<Option<_>>()?));
    }
    Some(lists)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_grow_and_shrink() {
        let mut wanted = Subscription::default();
        assert_eq!(
            wanted.add(&json!({"action": "subscribe", "bars": ["aapl", "ZZZ"], "trades": ["*"]})),
            Some(())
        );
        assert_eq!(wanted.symbols("bars").collect::<Vec<_>>(), ["AAPL"]);
        assert_eq!(wanted.symbols("trades").count(), LISTINGS.len());
        assert_eq!(wanted.remove(&json!({"action": "unsubscribe", "trades": ["*"]})), Some(()));
        assert_eq!(wanted.symbols("trades").count(), 0);
        assert_eq!(wanted.written()["bars"], json!(["AAPL", "ZZZ"]));
        assert_eq!(wanted.add(&json!({"bars": "AAPL"})), None);
        assert_eq!(wanted.add(&json!({"bars": [1]})), None);
    }
}
