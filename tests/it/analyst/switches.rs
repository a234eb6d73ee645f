//! Providers that operators have switched off.

use jobs::db::{connectors, llm};
use serde_json::Value;
use suites::TestDatabase;

use super::{always, analysts, buy, calls, chat, message, pair, question, settings};

async fn switch(database: &TestDatabase, provider: &str, enabled: bool) {
    let mut conn = database.pool.acquire().await.expect("a connection");
    connectors::set_enabled(&mut conn, provider, enabled, None).await.expect("it is switched");
}

#[tokio::test]
async fn who_is_switched_off_is_passed_over_until_switched_on() {
    let database = TestDatabase::create().await;
    let openai = always(200, chat(&buy().to_string(), "stop")).await;
    let anthropic = always(200, message(&buy().to_string(), "end_turn")).await;
    let settings = settings(Some(&openai.url), Some(&anthropic.url));
    let analysts = analysts(&settings, &database.pool);
    for (switched, off, expected, skipped) in [
        ("openai", true, "anthropic", vec!["openai"]),
        ("anthropic", true, "technical", vec!["openai", "anthropic"]),
        ("openai", false, "openai", vec![]),
    ] {
        switch(&database, switched, !off).await;
        let answer = analysts.ask(&question(10_300)).await;
        assert_eq!(answer.analyst, expected, "{answer:?}");
        let passed: Vec<_> = answer.fallbacks.iter().map(|one| one.provider.as_str()).collect();
        assert_eq!(passed, skipped, "{answer:?}");
        assert!(answer.fallbacks.iter().all(|one| one.reason == "switched off"), "{answer:?}");
        let mut conn = database.pool.acquire().await.expect("a connection");
        let status = llm::status(&mut conn, &settings).await.expect("a status");
        assert_eq!((status.provider.as_str(), status.available), (expected, expected != "technical"));
    }
    assert_eq!((openai.seen().len(), anthropic.seen().len()), (1, 1), "only when switched on");
    let mut expected = vec![pair("openai", "skipped"), pair("anthropic", "ok")];
    expected.extend([pair("openai", "skipped"), pair("anthropic", "skipped"), pair("openai", "ok")]);
    assert_eq!(calls(&database.pool).await, expected);
}

#[tokio::test]
async fn a_kept_answer_of_who_is_switched_off_is_not_used() {
    let database = TestDatabase::create().await;
    let far = always(200, chat(&buy().to_string(), "stop")).await;
    let settings = jobs::config::Analysts { cache_minutes: 10, ..settings(Some(&far.url), None) };
    let analysts = analysts(&settings, &database.pool);
    assert_eq!(analysts.ask(&question(10_300)).await.analyst, "openai");
    let kept = analysts.ask(&question(10_300)).await;
    assert_eq!(kept.evidence["cached"], Value::Bool(true), "{kept:?}");
    switch(&database, "openai", false).await;
    assert_eq!(analysts.ask(&question(10_300)).await.analyst, "technical");
}
