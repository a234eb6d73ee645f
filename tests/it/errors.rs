//! Failures: one shape, the right status, and headers on every reply.

use std::time::Duration;

use api::error::ERROR_CODES;
use reqwest::{Method, Response};
use serde_json::Value;
use suites::TestApp;
use tokio_util::sync::CancellationToken;

/// Waits until a statement in this database waits for a lock. Other tests have databases of their
/// own in the same cluster, and locks of their own.
async fn somebody_waits(pool: &sqlx::PgPool) {
    suites::eventually("the request waits for the lock", Duration::from_secs(30), async || {
        sqlx::query_scalar::<_, bool>(
            "select exists (select from pg_locks
                             where not granted and locktype = 'relation'
                               and database = (select oid from pg_database where datname = current_database()))",
        )
        .fetch_one(pool)
        .await
        .unwrap_or(false)
    })
    .await;
}

async fn in_our_shape(response: Response, status: u16, code: &str) {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], "application/json");
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["code"], code, "{body}");
    assert_eq!(body["statusCode"], status);
    assert_eq!(body["error"], body["message"]);
    assert!(body["timestamp"].as_str().is_some_and(|t| t.len() == 24 && t.ends_with('Z')), "{body}");
    assert!(ERROR_CODES.iter().any(|known| known.name() == code));
}

#[tokio::test]
async fn every_refusal_has_our_shape() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let json = "application/json";
    for (method, path, content_type, body, status, code) in [
        (Method::GET, "/", json, "", 404, "NOT_FOUND"),
        (Method::GET, "/api/nothing", json, "", 404, "NOT_FOUND"),
        (Method::GET, "/api/strategies/%FF", json, "", 404, "NOT_FOUND"),
        (Method::DELETE, "/api/auth/login", json, "", 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, "/api/auth/login", json, "", 405, "METHOD_NOT_ALLOWED"),
        (Method::POST, "/api/strategies", json, "{", 400, "INVALID_JSON"),
        (Method::POST, "/api/strategies", json, "{\"name\": 'x'}", 400, "INVALID_JSON"),
        (Method::POST, "/api/strategies", json, "{\"name\": 1}", 400, "INVALID_FIELD"),
        (Method::POST, "/api/strategies", json, "", 400, "INVALID_FIELD"),
        (Method::POST, "/api/strategies", "text/xml", "<a/>", 403, "CSRF_REFUSED"),
        (Method::GET, "/api/strategies?limit=a", json, "", 400, "INVALID_QUERY"),
    ] {
        let request = user.request(method.clone(), path).header("content-type", content_type).body(body);
        eprintln!("{method} {path} {body}");
        in_our_shape(request.send().await.expect("an answer"), status, code).await;
    }
    for (path, status, code) in [
        ("/api/nothing", 401, "NO_SESSION"),
        ("/api/auth/nothing", 401, "NO_SESSION"),
        ("/x", 404, "NOT_FOUND"),
    ] {
        let anonymous = app.client().get(format!("{}{path}", app.url));
        in_our_shape(anonymous.send().await.expect("an answer"), status, code).await;
    }
    let outdated = app.client().get(format!("{}/api/nothing", app.url)).bearer_auth("cap_x");
    in_our_shape(outdated.send().await.expect("an answer"), 401, "BAD_API_KEY").await;
    let xml = app
        .client()
        .post(format!("{}/api/auth/login", app.url))
        .header("content-type", "text/xml")
        .body("<a/>");
    in_our_shape(xml.send().await.expect("an answer"), 415, "UNSUPPORTED_MEDIA_TYPE").await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_deep_nesting_400() {
    let app = TestApp::builder().config(|config| config.api.body_limit_bytes = 10_000).start().await;
    let user = app.signed_up().await;
    for (body, status, code) in [
        (format!("{{\"name\":\"{}\"}}", "x".repeat(20_000)), 413, "BODY_TOO_LARGE"),
        (format!("{}{}", "[".repeat(4_000), "]".repeat(4_000)), 400, "INVALID_JSON"),
    ] {
        let request =
            user.request(Method::POST, "/api/strategies").header("content-type", "application/json");
        in_our_shape(request.body(body).send().await.expect("an answer"), status, code).await;
    }
}

#[tokio::test]
async fn every_reply_carries_the_security_headers_and_an_id() {
    let app = TestApp::start().await;
    for path in ["/health", "/api/health", "/api/user", "/nowhere"] {
        let response = app.client().get(format!("{}{path}", app.url)).send().await.expect("an answer");
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert!(headers["content-security-policy"].to_str().expect("text").starts_with("default-src 'self'"));
        assert!(headers.contains_key("referrer-policy"));
        assert!(!headers.contains_key("strict-transport-security"), "only under TLS");
        assert_eq!(headers["x-request-id"].len(), 32);
    }
    let request = app.client().get(format!("{}/health", app.url));
    let mine = request
        .try_clone()
        .expect("no body")
        .header("x-request-id", "mine-1")
        .send()
        .await
        .expect("an answer");
    assert_eq!(mine.headers()["x-request-id"], "mine-1");
    let odd = request.header("x-request-id", "not ours <b>").send().await.expect("an answer");
    assert_eq!(odd.headers()["x-request-id"].len(), 32);
}

#[tokio::test]
async fn a_request_that_waits_too_long_is_503_and_leaves_nothing() {
    let app = TestApp::builder().config(|config| config.api.request_timeout_ms = 3_000).start().await;
    let user = app.signed_up().await;
    let mut tx = app.pool.begin().await.expect("a transaction");
    sqlx::query("lock table strategies in exclusive mode").execute(&mut *tx).await.expect("a lock");
    let request =
        user.request(Method::POST, "/api/strategies").body("{\"name\":\"s\",\"type\":\"momentum\"}");
    in_our_shape(request.send().await.expect("an answer"), 503, "TIMED_OUT").await;
    tx.rollback().await.expect("a rollback");
    assert_eq!(user.get("/api/strategies").await.1, Value::Array(vec![]));
}

