//! The data providers: shapes, keys, refusals, and that none tells what another doesn't.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::served::{Served, stepped};

const AGENT: &str = "Capstan tests tests@example.com";
const CHART: &str = "/yahoo/v8/finance/chart/AAPL?period1=1706745600&period2=1709600000&interval=1d";
const DAYS: &str = "/polygon/v2/aggs/ticker/AAPL/range/1/day/2024-02-01/2024-03-04?apiKey=key";
const SHORTS: &str = "/finra/equity/regsho/daily/CNMSshvol20240304.txt";

async fn text(served: &Served, path: &str, agent: bool) -> (StatusCode, String) {
    let mut request = served.bare(Method::GET, path);
    if agent {
        request = request.header("User-Agent", AGENT);
    }
    let response = request.send().await.expect("an answer");
    (response.status(), response.text().await.expect("a text"))
}

async fn json_of(served: &Served, path: &str) -> Value {
    let (status, body) = text(served, path, true).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    serde_json::from_str(&body).expect("an answer in JSON")
}

/// Asserts that the value at each pointer is of the type that is named.
fn has(value: &Value, pointers: &[(&str, &str)]) {
    for (pointer, kind) in pointers {
        let found = value.pointer(pointer).unwrap_or(&Value::Null);
        let is = match *kind {
            "number" => found.is_number(),
            "integer" => found.is_i64(),
            "text" => found.is_string(),
            "list" => found.as_array().is_some_and(|list| !list.is_empty()),
            _ => found.is_null(),
        };
        assert!(is, "{pointer} is no {kind}: {found}");
    }
}

