//! Who may do what: nobody without a session, nobody to another's run.

use reqwest::Method;
use serde_json::Value;
use suites::{TestApp, requests};

use super::by_hand;

/// Every route with an id.
fn with_id(id: &str) -> Vec<(Method, String)> {
    let gets = ["", "/equity", "/equity-curve", "/trades", "/results", "/events"];
    let gets = gets.iter().map(|tail| (Method::GET, format!("/api/backtests/{id}{tail}")));
    gets.chain([(Method::POST, format!("/api/backtests/{id}/cancel"))]).collect()
}

#[tokio::test]
async fn nobody_learns_anything_without_a_session() {
    let app = TestApp::start().await;
    let owner = app.signed_up().await;
    let (id, _) = by_hand::submit(&owner).await;
    let mut routes = with_id(&id.to_string());
    routes.extend(with_id("nonsense"));
    routes.extend([
        (Method::GET, "/api/backtests".to_owned()),
        (Method::POST, "/api/backtests".to_owned()),
        (Method::POST, "/api/backtests/run".to_owned()),
        (Method::GET, "/api/events".to_owned()),
        (Method::GET, "/api/sse/trading?userId=1".to_owned()),
    ]);
    for (method, path) in routes {
        let request = app.client().request(method.clone(), format!("{}{path}", app.url));
        let response = request.body("not json").send().await.expect("an answer");
        assert_eq!(response.status(), 401, "{method} {path}");
        let body: Value = response.json().await.expect("an error is JSON");
        assert_eq!(body["code"], "NO_SESSION", "{method} {path}");
    }
}

#[tokio::test]
async fn a_run_of_someone_else_and_one_that_cannot_exist_are_not_found() {
    let app = TestApp::start().await;
    let (owner, other) = (app.signed_up().await, app.signed_up().await);
    let (id, _) = by_hand::submit(&owner).await;
    by_hand::complete(&app.pool, id).await;
    let absent = uuid::Uuid::now_v7().to_string();
    for id in [id.to_string().as_str(), &absent, "999999", "nonsense"] {
        for (method, path) in with_id(id) {
            let (status, body) = send(other.request(method.clone(), &path)).await;
            assert_eq!(status, 404, "{method} {path}: {body}");
            assert_eq!(body["code"], "NOT_FOUND", "{method} {path}: {body}");
        }
    }
    let (_, list, _) = other.get("/api/backtests").await;
    assert_eq!(list["runs"], Value::Array(Vec::new()), "another's runs are not listed");
}

#[tokio::test]
async fn a_strategy_of_someone_else_is_not_found() {
    let app = TestApp::start().await;
    let (owner, other) = (app.signed_up().await, app.signed_up().await);
    let body = serde_json::json!({"name": "mine", "type": "momentum", "assets": ["AAPL"]});
    let (status, strategy, _) = owner.post("/api/strategies", &body).await;
    assert_eq!(status, 200, "{strategy}");
    for id in [strategy["id"].as_str().expect("an id"), "12", "nonsense"] {
        let mut body = requests::report_backtest();
        body["strategyId"] = id.into();
        let (status, reply, _) = other.post("/api/backtests", &body).await;
        assert_eq!(status, 404, "{id}: {reply}");
    }
    assert_eq!(by_hand::jobs(&app.pool).await, 0, "nothing is queued");
}

async fn send(request: reqwest::RequestBuilder) -> (reqwest::StatusCode, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status();
    (status, response.json().await.unwrap_or_default())
}
