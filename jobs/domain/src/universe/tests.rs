use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::bars::{Provenance, Series};

fn d(text: &str) -> Decimal {
    text.parse().expect("a number of this test is valid")
}

fn figures(growth: &str, margin: &str, leverage: &str, dilution: &str) -> Figures {
    let read = |text: &str| (!text.is_empty()).then(|| d(text));
    Figures {
        revenue_growth: read(growth),
        operating_margin: read(margin),
        debt_to_equity: read(leverage),
        dilution: read(dilution),
    }
}

#[test]
fn a_tier_follows_from_value_spread_and_price() {
    for (value, spread, price, tier) in [
        ("50000000", Some("0.25"), "5", Tier::A),
        ("50000000", None, "5", Tier::A),
        ("49999999.99", Some("0.1"), "100", Tier::B),
        ("90000000", Some("0.26"), "100", Tier::B),
        ("90000000", Some("0.1"), "4.99", Tier::B),
        ("20000000", Some("0.75"), "3", Tier::B),
        ("19999999", None, "100", Tier::C),
        ("90000000", Some("0.76"), "100", Tier::C),
        ("90000000", None, "2.99", Tier::C),
    ] {
        assert_eq!(Tier::of(d(value), spread.map(d), d(price)), tier, "{value} {spread:?} {price}");
    }
    assert_eq!(Tier::ALL.map(Tier::liquidity_score), [d("1.0"), d("0.7"), d("0.4")]);
    assert!(is_penny_stock(d("4.9999")) && !is_penny_stock(d("5")));
}

#[test]
fn a_score_is_the_weighted_mean_of_what_is_known() {
    for (given, expected, missing) in [
        (figures("0.5", "0.4", "0", "-0.1"), "1", vec![]),
        (figures("-0.1", "-0.1", "3", "0.15"), "0", vec![]),
        (figures("9", "9", "-9", "-9"), "1", vec![]),
        (figures("0.2", "0.15", "1.5", "0.025"), "0.5", vec![]),
        (figures("0.5", "", "", ""), "1", vec!["margin", "leverage", "dilution"]),
        (figures("0.5", "-0.1", "", ""), "0.5385", vec!["leverage", "dilution"]),
    ] {
        let scored = score(&given, Tier::A);
        assert_eq!((scored.score, &scored.missing), (d(expected), &missing), "{given:?}");
        for name in missing {
            assert!(scored.rationale.contains(name), "{}", scored.rationale);
        }
    }
}

#[test]
fn without_figures_liquidity_alone_decides_and_says_so() {
    for (tier, expected) in [(Tier::A, "0.5"), (Tier::B, "0.35"), (Tier::C, "0.2")] {
        let scored = score(&Figures::default(), tier);
        assert_eq!((scored.score, scored.growth, scored.quality), (d(expected), None, None));
        assert!(scored.rationale.contains("liquidity alone"), "{}", scored.rationale);
    }
}

#[test]
fn liquidity_is_the_mean_of_the_last_sessions_and_needs_five() {
    let days = 6_u32;
    let bars = Series {
        symbol: "AAPL".into(),
        dates: (1..=days).filter_map(|day| chrono::NaiveDate::from_ymd_opt(2024, 3, day)).collect(),
        open: vec![10.0; 6],
        high: vec![10.0; 6],
        low: vec![10.0; 6],
        close: vec![99.0, 10.0, 10.0, 10.0, 10.0, 20.0],
        volume: vec![9e9, 1e6, 1e6, 1e6, 1e6, 6e6],
        provenance: vec![Provenance::Real; 6],
    };
    let found = liquidity(&bars, 5, None).expect("five sessions");
    assert_eq!(
        (found.avg_daily_volume, found.traded_value, found.price, found.tier),
        (d("2000000"), d("32000000"), d("20"), Tier::B)
    );
    assert_eq!(liquidity(&bars, 4, None), None);
}

fn maybe() -> impl Strategy<Value = Option<Decimal>> {
    prop::option::of((-5000_i64..5000).prop_map(|n| Decimal::new(n, 3)))
}

proptest! {
    #[test]
    fn a_score_stays_between_0_and_1_and_more_growth_never_costs(
        growth in -5000_i64..5000, more in 0_i64..1000, margin in maybe(), debt in maybe(), dilution in maybe()
    ) {
        let of = |growth| score(&Figures {
            revenue_growth: Some(Decimal::new(growth, 3)),
            operating_margin: margin, debt_to_equity: debt, dilution,
        }, Tier::B).score;
        prop_assert!(of(growth) >= Decimal::ZERO && of(growth) <= Decimal::ONE);
        prop_assert!(of(growth + more) >= of(growth));
    }
}