#[tokio::test]
async fn every_route_has_its_fields_in_their_types() {
    let served = Served::start(stepped()).await;
    served.turn_to("2024-03-05T15:00:00Z").await;
    let days = json_of(&served, DAYS).await;
    has(
        &days,
        &[
            ("/results", "list"),
            ("/results/0/t", "integer"),
            ("/results/0/c", "number"),
            ("/results/0/n", "integer"),
            ("/results/0/vw", "number"),
            ("/resultsCount", "integer"),
            ("/request_id", "text"),
        ],
    );
    let prev = json_of(&served, "/polygon/v2/aggs/ticker/AAPL/prev?apiKey=key").await;
    has(&prev, &[("/results/0/T", "text"), ("/results/0/t", "integer"), ("/results/0/v", "integer")]);
    let base = "/polygon/v2/snapshot/locale/us/markets/stocks/tickers";
    let one = json_of(&served, &format!("{base}/AAPL?apiKey=key")).await;
    has(
        &one,
        &[
            ("/ticker/updated", "integer"),
            ("/ticker/day/c", "number"),
            ("/ticker/min/t", "integer"),
            ("/ticker/prevDay/c", "number"),
            ("/ticker/lastTrade/p", "number"),
            ("/ticker/lastQuote/P", "number"),
            ("/ticker/todaysChangePerc", "number"),
        ],
    );
    let many = json_of(&served, &format!("{base}?tickers=AAPL,ZZZZ,MSFT&apiKey=key")).await;
    assert_eq!(many["tickers"].as_array().map(Vec::len), Some(2));
    let chart = json_of(&served, CHART).await;
    has(
        &chart,
        &[
            ("/chart/error", "null"),
            ("/chart/result/0/timestamp/0", "integer"),
            ("/chart/result/0/meta/regularMarketPrice", "number"),
            ("/chart/result/0/meta/regularMarketTime", "integer"),
            ("/chart/result/0/indicators/quote/0/volume/0", "integer"),
            ("/chart/result/0/indicators/adjclose/0/adjclose/0", "number"),
        ],
    );
    let quote = json_of(&served, "/finnhub/quote?symbol=AAPL&token=key").await;
    has(
        &quote,
        &[
            ("/c", "number"),
            ("/d", "number"),
            ("/dp", "number"),
            ("/h", "number"),
            ("/pc", "number"),
            ("/t", "integer"),
        ],
    );
    let news =
        json_of(&served, "/finnhub/company-news?symbol=AAPL&from=2024-03-01&to=2024-03-05&token=key").await;
    has(
        &news,
        &[("/0/datetime", "integer"), ("/0/headline", "text"), ("/0/id", "integer"), ("/0/url", "text")],
    );
    assert!(news[0]["headline"].as_str().is_some_and(|text| text.starts_with("Simulated: ")));
    for id in ["UNRATE", "CPIAUCSL", "DGS10", "FEDFUNDS", "GDP"] {
        let series =
            json_of(&served, &format!("/fred/series?series_id={id}&api_key=key&file_type=json")).await;
        assert!(series["seriess"][0]["title"].as_str().is_some_and(|text| text.starts_with("Simulated: ")));
        let rows =
            json_of(&served, &format!("/fred/series/observations?series_id={id}&api_key=key&file_type=json"))
                .await;
        has(
            &rows,
            &[("/count", "integer"), ("/observations/0/date", "text"), ("/observations/0/value", "text")],
        );
    }
    let (_, xml) = text(&served, "/fred/series/observations?series_id=GDP&api_key=key", false).await;
    assert!(xml.starts_with("<?xml") && xml.contains("<observation "), "{xml}");
    let tickers = json_of(&served, "/sec-www/files/company_tickers.json").await;
    assert_eq!(tickers["0"]["cik_str"], 320_193);
    let filings = json_of(&served, "/sec/submissions/CIK0000320193.json").await;
    has(
        &filings,
        &[
            ("/filings/recent/accessionNumber/0", "text"),
            ("/filings/recent/filingDate/0", "text"),
            ("/filings/recent/form/0", "text"),
        ],
    );
    let facts = json_of(&served, "/sec/api/xbrl/companyfacts/CIK0000320193.json").await;
    for (figure, unit) in [
        ("us-gaap/Revenues", "USD"),
        ("us-gaap/OperatingIncomeLoss", "USD"),
        ("us-gaap/Liabilities", "USD"),
        ("us-gaap/StockholdersEquity", "USD"),
        ("dei/EntityCommonStockSharesOutstanding", "shares"),
    ] {
        let row = format!("/facts/{figure}/units/{unit}/0");
        let fields = [
            ("val", "integer"),
            ("end", "text"),
            ("accn", "text"),
            ("fy", "integer"),
            ("fp", "text"),
            ("form", "text"),
            ("filed", "text"),
        ];
        for (field, kind) in fields {
            has(&facts, &[(&format!("{row}/{field}"), kind)]);
        }
    }
    let (_, shorts) = text(&served, SHORTS, true).await;
    let lines: Vec<_> = shorts.lines().collect();
    assert_eq!(lines[0], "Date|Symbol|ShortVolume|ShortExemptVolume|TotalVolume|Market");
    assert!(lines[1].starts_with("20240304|AAPL|"), "{shorts}");
    assert_eq!(lines.last().and_then(|count| count.parse().ok()), Some(lines.len() - 2));
}

