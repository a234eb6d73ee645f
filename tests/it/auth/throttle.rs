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

    // Even the right password has to wait.
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
        let left = remaining_s(&app, "pair:").await;
        assert!(left > expected / 2.0 && left <= expected, "{left} of {expected}");
    }
    sqlx::query("update sign_in_failures set failures = 2000000")
        .execute(&app.pool)
        .await
        .expect("an update");
    forget_delays(&app).await;
    fail(&app, &user.username, 1).await;
    let left = remaining_s(&app, "pair:").await;
    assert!(left > 800.0 && left <= 900.0, "the longest delay is 15 minutes, not {left} s");
}

#[tokio::test]
async fn success_clears_the_account_from_this_network_only() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    fail(&app, &user.username, 4).await;
    assert_eq!(
        post(&app.client(), &app, "/api/auth/login", &credentials(&user.username, PASSWORD)).await.0,
        200
    );
    let counts: Vec<(String, i32)> =
        sqlx::query_as("select split_part(subject, ':', 1), failures from sign_in_failures order by 1")
            .fetch_all(&app.pool)
            .await
            .expect("rows");
    assert_eq!(counts, [("account".to_owned(), 4), ("address".to_owned(), 4)]);
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

/// Moves every failure `minutes` into the past, delays included.
async fn minutes_pass(app: &TestApp, minutes: i32) {
    sqlx::query(
        "update sign_in_failures
            set last_failed_at = last_failed_at - $1 * interval '1 minute',
                blocked_until = blocked_until - $1 * interval '1 minute'",
    )
    .bind(minutes)
    .execute(&app.pool)
    .await
    .expect("an update");
}

async fn count_of(app: &TestApp, prefix: &str) -> i32 {
    sqlx::query_scalar("select failures from sign_in_failures where subject like $1 || '%'")
        .bind(prefix)
        .fetch_one(&app.pool)
        .await
        .expect("one counter")
}

#[tokio::test]
async fn time_takes_failures_off_every_count() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    fail(&app, &user.username, 5).await;
    minutes_pass(&app, 11).await;
    fail(&app, &user.username, 1).await;
    for prefix in ["pair:", "account:", "address:"] {
        assert_eq!(count_of(&app, prefix).await, 4, "{prefix}: two of five went, one came");
    }
    minutes_pass(&app, 600).await;
    fail(&app, &user.username, 1).await;
    assert_eq!(count_of(&app, "pair:").await, 1, "a count doesn't go below nothing");
}

#[tokio::test]
async fn one_failure_a_run_never_slows_an_address_that_runs_every_five_minutes() {
    let app = start().await;
    let user = app.signed_up().await;
    for _ in 0..30 {
        fail(&app, "nobody_at_all", 1).await;
        let good = credentials(&user.username, PASSWORD);
        assert_eq!(post(&app.client(), &app, "/api/auth/login", &good).await.0, 200);
        minutes_pass(&app, 5).await;
    }
    assert_eq!(count_of(&app, "address:").await, 1);
}

#[tokio::test]
async fn the_delay_of_an_address_has_a_low_limit() {
    let app = TestApp::start().await;
    fail(&app, "nobody_at_all", 1).await;
    sqlx::query("update sign_in_failures set failures = 2000 where subject like 'address:%'")
        .execute(&app.pool)
        .await
        .expect("an update");
    fail(&app, "somebody_else", 1).await;
    let left = remaining_s(&app, "address:").await;
    assert!(left > 50.0 && left <= 60.0, "the longest delay of an address is a minute, not {left} s");
}

#[tokio::test]
async fn a_strangers_guesses_do_not_lock_the_owner_out() {
    let app = TestApp::builder()
        .config(|config| {
            config.auth.base_delay_ms = 60_000;
            config.auth.free_failures_account = 8;
            config.api.trust_forwarded_for = true;
        })
        .start()
        .await;
    let user = app.signed_up().await;
    let try_from = async |address: &str, password: &str| {
        let url = format!("{}/api/auth/login", app.url);
        let request = app.client().post(url).header("x-forwarded-for", address);
        let response = request.json(&credentials(&user.username, password)).send().await;
        response.expect("the API answers").status().as_u16()
    };
    for _ in 0..6 {
        assert_eq!(try_from("198.51.100.7", WRONG).await, 401);
    }
    assert_eq!(try_from("198.51.100.7", PASSWORD).await, 429, "the stranger waits");
    assert_eq!(try_from("192.0.2.1", PASSWORD).await, 200, "the owner does not");
    // Guesses from ever new networks reach the limit of the whole account.
    for host in 1..=3 {
        assert_eq!(try_from(&format!("203.0.113.{host}"), WRONG).await, 401);
    }
    assert_eq!(try_from("192.0.2.1", PASSWORD).await, 429);
    let left = remaining_s(&app, "account:").await;
    assert!(left <= 60.0, "a minute at most, not {left} s");
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