#[tokio::test]
async fn too_many_requests_at_once_are_shed_but_probes_pass() {
    let app = TestApp::builder().config(|config| config.api.max_connections = 1).start().await;
    let user = app.signed_up().await;
    let mut tx = app.pool.begin().await.expect("a transaction");
    sqlx::query("lock table strategies in access exclusive mode").execute(&mut *tx).await.expect("a lock");
    let blocked = user.request(Method::GET, "/api/strategies").send();
    let blocked = tokio::spawn(blocked);
    // Before it has its place, it might be the one that is shed.
    somebody_waits(&app.pool).await;
    let shed = suites::eventually("a request is shed", Duration::from_secs(30), async || {
        let response = app.client().get(format!("{}/api/health", app.url)).send().await.ok()?;
        (response.status() == 503).then_some(response)
    })
    .await;
    assert_eq!(shed.headers()["retry-after"], "1");
    in_our_shape(shed, 503, "OVERLOADED").await;
    let live = app.client().get(format!("{}/health/live", app.url)).send().await.expect("an answer");
    assert_eq!(live.status(), 200);
    tx.rollback().await.expect("a rollback");
    assert_eq!(blocked.await.expect("no panic").expect("an answer").status(), 200);
}

#[tokio::test]
async fn without_a_database_the_api_says_503_and_stays_alive() {
    let mut config = jobs::config::Config::for_profile("test", false).expect("a profile");
    config.database.acquire_timeout_ms = 200;
    // Port 1 on the loopback interface: nobody listens.
    config.database.url = Some("postgres://nobody@127.0.0.1:1/nothing".into());
    let pool = jobs::db::pool(&config.database, "test").expect("a URL");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(api::serve(listener, api::AppState::new(pool, config), shutdown.clone()));
    let client = reqwest::Client::new();
    for (path, status) in
        [("/health", 200), ("/api/health", 200), ("/health/live", 200), ("/health/ready", 503)]
    {
        let response = client.get(format!("{url}{path}")).send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
    let token = "0".repeat(64);
    let user = client.get(format!("{url}/api/user")).header("cookie", format!("session={token}"));
    let response = user.send().await.expect("an answer");
    assert_eq!(response.headers()["retry-after"], "1");
    in_our_shape(response, 503, "DATABASE_UNAVAILABLE").await;
    drop(client);
    shutdown.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(20), serving).await.expect("the stop is bounded");
    stopped.expect("no panic").expect("no error");
}

#[tokio::test]
async fn readiness_needs_every_migration() {
    let app = TestApp::start().await;
    let ready = |app: &TestApp| app.client().get(format!("{}/health/ready", app.url)).send();
    assert_eq!(ready(&app).await.expect("an answer").status(), 200);
    sqlx::query("delete from _sqlx_migrations where version = 6").execute(&app.pool).await.expect("a delete");
    let response = ready(&app).await.expect("an answer");
    assert_eq!(response.status(), 503);
    let body: Value = response.json().await.expect("JSON");
    assert_eq!(body["details"]["missingMigrations"], serde_json::json!([6]));
    sqlx::query("drop table _sqlx_migrations").execute(&app.pool).await.expect("a drop");
    assert_eq!(ready(&app).await.expect("an answer").status(), 503);
}

#[tokio::test]
async fn the_pools_state_is_for_signed_in_users() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let (status, body, _) = user.get("/api/health/db").await;
    assert_eq!((status.as_u16(), body["status"].as_str()), (200, Some("healthy")));
    assert!(body["pool"]["totalCount"].as_i64().is_some_and(|n| n >= 1), "{body}");
    let anonymous = app.client().get(format!("{}/api/health/db", app.url)).send().await.expect("an answer");
    in_our_shape(anonymous, 401, "NO_SESSION").await;
}

#[tokio::test]
async fn the_stop_waits_for_requests_in_flight_but_not_for_ever() {
    // Five seconds are the longest that a stop waits; what comes on top of them is the machine's.
    for (released, shortest, longest) in [(true, 0, 4), (false, 4, 25)] {
        let database = suites::TestDatabase::create().await;
        let mut config = jobs::config::Config::for_profile("test", false).expect("a profile");
        config.database.url = Some(database.url().into());
        let pool = jobs::db::pool(&config.database, "test").expect("a URL");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(api::serve(listener, api::AppState::new(pool, config), shutdown.clone()));

        let mut tx = database.pool.begin().await.expect("a transaction");
        sqlx::query("lock table users in access exclusive mode").execute(&mut *tx).await.expect("a lock");
        let body = serde_json::json!({"username": "alice", "password": "Test123456!"});
        let signup = reqwest::Client::new().post(format!("{url}/api/auth/signup")).json(&body).send();
        let signup = tokio::spawn(signup);
        somebody_waits(&database.pool).await;
        let begun = std::time::Instant::now();
        shutdown.cancel();
        if released {
            tx.rollback().await.expect("a rollback");
            assert_eq!(signup.await.expect("no panic").expect("an answer").status(), 200);
        }
        let stopped =
            tokio::time::timeout(Duration::from_secs(longest), serving).await.expect("the stop is bounded");
        stopped.expect("no panic").expect("no error");
        assert!(begun.elapsed() >= Duration::from_secs(shortest), "{:?}", begun.elapsed());
    }
}