#[tokio::test]
async fn each_provider_refuses_in_its_own_words() {
    let served = Served::start(stepped()).await;
    let cases = [
        ("/polygon/v2/aggs/ticker/AAPL/prev", true, 401, "\"ERROR\""),
        ("/polygon/v2/aggs/ticker/AAPL/prev?apiKey=other", true, 401, "Unknown API Key"),
        ("/polygon/v2/snapshot/locale/us/markets/stocks/tickers/ZZZZ?apiKey=key", true, 404, "NOT_FOUND"),
        (
            "/polygon/v2/aggs/ticker/AAPL/range/1/fortnight/2024-01-01/2024-02-01?apiKey=key",
            true,
            400,
            "ERROR",
        ),
        ("/yahoo/v8/finance/chart/AAPL", false, 429, "Too Many Requests"),
        ("/yahoo/v8/finance/chart/ZZZZ", true, 404, "\"result\":null"),
        ("/yahoo/v8/finance/chart/AAPL?range=9q", true, 422, "\"result\":null"),
        ("/finnhub/quote?symbol=AAPL", true, 401, "\"error\""),
        ("/finnhub/quote?symbol=ZZZZ&token=key", true, 200, "\"c\":0"),
        ("/finnhub/stock/candle?symbol=AAPL&token=key", true, 403, "access"),
        ("/fred/series?series_id=GDP&file_type=json", true, 400, "\"error_code\":400"),
        ("/fred/series?series_id=ZZ&file_type=json&api_key=key", true, 400, "The series does not exist."),
        ("/fred/series?series_id=ZZ&api_key=key", true, 400, "<error code=\"400\""),
        ("/sec/submissions/CIK0000320193.json", false, 403, "Undeclared Automated Tool"),
        ("/sec/submissions/CIK0000000001.json", true, 404, "NoSuchKey"),
        ("/sec-www/files/company_tickers.json", false, 403, "Undeclared"),
        ("/finra/equity/regsho/daily/CNMSshvol20240301.txt", false, 403, "AccessDenied"),
        ("/finra/equity/regsho/daily/CNMSshvol20240302.txt", true, 403, "AccessDenied"),
        (SHORTS, true, 403, "AccessDenied"),
    ];
    for (path, agent, status, words) in cases {
        let (found, body) = text(&served, path, agent).await;
        assert_eq!(found.as_u16(), status, "{path}: {body}");
        assert!(body.contains(words), "{path}: {body}");
    }
    let by_header = served.bare(Method::GET, "/finnhub/quote?symbol=AAPL").header("X-Finnhub-Token", "key");
    assert_eq!(by_header.send().await.expect("an answer").status(), StatusCode::OK);
    let bearer = served.bare(Method::GET, "/polygon/v2/aggs/ticker/AAPL/prev").bearer_auth("key");
    assert_eq!(bearer.send().await.expect("an answer").status(), StatusCode::OK);
}

#[tokio::test]
async fn providers_agree_on_the_close_of_a_session() {
    let served = Served::start(stepped()).await;
    served.turn_to("2024-03-04T22:59:59Z").await;
    let days = json_of(&served, DAYS).await;
    let chart = json_of(&served, CHART).await;
    let bars = served.get("/v2/stocks/AAPL/bars?timeframe=1Day&start=2024-02-01&end=2024-03-04").await;
    let closes = |list: &Value| {
        list.as_array().expect("a list").iter().map(|bar| bar["c"].clone()).collect::<Vec<_>>()
    };
    let alpaca = closes(&bars["bars"]);
    assert_eq!(alpaca.len(), 22);
    assert_eq!(closes(&days["results"]), alpaca);
    assert_eq!(chart["chart"]["result"][0]["indicators"]["quote"][0]["close"], json!(alpaca));
    let quote = json_of(&served, "/finnhub/quote?symbol=AAPL&token=key").await;
    assert_eq!(Some(&quote["c"]), alpaca.last());
    assert!(text(&served, SHORTS, true).await.0.is_client_error(), "posted at 18:00:00, not before");
}

