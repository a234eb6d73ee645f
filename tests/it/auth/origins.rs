//! Writes that another site could have caused, and what other origins may read.

use reqwest::Method;
use serde_json::json;
use suites::TestApp;

use super::read;

#[tokio::test]
async fn writes_from_other_sites_are_refused_with_a_session_and_without() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let own = app.url.clone();
    let json = ("content-type", "application/json");
    let cases: Vec<(Vec<(&str, &str)>, u16)> = vec![
        (vec![json], 200),
        (vec![json, ("sec-fetch-site", "same-origin")], 200),
        (vec![json, ("sec-fetch-site", "none")], 200),
        (vec![json, ("sec-fetch-site", "cross-site")], 403),
        (vec![json, ("sec-fetch-site", "same-site")], 403),
        (vec![json, ("origin", &own)], 200),
        (vec![json, ("origin", "https://evil.example")], 403),
        (vec![json, ("origin", "null")], 403),
        (vec![("content-type", "text/plain")], 403),
        (vec![("content-type", "application/x-www-form-urlencoded")], 403),
    ];
    for (headers, expected) in cases {
        let mut request = user.request(Method::POST, "/api/strategies");
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let body = json!({"name": "s", "type": "momentum"}).to_string();
        let (status, reply) = read(request.body(body).send().await.expect("an answer")).await;
        assert_eq!(status.as_u16(), expected, "{headers:?}: {reply}");
        assert_eq!(reply["code"] == "CSRF_REFUSED", expected == 403, "{reply}");
    }
    let request =
        app.client().post(format!("{}/api/auth/login", app.url)).header("sec-fetch-site", "cross-site");
    assert_eq!(
        request.send().await.expect("an answer").status(),
        403,
        "signing in as someone else is a write too"
    );
}

#[tokio::test]
async fn an_empty_body_of_any_type_is_accepted_without_an_origin() {
    let app = TestApp::start().await;
    for content_type in ["application/json", "text/plain"] {
        let user = app.signed_up().await;
        let request = user.request(Method::POST, "/api/auth/logout").header("content-type", content_type);
        assert_eq!(request.send().await.expect("an answer").status(), 200, "{content_type}");
    }
}

#[tokio::test]
async fn only_our_own_origin_may_read_replies() {
    let app = TestApp::start().await;
    for (origin, readable) in [(app.url.as_str(), true), ("https://evil.example", false)] {
        let request = app.client().get(format!("{}/api/health", app.url)).header("origin", origin);
        let response = request.send().await.expect("an answer");
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-credentials"], "true");
        assert_eq!(
            headers.get("access-control-allow-origin").map(|v| v.to_str().expect("text")),
            readable.then_some(origin)
        );
    }
    let plain = app.client().get(format!("{}/api/health", app.url)).send().await.expect("an answer");
    assert!(!plain.headers().contains_key("access-control-allow-credentials"));
}

#[tokio::test]
async fn a_preflight_lists_what_clients_use() {
    let app = TestApp::start().await;
    let request = app.client().request(Method::OPTIONS, format!("{}/api/strategies", app.url));
    let request = request.header("origin", &app.url).header("access-control-request-method", "PATCH");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 204);
    let methods = response.headers()["access-control-allow-methods"].to_str().expect("text");
    assert!(methods.contains("PATCH"), "{methods}");
}
