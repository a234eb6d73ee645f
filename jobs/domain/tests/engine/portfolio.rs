//! Several symbols over one cash pool.

use chrono::Days;
use domain::backtest::{Config, Direction, SimulationError, Sizing, Strategy, run};
use domain::bars::Series;
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};

use crate::sample::{any_configs, cut, flat, walks};

fn near(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-9 * 1.0_f64.max(a.abs()), "{a} {b}");
}

#[test]
fn all_in_gives_each_symbol_an_equal_part() {
    let series = [flat("A", &[10.0, 10.0, 20.0]), flat("B", &[50.0, 50.0, 50.0])];
    let got = run(&Config::new(Strategy::BuyAndHold, 1_000.0), &series).expect("a valid run");
    near(got.events[0].quantity, 50.0);
    near(got.events[1].quantity, 10.0);
    assert_eq!(got.equity, vec![1_000.0, 1_000.0, 1_500.0]);
    assert_eq!((got.symbol(0), got.symbol(1)), ("A", "B"));
}

#[test]
fn there_is_one_point_a_session_and_a_missing_bar_keeps_the_last_close() {
    let mut late = flat("B", &[50.0, 60.0]);
    // B trades on the second and the fourth day only.
    late.dates = [1, 3].map(|day| late.dates[0] + Days::new(day)).to_vec();
    let series = [flat("A", &[10.0, 10.0, 10.0, 10.0, 10.0]), late];
    let config = Config { sizing: Sizing::Units(1.0), ..Config::new(Strategy::BuyAndHold, 1_000.0) };
    let got = run(&config, &series).expect("a valid run");
    assert_eq!(got.dates, series[0].dates);
    // Decided on B's first bar, filled on its second: at 60.
    let fill = got.events.iter().find(|event| event.symbol == 1).expect("B was bought");
    assert_eq!((fill.bar, fill.price), (3, 60.0));
    near(*got.equity.last().expect("there are sessions"), 1_000.0);
    near(*got.exposure.last().expect("there are sessions"), 70.0);
}

#[test]
fn closings_free_their_cash_for_openings_of_the_same_session() {
    // B leaves at the open at which A enters; A comes first in the list.
    let strategy = Strategy::DonchianBreakout { entry: 2, exit: 2 };
    let series = [
        flat("A", &[10.0, 10.0, 10.0, 10.0, 10.0, 11.0, 11.0]),
        flat("B", &[10.0, 10.0, 11.0, 11.0, 12.0, 9.0, 9.0]),
    ];
    let config = Config { sizing: Sizing::Units(80.0), ..Config::new(strategy, 1_000.0) };
    let got = run(&config, &series).expect("a valid run");
    let order: Vec<_> = got.events.iter().map(|event| (event.bar, event.symbol)).collect();
    assert_eq!(order, [(3, 1), (6, 1), (6, 0)]);
    assert!(got.cash.iter().all(|&cash| cash >= 0.0));
    near(got.events[2].quantity, 840.0 / 11.0);
}

#[test]
fn no_symbol_and_no_bar_give_an_empty_report() {
    for series in [vec![], vec![flat("A", &[])], vec![flat("A", &[]), flat("B", &[])]] {
        let got = run(&Config::new(Strategy::BuyAndHold, 1_000.0), &series).expect("a valid run");
        assert!(got.dates.is_empty() && got.equity.is_empty() && got.trades.is_empty());
        assert_eq!((got.final_equity(), got.metrics.total_return), (None, None));
    }
}

#[test]
fn bars_that_cannot_be_simulated_are_refused() {
    let good = flat("A", &[10.0, 11.0, 12.0]);
    let mut ragged = good.clone();
    ragged.high.pop();
    let mut unordered = good.clone();
    unordered.dates.swap(0, 1);
    let mut unpriced = good.clone();
    unpriced.low[1] = f64::NAN;
    let config = Config::new(Strategy::BuyAndHold, 1_000.0);
    let code = |series: &[_]| run(&config, series).map_err(|error: SimulationError| error.code());
    assert_eq!(code(&[ragged]), Err("BARS_RAGGED"));
    assert_eq!(code(&[unordered]), Err("BARS_UNORDERED"));
    assert_eq!(code(&[unpriced]), Err("BARS_PRICE_INVALID"));
    assert_eq!(code(&[good.clone(), good]), Err("SYMBOL_TWICE"));
}

/// Returns `whole` under another name, starting later, without the bars that `missing` marks.
fn thinned(whole: &Series, symbol: &str, later: u64, missing: &[bool]) -> Series {
    let keep: Vec<usize> =
        (0..whole.len()).filter(|&bar| !missing.get(bar).copied().unwrap_or(false)).collect();
    let column = |values: &[f64]| keep.iter().map(|&bar| values[bar]).collect();
    Series {
        symbol: symbol.to_owned(),
        dates: keep.iter().map(|&bar| whole.dates[bar] + Days::new(later)).collect(),
        open: column(&whole.open),
        high: column(&whole.high),
        low: column(&whole.low),
        close: column(&whole.close),
        volume: column(&whole.volume),
        provenance: keep.iter().map(|&bar| whole.provenance[bar]).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_portfolio_keeps_its_books_and_looks_at_nothing_later(
        first in walks(70), second in walks(70), later in 0_u64..30,
        missing in prop::collection::vec(any::<bool>(), 0..70), config in any_configs(), at in 0_usize..90,
    ) {
        let config = Config { close_at_end: false, ..config };
        let series = [first, thinned(&second, "LATE", later, &missing)];
        let got = run(&config, &series).expect("a valid run");
        prop_assert!(got.dates.windows(2).all(|pair| pair[0] < pair[1]));
        if config.direction == Direction::LongOnly {
            prop_assert!(got.cash.iter().all(|&cash| cash >= 0.0));
        }
        let closed: f64 = got.trades.iter().chain(&got.open_positions).map(|trade| trade.pnl).sum();
        let end = got.final_equity().unwrap_or(config.initial_cash);
        prop_assert!((end - config.initial_cash - closed).abs() < 1e-6);

        let Some(&last) = got.dates.get(at) else { return Ok(()) };
        let before = |one: &Series| cut(one, one.dates.partition_point(|&date| date <= last));
        let part = run(&config, &[before(&series[0]), before(&series[1])]).expect("a valid run");
        prop_assert_eq!(&got.equity[..=at], &part.equity[..]);
        let events: Vec<_> = got.events.iter().filter(|event| event.date <= last).copied().collect();
        prop_assert_eq!(events, part.events);
    }
}
