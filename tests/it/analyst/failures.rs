//! What providers do instead of answering.

use serde_json::{Value, json};
use suites::TestDatabase;

use super::{always, analysts, buy, calls, chat, message, pair, question, settings, spent};
use crate::broker::far_side::{FarSide, Reply};

fn refusal(code: &str) -> Value {
    json!({ "error": { "message": "no", "type": code, "param": null, "code": code } })
}

#[tokio::test]
async fn an_account_that_is_turned_away_is_not_tried_again() {
    for (status, code) in
        [(429, "insufficient_quota"), (401, "invalid_api_key"), (403, "unsupported_country_region_territory")]
    {
        let database = TestDatabase::create().await;
        let far = always(status, refusal(code)).await;
        let analysts = analysts(&settings(Some(&far.url), None), &database.pool);
        for time in 0..3 {
            let answer = analysts.ask(&question(10_300)).await;
            assert_eq!((answer.analyst, answer.fallbacks.len()), ("technical", 1), "{code} {time}");
            assert!(answer.fallbacks[0].reason.contains(&status.to_string()), "{:?}", answer.fallbacks);
        }
        assert_eq!(far.seen().len(), 1, "{code}: asked once, then left alone");
        let expected = [pair("openai", "failed"), pair("openai", "skipped"), pair("openai", "skipped")];
        assert_eq!(calls(&database.pool).await, expected);
        assert_eq!(spent(&database.pool, "openai").await.0, 0, "a refusal costs nothing");
    }
}

#[tokio::test]
async fn what_may_pass_is_tried_once_more() {
    for status in [429, 500, 503, 529] {
        let database = TestDatabase::create().await;
        let mut asked = 0;
        let far = FarSide::start(move |_| {
            asked += 1;
            match asked {
                1 => {
                    let headers =
                        vec![("content-type", "application/json".into()), ("retry-after", "0".into())];
                    Reply::Text(status, headers, refusal("rate_limit_exceeded").to_string())
                }
                _ => Reply::Json(200, chat(&buy().to_string(), "stop")),
            }
        })
        .await;
        let answer = analysts(&settings(Some(&far.url), None), &database.pool).ask(&question(10_300)).await;
        assert_eq!((answer.analyst, far.seen().len()), ("openai", 2), "{status}: {answer:?}");
        assert_eq!(calls(&database.pool).await, [pair("openai", "failed"), pair("openai", "ok")]);
    }
}

#[tokio::test]
async fn two_failures_are_enough_and_the_next_is_asked() {
    type Script = fn() -> Reply;
    let scripts: [(&str, Script); 4] = [
        ("overloaded", || Reply::Json(529, json!({ "type": "error" }))),
        ("hung up", || Reply::HangUp),
        ("no JSON", || Reply::Text(200, vec![("content-type", "text/html".into())], "<html>".into())),
        ("another shape", || Reply::Json(200, json!({ "choices": "none" }))),
    ];
    for (name, script) in scripts {
        let database = TestDatabase::create().await;
        let bad = FarSide::start(move |_| script()).await;
        let good = always(200, message(&buy().to_string(), "end_turn")).await;
        let analysts = analysts(&settings(Some(&bad.url), Some(&good.url)), &database.pool);
        let answer = analysts.ask(&question(10_300)).await;
        assert_eq!((answer.analyst, bad.seen().len()), ("anthropic", 2), "{name}: {answer:?}");
        assert!(spent(&database.pool, "openai").await.0 > 0, "{name}: nobody knows, so it counts");
    }
}

#[tokio::test]
async fn a_provider_that_is_silent_is_given_up_and_the_next_is_asked() {
    let database = TestDatabase::create().await;
    let silent = FarSide::start(|_| Reply::Silence).await;
    let good = always(200, message(&buy().to_string(), "end_turn")).await;
    let settings =
        jobs::config::Analysts { timeout_ms: 1000, ..settings(Some(&silent.url), Some(&good.url)) };
    let answer = analysts(&settings, &database.pool).ask(&question(10_300)).await;
    assert_eq!((answer.analyst, silent.seen().len()), ("anthropic", 1), "{answer:?}");
}

#[tokio::test]
async fn without_a_database_nothing_is_spent_and_the_rules_answer() {
    let database = TestDatabase::create().await;
    let far = always(200, chat(&buy().to_string(), "stop")).await;
    let analysts = analysts(&settings(Some(&far.url), None), &database.pool);
    database.pool.close().await;
    let answer = analysts.ask(&question(10_300)).await;
    assert_eq!((answer.analyst, far.seen().len()), ("technical", 0), "{answer:?}");
}
