//! The rules of fills, costs, levels and sizes, by example.

use domain::backtest::{
    Config, Direction, Fees, Fill, OrderType, Reason, Report, Side, Sizing, Slippage, Strategy, run,
};
use domain::bars::{Provenance, Series};
use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

use crate::sample::{any_configs, configs, flat, series, walks};

const HOLD: Strategy = Strategy::BuyAndHold;

fn report(config: &Config, series: Series) -> Report {
    run(config, &[series]).expect("a valid run")
}

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * 1.0_f64.max(a.abs()), "{a} {b}");
}

#[test]
fn each_fill_rule_takes_its_own_price() {
    let bars = [(10.0, 12.0, 9.0, 11.0), (20.0, 22.0, 19.0, 21.0), (30.0, 32.0, 29.0, 31.0)];
    for (fill, bar, price) in
        [(Fill::NextOpen, 1, 20.0), (Fill::NextClose, 1, 21.0), (Fill::SameClose, 0, 11.0)]
    {
        let config = Config { fill, sizing: Sizing::Units(1.0), ..Config::new(HOLD, 100.0) };
        let got = report(&config, series("A", &bars));
        assert_eq!((got.events[0].bar, got.events[0].price), (bar, price), "{fill:?}");
        near(got.final_equity().expect("there are bars"), 100.0 - price + 31.0);
    }
}

#[test]
fn fees_are_paid_once_a_side() {
    let fees = Fees { fixed: 2.0, fraction: 0.01, per_share: 0.5 };
    let config =
        Config { fees, sizing: Sizing::Units(10.0), close_at_end: true, ..Config::new(HOLD, 1_000.0) };
    let got = report(&config, flat("A", &[10.0, 10.0, 20.0]));
    let (entry, exit) = (2.0 + 1.0 + 5.0, 2.0 + 2.0 + 5.0);
    assert_eq!(got.events.len(), 2);
    near(got.events[0].fees, entry);
    near(got.events[1].fees, exit);
    near(got.metrics.fees_paid, entry + exit);
    near(got.trades[0].pnl, 100.0 - entry - exit);
    near(got.final_equity().expect("there are bars"), 1_100.0 - entry - exit);
    assert_eq!(got.events[1].reason, Reason::CloseAtEnd);
}

#[test]
fn slippage_is_against_the_trade_on_both_sides() {
    for slippage in [Slippage::Bps(100.0), Slippage::Spread(0.02)] {
        let config = Config {
            slippage,
            sizing: Sizing::Units(10.0),
            close_at_end: true,
            ..Config::new(HOLD, 1_000.0)
        };
        let got = report(&config, flat("A", &[10.0, 10.0, 20.0]));
        near(got.trades[0].entry_price, 10.1);
        near(got.trades[0].exit_price, 19.8);
        near(got.metrics.slippage_paid, 1.0 + 2.0);
    }
}

#[test]
fn the_stop_comes_first_when_stop_and_target_lie_in_one_bar() {
    let config = Config {
        stop_loss: Some(0.1),
        take_profit: Some(0.1),
        sizing: Sizing::Units(1.0),
        ..Config::new(HOLD, 1_000.0)
    };
    let got = report(&config, series("A", &[(100.0, 100.0, 100.0, 100.0), (100.0, 120.0, 80.0, 100.0)]));
    assert_eq!(got.trades[0].closed_by, Some(Reason::StopLoss));
    assert_eq!(got.events[1].order_type, OrderType::Stop);
    near(got.trades[0].exit_price, 90.0);
}

#[test]
fn a_gap_through_a_level_fills_at_the_open() {
    let calm = (100.0, 100.0, 100.0, 100.0);
    for (bar, reason, price) in [
        ((70.0, 75.0, 65.0, 72.0), Reason::StopLoss, 70.0),
        ((130.0, 135.0, 125.0, 128.0), Reason::TakeProfit, 130.0),
    ] {
        let config = Config {
            stop_loss: Some(0.1),
            take_profit: Some(0.1),
            sizing: Sizing::Units(1.0),
            ..Config::new(HOLD, 1_000.0)
        };
        let got = report(&config, series("A", &[calm, calm, bar]));
        assert_eq!(got.trades[0].closed_by, Some(reason));
        near(got.trades[0].exit_price, price);
    }
}

#[test]
fn levels_of_a_short_position_are_mirrored() {
    // Falls, so that the fast mean crosses below and a short is opened; then jumps.
    let mut prices = vec![100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 90.0, 89.0, 89.0];
    prices.push(120.0);
    let config = Config {
        direction: Direction::LongShort,
        stop_loss: Some(0.1),
        sizing: Sizing::Units(1.0),
        ..Config::new(Strategy::MovingAverageCrossover { fast: 1, slow: 3 }, 1_000.0)
    };
    let got = report(&config, flat("A", &prices));
    let trade = got.trades.last().expect("the stop closed the short");
    assert_eq!((trade.side, trade.closed_by), (Side::Sell, Some(Reason::StopLoss)));
    near(trade.entry_price, 89.0);
    near(trade.exit_price, 120.0);
    near(trade.pnl, -31.0);
}

