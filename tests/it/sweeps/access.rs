//! Who may do what: nobody without a session, nobody to another's sweep.

use reqwest::Method;
use serde_json::{Value, json};
use suites::TestApp;

use super::{SWEEP, WALK, submit, sweep_body, walk_body};

/// Every route with an id.
fn with_id(sweep: &str, walk: &str) -> Vec<(Method, String)> {
    vec![
        (Method::GET, format!("{SWEEP}/{sweep}")),
        (Method::GET, format!("{SWEEP}/{sweep}/results")),
        (Method::POST, format!("{SWEEP}/{sweep}/cancel")),
        (Method::GET, format!("{WALK}/{walk}")),
        (Method::GET, format!("{WALK}/{walk}/equity")),
        (Method::POST, format!("{WALK}/{walk}/cancel")),
    ]
}

#[tokio::test]
async fn sweeps_are_their_owners_alone() {
    let app = TestApp::start().await;
    let (owner, other) = (app.signed_up().await, app.signed_up().await);
    let (sweep, _) = submit(&owner, SWEEP, &sweep_body()).await;
    let (walk, _) = submit(&owner, WALK, &walk_body()).await;
    for (method, path) in with_id(&sweep, &walk) {
        let response = app.client().request(method.clone(), format!("{}{path}", app.url)).send().await;
        assert_eq!(response.expect("an answer").status(), 401, "{method} {path}");
    }
    let absent = uuid::Uuid::now_v7().to_string();
    // Another's, none at all, no id, and each where the other kind is asked for.
    for (user, sweep, walk) in [
        (&other, sweep.as_str(), walk.as_str()),
        (&owner, absent.as_str(), absent.as_str()),
        (&owner, "nonsense", "7"),
        (&owner, walk.as_str(), sweep.as_str()),
    ] {
        for (method, path) in with_id(sweep, walk) {
            let response = user.request(method.clone(), &path).send().await.expect("an answer");
            let status = response.status();
            let body: Value = response.json().await.expect("an error is JSON");
            assert_eq!(
                (status.as_u16(), &body["code"]),
                (404, &json!("NOT_FOUND")),
                "{method} {path}: {body}"
            );
        }
    }
    for path in [SWEEP, WALK] {
        assert_eq!(other.get(path).await.1, json!([]), "{path}");
        assert_eq!(owner.get(path).await.1.as_array().map(Vec::len), Some(1), "{path}");
    }
    let strategy = json!({"name": "mine", "type": "moving_average_crossover", "assets": ["AAPL"]});
    let (_, strategy, _) = owner.post("/api/strategies", &strategy).await;
    let mut body = sweep_body();
    body["strategyId"] = strategy["id"].clone();
    assert_eq!(other.post(SWEEP, &body).await.0, 404, "another's strategy");
    let (_, reply) = submit(&owner, SWEEP, &body).await;
    assert_eq!(reply["strategyId"], strategy["id"]);
}

#[tokio::test]
async fn lists_are_newest_first_filtered_and_paged() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.insert(0, submit(&user, SWEEP, &sweep_body()).await.0);
    }
    let found = super::pages(&user, &format!("{SWEEP}?limit=2")).await;
    let found: Vec<&str> = found.iter().filter_map(|sweep| sweep["id"].as_str()).collect();
    assert_eq!(found, ids);
    assert_eq!(user.get(&format!("{SWEEP}?status=done")).await.1, json!([]));
    assert_eq!(user.get(&format!("{SWEEP}?status=pending")).await.0, 400);
}

#[tokio::test]
async fn a_user_has_so_many_unfinished_sweeps_and_no_more() {
    let app = TestApp::start().await;
    let (user, other) = (app.signed_up().await, app.signed_up().await);
    let mut last = String::new();
    for number in 0..20 {
        let (path, body) = if number % 2 == 0 { (SWEEP, sweep_body()) } else { (WALK, walk_body()) };
        let (id, _) = submit(&user, path, &body).await;
        last = format!("{path}/{id}");
    }
    for (path, body) in [(SWEEP, sweep_body()), (WALK, walk_body())] {
        let (status, reply, headers) = user.post(path, &body).await;
        assert_eq!((status.as_u16(), &reply["code"]), (429, &json!("TOO_MANY_RUNS")), "{reply}");
        assert!(headers.get("retry-after").is_some());
    }
    submit(&other, SWEEP, &sweep_body()).await;
    let (status, reply, _) = user.post_empty(&format!("{last}/cancel")).await;
    assert_eq!(status, 200, "{reply}");
    submit(&user, SWEEP, &sweep_body()).await;
}
