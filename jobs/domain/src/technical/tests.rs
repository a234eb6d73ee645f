//! Opinions on made-up and on real-looking bars.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;

use super::*;
use crate::backtest::{self, Config, Reason, Signals};
use crate::bars::Provenance;

/// Bars that close at `closes`, one unit of range each.
fn bars(closes: &[f64], range: f64) -> Series {
    let first = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a date");
    let mut series = Series { symbol: "ACME".to_owned(), ..Series::default() };
    for (&close, day) in closes.iter().zip(0..) {
        series.dates.push(first + Days::new(day));
        series.open.push(close);
        series.high.push(close + range / 2.0);
        series.low.push(close - range / 2.0);
        series.close.push(close);
        series.volume.push(1_000.0);
        series.provenance.push(Provenance::Real);
    }
    series
}

fn line(len: u32, step: f64) -> Vec<f64> {
    (0..len).map(|i| 100.0 + step * f64::from(i)).collect()
}

fn evidence(bars: &Series) -> Evidence<'_> {
    Evidence { bars, price: bars.close.last().copied().unwrap_or(1.0), sentiment: None, fused: None }
}

fn decimal(value: f64) -> Decimal {
    Decimal::try_from(value).expect("a number")
}

#[test]
fn too_few_bars_are_a_reason_to_hold_that_names_their_number() {
    for len in [0, 1, 59] {
        let series = bars(&line(len, 0.5), 1.0);
        let opinion = analyse(&evidence(&series));
        assert_eq!(opinion.proposal.action, Action::Hold);
        assert_eq!(opinion.proposal.reasoning, format!("only {len} daily bars, at least 60 are needed"));
        assert_eq!((opinion.figures, opinion.bars), (None, len as usize));
        opinion.proposal.validate(Decimal::ONE).expect("a hold is valid");
    }
    assert!(analyse(&evidence(&bars(&line(60, 0.5), 1.0))).figures.is_some());
}

#[test]
fn evidence_that_makes_no_sense_is_a_reason_to_hold() {
    let sound = bars(&line(80, 0.5), 1.0);
    let broken = |change: fn(&mut Series)| {
        let mut series = sound.clone();
        change(&mut series);
        series
    };
    let nan = broken(|series| series.low[70] = f64::NAN);
    let zero = broken(|series| series.close[79] = 0.0);
    let ragged = broken(|series| series.high.truncate(10));
    let cases = [
        (Evidence { price: f64::NAN, ..evidence(&sound) }, "the last price is NaN"),
        (Evidence { price: -1.0, ..evidence(&sound) }, "the last price is -1"),
        (Evidence { price: 20.0, ..evidence(&sound) }, "20 does not belong to bars that closed at 139.5"),
        (Evidence { price: 1000.0, ..evidence(&sound) }, "does not belong"),
        (Evidence { sentiment: Some(f64::NAN), ..evidence(&sound) }, "a score of the news is NaN"),
        (Evidence { fused: Some(1.5), ..evidence(&sound) }, "a score of the news is 1.5"),
        (Evidence { price: 135.0, ..evidence(&nan) }, "bar 71 of 80"),
        (Evidence { price: 135.0, ..evidence(&zero) }, "bar 80 of 80"),
        (Evidence { price: 135.0, ..evidence(&ragged) }, "differ in length"),
    ];
    for (given, text) in cases {
        let opinion = analyse(&given);
        assert_eq!(opinion.proposal.action, Action::Hold, "{text}");
        assert!(opinion.proposal.reasoning.contains(text), "{}", opinion.proposal.reasoning);
        assert_eq!(opinion.figures, None);
    }
}

