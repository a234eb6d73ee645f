//! One hash over everything that decides what a back-test returns.

use std::fmt::Write;

use chrono::NaiveDate;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::backtest::Config;

/// Names what is hashed and how; changes whenever that does.
const REVISION: &str = "backtest-hash-1";

/// Returns the SHA-256, in hex, of all that affects the result: configuration, symbols in
/// their order, dates, cash, and the version of the data.
///
/// Two requests with the same hash have the same result, as long as the engine is the same:
/// put its revision into `data_version`.
pub fn canonical_hash(
    config: &Config,
    universe: &[String],
    from: NaiveDate,
    to: NaiveDate,
    cash: f64,
    data_version: &str,
) -> String {
    hash(&json!({
        "revision": REVISION,
        "config": config,
        "universe": universe,
        "from": from,
        "to": to,
        "cash": cash,
        "data": data_version,
    }))
}

fn hash(value: &Value) -> String {
    let mut canonical = String::new();
    write_canonical(value, &mut canonical);
    Sha256::digest(canonical).iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string succeeds");
        hex
    })
}

/// Writes `value` as JSON with the keys of every object in byte order and no space.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| key.as_str());
            out.push('{');
            for (i, (key, value)) in fields.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write!(out, "{}:", Value::from(key.as_str())).expect("writing to a string succeeds");
                write_canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => write!(out, "{scalar}").expect("writing to a string succeeds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest::{Fees, Fill, Strategy};

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date of this test is valid")
    }

    fn config() -> Config {
        let strategy = Strategy::Momentum {
            lookback: 14,
            threshold: 0.02,
            rsi_period: 14,
            overbought: 70.0,
            oversold: 30.0,
        };
        Config {
            fees: Fees { fixed: 1.0, ..Fees::default() },
            stop_loss: Some(0.05),
            ..Config::new(strategy, 1e4)
        }
    }

    fn fingerprint(config: &Config) -> String {
        let universe = ["AAPL".to_owned(), "MSFT".to_owned()];
        canonical_hash(config, &universe, day("2024-01-01"), day("2024-01-31"), 1e4, "v1")
    }

    /// Returns `value` with one leaf changed, for each of its leaves.
    fn mutants(value: &Value) -> Vec<Value> {
        match value {
            Value::Object(fields) => fields
                .iter()
                .flat_map(|(key, inner)| {
                    mutants(inner).into_iter().map(move |mutant| {
                        let mut copy = fields.clone();
                        copy.insert(key.clone(), mutant);
                        Value::Object(copy)
                    })
                })
                .collect(),
            Value::Array(items) => (0..items.len())
                .flat_map(|i| {
                    mutants(&items[i]).into_iter().map(move |mutant| {
                        let mut copy = items.clone();
                        copy[i] = mutant;
                        Value::Array(copy)
                    })
                })
                .collect(),
            Value::Number(number) => vec![json!(number.as_f64().unwrap_or_default() + 0.125)],
            Value::Bool(flag) => vec![json!(!flag)],
            Value::String(text) => vec![json!(format!("{text}x"))],
            Value::Null => vec![json!(0.125)],
        }
    }

    #[test]
    fn any_changed_value_changes_the_hash() {
        let base = json!({"config": config(), "universe": ["AAPL", "MSFT"]});
        let mutants = mutants(&base);
        assert!(mutants.len() > 15, "only {} leaves", mutants.len());
        for mutant in mutants {
            assert_ne!(hash(&mutant), hash(&base), "{mutant}");
        }
    }

    #[test]
    fn every_argument_counts() {
        let one = ["AAPL".to_owned()];
        let other = ["MSFT".to_owned()];
        let (from, to) = (day("2024-01-01"), day("2024-01-31"));
        let later = Config { fill: Fill::NextClose, ..config() };
        let hashes = [
            canonical_hash(&config(), &one, from, to, 1e4, "v1"),
            canonical_hash(&later, &one, from, to, 1e4, "v1"),
            canonical_hash(&config(), &other, from, to, 1e4, "v1"),
            canonical_hash(&config(), &one, from.succ_opt().expect("a day follows"), to, 1e4, "v1"),
            canonical_hash(&config(), &one, from, to.succ_opt().expect("a day follows"), 1e4, "v1"),
            canonical_hash(&config(), &one, from, to, 1e5, "v1"),
            canonical_hash(&config(), &one, from, to, 1e4, "v2"),
        ];
        for (i, hash) in hashes.iter().enumerate() {
            assert_eq!(hash.len(), 64);
            assert!(!hashes[..i].contains(hash), "argument {i} does not count");
        }
        assert_eq!(fingerprint(&config()), fingerprint(&config()));
    }

    #[test]
    fn the_order_of_keys_does_not_count_and_that_of_items_does() {
        let parse = |text: &str| serde_json::from_str::<Value>(text).expect("the text is JSON");
        let one = parse(r#"{"a": {"x": 1, "y": [1, 2]}, "b": "é\n"}"#);
        assert_eq!(hash(&one), hash(&parse(r#"{"b": "é\n", "a": {"y": [1, 2], "x": 1}}"#)));
        assert_ne!(hash(&one), hash(&parse(r#"{"b": "é\n", "a": {"y": [2, 1], "x": 1}}"#)));
    }
}
