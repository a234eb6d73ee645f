use domain::bars::Provenance;

use super::{
    super::flaw::Code::{Implausible, Malformed, Stale},
    *,
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time of this test is valid")
}

fn a_quote(price: &str, time: &str) -> Quote {
    Quote {
        symbol: "AAPL".into(),
        price: price.parse().expect("a price"),
        previous_close: Some(Decimal::ONE_HUNDRED),
        open: None,
        high: None,
        low: None,
        volume: None,
        at: at(time),
    }
}

/// Bars of the sessions up to `last`, a thursday.
fn bars(last: &str) -> Series {
    let last: NaiveDate = last.parse().expect("a date");
    let dates: Vec<NaiveDate> = calendar::sessions(last - chrono::Days::new(9), last).collect();
    let column = |value: f64| vec![value; dates.len()];
    Series {
        symbol: "AAPL".into(),
        open: column(100.0),
        high: column(102.0),
        low: column(99.0),
        close: column(101.0),
        volume: column(1e6),
        provenance: vec![Provenance::Real; dates.len()],
        dates,
    }
}

#[test]
fn a_quote_is_judged_by_the_markets_time() {
    let (open, night, weekend) = ("2026-03-05T18:00:00Z", "2026-03-05T23:00:00Z", "2026-03-07T18:00:00Z");
    for (price, time, now, expected) in [
        ("101", "2026-03-05T17:59:30Z", open, None),
        ("101", "2026-03-05T17:45:00Z", open, None),
        ("101", "2026-03-05T17:44:59Z", open, Some(Stale)),
        ("101", "2026-03-05T18:01:01Z", open, Some(Implausible)),
        ("101", "2026-03-05T20:59:59Z", night, None),
        ("101", "2026-03-05T20:00:00Z", night, Some(Stale)),
        ("101", "2026-03-06T20:59:59Z", weekend, None),
        ("101", "2026-03-05T20:59:59Z", weekend, Some(Stale)),
        ("0", "2026-03-05T18:00:00Z", open, Some(Implausible)),
        ("-3", "2026-03-05T18:00:00Z", open, Some(Implausible)),
    ] {
        let judged = quote(&a_quote(price, time), TimeDelta::seconds(900), at(now));
        assert_eq!(judged.err().map(|flaw| flaw.code), expected, "{price} at {time}, seen {now}");
    }
    let upside_down =
        Quote { high: Some(Decimal::ONE), low: Some(Decimal::TWO), ..a_quote("101", "2026-03-05T18:00:00Z") };
    let flaw = quote(&upside_down, TimeDelta::seconds(900), at(open)).expect_err("high below low");
    assert_eq!(flaw.code, Implausible);
}

#[test]
fn a_jump_is_believed_when_two_sources_tell_of_it() {
    for (price, other, expected) in [
        ("150", None, None),
        ("150.01", None, Some(Implausible)),
        ("49.99", None, Some(Implausible)),
        ("45", Some("45.5"), None),
        ("45", Some("60"), Some(Implausible)),
    ] {
        let other = other.map(|other| other.parse().expect("a price of this test"));
        let judged = jump(&a_quote(price, "2026-03-05T18:00:00Z"), other);
        assert_eq!(judged.err().map(|flaw| flaw.code), expected, "{price} beside {other:?}");
    }
}

#[test]
fn bars_reach_the_last_finished_session_and_are_possible() {
    let now = at("2026-03-05T18:00:00Z");
    series(&bars("2026-03-04"), now).expect("up to yesterday, while the market is open");
    let evening = at("2026-03-05T21:10:00Z");
    series(&bars("2026-03-04"), evening).expect("the new bar may take a while");
    series(&bars("2026-03-05"), evening).expect("and may be there");
    let changed = |change: fn(&mut Series)| {
        let mut changed = bars("2026-03-04");
        change(&mut changed);
        changed
    };
    for (bad, expected) in [
        (bars("2026-03-03"), Stale),
        (bars("2026-03-05"), Implausible),
        (Series::default(), Stale),
        (changed(|bars| bars.dates.swap(0, 1)), Implausible),
        (changed(|bars| bars.low[2] = -1.0), Implausible),
        (changed(|bars| bars.high[2] = 100.5), Implausible),
        (changed(|bars| bars.close[2] = f64::NAN), Implausible),
        (changed(|bars| bars.volume[2] = -1.0), Implausible),
        (
            changed(|bars| {
                let last = bars.len() - 1;
                (bars.high[last], bars.close[last]) = (200.0, 180.0);
            }),
            Implausible,
        ),
        (changed(|bars| bars.close.truncate(1)), Malformed),
    ] {
        assert_eq!(series(&bad, now).expect_err("it is bad").code, expected, "{bad:?}");
    }
}

#[test]
fn news_of_the_future_and_without_a_headline_are_left_out() {
    let item = |id: &str, headline: &str, time: &str| NewsItem {
        id: id.into(),
        headline: headline.into(),
        summary: None,
        source: None,
        url: None,
        symbols: vec!["AAPL".into()],
        published_at: at(time),
    };
    let now = at("2026-03-05T18:00:00Z");
    let mut items = vec![
        item("1", "old", "2026-03-01T00:00:00Z"),
        item("2", "one", "2026-03-05T10:00:00Z"),
        item("3", "two", "2026-03-05T12:00:00Z"),
        item("4", "", "2026-03-05T12:00:00Z"),
        item("5", "to come", "2026-03-06T12:00:00Z"),
    ];
    let flaw = news(&mut items, at("2026-03-04T00:00:00Z"), now).expect("two of them are dropped");
    assert!(flaw.reason.starts_with("2 news"), "{flaw:?}");
    assert_eq!(items.iter().map(|item| item.id.as_str()).collect::<Vec<_>>(), ["3", "2"]);
}