#[test]
fn a_steady_rise_is_bought_and_a_steady_fall_sold() {
    let wave = |step: f64| -> Vec<f64> {
        (0..120).map(|i| 100.0 + step * f64::from(i) + (f64::from(i) * 0.7).sin()).collect()
    };
    let rise = analyse(&evidence(&bars(&wave(0.25), 1.5)));
    let buy = &rise.proposal;
    assert_eq!(buy.action, Action::Buy, "{}", buy.reasoning);
    assert!(buy.stop_loss.is_some() && buy.target_price.is_some() && buy.suggested_quantity.is_some());
    let figures = rise.figures.as_ref().expect("there are figures");
    assert!(figures.net_score > figures.threshold);
    assert_eq!(figures.regime, Regime::Trend);
    assert_eq!(figures.sma200, None);
    let fall = analyse(&evidence(&bars(&wave(-0.25), 1.5))).proposal;
    assert_eq!(fall.action, Action::Sell, "{}", fall.reasoning);
    assert_eq!((fall.stop_loss, fall.target_price, fall.suggested_quantity), (None, None, None));
}

#[test]
fn a_flat_series_is_held_with_every_figure() {
    let opinion = analyse(&evidence(&bars(&[50.0; 210], 0.0)));
    let figures = opinion.figures.expect("there are figures");
    assert_eq!(opinion.proposal.action, Action::Hold);
    assert_eq!(opinion.proposal.confidence, decimal(0.64));
    assert_eq!(figures.sma200, Some(decimal(50.0)));
    assert_eq!((figures.atr14, figures.adx14), (Some(Decimal::ZERO), Some(Decimal::ZERO)));
    assert_eq!(figures.regime, Regime::Ranging);
    assert_eq!(figures.bollinger_upper, figures.bollinger_lower);
}

#[test]
fn news_moves_the_score_and_its_absence_spreads_its_weight() {
    let series = bars(&[50.0; 80], 1.0);
    let of = |sentiment, fused| analyse(&Evidence { sentiment, fused, ..evidence(&series) });
    let net = |opinion: &Opinion| opinion.figures.as_ref().and_then(|figures| figures.net_score);
    let (silent, good, mixed) = (of(None, None), of(Some(1.0), None), of(Some(1.0), Some(-1.0)));
    assert_eq!(silent.figures.as_ref().and_then(|f| f.weights.sentiment), Some(Decimal::ZERO));
    assert_eq!(good.figures.as_ref().and_then(|f| f.weights.sentiment), Some(decimal(0.3)));
    assert!(net(&good) > net(&silent));
    assert_eq!(mixed.figures.as_ref().and_then(|f| f.scores.sentiment), Some(Decimal::ZERO));
    assert!(silent.proposal.reasoning.contains("no sentiment"));
    assert!(good.proposal.reasoning.contains("sentiment +1.00 x 0.30"));
}

#[test]
fn an_opinion_explains_itself_in_json() {
    let series = bars(&line(80, 0.5), 1.0);
    let json = serde_json::to_value(analyse(&evidence(&series))).expect("it is JSON");
    for path in [
        "/proposal/action",
        "/figures/sma20",
        "/figures/ema26",
        "/figures/rsi14",
        "/figures/macdHistogram",
        "/figures/atr14",
        "/figures/plusDi14",
        "/figures/bollingerLower",
        "/figures/regime",
        "/figures/scores/momentum",
        "/figures/weights/trend",
        "/figures/netScore",
        "/bars",
    ] {
        assert!(json.pointer(path).is_some_and(|value| !value.is_null()), "{path}: {json}");
    }
}