#[tokio::test]
async fn nothing_later_than_the_clock_is_told_and_all_of_it_twice_alike() {
    let served = Served::start(stepped()).await;
    let other = Served::start(stepped()).await;
    for now in ["2024-03-04T14:30:00Z", "2024-03-05T18:07:31Z", "2024-08-05T20:30:00Z"] {
        served.turn_to(now).await;
        other.turn_to(now).await;
        let at = now.parse::<chrono::DateTime<chrono::Utc>>().expect("an instant");
        let (ms, today) = (at.timestamp_millis(), &now[..10]);
        let minutes =
            "/polygon/v2/aggs/ticker/IBM/range/5/minute/2024-03-01/2024-12-31?apiKey=key&sort=desc&limit=500";
        let bars = json_of(&served, minutes).await;
        assert!(bars["results"][0]["t"].as_i64().is_some_and(|t| t < ms), "{now}");
        let chart = json_of(&served, "/yahoo/v8/finance/chart/IBM?range=5d&interval=1d").await;
        let times = chart["chart"]["result"][0]["timestamp"].as_array().expect("a list");
        assert!(times.iter().all(|t| t.as_i64().is_some_and(|t| t * 1_000 <= ms)), "{now} {times:?}");
        let facts = json_of(&served, "/sec/api/xbrl/companyfacts/CIK0000051143.json").await;
        let rows = facts["facts"]["us-gaap"]["Revenues"]["units"]["USD"].as_array().expect("a list");
        assert!(rows.iter().all(|row| row["filed"].as_str().is_some_and(|filed| filed <= today)));
        let news =
            json_of(&served, "/finnhub/company-news?symbol=IBM&from=2024-01-01&to=2024-12-31&token=key")
                .await;
        assert!(news[0]["datetime"].as_i64().is_some_and(|t| t * 1_000 <= ms));
        for path in [
            minutes,
            DAYS,
            CHART,
            "/sec/submissions/CIK0000051143.json",
            "/fred/series/observations?series_id=DGS10&api_key=key",
        ] {
            let (one, two) = (text(&served, path, true).await.1, text(&other, path, true).await.1);
            // Where a next page lies is all that may differ.
            let two = two.replace(&other.address.to_string(), &served.address.to_string());
            assert_eq!(one, two, "{path}");
        }
    }
}

#[tokio::test]
async fn figures_of_the_economy_appear_when_they_are_published() {
    let served = Served::start(stepped()).await;
    let path =
        "/fred/series/observations?series_id=UNRATE&api_key=key&file_type=json&sort_order=desc&limit=1";
    assert_eq!(json_of(&served, path).await["observations"][0]["date"], "2024-01-01");
    served.turn_to("2024-03-06T14:00:00Z").await;
    assert_eq!(json_of(&served, path).await["observations"][0]["date"], "2024-02-01");
    let before = json_of(&served, &format!("{path}&realtime_end=2024-03-05")).await;
    assert_eq!(before["observations"][0]["date"], "2024-01-01");
    let holidays = "/fred/series/observations?series_id=DGS10&api_key=key&file_type=json&observation_start=2024-01-01&observation_end=2024-01-01";
    assert_eq!(json_of(&served, holidays).await["observations"][0]["value"], ".");
}

#[tokio::test]
async fn faults_reach_the_providers() {
    let served = Served::start(stepped()).await;
    let set = async |rules: Value| {
        let response =
            served.bare(Method::PUT, "/sandbox/faults").json(&rules).send().await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
    };
    served.turn_to("2024-03-05T23:30:00Z").await;
    let fresh = json_of(&served, DAYS).await["results"][0]["t"].as_i64().expect("a time");
    set(json!([{"route": "/polygon/*", "kind": "stale_timestamps", "by_s": 3600}])).await;
    assert_eq!(json_of(&served, DAYS).await["results"][0]["t"], fresh - 3_600_000);
    set(
        json!([{"route": "/polygon/*", "kind": "wrong_types"}, {"route": "/finra/*", "kind": "wrong_types"}]),
    )
    .await;
    assert!(json_of(&served, DAYS).await["results"][0]["c"].is_string());
    assert!(text(&served, SHORTS, true).await.1.contains("|about|"));
    assert!(json_of(&served, "/finnhub/quote?symbol=AAPL&token=key").await["c"].is_number());
    set(json!([{"kind": "malformed_json"}])).await;
    for path in [DAYS, CHART, "/finnhub/quote?symbol=AAPL&token=key", "/sec/submissions/CIK0000320193.json"] {
        assert!(serde_json::from_str::<Value>(&text(&served, path, true).await.1).is_err(), "{path}");
    }
    set(json!([{"kind": "too_many_requests", "retry_after": 2}])).await;
    for (path, words) in [
        (DAYS, "maximum requests"),
        (CHART, "Too Many"),
        ("/finnhub/quote", "API limit"),
        ("/fred/series?file_type=json", "429"),
    ] {
        let (status, body) = text(&served, path, true).await;
        assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
        assert!(body.contains(words), "{path}: {body}");
    }
}
