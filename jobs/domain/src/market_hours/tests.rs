//! Instants around the edges of sessions, clock changes and early closes.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;

fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).expect("an instant of this test is valid").to_utc()
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date of this test is valid")
}

#[test]
fn the_session_follows_new_york_time() {
    use Session::{AfterHours, Closed, PreMarket, Regular};
    let cases = [
        // A Thursday in winter: UTC - 5.
        ("2024-01-18T08:59:59Z", Closed),
        ("2024-01-18T09:00:00Z", PreMarket),
        ("2024-01-18T14:29:59.999Z", PreMarket),
        ("2024-01-18T14:30:00Z", Regular),
        ("2024-01-18T20:59:59Z", Regular),
        ("2024-01-18T21:00:00Z", AfterHours),
        ("2024-01-19T00:59:59Z", AfterHours),
        ("2024-01-19T01:00:00Z", Closed),
        // Clocks go forward on 10 March 2024: Friday UTC - 5, Monday UTC - 4.
        ("2024-03-08T14:29:59Z", PreMarket),
        ("2024-03-08T14:30:00Z", Regular),
        ("2024-03-10T14:30:00Z", Closed),
        ("2024-03-11T13:29:59Z", PreMarket),
        ("2024-03-11T13:30:00Z", Regular),
        ("2024-03-11T20:00:00Z", AfterHours),
        // Clocks go back on 3 November 2024.
        ("2024-11-01T13:30:00Z", Regular),
        ("2024-11-04T13:30:00Z", PreMarket),
        ("2024-11-04T14:30:00Z", Regular),
        ("2024-11-04T21:00:00Z", AfterHours),
        // Early closes.
        ("2024-11-29T17:59:59Z", Regular),
        ("2024-11-29T18:00:00Z", AfterHours),
        ("2024-11-29T22:00:00Z", Closed),
        ("2024-07-03T16:59:59Z", Regular),
        ("2024-07-03T17:00:00Z", AfterHours),
        ("2024-12-24T18:00:00Z", AfterHours),
        // Holidays, and the weekend.
        ("2024-07-04T15:00:00Z", Closed),
        ("2024-12-25T15:00:00Z", Closed),
        ("2024-01-20T15:00:00Z", Closed),
    ];
    for (at, session) in cases {
        assert_eq!(session_at(utc(at)), session, "{at}");
        assert_eq!(is_open(utc(at)), session == Regular, "{at}");
    }
}

#[test]
fn open_close_and_day_order_end_are_the_next_ones() {
    // (at, next open, next close, trading day, end of a day order, end of an extended one)
    let cases = [
        (
            "2024-01-18T15:00:00Z",
            "2024-01-19T14:30:00Z",
            "2024-01-18T21:00:00Z",
            "2024-01-18",
            "2024-01-19T01:00:00Z",
        ),
        (
            "2024-01-18T14:30:00Z",
            "2024-01-19T14:30:00Z",
            "2024-01-18T21:00:00Z",
            "2024-01-18",
            "2024-01-19T01:00:00Z",
        ),
        (
            "2024-01-18T21:00:00Z",
            "2024-01-19T14:30:00Z",
            "2024-01-19T21:00:00Z",
            "2024-01-18",
            "2024-01-19T01:00:00Z",
        ),
        (
            "2024-01-19T01:00:00Z",
            "2024-01-19T14:30:00Z",
            "2024-01-19T21:00:00Z",
            "2024-01-19",
            "2024-01-20T01:00:00Z",
        ),
        // Friday after hours, over the change of clocks.
        (
            "2024-03-09T01:00:00Z",
            "2024-03-11T13:30:00Z",
            "2024-03-11T20:00:00Z",
            "2024-03-11",
            "2024-03-12T00:00:00Z",
        ),
        // Thanksgiving, then the early close.
        (
            "2024-11-28T15:00:00Z",
            "2024-11-29T14:30:00Z",
            "2024-11-29T18:00:00Z",
            "2024-11-29",
            "2024-11-29T22:00:00Z",
        ),
        (
            "2024-11-29T18:30:00Z",
            "2024-12-02T14:30:00Z",
            "2024-12-02T21:00:00Z",
            "2024-11-29",
            "2024-11-29T22:00:00Z",
        ),
    ];
    for (at, open, close, trading, extended) in cases {
        let now = utc(at);
        assert_eq!(next_open(now), utc(open), "{at}");
        assert_eq!(next_close(now), utc(close), "{at}");
        assert_eq!(trading_day(now), day(trading), "{at}");
        assert_eq!(day_order_end(now, false), utc(close), "{at}");
        assert_eq!(day_order_end(now, true), utc(extended), "{at}");
    }
}

#[test]
fn early_closes_are_those_that_were_published() {
    let cases = [
        ("2001-07-03", true, "the eve on a tuesday"),
        ("2002-07-03", false, "the eve on a wednesday, before 2013"),
        ("2002-07-05", true, "the friday after, before 2013"),
        ("2013-07-03", true, "the eve on a wednesday, from 2013"),
        ("2013-07-05", false, "the friday after, from 2013"),
        ("2015-07-03", false, "the holiday itself is observed"),
        ("2017-07-03", true, "the eve on a monday"),
        ("2021-07-02", false, "no eve when the fourth is a sunday"),
        ("2022-07-01", false, "no eve when the fourth is a monday"),
        ("2023-07-03", true, "the eve on a monday"),
        ("2025-07-03", true, "the eve on a thursday"),
        ("2019-11-29", true, "the day after thanksgiving, late"),
        ("2023-11-24", true, "the day after thanksgiving"),
        ("2018-11-23", true, "the day after thanksgiving, early"),
        ("2024-11-22", false, "a friday before thanksgiving"),
        ("2019-12-24", true, "christmas eve"),
        ("2021-12-24", false, "christmas is observed"),
        ("2022-12-24", false, "a saturday"),
        ("2022-12-23", false, "the friday before the weekend of christmas"),
    ];
    for (date, early, why) in cases {
        assert_eq!(is_early_close(day(date)), early, "{date}: {why}");
    }
}

#[test]
fn words_are_the_same_in_json() {
    for session in [Session::PreMarket, Session::Regular, Session::AfterHours, Session::Closed] {
        let json = serde_json::to_value(session).expect("a word serialises");
        assert_eq!(json, session.as_str());
    }
}

proptest! {
    #[test]
    fn open_and_close_alternate(minutes in 0_i64..50_000_000) {
        let at = utc("2000-01-01T00:00:00Z") + TimeDelta::minutes(minutes);
        let (open, close) = (next_open(at), next_close(at));
        prop_assert!(open > at && close > at);
        prop_assert_eq!(is_open(at), close < open);
        prop_assert!(is_open(open) && !is_open(open - TimeDelta::seconds(1)));
        prop_assert!(!is_open(close) && is_open(close - TimeDelta::seconds(1)));
        prop_assert!(open - at < TimeDelta::days(8));
        let day = trading_day(at);
        prop_assert!(calendar::is_session(day));
        prop_assert!(day_order_end(at, true) > at);
        prop_assert_eq!(trading_day(open), local_date(open));
        if session_at(at) != Session::Closed {
            prop_assert_eq!(day, local_date(at));
        }
    }
}
