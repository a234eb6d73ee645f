use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::{decision::Action, risk::TradingState};

/// Parses a number of a test.
macro_rules! dec {
    ($number:literal) => {
        stringify!($number).parse::<Decimal>().expect("a number of this test is valid")
    };
}

mod exits;

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("an instant of this test is valid").to_utc()
}

fn entry(action: Action) -> Entry {
    Entry {
        action,
        confidence: dec!(0.7),
        min_confidence: dec!(0.6),
        price: dec!(100),
        approved: true,
        held: Held::None,
        open_order: false,
    }
}

#[test]
fn an_entry_passes_or_is_held_back_by_the_first_obstacle() {
    let buy = entry(Action::Buy);
    let sell = Entry { held: Held::Long, approved: false, price: dec!(1), ..entry(Action::Sell) };
    let cases = [
        (entry(Action::Hold), Err(Obstacle::Hold)),
        (buy, Ok(dec!(1))),
        (Entry { confidence: dec!(0.6), ..buy }, Ok(dec!(1))),
        (Entry { confidence: dec!(0.59), ..buy }, Err(Obstacle::Confidence)),
        (Entry { approved: false, ..buy }, Err(Obstacle::CandidateApproval)),
        (Entry { price: dec!(4.99), ..buy }, Err(Obstacle::PennyStock)),
        (Entry { price: dec!(5), ..buy }, Ok(dec!(1))),
        (Entry { open_order: true, ..buy }, Err(Obstacle::OpenOrder)),
        (Entry { held: Held::Short, ..buy }, Err(Obstacle::ShortPosition)),
        (Entry { held: Held::Long, ..buy }, Ok(dec!(0.5))),
        (Entry { held: Held::Long, confidence: dec!(0.69), ..buy }, Err(Obstacle::AddingConfidence)),
        (sell, Ok(dec!(1))),
        (Entry { open_order: true, ..sell }, Ok(dec!(1))),
        (Entry { held: Held::None, ..sell }, Err(Obstacle::NoPosition)),
        (Entry { confidence: dec!(0.1), ..sell }, Err(Obstacle::Confidence)),
    ];
    for (entry, expected) in cases {
        assert_eq!(check(&entry), expected, "{entry:?}");
    }
}

#[test]
fn shares_are_whole_and_at_least_one() {
    let cases = [
        ("0.1", "0.25", "1", "100000", "100", Some("100")),
        ("0.5", "0.1", "1", "100000", "99", Some("101")),
        ("0.1", "0.1", "0.5", "100000", "100", Some("50")),
        ("0.01", "0.1", "1", "1000", "11", None),
        ("0.1", "0.1", "1", "1000", "0", None),
        ("0.1", "0.1", "1", "-5", "10", None),
    ];
    let d = |text: &str| text.parse::<Decimal>().expect("a number of this test is valid");
    for (suggested, cap, part, portfolio, price, expected) in cases {
        let shares = shares(d(suggested), d(cap), d(part), d(portfolio), d(price));
        assert_eq!(shares, expected.map(d), "{suggested} {cap} {part} {portfolio} {price}");
    }
}

#[test]
fn each_control_stops_what_it_should() {
    let free = Controls {
        running: true,
        paused: false,
        kill_switch: false,
        mode: Mode::Autonomous,
        trading: TradingState::Active,
        platform: TradingState::Active,
    };
    // What stops it, whether it enters, acts by itself, and exits by itself.
    let cases = [
        (free, None, true, true, true),
        (Controls { mode: Mode::SemiAuto, ..free }, None, true, false, true),
        (Controls { mode: Mode::Manual, ..free }, None, true, false, false),
        (Controls { running: false, ..free }, Some(Stop::NotRunning), false, false, false),
        (Controls { paused: true, ..free }, Some(Stop::Paused), false, false, false),
        (Controls { kill_switch: true, running: false, ..free }, Some(Stop::KillSwitch), false, false, false),
        (Controls { platform: TradingState::Halted, ..free }, Some(Stop::TradingHalted), false, false, false),
        (Controls { trading: TradingState::Halted, ..free }, Some(Stop::TradingHalted), false, false, false),
        (Controls { platform: TradingState::Reducing, ..free }, None, false, true, true),
        (Controls { trading: TradingState::Reducing, ..free }, None, false, true, true),
    ];
    for (controls, stop, enters, acts, exits) in cases {
        let told = (controls.stop(), controls.may_enter(), controls.acts(), controls.exits());
        assert_eq!(told, (stop, enters, acts, exits), "{controls:?}");
    }
}

#[test]
fn a_failed_cycle_waits_twice_as_long_each_time() {
    let minute = Duration::from_mins(1);
    let cases = [(0, 60), (1, 120), (2, 240), (5, 1920), (6, 3600), (7, 3600), (u32::MAX, 3600)];
    for (failures, seconds) in cases {
        assert_eq!(backoff(minute, failures), Duration::from_secs(seconds), "{failures}");
    }
    let day = Duration::from_hours(24);
    assert_eq!(backoff(day, 3), day, "a long interval is no shorter for having failed");
}

#[test]
fn a_price_is_fresh_by_the_session() {
    let max = TimeDelta::seconds(60);
    let cases = [
        ("2024-03-04T15:00:00Z", "2024-03-04T15:01:00Z", true),
        ("2024-03-04T15:00:00Z", "2024-03-04T15:01:01Z", false),
        ("2024-03-01T20:59:00Z", "2024-03-04T14:00:00Z", true),
        ("2024-02-26T20:59:00Z", "2024-03-04T14:00:00Z", false),
    ];
    for (as_of, now, fresh) in cases {
        assert_eq!(quote_is_fresh(at(as_of), at(now), max), fresh, "{as_of} at {now}");
    }
}

proptest! {
    #[test]
    fn a_window_holds_its_instants(second in 0_i64..4_000_000_000, interval in 1_u64..100_000) {
        let now = DateTime::from_timestamp(second, 999).expect("an instant");
        let start = window_start(now, Duration::from_secs(interval));
        let length = i64::try_from(interval.clamp(300, 86_400)).expect("it is small");
        prop_assert!(start <= now && now < start + TimeDelta::seconds(length));
        prop_assert_eq!(window_start(start, Duration::from_secs(interval)), start);
    }

    #[test]
    fn no_order_is_worth_more_than_its_cap(
        suggested in 1_i64..1000, cap in 1_i64..1000, portfolio in 1_i64..10_000_000, price in 1_i64..100_000,
    ) {
        let (suggested, cap) = (Decimal::new(suggested, 3), Decimal::new(cap, 3));
        let (portfolio, price) = (Decimal::from(portfolio), Decimal::new(price, 2));
        if let Some(shares) = shares(suggested, cap, Decimal::ONE, portfolio, price) {
            prop_assert!(shares >= Decimal::ONE && shares.fract().is_zero());
            prop_assert!(shares * price <= portfolio * suggested.min(cap));
        }
    }
}
