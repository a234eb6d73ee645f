//! Configurations that make no sense are refused, and say where.

use domain::backtest::{Config, Fees, Sizing, Slippage, Strategy};

fn crossover(fast: usize, slow: usize) -> Config {
    Config::new(Strategy::MovingAverageCrossover { fast, slow }, 1_000.0)
}

#[test]
fn each_bad_value_has_its_code_and_field() {
    let good = crossover(5, 20);
    good.validate().expect("the base is valid");
    let rsi = |low, high| Config::new(Strategy::RsiReversion { period: 14, low, high }, 1.0);
    let fees = |fixed, fraction| Config { fees: Fees { fixed, fraction, per_share: 0.0 }, ..good.clone() };
    let sized = |sizing| Config { sizing, ..good.clone() };
    let table = [
        (crossover(0, 20), "PERIOD_OUT_OF_RANGE", "strategy.fast"),
        (crossover(5, 1_000_000), "PERIOD_OUT_OF_RANGE", "strategy.slow"),
        (crossover(20, 20), "FAST_NOT_BELOW_SLOW", "strategy.fast"),
        (rsi(70.0, 30.0), "LEVELS_CROSSED", "strategy.low"),
        (rsi(f64::NAN, 30.0), "NOT_FINITE", "strategy.low"),
        (rsi(-1.0, 30.0), "LEVEL_OUT_OF_RANGE", "strategy.low"),
        (Config { initial_cash: -1.0, ..good.clone() }, "CASH_OUT_OF_RANGE", "initial_cash"),
        (Config { initial_cash: 0.0, ..good.clone() }, "CASH_OUT_OF_RANGE", "initial_cash"),
        (Config { initial_cash: f64::INFINITY, ..good.clone() }, "NOT_FINITE", "initial_cash"),
        (fees(-1.0, 0.0), "COST_OUT_OF_RANGE", "fees.fixed"),
        (fees(0.0, 1.5), "COST_OUT_OF_RANGE", "fees.fraction"),
        (Config { slippage: Slippage::Bps(-1.0), ..good.clone() }, "COST_OUT_OF_RANGE", "slippage.bps"),
        (sized(Sizing::EquityFraction(1.5)), "SIZE_OUT_OF_RANGE", "sizing.equity_fraction"),
        (sized(Sizing::Units(0.0)), "SIZE_OUT_OF_RANGE", "sizing.units"),
        (sized(Sizing::Units(1e30)), "SIZE_OUT_OF_RANGE", "sizing.units"),
        (sized(Sizing::Notional(f64::NAN)), "NOT_FINITE", "sizing.notional"),
        (Config { stop_loss: Some(1.5), ..good.clone() }, "SIZE_OUT_OF_RANGE", "stop_loss"),
        (Config { take_profit: Some(0.0), ..good.clone() }, "SIZE_OUT_OF_RANGE", "take_profit"),
    ];
    for (config, code, field) in table {
        let error = config.validate().expect_err(field);
        assert_eq!((error.code(), error.field()), (code, field), "{error}");
    }
}

#[test]
fn a_configuration_survives_json_and_fills_in_defaults() {
    let config = Config { sizing: Sizing::Units(3.0), stop_loss: Some(0.05), ..crossover(5, 20) };
    let json = serde_json::to_string(&config).expect("a configuration is plain JSON");
    assert_eq!(serde_json::from_str::<Config>(&json).expect("its own JSON decodes"), config);
    let short = r#"{"strategy":{"type":"moving_average_crossover","fast":5,"slow":20},"initial_cash":1000}"#;
    assert_eq!(serde_json::from_str::<Config>(short).expect("defaults fill in"), crossover(5, 20));
}
