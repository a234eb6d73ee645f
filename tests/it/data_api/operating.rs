//! Connectors in operators' hands.

use serde_json::{Value, json};

use super::{administrator, count, find, ok, quote, refreshing, refused, run, start};

#[tokio::test]
async fn switching_a_provider_off_takes_effect_and_is_recorded() {
    let app = start().await;
    let (user, admin) = (app.signed_up().await, administrator(&app).await);
    run(&app, "insert into connector_state (connector, status, has_key) values ('polygon', 'active', true)")
        .await;
    let path = "/api/admin/provider/polygon/toggle";
    let off = json!({"enabled": false, "reason": "its prices are old"});
    let toggled = ok(admin.patch(path, &off).await);
    assert_eq!((&toggled["success"], &toggled["enabled"]), (&json!(true), &json!(false)), "{toggled}");
    assert_eq!(toggled["connector"]["status"], "inactive");
    let all = ok(user.get("/api/connectors/status").await);
    let polygon = find(&all["allConnectors"], "id", "polygon");
    assert_eq!((&polygon["connected"], &polygon["enabled"]), (&json!(false), &json!(false)), "{polygon}");
    assert_eq!(find(&ok(user.get("/api/feeds").await), "id", "polygon")["status"], "inactive");
    let row: (Value, Value, String, String) = sqlx::query_as(
        "select before, after, reason, actor_id::text from audit_log where action = 'toggle_provider'",
    )
    .fetch_one(&app.pool)
    .await
    .expect("the audit row");
    let reason = "its prices are old".to_owned();
    assert_eq!(row, (json!({"enabled": true}), json!({"enabled": false}), reason, admin.user_id.clone()));
    assert_eq!(count(&app, "select count(*) from connector_state where not enabled").await, 1);
    ok(admin.patch(path, &json!({"enabled": true})).await);
    assert_eq!(count(&app, "select count(*) from connector_state where not enabled").await, 0);
    ok(admin.patch("/api/admin/provider/fred/toggle", &json!({"enabled": false})).await);
    assert_eq!(
        count(&app, "select count(*) from connector_state where not enabled").await,
        1,
        "unseen so far"
    );
}

#[tokio::test]
async fn a_provider_that_is_none_and_a_switch_without_position_are_refused() {
    let app = start().await;
    let (user, admin) = (app.signed_up().await, administrator(&app).await);
    for provider in ["gdelt", "nobody", "%00"] {
        for path in ["toggle", "force-refresh"] {
            let path = format!("/api/admin/provider/{provider}/{path}");
            let method =
                if path.ends_with("toggle") { reqwest::Method::PATCH } else { reqwest::Method::POST };
            let response = admin.request(method, &path).send().await.expect("an answer");
            assert_eq!(response.status(), 404, "{path}");
        }
    }
    let path = "/api/admin/provider/polygon/toggle";
    for body in [
        json!({}),
        json!({"enabled": "no"}),
        json!({"enabled": true, "reason": "x".repeat(501)}),
        json!({"on": true}),
    ] {
        assert_eq!(refused(&admin.patch(path, &body).await), (400, "INVALID_FIELD"), "{body}");
    }
    assert_eq!(refused(&user.patch(path, &json!({"enabled": false})).await), (403, "FORBIDDEN"));
    assert_eq!(count(&app, "select count(*) from connector_state").await, 0);
}

#[tokio::test]
async fn a_forced_refresh_is_one_job_about_what_the_provider_gave() {
    let app = start().await;
    let admin = administrator(&app).await;
    for symbol in ["MSFT", "AAPL"] {
        quote(&app, symbol, "110", "polygon", 5).await;
    }
    quote(&app, "IBM", "110", "yahoo", 5).await;
    let first = ok(admin.post_empty("/api/admin/provider/polygon/force-refresh").await);
    assert_eq!(first["symbols"], json!(["AAPL", "MSFT"]), "{first}");
    let again = ok(admin.post_empty("/api/admin/provider/polygon/force-refresh").await);
    assert_eq!(again["workItemId"], first["workItemId"], "the one that waits stands for both");
    assert_eq!(refreshing(&app).await, [json!(["AAPL", "MSFT"])]);
    let none = ok(admin.post_empty("/api/admin/provider/finnhub/force-refresh").await);
    assert_eq!((&none["workItemId"], &none["symbols"]), (&Value::Null, &json!([])), "{none}");
    assert_eq!(
        count(&app, "select count(*) from audit_log where action = 'force_refresh_provider'").await,
        3
    );
}