#[test]
fn a_back_test_leaves_at_the_levels_the_analyst_named() {
    let mut closes: Vec<f64> =
        (0..120).map(|i| 100.0 + 0.25 * f64::from(i) + (f64::from(i) * 0.7).sin()).collect();
    closes.extend([70.0; 3]);
    let series = [bars(&closes, 1.5)];
    let config = Config::new(backtest::Strategy::TechnicalAnalyst, 10_000.0);
    let report = backtest::run(&config, &series).expect("the configuration is valid");
    let signals = Signals::new(&config.strategy, &series[0]);
    let levels = signals.levels.expect("the analyst names levels");
    let by_target = report.trades.iter().filter(|trade| trade.closed_by == Some(Reason::TakeProfit));
    assert!(by_target.clone().count() > 0, "{:?}", report.trades);
    for trade in by_target {
        assert!(trade.exit_price >= levels.target[trade.entry_bar - 1]);
    }
    // The gap falls through the stop: the fill is the open, not the stop.
    let last = report.trades.last().expect("there are trades");
    assert_eq!((last.closed_by, last.exit_bar), (Some(Reason::StopLoss), 120));
    assert!((last.exit_price - 70.0).abs() < 1e-9);
    // The configuration's own stop goes before the analyst's.
    let own = Config { stop_loss: Some(0.000_1), take_profit: Some(50.0), ..config };
    let report = backtest::run(&own, &series).expect("the configuration is valid");
    assert!(report.trades.iter().all(|trade| trade.closed_by != Some(Reason::TakeProfit)));
}

fn walks() -> impl proptest::strategy::Strategy<Value = Vec<f64>> {
    (1.0_f64..400.0, prop::collection::vec(-0.06_f64..0.06, 60..260)).prop_map(|(start, moves)| {
        let mut close = start;
        moves
            .iter()
            .map(|moved| {
                close *= 1.0 + moved;
                close
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn every_opinion_is_valid_and_repeatable(
        closes in walks(), range in 0.0_f64..0.5, drift in 0.9_f64..1.1,
        sentiment in prop::option::of(-1.0_f64..=1.0),
    ) {
        let series = bars(&closes, range);
        let price = closes[closes.len() - 1] * drift;
        let given = Evidence { bars: &series, price, sentiment, fused: None };
        let opinion = analyse(&given);
        let proposal = &opinion.proposal;
        prop_assert!(proposal.validate(decimal(price)).is_ok());
        prop_assert!(proposal.confidence >= decimal(0.40) && proposal.confidence <= decimal(0.88));
        if let Some(quantity) = proposal.suggested_quantity {
            prop_assert!(quantity >= decimal(0.02) && quantity <= decimal(0.15));
        }
        let bytes = |opinion: &Opinion| serde_json::to_string(opinion).expect("it is JSON");
        prop_assert_eq!(bytes(&opinion), bytes(&analyse(&given)));
    }

    #[test]
    fn a_back_test_decides_on_each_close_what_the_analyst_would_say(closes in walks()) {
        let series = bars(&closes, 1.0);
        let signals = Signals::new(&backtest::Strategy::TechnicalAnalyst, &series);
        let levels = signals.levels.as_ref().expect("the analyst names levels");
        for len in (1..=closes.len()).step_by(7).chain([closes.len()]) {
            let part = bars(&closes[..len], 1.0);
            let proposal = analyse(&evidence(&part)).proposal;
            prop_assert_eq!(signals.entry.get(len - 1), proposal.action == Action::Buy);
            prop_assert_eq!(signals.exit.get(len - 1), proposal.action == Action::Sell);
            let price = closes[len - 1];
            prop_assert_eq!(proposal.stop_loss, money(levels.stop[len - 1], price));
            prop_assert_eq!(proposal.target_price, money(levels.target[len - 1], price));
        }
    }

    #[test]
    fn the_last_row_of_a_prefix_is_that_row_of_the_whole(closes in walks(), cut in 60_usize..200) {
        let cut = cut.min(closes.len());
        let whole = Columns::new(&bars(&closes, 1.0)).row(cut - 1).expect("there are enough bars");
        let part = Columns::new(&bars(&closes[..cut], 1.0)).row(cut - 1).expect("there are enough bars");
        prop_assert_eq!(format!("{:?}", whole), format!("{:?}", part));
        prop_assert_eq!(
            format!("{:?}", judge(&whole, whole.close, None)),
            format!("{:?}", judge(&part, part.close, None))
        );
    }
}
