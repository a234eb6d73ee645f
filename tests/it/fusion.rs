//! News, their scores, and what several sources say together: rows and jobs.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    fusion::{self, View},
    sentiment,
};
use jobs::{
    Job,
    db::{
        fusion::{self as rows, Finding},
        news::{self, NewItem},
    },
    kinds::{fuse_sources::FuseSources, score_sentiment::ScoreSentiment},
    queue::{Enqueue, enqueue, inspect},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use suites::{TestApp, TestDatabase, eventually};
use uuid::Uuid;

/// Generous: a test machine may be busy.
const LIMIT: Duration = Duration::from_mins(1);

fn item(id: &str, symbol: &str, score: Option<&str>, published_at: DateTime<Utc>) -> NewItem {
    NewItem {
        provider_news_id: id.into(),
        headline: format!("headline {id}"),
        summary: None,
        source: Some("a paper".into()),
        url: None,
        symbols: vec![symbol.into()],
        published_at,
        score: score.map(|text| text.parse().expect("a number of this test is valid")),
    }
}

/// Runs the job to its end; returns its output.
async fn output(app: &TestApp, job: &impl Job) -> Value {
    let mut conn = app.pool.acquire().await.expect("a connection");
    let id = enqueue(&mut conn, job, Enqueue::default()).await.expect("enqueued").job_id;
    let done = eventually("the job has finished", LIMIT, async || {
        let job = inspect::job(&mut conn, id).await.expect("read").ok_or("no such job")?;
        if job.finished_at.is_some() { Ok(job) } else { Err("at work") }
    })
    .await;
    done.output.unwrap_or_else(|| panic!("the job failed: {:?}", done.last_error))
}

async fn count(app: &TestApp, table: &'static str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
    sqlx::query_scalar(sql).fetch_one(&app.pool).await.expect("it is counted")
}

#[tokio::test]
async fn news_are_kept_once_and_belong_to_all_their_symbols() {
    let database = TestDatabase::create().await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let now = Utc::now();
    let first = [item("1", "AAPL", Some("0.5"), now), item("2", "AAPL", None, now)];
    assert_eq!(news::store(&mut conn, "finnhub", &first).await.expect("stored"), 2);
    let again = [item("1", "MSFT", Some("0.25"), now)];
    assert_eq!(news::store(&mut conn, "finnhub", &again).await.expect("stored"), 0);
    let both = news::recent(&mut conn, &["MSFT".into()], 10).await.expect("read");
    assert_eq!((both.len(), &both[0].symbols), (1, &vec!["AAPL".to_owned(), "MSFT".to_owned()]));
    assert_eq!(news::recent(&mut conn, &[], 1).await.expect("read").len(), 1);
    let since = now - TimeDelta::hours(1);
    let articles = news::articles(&mut conn, "finnhub", "AAPL", since).await.expect("read");
    assert_eq!(articles.len(), 1, "what says nothing is not counted");
    let found = sentiment::aggregate(&articles, now + TimeDelta::seconds(1)).expect("an article");
    for source in ["finnhub", "finnhub", "gdelt"] {
        news::store_sentiment(&mut conn, "AAPL", source, &found, now).await.expect("stored");
    }
    let newest = news::sentiments(&mut conn, &["AAPL".into(), "MSFT".into()], 10).await.expect("read");
    let sources: Vec<_> = newest.iter().map(|row| row.source.as_str()).collect();
    assert_eq!(sources, ["finnhub", "gdelt"], "one a source");
}

#[tokio::test]
async fn an_analysis_is_kept_with_what_every_source_said() {
    let database = TestDatabase::create().await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let now = Utc::now();
    let finding = |source: &str, score, at| Finding {
        view: View {
            source: source.into(),
            analysis_type: "momentum".into(),
            score,
            confidence: 0.8,
            reliability: 0.9,
            event_at: at,
            available_at: at,
        },
        data: json!({ "bars": 60 }),
    };
    let findings = [
        finding("alpaca", 0.5, now),
        finding("fred", 0.3, now),
        finding("finra", -1.0, now + TimeDelta::days(1)),
    ];
    let views: Vec<View> = findings.iter().map(|finding| finding.view.clone()).collect();
    let fused = fusion::fuse(&views, now).expect("views");
    let id = Uuid::now_v7();
    let missing = [fusion::Missing { source: "news".into(), reason: "none".into() }];
    rows::store(&mut conn, id, "AAPL", &fused, &findings, &missing).await.expect("stored");
    let newest = rows::newest(&mut conn, &["AAPL".into(), "MSFT".into()]).await.expect("read");
    assert_eq!((newest.len(), newest[0].fused_id), (1, id));
    assert_eq!((newest[0].signal.as_str(), newest[0].quality.as_str()), ("bullish", "fair"));
    let named: Vec<_> =
        newest[0].missing.as_array().expect("a list").iter().map(|one| &one["source"]).collect();
    assert_eq!(named, ["news", "finra"], "who gave nothing, and whose word came too early");
    let sources = rows::analyses_of(&mut conn, id).await.expect("read");
    assert_eq!(
        sources.iter().map(|one| one.source.as_str()).collect::<Vec<_>>(),
        ["alpaca", "finra", "fred"]
    );
    assert_eq!(sources[0].score, Some(Decimal::new(5, 1)));
}

#[tokio::test]
async fn when_every_source_is_silent_jobs_succeed_and_write_nothing() {
    let app = TestApp::builder().workers(1).start().await;
    let fused = output(&app, &FuseSources { symbol: "AAPL".into() }).await;
    assert_eq!(fused["fused"], Value::Null);
    let named: Vec<_> =
        fused["missing"].as_array().expect("a list").iter().map(|one| &one["source"]).collect();
    assert_eq!(named, ["daily_bars", "company", "short_volume", "economy", "news"]);
    let scored = output(&app, &ScoreSentiment { symbol: "AAPL".into() }).await;
    assert_eq!(scored["missing"][0]["source"], "news");
    for table in ["fused_analyses", "data_source_analysis", "sentiment_scores", "news_items"] {
        assert_eq!(count(&app, table).await, 0, "{table}");
    }
    assert!(count(&app, "queue.logs").await > 0, "a line says so");
}

#[tokio::test]
async fn one_source_is_enough_and_the_silent_ones_are_named() {
    let app = TestApp::builder().workers(1).start().await;
    let mut conn = app.pool.acquire().await.expect("a connection");
    let now = Utc::now() - TimeDelta::minutes(1);
    let article = sentiment::Article { score: 0.6, confidence: 1.0, published_at: now };
    let found = sentiment::aggregate(&[article; 10], now).expect("articles");
    news::store_sentiment(&mut conn, "AAPL", "finnhub", &found, now).await.expect("stored");
    let fused = output(&app, &FuseSources { symbol: "AAPL".into() }).await;
    assert_eq!((&fused["signal"], &fused["quality"]), (&"bullish".into(), &"poor".into()), "{fused}");
    let newest = rows::newest(&mut conn, &["AAPL".into()]).await.expect("read");
    assert_eq!(newest[0].weights, json!({ "finnhub": 1.0 }));
    assert_eq!(newest[0].missing.as_array().map(Vec::len), Some(4), "{:?}", newest[0].missing);
    let parts = rows::analyses_of(&mut conn, newest[0].fused_id).await.expect("read");
    assert_eq!((parts.len(), parts[0].analysis_type.as_str()), (1, "sentiment"));
}