#[test]
fn a_turn_round_is_one_order_with_one_fixed_fee() {
    let prices = [10.0, 11.0, 12.0, 9.0, 8.0, 7.0, 12.0, 14.0, 15.0];
    let config = Config {
        direction: Direction::LongShort,
        fees: Fees { fixed: 3.0, ..Fees::default() },
        sizing: Sizing::Units(1.0),
        ..Config::new(Strategy::MovingAverageCrossover { fast: 1, slow: 2 }, 1_000.0)
    };
    let got = report(&config, flat("A", &prices));
    let bars: std::collections::BTreeSet<usize> = got.events.iter().map(|event| event.bar).collect();
    assert!(got.events.len() > bars.len(), "there is a turn-round");
    near(got.metrics.fees_paid, 3.0 * bars.len() as f64);
}

#[test]
fn whole_shares_are_cut_down_and_too_little_cash_opens_nothing() {
    let config = Config { whole_shares: true, ..Config::new(HOLD, 95.0) };
    near(report(&config, flat("A", &[10.0, 10.0])).events[0].quantity, 9.0);
    let poor = report(&Config { initial_cash: 9.0, ..config }, flat("A", &[10.0, 10.0, 10.0]));
    assert!(poor.events.is_empty());
    near(poor.final_equity().expect("there are bars"), 9.0);
}

#[test]
fn a_series_shorter_than_the_warm_up_gives_no_trade_and_a_valid_report() {
    for len in [0, 1, 2, 19] {
        for strategy in [
            Strategy::MovingAverageCrossover { fast: 5, slow: 20 },
            Strategy::Momentum {
                lookback: 20,
                threshold: 0.0,
                rsi_period: 14,
                overbought: 70.0,
                oversold: 30.0,
            },
            Strategy::RsiReversion { period: 20, low: 40.0, high: 60.0 },
            Strategy::BollingerBreakout { period: 20, k: 1.0 },
            Strategy::DonchianBreakout { entry: 5, exit: 20 },
        ] {
            let prices: Vec<f64> = (0..len).map(|i| 10.0 + f64::from(i % 7)).collect();
            let got = report(&Config::new(strategy, 500.0), flat("A", &prices));
            assert!(got.trades.is_empty() && got.events.is_empty() && got.open_positions.is_empty());
            assert_eq!(got.equity, vec![500.0; prices.len()]);
            assert_eq!(got.metrics.trades.total, 0);
            assert_eq!((got.metrics.sharpe, got.metrics.cagr), (None, None));
            serde_json::to_string(&got).expect("a report is plain JSON");
        }
    }
}

#[test]
fn simulated_bars_are_counted() {
    let mut bars = flat("A", &[10.0, 10.0, 11.0]);
    bars.provenance[2] = Provenance::Simulated;
    let date = bars.dates[2];
    let used = report(&Config::new(HOLD, 100.0), bars).bars_used;
    assert_eq!((used.real, used.simulated, used.first_simulated), (2, 1, Some(date)));
    assert!(used.any_simulated());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn long_only_cash_is_never_negative(series in walks(120), config in configs()) {
        let got = report(&config, series);
        prop_assert!(got.cash.iter().all(|&cash| cash >= 0.0));
        prop_assert!(got.events.iter().all(|event| event.cash_after >= 0.0));
    }

    #[test]
    fn the_books_balance(series in walks(120), config in any_configs()) {
        let got = report(&config, series);
        let closed: f64 = got.trades.iter().chain(&got.open_positions).map(|trade| trade.pnl).sum();
        let end = got.final_equity().unwrap_or(config.initial_cash);
        prop_assert!((end - config.initial_cash - closed).abs() < 1e-6);
        let fees: f64 = got.trades.iter().chain(&got.open_positions).map(|t| t.entry_fees + t.exit_fees).sum();
        prop_assert!((got.metrics.fees_paid - fees).abs() < 1e-6);
        let closing = got.events.iter().filter(|event| event.pnl.is_some()).count();
        prop_assert_eq!(closing, got.trades.len());
    }

    #[test]
    fn the_same_input_gives_the_same_bytes(series in walks(80), config in any_configs()) {
        let (one, two) = (report(&config, series.clone()), report(&config, series));
        let bytes = |report: &Report| serde_json::to_vec(report).expect("a report is plain JSON");
        prop_assert_eq!(bytes(&one), bytes(&two));
        let figures = format!("{:?}", one.metrics);
        prop_assert!(!figures.contains("NaN") && !figures.contains("inf"), "{}", figures);
    }
}
