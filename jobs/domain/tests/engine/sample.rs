//! Bars and configurations for the tests.

use std::path::Path;

use chrono::NaiveDate;
use domain::backtest::{Config, Direction, Fees, Fill, Sizing, Slippage, Strategy};
use domain::bars::{Provenance, Series};
use proptest::prelude::{Just, any, prop, prop_oneof};
use proptest::strategy::Strategy as Generator;

/// Returns a series of `(open, high, low, close)` on consecutive days from 2024-01-01.
pub(crate) fn series(symbol: &str, bars: &[(f64, f64, f64, f64)]) -> Series {
    let first = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date of the calendar");
    Series {
        symbol: symbol.to_owned(),
        dates: first.iter_days().take(bars.len()).collect(),
        open: bars.iter().map(|bar| bar.0).collect(),
        high: bars.iter().map(|bar| bar.1).collect(),
        low: bars.iter().map(|bar| bar.2).collect(),
        close: bars.iter().map(|bar| bar.3).collect(),
        volume: vec![1_000.0; bars.len()],
        provenance: vec![Provenance::Real; bars.len()],
    }
}

/// Returns a series whose four prices are the same on each day.
pub(crate) fn flat(symbol: &str, prices: &[f64]) -> Series {
    series(symbol, &prices.iter().map(|&p| (p, p, p, p)).collect::<Vec<_>>())
}

/// Returns the first `len` bars.
pub(crate) fn cut(whole: &Series, len: usize) -> Series {
    let len = len.min(whole.len());
    Series {
        symbol: whole.symbol.clone(),
        dates: whole.dates[..len].to_vec(),
        open: whole.open[..len].to_vec(),
        high: whole.high[..len].to_vec(),
        low: whole.low[..len].to_vec(),
        close: whole.close[..len].to_vec(),
        volume: whole.volume[..len].to_vec(),
        provenance: whole.provenance[..len].to_vec(),
    }
}

/// Returns the project's adjusted AAPL bars, 3,270 of them.
pub(crate) fn aapl() -> Series {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../market_data/ohlcv/adjusted/AAPL.csv");
    let text = std::fs::read_to_string(path).expect("the project holds AAPL's bars");
    let mut out = Series { symbol: "AAPL".to_owned(), ..Series::default() };
    for line in text.lines().skip(1) {
        let (date, numbers) = line.split_once(',').expect("a row has fields");
        let numbers: Vec<f64> = numbers.split(',').map(|n| n.parse().expect("a price is a number")).collect();
        out.dates.push(date.parse().expect("a date is a date"));
        out.open.push(numbers[0]);
        out.high.push(numbers[1]);
        out.low.push(numbers[2]);
        out.close.push(numbers[3]);
        out.volume.push(numbers[4]);
        out.provenance.push(Provenance::Real);
    }
    out
}

/// Random walks on a coarse grid of prices, so that ties and touched levels are common.
pub(crate) fn walks(longest: usize) -> impl Generator<Value = Series> {
    prop::collection::vec((-6_i32..7, -3_i32..4, 0_i32..4, 0_i32..4), 0..longest).prop_map(|moves| {
        let mut close = 100.0;
        let bars: Vec<_> = moves
            .iter()
            .map(|&(step, gap, up, down)| {
                let open = f64::max(close + 0.5 * f64::from(gap), 5.0);
                close = f64::max(open + 0.5 * f64::from(step), 5.0);
                let high = open.max(close) + 0.5 * f64::from(up);
                let low = open.min(close) - 0.5 * f64::from(down);
                (open, high, low, close)
            })
            .collect();
        series("WALK", &bars)
    })
}

/// One of every strategy, short periods.
pub(crate) fn strategies() -> impl Generator<Value = Strategy> {
    prop_oneof![
        Just(Strategy::BuyAndHold),
        (1_usize..6, 1_usize..12)
            .prop_map(|(fast, more)| Strategy::MovingAverageCrossover { fast, slow: fast + more }),
        (1_usize..8, 2_usize..8).prop_map(|(lookback, rsi_period)| Strategy::Momentum {
            lookback,
            threshold: 0.01,
            rsi_period,
            overbought: 80.0,
            oversold: 20.0,
        }),
        (2_usize..10).prop_map(|period| Strategy::RsiReversion { period, low: 40.0, high: 60.0 }),
        (2_usize..12, 0_u8..3)
            .prop_map(|(period, k)| Strategy::BollingerReversion { period, k: f64::from(k) / 2.0 }),
        (2_usize..12, 0_u8..3)
            .prop_map(|(period, k)| Strategy::BollingerBreakout { period, k: f64::from(k) / 2.0 }),
        (1_usize..10, 1_usize..10).prop_map(|(entry, exit)| Strategy::DonchianBreakout { entry, exit }),
        Just(Strategy::TechnicalAnalyst),
    ]
}

/// Configurations over every strategy, fill rule, size and cost.
pub(crate) fn configs() -> impl Generator<Value = Config> {
    let fill = prop_oneof![Just(Fill::NextOpen), Just(Fill::NextClose), Just(Fill::SameClose)];
    let sizing = prop_oneof![
        Just(Sizing::AllIn),
        Just(Sizing::EquityFraction(0.4)),
        Just(Sizing::Notional(2_500.0)),
        Just(Sizing::Units(7.0)),
        Just(Sizing::Units(1_000.0)),
    ];
    let fees = prop_oneof![
        Just(Fees::default()),
        Just(Fees { fixed: 1.0, fraction: 0.001, per_share: 0.005 }),
        Just(Fees { fixed: 0.0, fraction: 0.002, per_share: 0.0 }),
    ];
    let slippage =
        prop_oneof![Just(Slippage::Bps(0.0)), Just(Slippage::Bps(5.0)), Just(Slippage::Spread(0.002))];
    (strategies(), fill, sizing, fees, slippage, any::<bool>(), any::<bool>()).prop_map(
        |(strategy, fill, sizing, fees, slippage, whole_shares, close_at_end)| Config {
            fill,
            sizing,
            fees,
            slippage,
            whole_shares,
            close_at_end,
            ..Config::new(strategy, 10_000.0)
        },
    )
}

/// The same with shorts and protective levels.
pub(crate) fn any_configs() -> impl Generator<Value = Config> {
    let level = |f: f64| prop_oneof![Just(None), Just(Some(f))];
    (configs(), any::<bool>(), level(0.03), level(0.04)).prop_map(
        |(config, short, stop_loss, take_profit)| Config {
            direction: if short { Direction::LongShort } else { Direction::LongOnly },
            stop_loss,
            take_profit,
            ..config
        },
    )
}
