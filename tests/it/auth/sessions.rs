//! Sessions: their limits, their list, and what ends them.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use suites::TestApp;

use super::{PASSWORD, credentials, get, post, read, send};

async fn run(app: &TestApp, sql: &'static str) {
    sqlx::query(sql).execute(&app.pool).await.expect("valid SQL");
}

#[tokio::test]
async fn a_session_ends_by_age_and_by_idleness() {
    for (age, expected) in [
        ("update sessions set expires_at = clock_timestamp() + interval '1 minute'", 200),
        ("update sessions set expires_at = clock_timestamp() - interval '1 second'", 401),
        ("update sessions set seen_at = clock_timestamp() - interval '167 hours'", 200),
        ("update sessions set seen_at = clock_timestamp() - interval '169 hours'", 401),
    ] {
        let app = TestApp::start().await;
        let user = app.signed_up().await;
        run(&app, age).await;
        let (status, body, _) = user.get("/api/user").await;
        assert_eq!(status.as_u16(), expected, "{age}");
        if expected == 401 {
            assert_eq!(body["code"], "SESSION_EXPIRED");
        }
    }
}

#[tokio::test]
async fn a_session_is_touched_at_most_once_a_minute() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    for (age, touched) in [("50 seconds", false), ("70 seconds", true)] {
        sqlx::query("update sessions set seen_at = clock_timestamp() - $1::interval")
            .bind(sqlx::postgres::types::PgInterval { months: 0, days: 0, microseconds: micros(age) })
            .execute(&app.pool)
            .await
            .expect("an update");
        assert_eq!(user.get("/api/user").await.0, 200);
        let fresh: bool =
            sqlx::query_scalar("select seen_at > clock_timestamp() - interval '30 seconds' from sessions")
                .fetch_one(&app.pool)
                .await
                .expect("one session");
        assert_eq!(fresh, touched, "{age}");
    }
}

fn micros(age: &str) -> i64 {
    let seconds: i64 = age.split(' ').next().and_then(|n| n.parse().ok()).expect("a number of seconds");
    seconds * 1_000_000
}

#[tokio::test]
async fn requests_without_a_session_get_401_before_anything_else() {
    let app = TestApp::start().await;
    let client = app.client();
    for (cookie, code) in [
        (None, "NO_SESSION"),
        (Some("session="), "NO_SESSION"),
        (Some("other=1"), "NO_SESSION"),
        (Some("session=abc"), "SESSION_EXPIRED"),
        (
            Some(concat!("session=", "0000000000000000000000000000000000000000000000000000000000000000")),
            "SESSION_EXPIRED",
        ),
    ] {
        for (method, path) in [
            (Method::GET, "/api/user"),
            (Method::GET, "/api/strategies/not-an-id"),
            (Method::PUT, "/api/strategies/not-an-id"),
            (Method::POST, "/api/strategies"),
            (Method::GET, "/api/health/db"),
            (Method::GET, "/api/strategies?limit=bad"),
        ] {
            let mut request = client.request(method.clone(), format!("{}{path}", app.url));
            request = request.header("content-type", "application/json").body("{broken");
            if let Some(cookie) = cookie {
                request = request.header("cookie", cookie);
            }
            let (status, body) = read(request.send().await.expect("an answer")).await;
            assert_eq!(
                (status.as_u16(), body["code"].as_str()),
                (401, Some(code)),
                "{method} {path} {cookie:?}"
            );
        }
    }
}

#[tokio::test]
async fn signing_in_replaces_the_session_it_came_with() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let before: Vec<u8> =
        sqlx::query_scalar("select token_hash from sessions").fetch_one(&app.pool).await.expect("one");
    let body = credentials(&user.username, PASSWORD);
    assert_eq!(post(&user.client, &app, "/api/auth/login", &body).await.0, 200);
    let after: Vec<Vec<u8>> =
        sqlx::query_scalar("select token_hash from sessions").fetch_all(&app.pool).await.expect("rows");
    assert_eq!(after.len(), 1);
    assert_ne!(after[0], before);
}

#[tokio::test]
async fn a_user_lists_and_ends_only_own_sessions() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.signed_up().await, app.signed_up().await);
    let phone = app.client();
    assert_eq!(post(&phone, &app, "/api/auth/login", &credentials(&alice.username, PASSWORD)).await.0, 200);

    let (_, list, _) = alice.get("/api/auth/sessions").await;
    let list = list.as_array().expect("a plain array").clone();
    assert_eq!(list.len(), 2);
    let other = list.iter().find(|session| session["current"] == false).expect("the phone's session");
    let path = format!("/api/auth/sessions/{}", other["id"].as_str().expect("an id"));

    for stranger in
        [path.clone(), "/api/auth/sessions/zz".into(), format!("/api/auth/sessions/{}", "00".repeat(32))]
    {
        assert_eq!(bob.delete(&stranger).await.0, 404, "{stranger}");
    }
    assert_eq!(get(&phone, &app, "/api/user").await.0, 200);
    assert_eq!(alice.delete(&path).await.0, 200);
    assert_eq!(get(&phone, &app, "/api/user").await.0, 401);
    assert_eq!(alice.get("/api/user").await.0, 200);
}

#[tokio::test]
async fn changing_the_password_ends_all_other_sessions() {
    let app = TestApp::start().await;
    let alice = app.signed_up().await;
    let phone = app.client();
    assert_eq!(post(&phone, &app, "/api/auth/login", &credentials(&alice.username, PASSWORD)).await.0, 200);
    let change = |current: &str, new: &str| json!({ "currentPassword": current, "newPassword": new });
    let new = "Vorst-Kelp-91-Quad";

    for (body, code) in
        [(change("Wrong123456!", new), "WRONG_PASSWORD"), (change(PASSWORD, "weak"), "WEAK_PASSWORD")]
    {
        let (status, reply, _) = alice.post("/api/auth/change-password", &body).await;
        assert_eq!((status.as_u16(), reply["code"].as_str()), (400, Some(code)));
    }
    assert_eq!(get(&phone, &app, "/api/user").await.0, 200);

    assert_eq!(alice.post("/api/auth/change-password", &change(PASSWORD, new)).await.0, 200);
    assert_eq!(alice.get("/api/user").await.0, 200, "the reply opened a new session");
    assert_eq!(get(&phone, &app, "/api/user").await.0, 401);
    assert_eq!(post(&phone, &app, "/api/auth/login", &credentials(&alice.username, PASSWORD)).await.0, 401);
    assert_eq!(post(&phone, &app, "/api/auth/login", &credentials(&alice.username, new)).await.0, 200);
}

#[tokio::test]
async fn a_mail_address_is_set_once_for_all_users() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.signed_up().await, app.signed_up().await);
    let body = json!({ "email": "alice@mail.example" });
    assert_eq!(alice.post("/api/auth/update-email", &body).await.0, 200);
    assert_eq!(alice.get("/api/user").await.1["email"], "alice@mail.example");
    for (body, code) in [
        (body, "EMAIL_TAKEN"),
        (json!({"email": "x"}), "INVALID_EMAIL"),
        (json!({"email": ""}), "INVALID_EMAIL"),
    ] {
        let (status, reply, _) = bob.post("/api/auth/update-email", &body).await;
        assert_eq!((status.as_u16(), reply["code"].as_str()), (400, Some(code)));
    }
}

#[tokio::test]
async fn signing_out_without_a_session_is_fine() {
    let app = TestApp::start().await;
    let response = send(&app.client(), &app, Method::POST, "/api/auth/logout", &Value::Null).await;
    assert_eq!(read(response).await, (StatusCode::OK, json!({ "success": true })));
}
