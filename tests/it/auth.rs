//! Sign-up, sign-in, sign-out, and what they leave in the database.

mod origins;
mod sessions;
mod throttle;

use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use suites::TestApp;

const PASSWORD: &str = "Test123456!";

async fn send(client: &Client, app: &TestApp, method: Method, path: &str, body: &Value) -> Response {
    let request = client.request(method, format!("{}{path}", app.url));
    let request = if body.is_null() { request } else { request.json(body) };
    request.send().await.expect("the API answers")
}

async fn post(client: &Client, app: &TestApp, path: &str, body: &Value) -> (StatusCode, Value) {
    read(send(client, app, Method::POST, path, body).await).await
}

async fn get(client: &Client, app: &TestApp, path: &str) -> (StatusCode, Value) {
    read(send(client, app, Method::GET, path, &Value::Null).await).await
}

async fn read(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    (status, response.json().await.expect("every reply is JSON"))
}

fn credentials(username: &str, password: &str) -> Value {
    json!({ "username": username, "password": password })
}

#[tokio::test]
async fn signing_up_signs_in_until_signing_out() {
    let app = TestApp::start().await;
    let client = app.client();
    let (status, body) = post(&client, &app, "/api/auth/signup", &credentials("alice", PASSWORD)).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["username"], "alice");
    assert_eq!(body["isAdmin"], false);
    assert_eq!(body["user"]["id"], body["id"]);

    for path in ["/api/user", "/api/auth/me"] {
        let (status, me) = get(&client, &app, path).await;
        assert_eq!((status.as_u16(), &me), (200, &body));
    }
    let cookie = send(&client, &app, Method::POST, "/api/auth/login", &credentials("ALICE", PASSWORD)).await;
    let cookie = cookie.headers()["set-cookie"].to_str().expect("text").to_owned();
    let (name, rest) = cookie.split_once("; ").expect("attributes follow the value");
    assert!(name.starts_with("session=") && name.len() == "session=".len() + 64, "{cookie}");
    for attribute in ["HttpOnly", "Path=/", "Max-Age=604800", "SameSite=Lax", "Expires="] {
        assert!(rest.contains(attribute), "{cookie}");
    }
    assert!(!rest.contains("Secure"), "{cookie}");

    let old = name.to_owned();
    let response = send(&client, &app, Method::POST, "/api/auth/logout", &Value::Null).await;
    let cleared = response.headers()["set-cookie"].to_str().expect("text");
    assert!(cleared.starts_with("session=; Max-Age=0"), "{cleared}");
    assert_eq!(read(response).await, (StatusCode::OK, json!({ "success": true })));
    let replay = app.client().get(format!("{}/api/user", app.url)).header("cookie", old);
    let (status, body) = read(replay.send().await.expect("an answer")).await;
    assert_eq!((status.as_u16(), &body["code"]), (401, &json!("SESSION_EXPIRED")));
}

#[tokio::test]
async fn only_a_digest_of_the_token_and_a_hash_of_the_password_are_stored() {
    let app = TestApp::start().await;
    let response =
        send(&app.client(), &app, Method::POST, "/api/auth/signup", &credentials("alice", PASSWORD)).await;
    let cookie = response.headers()["set-cookie"].to_str().expect("text");
    let token = cookie["session=".len()..][..64].to_owned();
    let stored: Vec<u8> = sqlx::query_scalar("select token_hash from sessions")
        .fetch_one(&app.pool)
        .await
        .expect("one session");
    let text = stored.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    assert_ne!(text, token);
    let hash: String =
        sqlx::query_scalar("select password_hash from users").fetch_one(&app.pool).await.expect("one user");
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
}

