//! What a process shows of itself, and what it must not.

mod workers;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use jobs::config::{Config, Switch};
use suites::{TestApp, requests};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

async fn scrape(url: &str) -> String {
    let response = reqwest::get(url).await.expect("an answer");
    assert_eq!(response.status(), 200, "{url}");
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.expect("text");
    check(&text);
    text
}

/// Panics unless every sample is described once, has our prefix and a number.
fn check(text: &str) {
    let mut types = HashMap::new();
    for line in text.lines() {
        if let Some(described) = line.strip_prefix("# TYPE ") {
            let (name, kind) = described.split_once(' ').expect("a name and a type");
            assert!(types.insert(name, kind).is_none(), "{name} is described twice");
            assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
        } else if !line.starts_with('#') {
            let (series, value) = line.rsplit_once(' ').expect("a series and a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            let name = series.split('{').next().unwrap_or_default();
            assert!(name.starts_with("capstan_"), "{line}");
            let whole = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
            let described = types.contains_key(name) || whole.is_some_and(|name| types[name] == "histogram");
            assert!(described, "{line} has no type");
        }
    }
    assert!(types.len() > 3, "{text}");
}

/// Returns the value of a series, written as it stands in the text.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test]
async fn the_api_shows_requests_jobs_and_its_pool_but_nobodys_ids() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (status, run, _) = user.post("/api/backtests", &requests::report_backtest()).await;
    assert_eq!(status, 200, "{run}");
    let id = run["id"].as_str().expect("a run has an id");
    for path in [format!("/api/backtests/{id}"), format!("/api/backtests/{}", Uuid::now_v7())] {
        user.get(&path).await;
    }
    user.get(&format!("/nowhere/{}", user.username)).await;
    let text = scrape(&format!("{}/metrics", app.url)).await;
    for (series, expected) in [
        (r#"capstan_http_requests_total{method="GET",route="/api/backtests/{id}",status="200"}"#, 1.0),
        (r#"capstan_http_requests_total{method="GET",route="/api/backtests/{id}",status="404"}"#, 1.0),
        (r#"capstan_http_requests_total{method="GET",route="unknown",status="404"}"#, 1.0),
        (
            r#"capstan_http_request_duration_seconds_count{method="POST",route="/api/backtests",status="200"}"#,
            1.0,
        ),
        (r#"capstan_jobs{queue="backtests",state="available"}"#, 1.0),
        ("capstan_database_up", 1.0),
        ("capstan_http_streams", 0.0),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series} in\n{text}");
    }
    for series in [
        r#"capstan_oldest_available_age_seconds{queue="backtests"}"#,
        "capstan_database_connections",
        "capstan_database_connections_idle",
        "capstan_database_connections_max",
        "capstan_http_connections",
    ] {
        assert!(value(&text, series).is_some_and(|value| value >= 0.0), "{series} in\n{text}");
    }
    for secret in [id, &user.user_id, &user.username, "AAPL"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
}

#[tokio::test]
async fn jobs_are_counted_no_more_than_every_five_seconds() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let series = r#"capstan_jobs{queue="backtests",state="available"}"#;
    let url = format!("{}/metrics", app.url);
    user.post("/api/backtests", &requests::report_backtest()).await;
    let asked = Instant::now();
    assert_eq!(value(&scrape(&url).await, series), Some(1.0));
    user.post("/api/backtests", &requests::long_backtest()).await;
    let again = value(&scrape(&url).await, series);
    // A machine may take longer than that for the three requests.
    if asked.elapsed() < Duration::from_secs(5) {
        assert_eq!(again, Some(1.0), "the last answer is shown");
    }
    suites::eventually("the second is counted", Duration::from_mins(1), async || {
        value(&scrape(&url).await, series) == Some(2.0)
    })
    .await;
}

#[tokio::test]
async fn a_scraper_that_knows_open_metrics_gets_that() {
    let app = TestApp::start().await;
    app.signed_up().await;
    let request = app.client().get(format!("{}/metrics", app.url));
    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4";
    let response = request.header("accept", accept).send().await.expect("an answer");
    let media = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(response.headers()["content-type"], media);
    let text = response.text().await.expect("text");
    assert!(text.contains("# TYPE capstan_http_requests counter\n") && text.ends_with("# EOF\n"), "{text}");
}

#[tokio::test]
async fn the_settings_can_hide_it() {
    let app = TestApp::builder().config(|config| config.api.metrics = Switch::Off).start().await;
    let response = app.client().get(format!("{}/metrics", app.url)).send().await.expect("an answer");
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn without_a_database_the_rest_is_still_shown() {
    let mut config = Config::for_profile("test", false).expect("a profile");
    config.database.acquire_timeout_ms = 200;
    // Port 1 on the loopback interface: nobody listens.
    config.database.url = Some("postgres://nobody@127.0.0.1:1/nothing".into());
    let pool = jobs::db::pool(&config.database, "test").expect("a URL");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/metrics", listener.local_addr().expect("an address"));
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(api::serve(listener, api::AppState::new(pool, config), shutdown.clone()));
    let text = scrape(&url).await;
    assert_eq!(value(&text, "capstan_database_up"), Some(0.0));
    assert!(!text.contains("capstan_jobs{"), "{text}");
    shutdown.cancel();
    serving.await.expect("no panic").expect("no error");
}
