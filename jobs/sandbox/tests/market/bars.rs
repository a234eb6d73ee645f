//! Bars, latest prices, snapshots and news.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::Value;

use crate::served::{Served, stepped};

fn list<'a>(body: &'a Value, symbol: &str) -> &'a [Value] {
    body["bars"][symbol].as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

async fn closed() -> Served {
    let served = Served::start(stepped()).await;
    served.turn_to("2024-03-08T22:00:00Z").await;
    served
}

#[tokio::test]
async fn minutes_add_up_to_hours_and_days() {
    let served = closed().await;
    let range = "symbols=AAPL&start=2024-03-04&end=2024-03-09&limit=10000";
    let minutes = served.get(&format!("/v2/stocks/bars?timeframe=1Min&{range}")).await;
    let hours = served.get(&format!("/v2/stocks/bars?timeframe=1Hour&{range}")).await;
    let days = served.get(&format!("/v2/stocks/bars?timeframe=1Day&{range}")).await;
    let (minutes, hours, days) = (list(&minutes, "AAPL"), list(&hours, "AAPL"), list(&days, "AAPL"));
    assert_eq!((minutes.len(), hours.len(), days.len()), (5 * 390, 5 * 7, 5));
    for (day, minutes) in days.iter().zip(minutes.chunks(390)) {
        let lows = minutes.iter().map(|bar| number(&bar["l"])).fold(f64::INFINITY, f64::min);
        let highs = minutes.iter().map(|bar| number(&bar["h"])).fold(0.0, f64::max);
        assert_eq!((number(&day["l"]), number(&day["h"])), (lows, highs), "{day}");
        assert_eq!((&day["o"], &day["c"]), (&minutes[0]["o"], &minutes[389]["c"]));
        for (key, name) in [("v", "volume"), ("n", "trades")] {
            let sum: u64 = minutes.iter().filter_map(|bar| bar[key].as_u64()).sum();
            assert_eq!(day[key].as_u64(), Some(sum), "{name}");
        }
    }
    assert_eq!(days[0]["t"], "2024-03-04T05:00:00Z");
    assert_eq!(
        (&hours[0]["t"], &hours[1]["t"]),
        (&"2024-03-04T14:00:00Z".into(), &"2024-03-04T15:00:00Z".into())
    );
    for bar in minutes {
        let [low, open, close, high] = ["l", "o", "c", "h"].map(|key| number(&bar[key]));
        assert!(low <= open.min(close) && open.max(close) <= high, "{bar}");
        assert!((low..=high).contains(&number(&bar["vw"])), "{bar}");
    }
}

#[tokio::test]
async fn recorded_days_are_the_shipped_ones() {
    let served = closed().await;
    let body = served.get("/v2/stocks/IBM/bars?timeframe=1Day&start=2000-03-01&end=2000-03-01").await;
    let text = include_str!("../../../market_data/ohlcv/adjusted/IBM.csv");
    let line: Vec<f64> = text
        .lines()
        .nth(1)
        .expect("a bar")
        .split(',')
        .skip(1)
        .map(|n| n.parse().expect("a number"))
        .collect();
    let bar = &body["bars"][0];
    for (key, shipped) in ["o", "h", "l", "c"].into_iter().zip(&line) {
        assert!((number(&bar[key]) - shipped).abs() <= 0.005, "{key}: {bar}");
    }
    assert!((number(&bar["v"]) - line[4]).abs() < 0.5, "volume: {bar}");
}

