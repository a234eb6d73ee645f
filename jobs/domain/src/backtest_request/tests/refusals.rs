//! What clients should not send: each mistake has a code and names its field.

use serde_json::json;

use super::*;

#[test]
fn bad_input_is_refused_with_code_and_field() {
    let many: Vec<String> = (0..51).map(|i| format!("S{i}")).collect();
    let params = |params: Value| json!({"strategyParams": params});
    let average =
        |params: Value| json!({"strategyType": "moving_average_crossover", "strategyParams": params});
    let cases = [
        (json!({"startDate": null}), "START_DATE_REQUIRED", "startDate"),
        (json!({"startDate": ""}), "START_DATE_REQUIRED", "startDate"),
        (json!({"endDate": null}), "END_DATE_REQUIRED", "endDate"),
        (json!({"endDate": "31.01.2024"}), "INVALID_DATE", "endDate"),
        (json!({"endDate": "2024-02-30"}), "INVALID_DATE", "endDate"),
        (json!({"endDate": "2024-1-1"}), "INVALID_DATE", "endDate"),
        (json!({"endDate": 20_240_131}), "INVALID_DATE", "endDate"),
        (json!({"startDate": "1969-12-31"}), "DATE_OUT_OF_RANGE", "startDate"),
        (json!({"endDate": "2101-01-01"}), "DATE_OUT_OF_RANGE", "endDate"),
        (json!({"endDate": "2023-12-31"}), "END_BEFORE_START", "endDate"),
        (json!({"universe": "AAPL"}), "UNIVERSE_NOT_AN_ARRAY", "universe"),
        (json!({"symbols": {}}), "UNIVERSE_NOT_AN_ARRAY", "symbols"),
        (json!({"universe": []}), "UNIVERSE_EMPTY", "universe"),
        (json!({"universe": many}), "UNIVERSE_TOO_LARGE", "universe"),
        (json!({"universe": ["AAPL", ""]}), "INVALID_SYMBOL", "universe[1]"),
        (json!({"universe": [7]}), "INVALID_SYMBOL", "universe[0]"),
        (json!({"universe": ["A'; drop table bars"]}), "INVALID_SYMBOL", "universe[0]"),
        (json!({"universe": ["ÄÖ"]}), "INVALID_SYMBOL", "universe[0]"),
        (json!({"universe": ["ABCDEFGHIJKLMNOP"]}), "INVALID_SYMBOL", "universe[0]"),
        (json!({"universe": ["AAPL", " aapl"]}), "DUPLICATE_SYMBOL", "universe[1]"),
        (json!({"timeframe": "1Hour"}), "TIMEFRAME_UNSUPPORTED", "timeframe"),
        (json!({"timeframe": 1}), "TIMEFRAME_UNSUPPORTED", "timeframe"),
        (json!({"initialCash": 0}), "CASH_OUT_OF_RANGE", "initialCash"),
        (json!({"initialCash": -5}), "CASH_OUT_OF_RANGE", "initialCash"),
        (json!({"initialCapital": "1e13"}), "CASH_OUT_OF_RANGE", "initialCapital"),
        (json!({"initialCash": "NaN"}), "INVALID_NUMBER", "initialCash"),
        (json!({"initialCash": "inf"}), "INVALID_NUMBER", "initialCash"),
        (json!({"initialCash": true}), "INVALID_NUMBER", "initialCash"),
        (json!({"initialCash": "a lot"}), "INVALID_NUMBER", "initialCash"),
        (json!({"strategyType": null}), "STRATEGY_TYPE_REQUIRED", "strategyType"),
        (json!({"strategyType": " "}), "STRATEGY_TYPE_REQUIRED", "strategyType"),
        (json!({"strategyType": "magic"}), "UNKNOWN_STRATEGY_TYPE", "strategyType"),
        (json!({"strategyType": 7}), "UNKNOWN_STRATEGY_TYPE", "strategyType"),
        (
            json!({"strategyType": null, "strategyConfig": {"type": "magic"}}),
            "UNKNOWN_STRATEGY_TYPE",
            "strategyConfig.type",
        ),
        (json!({"strategyType": "pairs-trading"}), "STRATEGY_NOT_BACKTESTABLE", "strategyType"),
        (json!({"strategyType": "ml-sentiment"}), "STRATEGY_NOT_BACKTESTABLE", "strategyType"),
        (json!({"strategyType": "omar"}), "STRATEGY_NOT_BACKTESTABLE", "strategyType"),
        (json!({"strategyParams": [1]}), "NOT_AN_OBJECT", "strategyParams"),
        (json!({"strategyConfig": "momentum"}), "NOT_AN_OBJECT", "strategyConfig"),
        (params(json!({"lookback": 0})), "PERIOD_OUT_OF_RANGE", "strategyParams.lookback"),
        (params(json!({"lookback": 10_001})), "PERIOD_OUT_OF_RANGE", "strategyParams.lookback"),
        (params(json!({"lookback": 14.5})), "PERIOD_OUT_OF_RANGE", "strategyParams.lookback"),
        (params(json!({"lookback": -1})), "PERIOD_OUT_OF_RANGE", "strategyParams.lookback"),
        (params(json!({"lookback": []})), "INVALID_NUMBER", "strategyParams.lookback"),
        (
            json!({"strategyConfig": {"indicators": {"rsi_period": 0}}}),
            "PERIOD_OUT_OF_RANGE",
            "strategyConfig.indicators.rsiPeriod",
        ),
        (average(json!({"fastPeriod": 20})), "FAST_NOT_BELOW_SLOW", "fastPeriod"),
        (params(json!({"oversold": 80})), "LEVELS_CROSSED", "oversoldThreshold"),
        (params(json!({"overbought": 101})), "LEVEL_OUT_OF_RANGE", "overboughtThreshold"),
        (params(json!({"threshold": "NaN"})), "INVALID_NUMBER", "strategyParams.threshold"),
        (params(json!({"threshold": -1})), "LEVEL_OUT_OF_RANGE", "threshold"),
        (params(json!({"allocationPct": 0})), "SIZE_OUT_OF_RANGE", "strategyParams.allocationPct"),
        (params(json!({"allocationPct": 101})), "SIZE_OUT_OF_RANGE", "strategyParams.allocationPct"),
        (params(json!({"allocation": 10})), "SIZE_OUT_OF_RANGE", "strategyParams.allocation"),
        (
            params(json!({"positionSizing": {"type": "risk_based", "value": 1}})),
            "SIZING_UNSUPPORTED",
            "strategyParams.positionSizing.type",
        ),
        (params(json!({"positionSizing": 5})), "NOT_AN_OBJECT", "strategyParams.positionSizing"),
        (params(json!({"stopLoss": -1})), "EXIT_OUT_OF_RANGE", "strategyParams.stopLoss"),
        (params(json!({"stopLoss": 101})), "EXIT_OUT_OF_RANGE", "strategyParams.stopLoss"),
        (json!({"feesModel": 0}), "NOT_AN_OBJECT", "feesModel"),
        (json!({"feesModel": {"commission": -1}}), "COST_OUT_OF_RANGE", "feesModel.commission"),
        (json!({"feesModel": {"commission": 1e9}}), "COST_OUT_OF_RANGE", "feesModel.commission"),
        (json!({"feesModel": {"type": "percentage", "value": 101}}), "COST_OUT_OF_RANGE", "feesModel.value"),
        (json!({"feesModel": {"type": "fixed"}}), "COST_REQUIRED", "feesModel.value"),
        (json!({"feesModel": {"type": "tiered", "value": 1}}), "UNKNOWN_FEES_MODEL", "feesModel.type"),
        (json!({"slippageModel": {"fixed_pct": -0.1}}), "COST_OUT_OF_RANGE", "slippageModel.fixed_pct"),
        (json!({"slippageModel": {"fixed_pct": 0.6}}), "COST_OUT_OF_RANGE", "slippageModel.fixed_pct"),
        (
            json!({"slippageModel": {"type": "bps", "value": 5001}}),
            "COST_OUT_OF_RANGE",
            "slippageModel.value",
        ),
        (
            json!({"slippageModel": {"type": "volume", "value": 1}}),
            "UNKNOWN_SLIPPAGE_MODEL",
            "slippageModel.type",
        ),
        (json!({"slippageModel": {"type": 7, "value": 1}}), "INVALID_TEXT", "slippageModel.type"),
        (json!({"executionPriceRule": "YESTERDAY"}), "UNKNOWN_EXECUTION_PRICE_RULE", "executionPriceRule"),
        (json!({"executionPriceRule": 1}), "UNKNOWN_EXECUTION_PRICE_RULE", "executionPriceRule"),
        (json!({"broker": 7}), "INVALID_TEXT", "broker"),
    ];
    for (more, code, field) in cases {
        let error = BacktestRequest::decode(&body(&more), None).expect_err(&more.to_string());
        assert_eq!((error.code, error.field.as_str()), (code, field), "{more}: {error}");
        let start = field.split('[').next().unwrap_or(field);
        assert!(error.message.starts_with(start), "{more}: the message does not name {field}: {error}");
    }
    for text in ["null", "[]", "\"momentum\"", "7"] {
        let body = serde_json::from_str(text).expect("the text is JSON");
        let error = BacktestRequest::decode(&body, None).expect_err(text);
        assert_eq!(error.code, "BODY_NOT_AN_OBJECT");
    }
}

