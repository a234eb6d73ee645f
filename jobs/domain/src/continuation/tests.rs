//! The continuation is deterministic, consistent, bounded, and only ever appends.

use chrono::Days;
use proptest::prelude::*;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date of this test is valid")
}

/// A series of shares that rise and fall in waves, with `seed` as its mood.
fn made_up(symbol: &str, bars: usize, seed: u64) -> Series {
    let mut random = SplitMix64::seeded(symbol, seed, 0);
    let mut series = Series { symbol: symbol.to_owned(), ..Series::default() };
    let mut date = day("2012-01-02");
    let mut before = 20.0 + random.below(200) as f64;
    for _ in 0..bars {
        let step = |random: &mut SplitMix64, width: usize| 1.0 + (random.below(width) as f64) / 10_000.0;
        let open = before * step(&mut random, 200) / step(&mut random, 200);
        let close = open * step(&mut random, 600) / step(&mut random, 600);
        date = calendar::next_session(date);
        series.dates.push(date);
        series.open.push(open);
        series.high.push(open.max(close) * step(&mut random, 200));
        series.low.push(open.min(close) / step(&mut random, 200));
        series.close.push(close);
        series.volume.push(1_000.0 + random.below(9_000) as f64);
        series.provenance.push(Provenance::Real);
        before = close;
    }
    series
}

fn shipped(symbol: &str, text: &str) -> Series {
    let mut series = Series { symbol: symbol.to_owned(), ..Series::default() };
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |i: usize| fields[i].parse::<f64>().expect("the shipped files hold numbers");
        series.dates.push(day(fields[0]));
        series.open.push(number(1));
        series.high.push(number(2));
        series.low.push(number(3));
        series.close.push(number(4));
        series.volume.push(number(5));
        series.provenance.push(Provenance::Real);
    }
    series
}

fn all_shipped() -> [Series; 5] {
    [
        shipped("AAPL", include_str!("../../../market_data/ohlcv/adjusted/AAPL.csv")),
        shipped("FB", include_str!("../../../market_data/ohlcv/adjusted/FB.csv")),
        shipped("GOOG", include_str!("../../../market_data/ohlcv/adjusted/GOOG.csv")),
        shipped("IBM", include_str!("../../../market_data/ohlcv/adjusted/IBM.csv")),
        shipped("MSFT", include_str!("../../../market_data/ohlcv/adjusted/MSFT.csv")),
    ]
}

fn deviation(closes: &[f64]) -> f64 {
    let gains: Vec<f64> = closes.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect();
    let mean = gains.iter().sum::<f64>() / gains.len() as f64;
    (gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / gains.len() as f64).sqrt()
}

#[test]
fn the_shipped_series_stay_plausible_for_decades() {
    for real in all_shipped() {
        let last = real.close[real.len() - 1];
        let simulated = continuation(&real, day("2035-12-31")).expect("the shipped series are long enough");
        for (date, close) in simulated.dates.iter().zip(&simulated.close) {
            let ratio = close / last;
            assert!((0.1..=12.0).contains(&ratio), "{} {date}: {ratio:.2} times the last", real.symbol);
        }
        let (was, is) = (deviation(&real.close), deviation(&simulated.close));
        assert!((0.7..1.3).contains(&(is / was)), "{}: deviation {is:.4}, was {was:.4}", real.symbol);
    }
}

#[test]
fn the_first_simulated_bars_are_pinned() {
    let simulated = continuation(&all_shipped()[0], day("2013-03-06")).expect("the series is long enough");
    let bars: Vec<_> = (0..simulated.len())
        .map(|i| {
            let (open, high, low) = (simulated.open[i], simulated.high[i], simulated.low[i]);
            (simulated.dates[i].to_string(), open, high, low, simulated.close[i], simulated.volume[i])
        })
        .collect();
    // These numbers change only together with REVISION.
    assert_eq!(REVISION, "block-bootstrap-1");
    assert_eq!(format!("{bars:?}"), PINNED);
}

const PINNED: &str = "[(\"2013-03-04\", 55.90475, 58.661832, 55.171488, 57.752603, 10736702.0), \
                      (\"2013-03-05\", 58.419874, 59.884743, 55.665858, 56.017439, 9345900.0), \
                      (\"2013-03-06\", 56.165526, 57.424078, 54.146039, 57.072853, 12259061.0)]";

#[test]
fn a_short_series_is_refused() {
    let error = continuation(&made_up("NEW", 29, 1), day("2024-01-01")).expect_err("29 bars are too few");
    assert_eq!(error.to_string(), "NEW has 29 bars, needs at least 30 to be continued");
}

#[test]
fn nothing_is_added_up_to_the_last_real_bar() {
    let real = made_up("ACME", 40, 1);
    let last = real.dates[39];
    assert!(continuation(&real, last).expect("long enough").is_empty());
    assert!(continuation(&real, last - Days::new(9)).expect("long enough").is_empty());
}

#[test]
fn symbols_go_their_own_ways() {
    let mut real = made_up("ACME", 60, 1);
    let one = continuation(&real, day("2013-01-01")).expect("long enough");
    real.symbol = "OTHER".to_owned();
    assert_ne!(one.close, continuation(&real, day("2013-01-01")).expect("long enough").close);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn continuing_further_only_appends(seed: u64, bars in 30_usize..300, near in 0_u64..900, more in 0_u64..900) {
        let real = made_up("ACME", bars, seed);
        let near = real.dates[bars - 1] + Days::new(near);
        let short = continuation(&real, near).expect("long enough");
        let long = continuation(&real, near + Days::new(more)).expect("long enough");
        prop_assert_eq!(&short.dates[..], &long.dates[..short.len()]);
        prop_assert_eq!(&short.open[..], &long.open[..short.len()]);
        prop_assert_eq!(&short.high[..], &long.high[..short.len()]);
        prop_assert_eq!(&short.low[..], &long.low[..short.len()]);
        prop_assert_eq!(&short.close[..], &long.close[..short.len()]);
        prop_assert_eq!(&short.volume[..], &long.volume[..short.len()]);
    }

    #[test]
    fn every_bar_is_consistent_and_marked(seed: u64, bars in 30_usize..300) {
        let real = made_up("ACME", bars, seed);
        let made = continuation(&real, day("2016-12-31")).expect("long enough");
        prop_assert!(made.provenance.iter().all(|p| *p == Provenance::Simulated));
        let expected: Vec<_> =
            calendar::sessions(calendar::next_session(real.dates[bars - 1]), day("2016-12-31")).collect();
        prop_assert_eq!(&made.dates, &expected);
        for i in 0..made.len() {
            let (open, high, low, close) = (made.open[i], made.high[i], made.low[i], made.close[i]);
            prop_assert!(low > 0.0 && low <= open.min(close) && high >= open.max(close));
            prop_assert!(high.is_finite() && made.volume[i] >= 1.0 && made.volume[i].fract() == 0.0);
            for price in [open, high, low, close] {
                let text = format!("{price}");
                prop_assert!(text.split_once('.').is_none_or(|(_, digits)| digits.len() <= 6), "{}", text);
            }
        }
    }
}
