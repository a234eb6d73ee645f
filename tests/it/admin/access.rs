//! Who may come in.

use reqwest::Method;
use serde_json::{Value, json};
use suites::{SignedIn, TestApp};
use worker::commands::admin::{AdminArgs, ApiKeyArgs, act};

use super::{administrator, because, count, outcome, refused, waiting};

fn admin_operations() -> Vec<(Method, String)> {
    let document = api::openapi::document();
    let paths = document["paths"].as_object().expect("paths");
    let mut found = Vec::new();
    for (path, item) in paths.iter().filter(|(path, _)| path.starts_with("/api/admin/")) {
        for method in item.as_object().expect("operations").keys() {
            let path = path.replace("{id}", "0190f5a0-0000-7000-8000-000000000001");
            let path = path.replace("{queue}", "default").replace("{key}", "k").replace("{traceId}", "t");
            found.push((method.to_uppercase().parse().expect("a method"), path));
        }
    }
    assert!(found.len() > 40, "{found:?}");
    found
}

async fn key(app: &TestApp, name: &str, scopes: &[&str]) -> String {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let create = ApiKeyArgs::Create { name: name.into(), scopes, days: 7 };
    act(&app.pool, AdminArgs::ApiKey(create)).await.expect("a key")
}

async fn with_key(app: &TestApp, key: &str, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = app.client().request(method, format!("{}{path}", app.url)).json(body);
    let response = request.header("authorization", format!("Bearer {key}")).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn nobody_comes_in_without_a_session_and_no_user_without_a_capability() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let recorded = count(&app, "select count(*) from audit_log").await;
    for (method, path) in admin_operations() {
        let anonymous = app.client().request(method.clone(), format!("{}{path}", app.url));
        assert_eq!(anonymous.send().await.expect("an answer").status(), 401, "{method} {path}");
        if path == "/api/admin/rbac/me" {
            continue;
        }
        let response = user.request(method.clone(), &path).send().await.expect("an answer");
        assert_eq!(response.status(), 403, "{method} {path}");
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["code"], "FORBIDDEN", "{method} {path}");
        assert_eq!(body["userCapabilities"], json!([]));
        assert_eq!(body["error"], body["message"]);
    }
    assert_eq!(count(&app, "select count(*) from audit_log").await, recorded);
}

#[tokio::test]
async fn everybody_may_ask_what_they_may_do() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (_, me, _) = user.get("/api/admin/rbac/me").await;
    assert_eq!(
        me,
        json!({
            "userId": user.user_id, "username": user.username, "role": "guest", "isAdmin": false,
            "capabilities": []
        })
    );
    let admin = administrator(&app).await;
    let (_, me, _) = admin.get("/api/admin/rbac/me").await;
    assert_eq!((&me["role"], &me["isAdmin"]), (&json!("admin"), &json!(true)));
    let capabilities = me["capabilities"].as_array().expect("a list");
    assert!(capabilities.contains(&json!("admin:danger")) && capabilities.contains(&json!("system:write")));
}

#[tokio::test]
async fn the_command_line_grants_and_revokes_and_both_are_recorded() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let read = async |user: &SignedIn| user.get("/api/admin/queues").await.0.as_u16();
    let username = || user.username.to_uppercase();
    let told = act(&app.pool, AdminArgs::Grant { username: username() }).await.expect("granted");
    assert!(told.ends_with("an administrator now"), "{told}");
    assert_eq!(read(&user).await, 200);
    let told = act(&app.pool, AdminArgs::Grant { username: username() }).await.expect("granted");
    assert!(told.ends_with("already"), "{told}");
    act(&app.pool, AdminArgs::Revoke { username: username() }).await.expect("revoked");
    assert_eq!(read(&user).await, 403);
    let unknown = act(&app.pool, AdminArgs::Grant { username: "nobody".into() }).await;
    assert!(unknown.expect_err("there is no such user").to_string().contains("\"nobody\""));
    let rows: Vec<(String, bool, bool)> = sqlx::query_as(
        "select action, (before ->> 'isAdmin')::bool, (after ->> 'isAdmin')::bool from audit_log
          where resource = 'user' and action like '%_admin' order by audit_id",
    )
    .fetch_all(&app.pool)
    .await
    .expect("rows");
    assert_eq!(rows, [("grant_admin".into(), false, true), ("revoke_admin".into(), true, false)]);
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say_and_leaves_its_name() {
    let app = TestApp::start().await;
    let key = key(&app, "reader", &["admin:read", "admin:write"]).await;
    assert!(key.starts_with("cap_") && key.len() == 68, "{key}");
    let id = waiting(&app).await;
    let job = format!("/api/admin/jobs/{id}");
    assert_eq!(with_key(&app, &key, Method::GET, &job, &json!({})).await.0, 200);
    let retry = format!("{job}/retry");
    assert_eq!(with_key(&app, &key, Method::POST, &retry, &because("now")).await.0, 200);
    let (status, body) =
        with_key(&app, &key, Method::POST, &format!("{job}/discard"), &because("away")).await;
    assert_eq!((status, &body["code"]), (403, &json!("FORBIDDEN")));
    assert_eq!(body["userCapabilities"], json!(["admin:read", "admin:write"]));
    let bulk = json!({ "action": "discard", "filter": { "kind": "exercise" }, "reason": "away" });
    assert_eq!(with_key(&app, &key, Method::POST, "/api/admin/bulk", &bulk).await.0, 403);
    let (actor, by): (Option<uuid::Uuid>, String) = sqlx::query_as(
        "select actor_id, after -> 'by' ->> 'apiKey' from audit_log where action = 'retry_job'",
    )
    .fetch_one(&app.pool)
    .await
    .expect("an audit row");
    assert_eq!((actor, by.as_str()), (None, "reader"));
    let (_, me) = with_key(&app, &key, Method::GET, "/api/admin/rbac/me", &json!({})).await;
    assert_eq!((&me["role"], &me["userId"]), (&json!("key"), &Value::Null));
}