#[tokio::test]
async fn sign_up_refuses_what_it_must() {
    let app = TestApp::start().await;
    let client = app.client();
    let taken = json!({ "username": "Taken", "password": PASSWORD, "email": "taken@mail.example" });
    assert_eq!(post(&client, &app, "/api/auth/signup", &taken).await.0, 200);
    for (body, code) in [
        (credentials("taken", PASSWORD), "USERNAME_TAKEN"),
        (json!({"username": "other", "password": PASSWORD, "email": "TAKEN@mail.example"}), "EMAIL_TAKEN"),
        (json!({"username": "other", "password": PASSWORD, "email": "nowhere"}), "INVALID_EMAIL"),
        (credentials("ab", PASSWORD), "INVALID_USERNAME"),
        (credentials("<b>ab</b>", PASSWORD), "INVALID_USERNAME"),
        (credentials(&"x".repeat(65), PASSWORD), "INVALID_USERNAME"),
        (credentials(&"<".repeat(300_000), PASSWORD), "INVALID_USERNAME"),
        (credentials("Admin", PASSWORD), "INVALID_USERNAME"),
        (credentials("ali\u{202e}ce", PASSWORD), "INVALID_USERNAME"),
        (credentials("ali\u{200b}ce", PASSWORD), "INVALID_USERNAME"),
        (credentials("other", "short"), "WEAK_PASSWORD"),
        (credentials("other", "testpass123456"), "WEAK_PASSWORD"),
        (credentials("other", "Aa1!Aa1!Aa1!"), "WEAK_PASSWORD"),
        (credentials("margarete", "Margarete91!xq"), "WEAK_PASSWORD"),
        (json!({"username": "other"}), "INVALID_FIELD"),
        (json!({"password": PASSWORD}), "INVALID_FIELD"),
        (json!({"username": 5, "password": PASSWORD}), "INVALID_FIELD"),
        (json!([]), "INVALID_FIELD"),
        (Value::Null, "INVALID_FIELD"),
    ] {
        let response = send(&app.client(), &app, Method::POST, "/api/auth/signup", &body).await;
        assert!(response.headers().get("set-cookie").is_none(), "{body}");
        let (status, reply) = read(response).await;
        assert_eq!((status.as_u16(), reply["code"].as_str()), (400, Some(code)), "{body}: {reply}");
    }
    let users: i64 =
        sqlx::query_scalar("select count(*) from users").fetch_one(&app.pool).await.expect("a count");
    assert_eq!(users, 1);
}

#[tokio::test]
async fn two_sign_ups_of_one_name_at_once_make_one_account() {
    let app = TestApp::start().await;
    let body = credentials("twin", PASSWORD);
    let (one, two) = (app.client(), app.client());
    let (one, two) = tokio::join!(
        post(&one, &app, "/api/auth/signup", &body),
        post(&two, &app, "/api/auth/register", &body)
    );
    let mut statuses = [one.0.as_u16(), two.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "{} {}", one.1, two.1);
}

#[tokio::test]
async fn tags_and_rank_are_not_taken_from_the_client() {
    let app = TestApp::start().await;
    let body = json!({"username": " <i>eve</i> ", "password": PASSWORD, "isAdmin": true, "is_admin": true});
    let (status, reply) = post(&app.client(), &app, "/api/auth/signup", &body).await;
    assert_eq!((status.as_u16(), &reply["username"], &reply["isAdmin"]), (200, &json!("eve"), &json!(false)));
}

#[tokio::test]
async fn the_settings_choose_status_policy_and_cookie() {
    let app = TestApp::builder()
        .config(|config| {
            config.api.signup_status = 201;
            config.api.password_policy = jobs::config::PasswordPolicy::Lenient;
            config.api.secure_cookies = true;
        })
        .start()
        .await;
    let response =
        send(&app.client(), &app, Method::POST, "/api/auth/signup", &credentials("alice", "abcdef")).await;
    assert_eq!(response.status(), 201);
    assert!(response.headers()["set-cookie"].to_str().expect("text").ends_with("; Secure"));
    assert!(response.headers().contains_key("strict-transport-security"));
}

