//! What clients send, and what becomes of it.

mod anything;
mod refusals;

use super::*;
use crate::backtest::{Fees, Fill, Sizing, Slippage};

/// The body with dates and a type, overlaid with `more`; a null takes a field away.
fn body(more: &Value) -> Value {
    let mut body = json!({"startDate": "2024-01-01", "endDate": "2024-01-31", "strategyType": "momentum"});
    for (key, value) in more.as_object().expect("a case is an object") {
        body[key] = value.clone();
    }
    body
}

fn decoded(more: &Value) -> BacktestRequest {
    BacktestRequest::decode(&body(more), None).unwrap_or_else(|error| panic!("{more}: {error}"))
}

fn rule(kind: &str, params: &Value) -> Strategy {
    decoded(&json!({"strategyType": kind, "strategyParams": params})).config.strategy
}

fn momentum() -> Strategy {
    Strategy::Momentum { lookback: 14, threshold: 0.02, rsi_period: 14, overbought: 70.0, oversold: 30.0 }
}

#[test]
fn the_suite_of_the_report_gets_what_it_asks_for() {
    let body = json!({
        "strategyId": "9b2c", "strategyConfig": {"type": "momentum", "indicators": {"rsi_period": 9}},
        "universe": ["AAPL", "MSFT"], "broker": "alpaca", "timeframe": "1Day",
        "startDate": "2024-01-01", "endDate": "2024-01-31", "initialCash": "10000",
        "feesModel": {"commission": 0}, "slippageModel": {"fixed_pct": 0.001},
        "executionPriceRule": "NEXT_OPEN", "dataSource": "alpaca"
    });
    let request = BacktestRequest::decode(&body, None).expect("the suite's request is valid");
    assert_eq!(strategy_id(&body), Some("9b2c"));
    assert_eq!(request.universe, ["AAPL", "MSFT"]);
    assert_eq!([request.from, request.to].map(|d| d.to_string()), ["2024-01-01", "2024-01-31"]);
    let expected = Config {
        fill: Fill::NextOpen,
        fees: Fees::default(),
        slippage: Slippage::Bps(10.0),
        sizing: Sizing::Notional(1_000.0),
        whole_shares: true,
        ..Config::new(
            Strategy::Momentum {
                lookback: 14,
                threshold: 0.02,
                rsi_period: 9,
                overbought: 70.0,
                oversold: 30.0,
            },
            10_000.0,
        )
    };
    assert_eq!(request.config, expected);
    assert_eq!(
        serde_json::to_value(&request.presented).expect("plain values serialise"),
        json!({
            "strategyConfig": {
                "type": "momentum", "indicators": {"rsi_period": 9},
                "effective": {
                    "rule": {
                        "type": "momentum", "lookback": 14, "threshold": 0.02, "rsi_period": 9,
                        "overbought": 70.0, "oversold": 30.0
                    },
                    "sizing": request.config.sizing, "stopLoss": null, "takeProfit": null
                }
            },
            "broker": "alpaca", "timeframe": "1Day", "startDate": "2024-01-01", "endDate": "2024-01-31",
            "feesModel": {"commission": 0}, "slippageModel": {"fixed_pct": 0.001},
            "executionPriceRule": "NEXT_OPEN", "dataSource": "alpaca"
        })
    );
}

