//! What models say, and which of it is taken.

use domain::decision::Action;
use rust_decimal::Decimal;
use serde_json::json;
use suites::TestDatabase;

use super::{always, analysts, buy, buy_with, calls, chat, message, pair, question, settings, spent};
use crate::broker::far_side::{FarSide, Reply};

#[tokio::test]
async fn what_is_not_valid_is_asked_for_once_more_and_then_somebody_else_is_asked() {
    let good = always(200, message(&buy().to_string(), "end_turn")).await;
    for (name, bad, finish, problem) in [
        ("no JSON", "I would buy.".to_owned(), "stop", "it is no JSON"),
        ("half JSON", buy().to_string()[..40].to_owned(), "stop", "it is no JSON"),
        ("cut", buy().to_string(), "length", "it was cut"),
        ("stop above the price", buy_with("stopLoss", 120), "stop", "stopLoss is 120"),
        ("size of five", buy_with("suggestedQuantity", 5), "stop", "suggestedQuantity is 5"),
        ("unknown field", buy_with("leverage", 10), "stop", "leverage"),
        ("unknown action", buy_with("action", "short"), "stop", "action"),
        ("a text for a number", buy_with("confidence", "high"), "stop", "confidence"),
    ] {
        let database = TestDatabase::create().await;
        let bad = always(200, chat(&bad, finish)).await;
        let analysts = analysts(&settings(Some(&bad.url), Some(&good.url)), &database.pool);
        let answer = analysts.ask(&question(10_300)).await;
        assert_eq!((answer.analyst, answer.proposal.action), ("anthropic", Action::Buy), "{name}");
        let [fallback] = answer.fallbacks.as_slice() else { panic!("{name}: {:?}", answer.fallbacks) };
        assert_eq!(fallback.provider, "openai");
        assert!(fallback.reason.contains(problem), "{name}: {fallback:?}");
        let seen = bad.seen();
        assert_eq!(seen.len(), 2, "{name}");
        assert!(!seen[0].body.contains("not valid") && seen[1].body.contains("not valid"), "{name}");
        let expected = [pair("openai", "invalid"), pair("openai", "invalid"), pair("anthropic", "ok")];
        assert_eq!(calls(&database.pool).await, expected, "{name}");
        // 900 and 100 tokens, twice, at 0.15 and 0.60 a million.
        assert_eq!(spent(&database.pool, "openai").await, (2000, Decimal::new(39, 5)), "{name}");
    }
}

#[tokio::test]
async fn a_second_answer_that_is_valid_is_taken() {
    let database = TestDatabase::create().await;
    let mut asked = 0;
    let far = FarSide::start(move |_| {
        asked += 1;
        let text = if asked == 1 { buy_with("stopLoss", 120) } else { buy().to_string() };
        Reply::Json(200, chat(&text, "stop"))
    })
    .await;
    let answer = analysts(&settings(Some(&far.url), None), &database.pool).ask(&question(10_300)).await;
    assert_eq!((answer.analyst, answer.model.as_deref()), ("openai", Some("gpt-4o-mini")));
    assert_eq!(answer.proposal.suggested_quantity, Some(Decimal::new(5, 2)));
    assert!(answer.fallbacks.is_empty() && answer.evidence["callId"].is_string(), "{answer:?}");
    assert_eq!(calls(&database.pool).await, [pair("openai", "invalid"), pair("openai", "ok")]);
}

#[tokio::test]
async fn what_no_database_can_hold_is_replaced_in_what_models_say() {
    let database = TestDatabase::create().await;
    let mut openai = chat(&buy_with("reasoning", "it\0rises"), "length");
    openai["id"] = json!("chat\0cmpl");
    let anthropic = message(&buy_with("reasoning", "it\0rises"), "end_turn");
    let (one, two) = (always(200, openai).await, always(200, anthropic).await);
    let settings = jobs::config::Analysts { cache_minutes: 5, ..settings(Some(&one.url), Some(&two.url)) };
    let answer = analysts(&settings, &database.pool).ask(&question(10_300)).await;
    assert_eq!((answer.analyst, answer.proposal.reasoning.as_str()), ("anthropic", "it\u{fffd}rises"));
    let expected = [pair("openai", "invalid"), pair("openai", "invalid"), pair("anthropic", "ok")];
    assert_eq!(calls(&database.pool).await, expected, "every call is on record");
    let kept: i64 =
        sqlx::query_scalar("select count(*) from llm_cache").fetch_one(&database.pool).await.expect("read");
    assert_eq!(kept, 1, "the valid answer is kept");
}

#[tokio::test]
async fn a_model_that_refuses_is_not_argued_with() {
    let mut refusal = chat("", "stop");
    refusal["choices"][0]["message"] =
        json!({ "role": "assistant", "content": null, "refusal": "I can't help with that." });
    for (openai, anthropic) in [
        (refusal, message("", "refusal")),
        (chat("", "content_filter"), message(&buy().to_string(), "refusal")),
    ] {
        let database = TestDatabase::create().await;
        let (one, two) = (always(200, openai).await, always(200, anthropic).await);
        let analysts = analysts(&settings(Some(&one.url), Some(&two.url)), &database.pool);
        let answer = analysts.ask(&question(10_300)).await;
        assert_eq!((answer.analyst, answer.fallbacks.len()), ("technical", 2), "{answer:?}");
        assert_eq!((one.seen().len(), two.seen().len()), (1, 1));
        let expected = [pair("openai", "refused"), pair("anthropic", "refused")];
        assert_eq!(calls(&database.pool).await, expected);
    }
}

#[tokio::test]
async fn the_role_decides_who_is_asked_and_with_which_model() {
    let database = TestDatabase::create().await;
    let (one, two) = (
        always(200, chat(&buy().to_string(), "stop")).await,
        always(200, message(&buy().to_string(), "end_turn")).await,
    );
    let analysts = analysts(&settings(Some(&one.url), Some(&two.url)), &database.pool);
    let chain = json!([
        { "provider": "oracle", "model": "delphi" }, { "provider": "anthropic", "model": "other-model" }
    ]);
    sqlx::query("insert into llm_roles (role, chain, max_tokens) values ('technical_analyst', $1, 300)")
        .bind(chain)
        .execute(&database.pool)
        .await
        .expect("a role");
    let answer = analysts.ask(&question(10_300)).await;
    assert_eq!((answer.analyst, answer.model.as_deref()), ("anthropic", Some("other-model")));
    assert_eq!(answer.fallbacks[0].provider, "oracle");
    assert!(one.seen().is_empty());
    let sent: serde_json::Value = serde_json::from_str(&two.seen()[0].body).expect("JSON was sent");
    assert_eq!((&sent["model"], &sent["max_tokens"]), (&json!("other-model"), &json!(300)));

    sqlx::query("update llm_roles set is_active = false").execute(&database.pool).await.expect("it is off");
    assert_eq!(analysts.ask(&question(10_300)).await.analyst, "technical");
    assert_eq!(two.seen().len(), 1, "a role that is off asks no model");
}