#[tokio::test]
async fn pages_join_to_the_whole_in_both_directions() {
    let served = closed().await;
    for (timeframe, sort) in
        [("1Day", "asc"), ("1Day", "desc"), ("30Min", "asc"), ("30Min", "desc"), ("1Week", "asc")]
    {
        let path = format!(
            "/v2/stocks/bars?symbols=MSFT,AAPL,ZZZZ&timeframe={timeframe}&start=2024-02-01&end=2024-03-08&sort={sort}"
        );
        let whole = served.get(&format!("{path}&limit=10000")).await;
        assert_eq!(whole["next_page_token"], Value::Null);
        let whole: Vec<_> =
            ["AAPL", "MSFT"].iter().flat_map(|symbol| list(&whole, symbol).to_vec()).collect();
        let mut joined = Vec::new();
        let mut token = String::new();
        loop {
            let page = served.get(&format!("{path}&limit=7&page_token={token}")).await;
            let bars: Vec<_> =
                ["AAPL", "MSFT"].iter().flat_map(|symbol| list(&page, symbol).to_vec()).collect();
            assert!((1..=7).contains(&bars.len()));
            joined.extend(bars);
            match page["next_page_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(joined, whole, "{timeframe} {sort}");
        assert!(whole.len() >= 10);
    }
}

#[tokio::test]
async fn weeks_and_months_hold_their_days() {
    let served = closed().await;
    let week =
        served.get("/v2/stocks/bars?symbols=IBM&timeframe=1Week&start=2024-02-26&end=2024-03-01").await;
    let days = served.get("/v2/stocks/bars?symbols=IBM&timeframe=1Day&start=2024-02-26&end=2024-03-01").await;
    let (week, days) = (list(&week, "IBM"), list(&days, "IBM"));
    assert_eq!((week.len(), days.len()), (1, 5));
    assert_eq!(week[0]["t"], "2024-02-26T05:00:00Z");
    assert_eq!((&week[0]["o"], &week[0]["c"]), (&days[0]["o"], &days[4]["c"]));
    let sum: u64 = days.iter().filter_map(|bar| bar["v"].as_u64()).sum();
    assert_eq!(week[0]["v"].as_u64(), Some(sum));
    let months =
        served.get("/v2/stocks/bars?symbols=IBM&timeframe=3Month&start=2023-01-01&end=2024-03-08").await;
    let starts: Vec<_> = list(&months, "IBM").iter().map(|bar| &bar["t"]).collect();
    assert_eq!(starts.first().and_then(|t| t.as_str()), Some("2023-01-01T05:00:00Z"));
    assert_eq!(starts.len(), 5);
}

#[tokio::test]
async fn nothing_is_told_of_the_future() {
    let served = Served::start(stepped()).await;
    let path = "/v2/stocks/bars?symbols=AAPL&start=2024-03-04&end=2024-03-09&timeframe=";
    assert_eq!(served.get(&format!("{path}1Min")).await["bars"], serde_json::json!({}));
    assert_eq!(served.get(&format!("{path}1Day")).await["bars"], serde_json::json!({}));
    served.turn_to("2024-03-04T14:35:30Z").await;
    let minutes = served.get(&format!("{path}1Min")).await;
    assert_eq!(list(&minutes, "AAPL").len(), 5);
    let day = served.get(&format!("{path}1Day")).await;
    assert_eq!(list(&day, "AAPL")[0]["c"], list(&minutes, "AAPL")[4]["c"]);
    let latest = served.get("/v2/stocks/bars/latest?symbols=AAPL").await;
    assert_eq!(latest["bars"]["AAPL"], list(&minutes, "AAPL")[4]);
}

#[tokio::test]
async fn one_seed_gives_one_market_and_another_another() {
    let path = "/v2/stocks/bars?symbols=AAPL,FB&timeframe=1Min&start=2024-03-01&end=2024-03-02&limit=500";
    let mut bodies = BTreeSet::new();
    for seed in [7, 7, 8] {
        let served = Served::start(sandbox::Settings { seed, ..stepped() }).await;
        bodies.insert(served.get(path).await.to_string());
    }
    assert_eq!(bodies.len(), 2);
}

#[tokio::test]
async fn a_quote_surrounds_the_last_trade() {
    let served = Served::start(stepped()).await;
    for minute in 0..30 {
        served.turn_to(&format!("2024-03-04T15:{minute:02}:05Z")).await;
        let trades = served.get("/v2/stocks/trades/latest?symbols=AAPL,GOOG").await;
        let quotes = served.get("/v2/stocks/quotes/latest?symbols=AAPL,GOOG").await;
        for symbol in ["AAPL", "GOOG"] {
            let price = number(&trades["trades"][symbol]["p"]);
            let (bid, ask) =
                (number(&quotes["quotes"][symbol]["bp"]), number(&quotes["quotes"][symbol]["ap"]));
            assert!(bid <= price && price <= ask && ask - bid > 0.009, "{bid} {price} {ask}");
        }
    }
}

#[tokio::test]
async fn a_snapshot_has_five_parts_and_unknown_symbols_none() {
    let served = closed().await;
    let snapshots = served.get("/v2/stocks/snapshots?symbols=AAPL,ZZZZ").await;
    let keys: Vec<_> = snapshots.as_object().expect("no wrapper").keys().collect();
    assert_eq!(keys, ["AAPL"]);
    let snapshot = &snapshots["AAPL"];
    assert_eq!(
        snapshot["latestTrade"]["p"], snapshot["dailyBar"]["c"],
        "after hours the last trade is the close"
    );
    assert_eq!(snapshot["prevDailyBar"]["t"], "2024-03-07T05:00:00Z");
    assert_eq!(snapshot["minuteBar"]["t"], "2024-03-08T20:59:00Z");
    let single = served.get("/v2/stocks/aapl/snapshot").await;
    assert_eq!((&single["symbol"], &single["latestQuote"]), (&"AAPL".into(), &snapshot["latestQuote"]));
    assert_eq!(served.get("/v2/stocks/AAPL/trades/latest").await["trade"], snapshot["latestTrade"]);
    assert_eq!(served.get("/v2/stocks/ZZZZ/bars?timeframe=1Day").await["bars"], Value::Null);
    assert_eq!(served.answer("/v2/stocks/ZZZZ/quotes/latest").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bad_parameters_are_refused_without_a_code() {
    let served = closed().await;
    for query in [
        "timeframe=1Day",
        "symbols=AAPL",
        "symbols=AAPL&timeframe=1Year",
        "symbols=AAPL&timeframe=1Day&limit=0",
        "symbols=AAPL&timeframe=1Day&limit=10001",
        "symbols=AAPL&timeframe=1Day&start=soon",
        "symbols=AAPL&timeframe=1Day&start=2024-03-05&end=2024-03-04",
        "symbols=AAPL&timeframe=1Day&sort=up",
        "symbols=AAPL&timeframe=1Day&feed=radio",
        "symbols=AAPL&timeframe=1Day&adjustment=none",
        "symbols=AAPL&timeframe=1Day&page_token=x",
        "symbols=A%20B&timeframe=1Day",
    ] {
        let (status, body) = served.answer(&format!("/v2/stocks/bars?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert!(body["message"].is_string() && body.get("code").is_none(), "{body}");
    }
}

#[tokio::test]
async fn news_is_marked_as_simulated_and_comes_in_pages() {
    let served = closed().await;
    let path = "/v1beta1/news?symbols=AAPL,IBM&start=2024-03-04&end=2024-03-09";
    let all = served.get(&format!("{path}&limit=50")).await;
    let all = all["news"].as_array().expect("a list");
    assert_eq!(all.len(), 10);
    for item in all {
        assert!(item["headline"].as_str().is_some_and(|text| text.starts_with("Simulated: ")), "{item}");
        assert_eq!(item["source"], "simulated");
    }
    let first = served.get(&format!("{path}&limit=6")).await;
    let token = first["next_page_token"].as_str().expect("more to come");
    let second = served.get(&format!("{path}&limit=6&page_token={token}")).await;
    let joined: Vec<_> =
        [&first, &second].iter().flat_map(|page| page["news"].as_array().expect("a list")).collect();
    assert_eq!(joined, all.iter().collect::<Vec<_>>());
    assert_eq!(second["next_page_token"], Value::Null);
}
