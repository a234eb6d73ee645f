use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::bars::{Provenance, Series};
use crate::universe::Figures;

fn now() -> DateTime<Utc> {
    "2026-03-02T15:00:00Z".parse().expect("a time")
}

fn view(source: &str, score: f64, confidence: f64, hours: i64) -> View {
    View {
        source: source.into(),
        analysis_type: "momentum".into(),
        score,
        confidence,
        reliability: 0.9,
        event_at: now() - TimeDelta::hours(hours),
        available_at: now() - TimeDelta::hours(hours),
    }
}

fn series(close: Vec<f64>) -> Series {
    let n = close.len();
    let first = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).expect("a date");
    Series {
        symbol: "AAPL".into(),
        dates: first.iter_days().take(n).collect(),
        open: close.clone(),
        high: close.clone(),
        low: close.clone(),
        close,
        volume: vec![1e6; n],
        provenance: vec![Provenance::Real; n],
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn sources_are_fused_by_weight_and_counted() {
    for (views, score, signal, quality) in [
        (vec![view("a", 0.5, 1.0, 0)], 0.5, Signal::Bullish, Quality::Poor),
        (vec![view("a", 0.5, 1.0, 0), view("a", 0.1, 1.0, 0)], 0.3, Signal::Bullish, Quality::Poor),
        (vec![view("a", 0.3, 1.0, 0), view("b", -0.3, 1.0, 0)], 0.0, Signal::Neutral, Quality::Fair),
        (vec![view("a", -0.5, 1.0, 0), view("b", 0.1, 1.0, 72)], -0.3, Signal::Bearish, Quality::Fair),
        (
            vec![
                view("a", 0.1, 0.5, 0),
                view("b", 0.2, 0.5, 0),
                view("c", 0.3, 0.5, 0),
                view("d", 0.4, 0.5, 0),
            ],
            0.25,
            Signal::Bullish,
            Quality::Excellent,
        ),
    ] {
        let fused = fuse(&views, now()).expect("views");
        assert!(close(fused.score, score), "{views:?}: {fused:?}");
        assert_eq!((fused.signal, fused.quality), (signal, quality), "{views:?}");
        assert!(close(fused.weights.values().sum(), 1.0));
    }
}

#[test]
fn what_is_not_known_yet_is_refused_and_named() {
    let fused = fuse(&[view("a", 0.5, 1.0, 0), view("later", -1.0, 1.0, -1)], now()).expect("a view");
    assert!(close(fused.score, 0.5) && !fused.weights.contains_key("later"));
    assert_eq!(fused.refused.iter().map(|missing| missing.source.as_str()).collect::<Vec<_>>(), ["later"]);
    assert_eq!(fuse(&[view("later", -1.0, 1.0, -1)], now()), None);
    assert_eq!(fuse(&[], now()), None);
    assert_eq!(fuse(&[view("wild", f64::NAN, 1.0, 0), view("wild", 7.0, 1.0, 0)], now()), None);
}

#[test]
fn one_source_alone_is_less_sure_than_two_that_agree() {
    let alone = fuse(&[view("a", 0.5, 0.8, 0)], now()).expect("a view");
    let two = fuse(&[view("a", 0.5, 0.8, 0), view("b", 0.5, 0.8, 0)], now()).expect("views");
    let apart = fuse(&[view("a", 1.0, 0.8, 0), view("b", -1.0, 0.8, 0)], now()).expect("views");
    assert!(close(alone.confidence, 0.56) && close(two.confidence, 0.8) && close(apart.confidence, 0.0));
}

#[test]
fn bars_say_where_prices_go_and_too_few_say_nothing() {
    let rising = series((0..40).map(|n| 100.0 + f64::from(n) + f64::from(n % 2)).collect());
    let falling = series((0..40).map(|n| 100.0 - f64::from(n) + f64::from(n % 2)).collect());
    assert!(momentum(&rising).is_some_and(|d| d.score > 0.5));
    assert!(momentum(&falling).is_some_and(|d| d.score < -0.5));
    let still = series(vec![100.0; 40]);
    assert!(momentum(&still).is_some_and(|d| close(d.score, 0.0)));
    assert!(volatility(&still).is_some_and(|d| close(d.score, 1.0)));
    let wild = series((0..40).map(|n| if n % 2 == 0 { 100.0 } else { 120.0 }).collect());
    assert!(volatility(&wild).is_some_and(|d| close(d.score, -1.0)));
    let mut busy = rising.clone();
    busy.volume[35..].fill(5e6);
    assert!(volume(&busy).is_some_and(|d| d.score > 0.5), "{:?}", volume(&busy));
    let mut simulated = rising.clone();
    simulated.provenance[39] = Provenance::Simulated;
    assert!(momentum(&simulated).zip(momentum(&rising)).is_some_and(|(a, b)| a.confidence < b.confidence));
    for few in [series(vec![100.0; 20]), series(vec![0.0; 40]), series(vec![f64::NAN; 40])] {
        assert_eq!((momentum(&few), volatility(&few), volume(&few)), (None, None, None));
    }
}

#[test]
fn companies_short_sellers_and_the_economy_have_scores() {
    let d = |text: &str| text.parse().ok();
    let best = Figures {
        revenue_growth: d("0.5"),
        operating_margin: d("0.4"),
        debt_to_equity: d("0"),
        dilution: d("-0.1"),
    };
    let scored = company(&best).expect("figures");
    assert!(close(scored.score, 1.0) && close(scored.confidence, 0.7));
    assert_eq!(company(&Figures::default()), None);

    for (sessions, expected) in
        [(vec![(48.0, 100.0); 5], 0.0), (vec![(90.0, 100.0)], -1.0), (vec![(28.0, 100.0); 3], 1.0)]
    {
        assert!(short_ratio(&sessions).is_some_and(|d| close(d.score, expected)), "{sessions:?}");
    }
    assert_eq!(short_ratio(&[(1.0, 0.0), (5.0, 4.0)]), None);

    let prices: Vec<f64> = (0..14).map(|n| 100.0 + 2.0 / 12.0 * f64::from(n)).collect();
    let good = Economy { unemployment: &[4.0; 14], prices: &prices, ten_years: &[4.5], policy_rate: &[2.5] };
    assert!(matches!(economy(&good), Some((d, Regime::Expansion)) if close(d.confidence, 0.6)));
    let rising: Vec<f64> = (0..14).map(|n| 3.5 + 0.2 * f64::from(n)).collect();
    let bad = Economy { unemployment: &rising, ten_years: &[3.0], policy_rate: &[5.0], ..Economy::default() };
    assert!(matches!(economy(&bad), Some((_, Regime::Contraction))));
    assert_eq!(economy(&Economy::default()), None);
}

fn quote(symbol: &str, change: f64) -> MarketQuote {
    MarketQuote {
        symbol: symbol.into(),
        price: 100.0 + change,
        previous_close: Some(100.0),
        high: Some(102.5),
        low: Some(100.0),
        volume: Some(3e6),
        usual_volume: Some(3e6),
    }
}

#[test]
fn the_market_is_neutral_where_nothing_is_known_and_signals_say_why() {
    let nothing = intelligence(&[], &[], now());
    assert!(close(nothing.overall, 0.5) && nothing.signals.is_empty());
    assert_eq!((nothing.data_quality, nothing.active_sources), (Quality::Poor, 0));
    let quotes = [quote("AAPL", 4.0), quote("MSFT", 0.0), quote("IBM", -3.0)];
    let all = intelligence(&quotes, &[("AAPL".into(), 0.8, 0.5)], now());
    assert!(close(all.components.volatility, 0.5) && close(all.components.volume, 0.5));
    assert!(close(all.components.sentiment, 0.9), "{all:?}");
    assert_eq!((all.data_quality, all.active_sources, all.total_sources), (Quality::Excellent, 4, 4));
    let sources: Vec<_> = all.signals.iter().map(|signal| (signal.source.as_str(), signal.kind)).collect();
    assert_eq!(
        sources,
        [("momentum", Signal::Bullish), ("momentum", Signal::Bearish), ("sentiment", Signal::Bullish)]
    );
    let rising = intelligence(&[quote("AAPL", 1.0), quote("MSFT", 1.0)], &[], now());
    assert!(rising.signals.iter().any(|signal| signal.source == "breadth" && signal.kind == Signal::Bullish));
}

fn any_view() -> impl Strategy<Value = View> {
    (prop::sample::select(vec!["a", "b", "c", "d", "e"]), -1.0_f64..=1.0, 0.0_f64..=1.0, -5_i64..500)
        .prop_map(|(source, score, confidence, hours)| view(source, score, confidence, hours))
}

proptest! {
    #[test]
    fn what_is_fused_stays_in_bounds_whatever_the_order(mut views in prop::collection::vec(any_view(), 0..12)) {
        let fused = fuse(&views, now());
        if let Some(fused) = &fused {
            prop_assert!((-1.0..=1.0).contains(&fused.score));
            prop_assert!((0.0..=1.0).contains(&fused.confidence) && (0.0..=1.0).contains(&fused.agreement));
            prop_assert!(close(fused.weights.values().sum(), 1.0));
        }
        views.reverse();
        prop_assert_eq!(fused, fuse(&views, now()));
    }

    #[test]
    fn a_better_view_never_lowers_the_score(views in prop::collection::vec(any_view(), 1..12), by in 0.0_f64..1.0) {
        let mut better = views.clone();
        better[0].score = (better[0].score + by).min(1.0);
        if let (Some(before), Some(after)) = (fuse(&views, now()), fuse(&better, now())) {
            prop_assert!(after.score >= before.score - 1e-9);
        }
    }

    #[test]
    fn the_market_stays_in_bounds(changes in prop::collection::vec(-99.0_f64..500.0, 0..8), score in -1.0_f64..=1.0) {
        let quotes: Vec<_> = changes.iter().map(|change| quote("S", *change)).collect();
        let found = intelligence(&quotes, &[("S".into(), score, 0.5)], now());
        prop_assert!((0.0..=1.0).contains(&found.overall));
        prop_assert!(found.signals.iter().all(|signal| (0.0..=1.0).contains(&signal.strength)));
    }
}
