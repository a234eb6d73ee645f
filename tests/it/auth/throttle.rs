//! Guessing passwords gets slow; honest users do not notice.

use reqwest::Method;
use serde_json::{Value, json};
use suites::TestApp;

use super::{PASSWORD, credentials, get, post, read, send};

const WRONG: &str = "Wrong123456!";

/// An application whose first delay is a minute: a busy machine must not outlast it.
async fn start() -> TestApp {
    TestApp::builder().config(|config| config.auth.base_delay_ms = 60_000).start().await
}

async fn fail(app: &TestApp, username: &str, times: usize) {
    for _ in 0..times {
        let (status, body) = post(&app.client(), app, "/api/auth/login", &credentials(username, WRONG)).await;
        assert_eq!(status, 401, "{body}");
    }
}

async fn forget_delays(app: &TestApp) {
    sqlx::query("update sign_in_failures set blocked_until = clock_timestamp()")
        .execute(&app.pool)
        .await
        .expect("an update");
}

async fn remaining_s(app: &TestApp, prefix: &str) -> f64 {
    sqlx::query_scalar(
        "select extract(epoch from blocked_until - clock_timestamp())::float8
           from sign_in_failures where subject like $1 || '%'",
    )
    .bind(prefix)
    .fetch_one(&app.pool)
    .await
    .expect("one counter")
}

#[tokio::test]
async fn delays_begin_after_the_free_failures_and_double() {
    let app = start().await;
    let user = app.signed_up().await;
    fail(&app, &user.username, 6).await;

    // Even the right password has to wait, for an address that never failed too.
    let response =
        send(&app.client(), &app, Method::POST, "/api/auth/login", &credentials(&user.username, PASSWORD))
            .await;
    let wait: u64 =
        response.headers()["retry-after"].to_str().ok().and_then(|s| s.parse().ok()).expect("seconds");
    assert!((30..=60).contains(&wait), "{wait}");
    assert!(response.headers().get("set-cookie").is_none());
    let (status, body) = read(response).await;
    assert_eq!((status.as_u16(), &body["code"]), (429, &json!("TOO_MANY_ATTEMPTS")));
    assert_eq!(get(&user.client, &app, "/api/user").await.0, 200, "a session goes on");

    for expected in [120.0, 240.0, 480.0] {
        forget_delays(&app).await;
        fail(&app, &user.username, 1).await;
        let left = remaining_s(&app, "account:").await;
        assert!(left > expected / 2.0 && left <= expected, "{left} of {expected}");
    }
    sqlx::query("update sign_in_failures set failures = 2000000")
        .execute(&app.pool)
        .await
        .expect("an update");
    forget_delays(&app).await;
    fail(&app, &user.username, 1).await;
    let left = remaining_s(&app, "account:").await;
    assert!(left > 800.0 && left <= 900.0, "the longest delay is 15 minutes, not {left} s");
}

#[tokio::test]
async fn success_clears_the_account_but_not_the_address() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    fail(&app, &user.username, 4).await;
    assert_eq!(
        post(&app.client(), &app, "/api/auth/login", &credentials(&user.username, PASSWORD)).await.0,
        200
    );
    let counts: Vec<(String, i32)> =
        sqlx::query_as("select split_part(subject, ':', 1), failures from sign_in_failures")
            .fetch_all(&app.pool)
            .await
            .expect("rows");
    assert_eq!(counts, [("address".to_owned(), 4)]);
    fail(&app, &user.username, 5).await;
}

#[tokio::test]
async fn an_address_that_tries_many_names_is_slowed_for_all_of_them() {
    let app = TestApp::builder()
        .config(|config| {
            config.auth.free_failures_address = 3;
            config.auth.base_delay_ms = 60_000;
        })
        .start()
        .await;
    let user = app.signed_up().await;
    for name in ["one", "two", "three", "four"] {
        fail(&app, name, 1).await;
    }
    let (status, _) =
        post(&app.client(), &app, "/api/auth/login", &credentials(&user.username, PASSWORD)).await;
    assert_eq!(status, 429);
}

#[tokio::test]
async fn old_failures_are_forgotten() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    fail(&app, &user.username, 5).await;
    sqlx::query("update sign_in_failures set last_failed_at = clock_timestamp() - interval '25 hours'")
        .execute(&app.pool)
        .await
        .expect("an update");
    fail(&app, &user.username, 5).await;
}

#[tokio::test]
async fn many_successes_from_one_address_are_never_throttled() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    for _ in 0..25 {
        let body = credentials(&user.username, PASSWORD);
        assert_eq!(post(&app.client(), &app, "/api/auth/login", &body).await.0, 200);
    }
}

#[tokio::test]
async fn a_burst_of_guesses_does_not_slip_past_the_count() {
    let app = start().await;
    let user = app.signed_up().await;
    let client = app.client();
    let body = credentials(&user.username, WRONG);
    let guesses = (0..30).map(|_| send(&client, &app, Method::POST, "/api/auth/login", &body));
    let statuses: Vec<u16> =
        futures::future::join_all(guesses).await.iter().map(|response| response.status().as_u16()).collect();
    let tried = statuses.iter().filter(|status| **status == 401).count();
    // Six may fail before the first delay; the second permit may be one ahead.
    assert!((6..=8).contains(&tried), "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
}

#[tokio::test]
async fn guessing_the_current_password_of_a_stolen_session_counts_too() {
    let app = start().await;
    let user = app.signed_up().await;
    let body = json!({ "currentPassword": WRONG, "newPassword": "Vorst-Kelp-91-Quad" });
    let mut last = Value::Null;
    for _ in 0..7 {
        last = user.post("/api/auth/change-password", &body).await.1;
    }
    assert_eq!(last["code"], "TOO_MANY_ATTEMPTS");
}