#[test]
fn the_wizard_gets_type_symbols_and_parameters_from_the_stored_strategy() {
    let body = json!({
        "strategyId": "9b2c", "startDate": "2023-01-31T15:04:05.000Z", "endDate": "2024-01-31T15:04:05.000Z",
        "initialCapital": 25_000
    });
    let stored = StoredStrategy {
        strategy_type: "mean-reversion".to_owned(),
        assets: vec!["ibm".to_owned(), "GOOG".to_owned()],
        parameters: json!(r#"{"meanPeriod": 30, "deviationMultiple": 9}"#),
        config: json!({"deviationMultiple": 2.5, "positionSize": 20, "stopLoss": 5, "useTrailingStop": true}),
    };
    let request = BacktestRequest::decode(&body, Some(&stored)).expect("the wizard's request is valid");
    assert_eq!(request.config.strategy, Strategy::BollingerReversion { period: 30, k: 2.5 });
    assert_eq!(request.config.sizing, Sizing::Notional(5_000.0));
    assert_eq!(request.config.stop_loss, Some(0.05));
    assert_eq!(request.config.take_profit, None);
    assert_eq!(request.universe, ["IBM", "GOOG"]);
    assert!(request.universe_given);
    assert_eq!([request.from, request.to].map(|d| d.to_string()), ["2023-01-31", "2024-01-31"]);
    assert_eq!(request.not_modelled, ["useTrailingStop"]);
    assert_eq!(request.presented.start_date, "2023-01-31T15:04:05.000Z");
    let shown = &request.presented.strategy_config;
    assert_eq!(shown["type"], "mean-reversion");
    assert_eq!(
        shown["effective"],
        json!({
            "rule": {"type": "bollinger_reversion", "period": 30, "k": 2.5},
            "sizing": request.config.sizing, "stopLoss": 0.05, "takeProfit": null
        })
    );
}

#[test]
fn what_the_request_leaves_out_has_its_default() {
    let request = decoded(&json!({"feesModel": {}, "strategyId": null}));
    let config = Config {
        fees: Fees { fixed: 1.0, ..Fees::default() },
        slippage: Slippage::Bps(5.0),
        sizing: Sizing::Notional(1_000.0),
        whole_shares: true,
        ..Config::new(momentum(), 10_000.0)
    };
    assert_eq!(request.config, config);
    assert_eq!(request.universe, ["SPY", "QQQ", "AAPL"]);
    assert!(!request.universe_given);
    assert_eq!(request.presented.fees_model, json!({"type": "fixed", "value": 1}));
}

#[test]
fn symbols_are_found_wherever_a_stored_strategy_keeps_them() {
    let universe = |stored: &StoredStrategy, more: Value| {
        let request = BacktestRequest::decode(&body(&more), Some(stored));
        request.map(|request| (request.universe, request.universe_given))
    };
    let given = |symbol: &str| (vec![symbol.to_owned()], true);
    for (config, parameters, expected) in [
        (json!({"symbols": ["ibm"]}), json!(null), given("IBM")),
        (json!({"universe": ["IBM"]}), json!({"symbols": ["GE"]}), given("IBM")),
        (json!({"assets": ["IBM"], "symbols": []}), json!(null), given("IBM")),
        (json!({"entryRules": {"includeSymbols": ["IBM"]}}), json!(null), given("IBM")),
        (json!({}), json!("{\"symbols\": [\"GE\"]}"), given("GE")),
        (
            json!({"symbols": [], "entryRules": {}}),
            json!([1]),
            (DEFAULT_UNIVERSE.map(Into::into).to_vec(), false),
        ),
    ] {
        let stored = StoredStrategy { config: config.clone(), parameters, ..StoredStrategy::default() };
        assert_eq!(universe(&stored, json!({})), Ok(expected), "{config}");
        assert_eq!(universe(&stored, json!({"universe": ["GOOG"]})), Ok(given("GOOG")), "{config}");
        let sent = json!({"strategyConfig": {"entryRules": {"includeSymbols": ["MSFT"]}}});
        assert_eq!(universe(&stored, sent), Ok(given("MSFT")), "{config}");
    }
    let stored = StoredStrategy { config: json!({"symbols": "sp500"}), ..StoredStrategy::default() };
    let error = universe(&stored, json!({})).expect_err("no list of symbols");
    assert_eq!((error.code, error.field.as_str()), ("UNIVERSE_NOT_AN_ARRAY", "strategy.config.symbols"));
}

#[test]
fn settings_that_nobody_reads_are_told() {
    let told = |more: Value| decoded(&more).not_modelled;
    for (config, expected) in [
        (json!({"type": "momentum", "lookback": 5, "name": "x", "symbols": ["IBM"]}), vec![]),
        (
            json!({"fastPeriod": 5, "indicators": {"macd": true, "rsi_period": 9}}),
            vec!["fastPeriod", "indicators.macd"],
        ),
        (json!({"useTrailingStop": true, "zebra": 1}), vec!["useTrailingStop", "zebra"]),
        (
            json!({"useTrailingStop": false, "off": false, "none": null, "zero": 0, "empty": {}, "deep": {"a": []}}),
            vec![],
        ),
        (json!({"indicators": ["rsi"]}), vec!["indicators"]),
        (json!({"entryRules": {"includeSymbols": ["IBM"], "minVolume": 0}}), vec![]),
        (json!({"entryRules": {"includeSymbols": ["IBM"], "minVolume": 10}}), vec!["entryRules"]),
        (
            json!({"bracketOrders": {"enabled": true, "stopLossPercent": 4, "trail": 1}}),
            vec!["bracketOrders.trail"],
        ),
    ] {
        assert_eq!(told(json!({"strategyConfig": config})), expected, "{config}");
    }
    let many: Map<String, Value> = (0..1000).map(|n| (format!("{n:0>100}"), json!(1))).collect();
    let names = told(json!({"strategyConfig": many}));
    assert!(names.len() <= 64 && names.iter().all(|name| name.len() <= 60));
}

#[test]
fn only_a_default_universe_is_narrowed_to_the_symbols_with_bars() {
    let narrowed = |more: Value, known: &[&str]| {
        let mut request = decoded(&more);
        request.narrow_default_to(&known.iter().map(|symbol| (*symbol).to_owned()).collect::<Vec<_>>());
        request.universe
    };
    assert_eq!(narrowed(json!({}), &["IBM", "AAPL"]), ["AAPL"]);
    assert_eq!(narrowed(json!({}), &[]), DEFAULT_UNIVERSE);
    assert_eq!(narrowed(json!({"universe": ["QQQ", "AAPL"]}), &["AAPL"]), ["QQQ", "AAPL"]);
}

#[test]
fn every_family_of_parameter_names_is_understood() {
    let mean = |fast, slow| Strategy::MovingAverageCrossover { fast, slow };
    let rsi = |period, low, high| Strategy::RsiReversion { period, low, high };
    let band = |period, k| Strategy::BollingerReversion { period, k };
    let follow = |lookback, threshold| Strategy::Momentum {
        lookback,
        threshold,
        rsi_period: 14,
        overbought: 70.0,
        oversold: 30.0,
    };
    let cases = [
        ("moving_average_crossover", json!({}), mean(10, 20)),
        ("moving-average", json!({"fastPeriod": 7, "slowPeriod": "30"}), mean(7, 30)),
        ("moving-average-crossover", json!({"fast_period": 7, "slow_period": 30}), mean(7, 30)),
        ("Moving Average", json!({"fast": 7, "slow": 30}), mean(7, 30)),
        ("rsi_oscillator", json!({}), rsi(14, 30.0, 70.0)),
        (
            "rsi_oscillator",
            json!({"period": 7, "oversoldThreshold": 20, "overboughtThreshold": 80}),
            rsi(7, 20.0, 80.0),
        ),
        ("rsi_oscillator", json!({"indicators": {"rsi_period": 5}}), rsi(5, 30.0, 70.0)),
        ("buy_and_hold", json!({"fastPeriod": 0}), Strategy::BuyAndHold),
        ("momentum", json!({"lookbackPeriod": 30, "entryThreshold": 3}), follow(30, 0.03)),
        ("momentum_strategy", json!({"lookback": 5, "threshold": 0.05}), follow(5, 0.05)),
        ("mean_reversion", json!({}), band(20, 2.0)),
        ("mean-reversion", json!({"meanPeriod": 10, "deviationMultiple": 1.5}), band(10, 1.5)),
        ("mean-reversion", json!({"indicator": "zscore", "lookback": 10}), band(10, 2.0)),
        (
            "mean-reversion",
            json!({"indicator": "rsi", "meanPeriod": 50, "rsiOversold": 25, "rsiOverbought": 75}),
            rsi(14, 25.0, 75.0),
        ),
        ("mean_reversion_scalper", json!({"deviation": 3}), band(14, 3.0)),
        ("range-trading", json!({"period": 40}), band(40, 2.0)),
        ("breakout", json!({}), Strategy::DonchianBreakout { entry: 20, exit: 10 }),
        ("breakout", json!({"indicator": "bollinger"}), Strategy::BollingerBreakout { period: 20, k: 2.0 }),
        ("bollinger_breakout", json!({"stdDev": 1}), Strategy::BollingerBreakout { period: 20, k: 1.0 }),
        ("donchian_breakout", json!({"entryPeriod": 55}), Strategy::DonchianBreakout { entry: 55, exit: 27 }),
        ("technical-analyst", json!({"period": 1}), Strategy::TechnicalAnalyst),
        ("donchian_breakout", json!({"period": 1}), Strategy::DonchianBreakout { entry: 1, exit: 1 }),
    ];
    for (kind, params, expected) in cases {
        assert_eq!(rule(kind, &params), expected, "{kind} {params}");
    }
}

#[test]
fn the_more_specific_place_wins() {
    let stored = StoredStrategy {
        strategy_type: "moving_average_crossover".to_owned(),
        parameters: json!({"fastPeriod": 2, "slowPeriod": 90}),
        config: json!({"fastPeriod": 3}),
        ..StoredStrategy::default()
    };
    let given = json!({
        "startDate": "2024-01-01", "endDate": "2024-01-31", "strategyParams": {"fastPeriod": 5},
        "strategyConfig": {"fastPeriod": 4, "parameters": {"slowPeriod": 80}}
    });
    let strategy = |body: &Value| {
        BacktestRequest::decode(body, Some(&stored)).expect("the request is valid").config.strategy
    };
    assert_eq!(strategy(&given), Strategy::MovingAverageCrossover { fast: 5, slow: 80 });
    // Another type than the stored one: its parameters would mean something else.
    let other = body(&json!({"strategyType": "moving-average"}));
    assert_eq!(strategy(&other), Strategy::MovingAverageCrossover { fast: 3, slow: 90 });
    assert_eq!(strategy(&body(&json!({}))), momentum());
}

#[test]
fn costs_and_rules_of_both_families_are_understood() {
    let fees = |model: Value| decoded(&json!({"feesModel": model})).config.fees;
    assert_eq!(fees(json!({"type": "fixed", "value": 2})), Fees { fixed: 2.0, ..Fees::default() });
    assert_eq!(
        fees(json!({"type": "percentage", "value": 0.5})),
        Fees { fraction: 0.005, ..Fees::default() }
    );
    assert_eq!(fees(json!({"commission": "1.5"})), Fees { fixed: 1.5, ..Fees::default() });
    let slippage = |model: Value| decoded(&json!({"slippageModel": model})).config.slippage.per_side();
    let cases = [
        (json!({"type": "bps", "value": 5}), 0.0005),
        (json!({"type": "spread_proxy", "value": 2}), 0.002),
        (json!({"fixed_pct": 0.001}), 0.001),
        (json!({}), 0.0005),
    ];
    for (model, expected) in cases {
        assert!((slippage(model.clone()) - expected).abs() < 1e-15, "{model}");
    }
    for (word, expected) in
        [("NEXT_OPEN", Fill::NextOpen), ("next_close", Fill::NextClose), ("SAME_CLOSE", Fill::SameClose)]
    {
        assert_eq!(decoded(&json!({"executionPriceRule": word})).config.fill, expected);
    }
}

#[test]
fn sizes_and_exits_of_every_family_are_understood() {
    let config = |params: Value| decoded(&json!({"initialCash": 1000, "strategyParams": params})).config;
    let sizes = [
        (json!({}), 100.0),
        (json!({"allocationPct": 25}), 250.0),
        (json!({"positionSize": 5}), 50.0),
        (json!({"allocation": 0.5}), 500.0),
        (json!({"positionSizing": {"type": "percent", "value": 30}}), 300.0),
        (json!({"positionSizing": {"type": "fixed", "value": 70}}), 70.0),
        (json!({"positionSizing": {}}), 100.0),
    ];
    for (params, money) in sizes {
        assert_eq!(config(params.clone()).sizing, Sizing::Notional(money), "{params}");
    }
    let exits = [
        (json!({"stopLoss": 5, "takeProfit": 10}), (Some(0.05), Some(0.1))),
        (json!({"stopLoss": 0, "takeProfit": false}), (None, None)),
        (json!({"stopLossPct": 5}), (Some(0.05), None)),
        (
            json!({"bracketOrders": {"enabled": true, "stopLossPercent": 4, "takeProfitPercent": 8}}),
            (Some(0.04), Some(0.08)),
        ),
        (json!({"bracketOrders": {"enabled": false, "stopLossPercent": 4}}), (None, None)),
        (json!({"exitRules": {"profitTargetPercent": 8, "lossLimitPercent": 4}}), (Some(0.04), Some(0.08))),
    ];
    for (params, expected) in exits {
        let config = config(params.clone());
        assert_eq!((config.stop_loss, config.take_profit), expected, "{params}");
    }
}

#[test]
fn cash_is_a_number_or_its_text_in_whole_cents() {
    let cases = [
        (json!({"initialCash": "10000"}), 10_000.0),
        (json!({"initialCash": 2500.506}), 2_500.51),
        (json!({"initialCapital": 7}), 7.0),
        (json!({"initialCash": 8, "initialCapital": 7}), 8.0),
        (json!({"initialCash": null, "initialCapital": 7}), 7.0),
        (json!({}), DEFAULT_CASH),
    ];
    for (more, cash) in cases {
        let request = decoded(&more);
        assert_eq!((request.initial_cash, request.config.initial_cash), (cash, cash), "{more}");
    }
}

#[test]
fn dates_are_plain_or_timestamps() {
    let cases = [
        ("2024-01-05", "2024-01-05"),
        ("2024-01-05T23:30:00.000Z", "2024-01-05"),
        ("2024-01-05T23:30:00-05:00", "2024-01-06"),
        ("2024-01-05T23:30:00", "2024-01-05"),
        (" 2024-01-05 ", "2024-01-05"),
    ];
    for (text, date) in cases {
        assert_eq!(decoded(&json!({"startDate": text})).from.to_string(), date, "{text}");
    }
}

#[test]
fn the_order_of_keys_and_unknown_keys_change_nothing() {
    let one = r#"{"startDate":"2024-01-01","endDate":"2024-01-31","strategyType":"momentum",
                  "strategyParams":{"rsi_period":9,"rsiPeriod":8},"zebra":[1,{"a":null}]}"#;
    let two = r#"{"strategyParams":{"rsiPeriod":8,"rsi_period":9},"strategyType":"momentum",
                  "endDate":"2024-01-31","startDate":"2024-01-01"}"#;
    let decode = |text: &str| {
        let body = serde_json::from_str(text).expect("the text is JSON");
        BacktestRequest::decode(&body, None).expect("the request is valid").config
    };
    assert_eq!(decode(one), decode(two));
}
