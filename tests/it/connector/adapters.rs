//! Each adapter reads what its provider says, and asks as the provider wants to be asked.

use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde_json::json;
use suites::TestDatabase;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal of this test")
}

#[tokio::test]
async fn a_quote_is_the_same_from_everybody_and_says_whose_it_is() {
    let database = TestDatabase::create().await;
    let finnhub = json!({"c": 188.4, "d": 1.3, "dp": 0.69, "h": 189.0, "l": 186.2, "o": 187.1, "pc": 187.1,
                         "t": 1_772_733_590});
    for (provider, answer) in [
        ("alpaca", alpaca_snapshot(&json!(188.4), "2026-03-05T17:59:50.123456789Z")),
        ("polygon", polygon_snapshot(188.4)),
        ("yahoo", yahoo_chart(188.4)),
        ("finnhub", finnhub),
    ] {
        let far = saying(answer).await;
        let asked = connectors(&settings(&[(provider, &far.url)]), &database.pool);
        let quotes = asked.quotes(&symbols(&["AAPL"]), now(), LIMIT).await.expect(provider);
        assert_eq!(quotes.len(), 1, "{provider}");
        let quote = &quotes[0];
        assert_eq!((quote.provider, quote.fallbacks.len()), (provider, 0));
        assert_eq!(quote.value.price, decimal("188.4"), "{provider}");
        assert_eq!(quote.value.high, Some(decimal("189.0")), "{provider}");
        assert!(now() - quote.as_of < TimeDelta::seconds(11), "{provider}: {}", quote.as_of);
        let seen = far.seen();
        let header = match provider {
            "alpaca" => seen[0].header("apca-api-key-id"),
            "polygon" => seen[0].header("authorization").and_then(|text| text.strip_prefix("Bearer ")),
            "finnhub" => seen[0].header("x-finnhub-token"),
            _ => Some(KEY),
        };
        assert_eq!(header, Some(KEY), "{provider}");
        assert!(seen.iter().all(|seen| !seen.target.contains(KEY)), "{seen:?}");
    }
}

#[tokio::test]
async fn daily_bars_leave_out_the_running_session_and_are_as_many_as_asked_for() {
    let database = TestDatabase::create().await;
    let days = sessions("2026-03-05");
    let bar = |t: serde_json::Value| json!({"t": t, "o": 187.1, "h": 189.0, "l": 186.2, "c": 188.4, "v": 7});
    let at = |day: &NaiveDate| day.and_hms_opt(5, 0, 0).expect("a time").and_utc();
    let alpaca: Vec<_> = days.iter().map(|day| bar(json!(at(day)))).collect();
    let polygon: Vec<_> = days.iter().map(|day| bar(json!(at(day).timestamp_millis()))).collect();
    let column = |price: f64| vec![price; days.len()];
    let yahoo = json!({"chart": {"error": null, "result": [{
        "meta": {}, "timestamp": days.iter().map(|day| at(day).timestamp() + 34_200).collect::<Vec<_>>(),
        "indicators": {
            "quote": [{"open": column(374.2), "high": column(378.0), "low": column(372.4),
                       "close": column(376.8), "volume": column(7.0)}],
            "adjclose": [{"adjclose": column(188.4)}]}}]}});
    for (provider, answer) in [
        ("alpaca", json!({"bars": {"AAPL": alpaca}, "next_page_token": null})),
        ("polygon", json!({"status": "OK", "resultsCount": days.len(), "results": polygon})),
        ("yahoo", yahoo),
    ] {
        let far = saying(answer).await;
        let asked = connectors(&settings(&[(provider, &far.url)]), &database.pool);
        let bars = asked.daily_bars("AAPL", 4, now()).await.expect(provider);
        assert_eq!(bars.provider, provider);
        assert_eq!(bars.value.dates, days[days.len() - 5..days.len() - 1], "{provider}");
        assert!(bars.value.high.iter().all(|high| (high - 189.0).abs() < 1e-9), "{provider}: {bars:?}");
        assert_eq!(bars.as_of.to_rfc3339(), "2026-03-04T21:00:00+00:00");
    }
}