#[test]
fn messages_help_the_reader() {
    let message = |more: Value| BacktestRequest::decode(&body(&more), None).expect_err("bad").message;
    assert_eq!(
        message(json!({"initialCash": -5})),
        "initialCash is -5, must be at least 0.01 and at most 1000000000000"
    );
    assert_eq!(
        message(json!({"strategyType": "moving-average", "strategyParams": {"fastPeriod": 30}})),
        "fastPeriod is 30, must be below slow 20"
    );
    let refused = message(json!({"strategyType": "pairs-trading"}));
    assert!(refused.contains("pairs") && refused.contains("try moving_average_crossover, "), "{refused}");
    let long = message(json!({"executionPriceRule": "x".repeat(10_000)}));
    assert!(long.len() < 200, "{long}");
}

#[test]
fn every_listed_type_is_decoded_or_refused_with_its_reason() {
    for name in strategy_types() {
        let outcome = BacktestRequest::decode(&body(&json!({"strategyType": name})), None);
        match strategy_kind(name).expect("a listed type is known") {
            Ok(_) => assert!(outcome.is_ok(), "{name}"),
            Err(unfit) => {
                let error = outcome.expect_err(name);
                assert_eq!(error.code, "STRATEGY_NOT_BACKTESTABLE");
                assert!(error.message.contains(unfit.reason()), "{error}");
            }
        }
    }
}
