//! Whatever JSON is sent, decoding ends, and what it accepts is valid.

use proptest::prelude::*;
use serde_json::Value;

use super::{BacktestRequest, StoredStrategy, body};

const KEYS: [&str; 34] = [
    "startDate",
    "endDate",
    "universe",
    "symbols",
    "initialCash",
    "initialCapital",
    "strategyType",
    "type",
    "strategyConfig",
    "strategyParams",
    "timeframe",
    "feesModel",
    "slippageModel",
    "executionPriceRule",
    "broker",
    "value",
    "commission",
    "fixed_pct",
    "indicators",
    "parameters",
    "rsi_period",
    "rsiPeriod",
    "lookback",
    "period",
    "threshold",
    "entryThreshold",
    "allocationPct",
    "positionSizing",
    "stopLoss",
    "bracketOrders",
    "enabled",
    "indicator",
    "fastPeriod",
    "anything",
];
const TEXTS: [&str; 18] = [
    "2024-01-01",
    "2024-12-31T00:00:00.000Z",
    "9999-99-99",
    "+262143-01-01",
    "é2024-01-0",
    "momentum",
    "mean-reversion",
    "breakout",
    "moving_average_crossover",
    "rsi",
    "bps",
    "percentage",
    "fixed",
    "NaN",
    "-0",
    "1e308",
    "AAPL",
    "",
];

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0.0..200.0_f64).prop_map(Value::from),
        (0_u8..100).prop_map(Value::from),
        prop::sample::select(&TEXTS[..]).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 10, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(&KEYS[..]), inner), 0..14)
                .prop_map(|fields| fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn decoding_never_panics_and_what_it_accepts_is_valid(more in anything(), valid_dates: bool, config in anything()) {
        let stored = StoredStrategy {
            strategy_type: "mean_reversion".to_owned(),
            config,
            ..StoredStrategy::default()
        };
        let whole = if valid_dates && more.is_object() { body(&more) } else { more };
        for stored in [None, Some(&stored)] {
            match BacktestRequest::decode(&whole, stored) {
                Ok(request) => {
                    prop_assert!(request.config.validate().is_ok());
                    prop_assert!(request.from <= request.to && !request.universe.is_empty());
                }
                Err(error) => prop_assert!(!error.code.is_empty() && !error.message.is_empty()),
            }
        }
    }
}