#[tokio::test]
async fn news_are_plain_text_newest_first() {
    let database = TestDatabase::create().await;
    let alpaca = |id: u64, at: &str| {
        json!({"id": id, "headline": "<b>Up</b> &amp; away", "summary": "", "source": "x", "author": "y",
               "url": "javascript:alert(1)", "symbols": ["AAPL"], "created_at": at, "updated_at": at})
    };
    let finnhub = |id: u64, at: i64| {
        json!({"category": "company", "datetime": at, "headline": "<b>Up</b> &amp; away", "id": id, "image": "",
               "related": "AAPL", "source": "x", "summary": "", "url": "data:x"})
    };
    let old_and_new = [alpaca(1, "2026-03-05T10:00:00Z"), alpaca(2, "2026-03-05T17:00:00Z")];
    for (provider, answer) in [
        ("alpaca", json!({"news": old_and_new, "next_page_token": null})),
        ("finnhub", json!([finnhub(2, 1_772_730_000), finnhub(1, 1_772_704_800)])),
    ] {
        let far = saying(answer).await;
        let asked = connectors(&settings(&[(provider, &far.url)]), &database.pool);
        let news = asked.news("AAPL", now() - TimeDelta::days(1), now()).await.expect(provider);
        let ids: Vec<_> = news.value.iter().map(|item| item.id.as_str()).collect();
        assert_eq!((news.provider, ids), (provider, vec!["2", "1"]));
        assert_eq!((news.value[0].headline.as_str(), &news.value[0].url), ("Up & away", &None));
    }
}

#[tokio::test]
async fn the_economy_is_asked_for_as_it_was_known_and_the_key_is_seen_by_nobody_else() {
    let database = TestDatabase::create().await;
    let told = json!({"count": 3, "observations": [
        {"date": "2025-12-01", "value": "4.1"}, {"date": "2026-01-01", "value": "."},
        {"date": "2026-02-01", "value": "4.33"}]});
    let far = saying(told).await;
    let asked = connectors(&settings(&[("fred", &far.url)]), &database.pool);
    let figure = asked.economy("UNRATE", now()).await.expect("a series");
    assert_eq!(figure.value.values.len(), 2);
    assert_eq!(figure.value.values[1].1, decimal("4.33"));
    let target = &far.seen()[0].target;
    assert!(target.contains("realtime_end=2026-03-05") && target.contains(&format!("api_key={KEY}")));
    drop(far);
    let error = asked.economy("UNRATE", now()).await.expect_err("nobody is there").to_string();
    assert!(error.contains("fred") && !error.contains(KEY), "{error}");
}

#[tokio::test]
async fn short_volume_is_read_from_a_file_a_session_each_once() {
    let database = TestDatabase::create().await;
    let far = FarSide::start(|seen: &Seen| {
        let day = &seen.target[seen.target.len() - 12..seen.target.len() - 4];
        let file = format!(
            "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market\r\n{day}|AAPL|40.5|1|100|B,Q,N\r\n1\r\n"
        );
        Reply::Text(200, vec![("content-type", "text/plain".into())], file)
    })
    .await;
    let asked = connectors(&settings(&[("finra", &far.url)]), &database.pool);
    for _ in 0..2 {
        let volumes = asked.short_volume("AAPL", now()).await.expect("five files");
        let days: Vec<_> = volumes.value.iter().map(|volume| volume.date).collect();
        let expected = sessions("2026-03-04");
        assert_eq!(days, expected[expected.len() - 5..]);
        assert_eq!((volumes.value[0].short, volumes.value[0].total), (decimal("40.5"), decimal("100")));
    }
    assert_eq!(far.seen().len(), 5, "the second question is answered from what was read");
}

#[tokio::test]
async fn a_companys_figures_are_found_by_its_ticker() {
    let database = TestDatabase::create().await;
    let year = |year: i32, val: i64| {
        json!({"start": format!("{year}-01-01"), "end": format!("{year}-12-31"), "val": val,
               "filed": format!("{}-02-20", year + 1), "accn": "x", "fy": year, "fp": "FY", "form": "10-K"})
    };
    let facts = json!({"cik": 320_193, "entityName": "Apple", "facts": {"us-gaap": {
        "Revenues": {"label": "r", "description": "d", "units": {"USD": [year(2024, 100), year(2025, 110)]}}}}});
    let far = FarSide::start(move |seen: &Seen| match seen.target.as_str() {
        "/files/company_tickers.json" => {
            Reply::Json(200, json!({"0": {"cik_str": 320_193, "ticker": "AAPL", "title": "Apple"}}))
        }
        "/api/xbrl/companyfacts/CIK0000320193.json" => Reply::Json(200, facts.clone()),
        _ => Reply::Text(404, vec![], "<Error/>".into()),
    })
    .await;
    let asked = connectors(&settings(&[("sec", &far.url)]), &database.pool);
    let figures = asked.company("AAPL", now()).await.expect("two years");
    assert_eq!(figures.value.revenue_growth, Some(decimal("0.1")));
    assert_eq!((figures.provider, figures.value.filed.to_string().as_str()), ("sec-edgar", "2026-02-20"));
    asked.company("ZZZZ", now()).await.expect_err("nobody files under it");
    let seen = far.seen();
    assert_eq!(seen.len(), 2, "the list of tickers is read once: {seen:?}");
    assert!(seen.iter().all(|seen| seen.header("user-agent") == Some("Ann ann@example.com")), "{seen:?}");
}