#[tokio::test]
async fn wrong_name_and_wrong_password_look_the_same_and_set_no_cookie() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let mut replies = Vec::new();
    for body in [credentials(&user.username, "Wrong123456!"), credentials("nobody_at_all", PASSWORD)] {
        let response = send(&app.client(), &app, Method::POST, "/api/auth/login", &body).await;
        assert!(response.headers().get("set-cookie").is_none());
        let (status, mut reply) = read(response).await;
        assert_eq!((status.as_u16(), &reply["code"]), (401, &json!("BAD_CREDENTIALS")));
        reply["timestamp"].take();
        replies.push(reply);
    }
    assert_eq!(replies[0], replies[1]);
    let long = "<x".repeat(150_000);
    for body in [
        json!({}),
        json!({"username": "x"}),
        credentials("", ""),
        credentials("abc", ""),
        credentials(&long, "x"),
    ] {
        let (status, reply) = post(&app.client(), &app, "/api/auth/login", &body).await;
        assert_eq!(status, 400, "{body}: {reply}");
    }
}

#[tokio::test]
async fn a_hash_with_old_parameters_is_replaced_at_sign_in() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    // argon2id of "Test123456!" with m=8192, t=1, p=1, made by the argon2 crate.
    let old =
        "$argon2id$v=19$m=8192,t=1,p=1$dreyaDiGeBj6L0q8Syx44Q$58EcIGYwoB4FdU1InIcb9T6TwhonCZEpymrJBLCxM+M";
    sqlx::query("update users set password_hash = $1").bind(old).execute(&app.pool).await.expect("an update");
    let (status, body) =
        post(&app.client(), &app, "/api/auth/login", &credentials(&user.username, PASSWORD)).await;
    assert_eq!(status, 200, "{body}");
    let new: String =
        sqlx::query_scalar("select password_hash from users").fetch_one(&app.pool).await.expect("a user");
    assert!(new.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{new}");
    let (status, _) =
        post(&app.client(), &app, "/api/auth/login", &credentials(&user.username, PASSWORD)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn each_step_leaves_one_audit_row_without_secrets() {
    let app = TestApp::start().await;
    let client = app.client();
    let body = credentials("alice", PASSWORD);
    for path in ["/api/auth/signup", "/api/auth/login", "/api/auth/logout", "/api/auth/logout"] {
        let request = client.post(format!("{}{path}", app.url)).header("x-request-id", "trace-1").json(&body);
        assert_eq!(request.send().await.expect("an answer").status(), 200);
    }
    let rows: Vec<(String, Option<String>, Option<String>, String)> = sqlx::query_as(
        "select action, trace_id, address, concat(before::text, after::text) from audit_log order by audit_id",
    )
    .fetch_all(&app.pool)
    .await
    .expect("rows");
    let actions: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(actions, ["create_user", "login", "logout"]);
    for (_, trace, address, states) in &rows {
        assert_eq!((trace.as_deref(), address.as_deref()), (Some("trace-1"), Some("127.0.0.1")));
        assert!(!states.contains(PASSWORD) && !states.contains("argon2"), "{states}");
    }
}

#[tokio::test]
async fn a_sign_up_that_can_not_be_audited_does_not_happen() {
    let app = TestApp::start().await;
    sqlx::query("alter table audit_log add constraint closed check (false) not valid")
        .execute(&app.pool)
        .await
        .expect("a constraint");
    let (status, body) = post(&app.client(), &app, "/api/auth/signup", &credentials("alice", PASSWORD)).await;
    assert_eq!((status.as_u16(), &body["code"]), (500, &json!("INTERNAL")));
    assert!(!body.to_string().contains("closed"), "{body}");
    let left: i64 =
        sqlx::query_scalar("select (select count(*) from users) + (select count(*) from sessions)")
            .fetch_one(&app.pool)
            .await
            .expect("a count");
    assert_eq!(left, 0);
}
