//! What may be spent, by one and by many at once.

use futures::future::join_all;
use jobs::db::llm;
use rust_decimal::Decimal;
use serde_json::json;
use suites::TestDatabase;

use super::{LIMIT, always, analysts, buy, calls, chat, pair, question, settings, spent};

#[tokio::test]
async fn nothing_is_sent_that_could_pass_the_budget() {
    for (tokens, dollars) in [(500, 5.into()), (1_000_000, Decimal::new(1, 6)), (0, Decimal::ZERO)] {
        let database = TestDatabase::create().await;
        let far = always(200, chat(&buy().to_string(), "stop")).await;
        let mut settings = settings(Some(&far.url), None);
        (settings.openai.daily_tokens, settings.openai.daily_cost_usd) = (tokens, dollars);
        let answer = analysts(&settings, &database.pool).ask(&question(10_300)).await;
        assert_eq!((answer.analyst, far.seen().len()), ("technical", 0));
        assert_eq!(answer.fallbacks[0].reason, "today's budget is used up");
        assert_eq!(calls(&database.pool).await, [pair("openai", "skipped")]);
        assert_eq!(spent(&database.pool, "openai").await, (0, Decimal::ZERO));
    }
}

#[tokio::test]
async fn many_at_once_stay_below_the_budget_together() {
    let database = TestDatabase::create().await;
    let far = always(200, chat(&buy().to_string(), "stop")).await;
    let mut settings = settings(Some(&far.url), None);
    // Every answer takes 1000 tokens; each call reserves several times that while it is made.
    settings.openai.daily_tokens = 20_000;
    settings.openai.concurrent = 50;
    let (one, two) = (analysts(&settings, &database.pool), analysts(&settings, &database.pool));
    let questions: Vec<_> = (0..60).map(|at| question(10_300 + at)).collect();
    let asks = questions.iter().enumerate().map(|(at, question)| {
        let analysts = if at % 2 == 0 { &one } else { &two };
        analysts.ask(question)
    });
    let answers = tokio::time::timeout(LIMIT, join_all(asks)).await.expect("all are answered in time");
    let by_model = answers.iter().filter(|answer| answer.analyst == "openai").count();
    assert_eq!(by_model, far.seen().len(), "every call that was made was worth it");
    let (tokens, _) = spent(&database.pool, "openai").await;
    assert_eq!(tokens, i64::try_from(by_model).expect("few") * 1000);
    assert!((1..=20).contains(&by_model), "{by_model} calls of 1000 tokens with 20000");
}

#[tokio::test]
async fn an_outage_under_load_costs_little_and_everybody_is_answered() {
    let database = TestDatabase::create().await;
    let far = always(500, json!({ "error": { "message": "down", "type": "server_error" } })).await;
    let mut settings = settings(Some(&far.url), None);
    settings.openai.daily_tokens = 60_000;
    let analysts = analysts(&settings, &database.pool);
    let questions: Vec<_> = (0..100).map(|at| question(10_300 + at)).collect();
    let asks = questions.iter().map(|question| analysts.ask(question));
    let answers = tokio::time::timeout(LIMIT, join_all(asks)).await.expect("all are answered in time");
    assert!(answers.iter().all(|answer| answer.analyst == "technical" && answer.fallbacks.len() == 1));
    let sent = far.seen().len();
    assert!((5..=20).contains(&sent), "{sent} requests to a provider that is down");
    assert!(spent(&database.pool, "openai").await.0 <= 60_000);
    let mut conn = database.pool.acquire().await.expect("a connection");
    let stats = llm::stats(&mut conn, LIMIT * 60).await.expect("statistics").models;
    let [model] = stats.as_slice() else { panic!("{stats:?}") };
    assert_eq!(i64::try_from(sent), Ok(model.failed), "every request is on record");
    assert!(model.skipped >= 80, "{model:?}");
}

#[tokio::test]
async fn the_same_question_is_asked_once_while_its_answer_is_fresh() {
    let database = TestDatabase::create().await;
    let far = always(200, chat(&buy().to_string(), "stop")).await;
    let settings = jobs::config::Analysts { cache_minutes: 5, ..settings(Some(&far.url), None) };
    let analysts = analysts(&settings, &database.pool);
    let first = analysts.ask(&question(10_300)).await;
    let again = analysts.ask(&question(10_300)).await;
    assert_eq!((&first.proposal, first.analyst), (&again.proposal, again.analyst));
    assert_eq!((&first.evidence["cached"], &again.evidence["cached"]), (&json!(false), &json!(true)));
    assert_eq!(far.seen().len(), 1);
    assert_eq!(calls(&database.pool).await, [pair("openai", "ok"), pair("openai", "cached")]);
    analysts.ask(&question(10_400)).await;
    assert_eq!(far.seen().len(), 2, "another price is another question");

    // What was kept is judged again: here by hand, a stop that lies above the price.
    sqlx::query("update llm_cache set response = jsonb_set(response, '{stopLoss}', '150')")
        .execute(&database.pool)
        .await
        .expect("the kept answers change");
    let asked = analysts.ask(&question(10_300)).await;
    assert_eq!((asked.analyst, &asked.evidence["cached"]), ("openai", &json!(false)));
    assert_eq!(far.seen().len(), 3);

    sqlx::query("update llm_cache set expires_at = clock_timestamp()")
        .execute(&database.pool)
        .await
        .expect("the kept answers expire");
    analysts.ask(&question(10_300)).await;
    assert_eq!(far.seen().len(), 4, "a stale answer is none");
}

#[tokio::test]
async fn the_figures_name_every_model_and_the_day() {
    let database = TestDatabase::create().await;
    let far = always(200, chat(&buy().to_string(), "stop")).await;
    let settings = settings(Some(&far.url), None);
    analysts(&settings, &database.pool).ask(&question(10_300)).await;
    let mut conn = database.pool.acquire().await.expect("a connection");
    let stats = llm::stats(&mut conn, LIMIT).await.expect("statistics").models;
    let [model] = stats.as_slice() else { panic!("{stats:?}") };
    assert_eq!((model.provider.as_str(), model.calls, model.ok), ("openai", 1, 1));
    assert_eq!((model.input_tokens, model.output_tokens), (900, 100));
    assert!(model.mean_latency_ms.is_some() && model.p95_latency_ms.is_some(), "{model:?}");
    let today = llm::spent_today(&mut conn).await.expect("the spending of today");
    assert_eq!((today[0].calls, today[0].tokens), (1, 1000));
    let recent = llm::recent(&mut conn, None, 10).await.expect("recent calls");
    assert_eq!((recent.len(), recent[0].trace_id.as_deref()), (1, Some("trace-1")));
    let asked = llm::status(&mut conn, &settings).await.expect("a status");
    assert_eq!((asked.available, asked.provider.as_str()), (true, "openai"));
    let none = llm::status(&mut conn, &super::settings(None, None)).await.expect("a status");
    assert_eq!((none.available, none.provider.as_str(), none.model), (false, "technical", None));
}