#[tokio::test]
async fn a_key_that_is_unknown_expired_or_revoked_opens_nothing() {
    let app = TestApp::start().await;
    let stored = count(&app, "select count(*) from api_keys").await;
    assert_eq!(stored, 0);
    let good = key(&app, "short", &["admin:read"]).await;
    let path = "/api/admin/queues";
    let none = json!({});
    for bad in ["", "cap_", "cap_00", &good.replace("cap_", "cop_"), &format!("cap_{}", "0".repeat(64))] {
        let (status, body) = with_key(&app, bad, Method::GET, path, &none).await;
        assert_eq!((status, &body["code"]), (401, &json!("BAD_API_KEY")), "{bad}");
    }
    assert_eq!(with_key(&app, &good, Method::GET, path, &none).await.0, 200);
    sqlx::query("update api_keys set expires_at = clock_timestamp()")
        .execute(&app.pool)
        .await
        .expect("expired");
    assert_eq!(with_key(&app, &good, Method::GET, path, &none).await.0, 401);
    sqlx::query("update api_keys set expires_at = now() + interval '1 day'")
        .execute(&app.pool)
        .await
        .expect("again");
    let revoke = || AdminArgs::ApiKey(ApiKeyArgs::Revoke { name: "short".into() });
    act(&app.pool, revoke()).await.expect("revoked");
    assert_eq!(with_key(&app, &good, Method::GET, path, &none).await.0, 401);
    act(&app.pool, revoke()).await.expect_err("it is revoked already");
    key(&app, "short", &["admin:read"]).await;
    let listed = act(&app.pool, AdminArgs::ApiKey(ApiKeyArgs::List)).await.expect("a list");
    assert!(
        listed.contains("revoked") && listed.contains("in force") && !listed.contains("cap_"),
        "{listed}"
    );
    let twice = ApiKeyArgs::Create { name: "short".into(), scopes: vec!["admin:read".into()], days: 1 };
    act(&app.pool, AdminArgs::ApiKey(twice)).await.expect_err("the name is taken");
    let odd = ApiKeyArgs::Create { name: "odd".into(), scopes: vec!["admin:everything".into()], days: 1 };
    act(&app.pool, AdminArgs::ApiKey(odd)).await.expect_err("there is no such scope");
    let texts = count(&app, "select count(*) from audit_log where after::text like '%cap_%'").await;
    assert_eq!(texts, 0, "no key is recorded");
}

#[tokio::test]
async fn a_change_without_a_good_reason_does_not_happen() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let id = waiting(&app).await;
    for reason in [json!({}), because(""), because("  \n"), because("<b></b>"), because(&"x".repeat(501))] {
        for path in [
            format!("/api/admin/jobs/{id}/retry"),
            format!("/api/admin/jobs/{id}/cancel"),
            format!("/api/admin/jobs/{id}/discard"),
            "/api/admin/queues/default/pause".to_owned(),
            "/api/admin/queues/default/resume".to_owned(),
            "/api/admin/queues/default/drain".to_owned(),
        ] {
            let answer = outcome(admin.post(&path, &reason).await);
            assert_eq!(answer, refused(400, "INVALID_FIELD"), "{path} {reason}");
        }
    }
    assert_eq!(count(&app, "select count(*) from queue.queues").await, 0);
    assert_eq!(count(&app, "select count(*) from queue.jobs where state = 'scheduled'").await, 1);
}

#[tokio::test]
async fn a_change_that_can_not_be_recorded_does_not_happen() {
    let app = TestApp::start().await;
    let admin = administrator(&app).await;
    let id = waiting(&app).await;
    sqlx::query("alter table audit_log add constraint closed check (false) not valid")
        .execute(&app.pool)
        .await
        .expect("a constraint");
    for path in ["retry", "cancel", "discard"] {
        let path = format!("/api/admin/jobs/{id}/{path}");
        assert_eq!(admin.post(&path, &because("why not")).await.0, 500, "{path}");
    }
    let limit = json!({ "maxRunning": 1 });
    assert_eq!(admin.put("/api/admin/limits/k", &limit).await.0, 500);
    assert_eq!(admin.post("/api/admin/queues/default/pause", &because("x")).await.0, 500);
    assert_eq!(count(&app, "select count(*) from queue.queues").await, 0);
    assert_eq!(count(&app, "select count(*) from queue.limits").await, 0);
    assert_eq!(count(&app, "select count(*) from queue.jobs where state = 'scheduled'").await, 1);
}