#[tokio::test]
async fn keys_are_shown_as_there_or_not_and_nothing_more() {
    let app = suites::TestApp::builder()
        .config(|config| {
            config.broker.key = Some("key-of-nobody".into());
            config.broker.secret = Some("secret-of-nobody".into());
        })
        .start()
        .await;
    let admin = administrator(&app).await;
    run(&app, "insert into connector_state (connector, status, has_key) values ('polygon', 'active', true)")
        .await;
    let keys = ok(admin.get("/api/admin/api-keys-status").await);
    for (id, has, required) in
        [("alpaca", true, true), ("polygon", true, true), ("finnhub", false, true), ("yahoo", false, false)]
    {
        let key = find(&keys["keys"], "id", id);
        assert_eq!((&key["hasApiKey"], &key["required"]), (&json!(has), &json!(required)), "{key}");
    }
    assert!(keys["missing"].as_array().is_some_and(|ids| ids.contains(&json!("finnhub"))), "{keys}");
    for path in ["api-keys-status", "connectors-health", "provider-status"] {
        let shown = ok(admin.get(&format!("/api/admin/{path}")).await).to_string();
        assert!(!shown.contains("nobody"), "{shown}");
    }
}

#[tokio::test]
async fn health_and_status_show_each_provider_with_its_breakers() {
    let app = start().await;
    let admin = administrator(&app).await;
    run(&app, "insert into connector_state (connector, status) values ('polygon', 'degraded')").await;
    run(
        &app,
        "insert into external_status (provider, process, breaker, since, last_error)
         values ('polygon', 'here:1', 'open', now(), 'timed out')",
    )
    .await;
    run(
        &app,
        "insert into external_limits (provider, whole_at, blocked_until)
         values ('polygon', now(), now() + interval '1 hour')",
    )
    .await;
    let health = ok(admin.get("/api/admin/connectors-health").await);
    assert_eq!(
        (&health["summary"]["degraded"], &health["summary"]["active"]),
        (&json!(1), &json!(0)),
        "{health}"
    );
    let status = ok(admin.get("/api/admin/provider-status").await);
    let polygon = find(&status["providers"], "provider", "polygon");
    assert_eq!(polygon["breakers"][0]["breaker"], "open", "{polygon}");
    assert!(polygon["blockedUntil"].is_string() && polygon["enabled"] == json!(true), "{polygon}");
    assert_eq!(find(&status["providers"], "provider", "yahoo")["breakers"], json!([]));
}

#[tokio::test]
async fn what_is_kept_is_counted_and_can_be_forgotten() {
    let app = start().await;
    let admin = administrator(&app).await;
    quote(&app, "AAPL", "110", "polygon", 5).await;
    quote(&app, "MSFT", "110", "yahoo", 3600).await;
    let cache = ok(admin.get("/api/admin/api-cache").await);
    assert_eq!((&cache["totalEntries"], &cache["freshEntries"]), (&json!(2), &json!(1)), "{cache}");
    let yahoo = find(&cache["caches"], "provider", "yahoo");
    assert_eq!((&yahoo["cache"], &yahoo["stale"]), (&json!("quotes"), &json!(1)));
    let unknown = admin.post("/api/admin/api-cache/purge", &json!({"provider": "nobody"})).await;
    assert_eq!(refused(&unknown), (400, "INVALID_FIELD"));
    let body = json!({"provider": "yahoo", "reason": "before a split"});
    assert_eq!(ok(admin.post("/api/admin/api-cache/purge", &body).await)["purged"], 1);
    assert_eq!(ok(admin.get("/api/admin/api-cache").await)["totalEntries"], 1);
    assert_eq!(ok(admin.post_empty("/api/admin/api-cache/purge").await)["purged"], 1);
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'purge_cache'").await, 2);
}

#[tokio::test]
async fn whether_there_is_a_key_of_a_model_is_known_from_the_settings() {
    let app = suites::TestApp::builder()
        .config(|config| {
            config.analysts.openai.key = Some("key-of-nobody".into());
            config.analysts.anthropic.key = None;
        })
        .start()
        .await;
    let (user, admin) = (app.signed_up().await, administrator(&app).await);
    // What a row says of it, such as one that a switch made, is not asked.
    for (id, has_key) in [("openai", false), ("anthropic", true)] {
        run(&app, &format!("insert into connector_state (connector, has_key) values ('{id}', {has_key})"))
            .await;
    }
    let status = ok(user.get("/api/connectors/status").await);
    let keys = ok(admin.get("/api/admin/api-keys-status").await);
    for (id, has) in [("openai", true), ("anthropic", false)] {
        for list in [&status["allConnectors"], &keys["keys"]] {
            let one = find(list, "id", id);
            assert_eq!(one["hasApiKey"], json!(has), "{one}");
        }
    }
    let missing = keys["missing"].as_array().expect("a list");
    assert!(missing.contains(&json!("anthropic")) && !missing.contains(&json!("openai")), "{keys}");
}
