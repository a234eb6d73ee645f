//! Two users on every route: another's strategy is as absent as one that never was.

use reqwest::Method;
use serde_json::{Value, json};
use suites::TestApp;

use super::{PATH, made, minimal, path_of};

#[tokio::test]
async fn another_users_strategy_is_not_found_on_any_route() {
    let app = TestApp::start().await;
    let (alice, bob) = (app.signed_up().await, app.signed_up().await);
    let strategy = made(&alice, &minimal()).await;
    let own = path_of(&strategy);
    let document = bob.get("/api/openapi.json").await.1;
    let mut tried = 0;
    for (pattern, item) in document["paths"].as_object().expect("paths") {
        if !pattern.starts_with("/api/strategies/{id}") {
            continue;
        }
        for method in item.as_object().expect("operations").keys() {
            let method: Method = method.to_uppercase().parse().expect("a method");
            let mut texts = Vec::new();
            for id in [
                own.as_str(),
                "/api/strategies/999999",
                "/api/strategies/00000000-0000-7000-8000-000000000000",
            ] {
                let path = pattern.replace("/api/strategies/{id}", id);
                let body = json!({"name": "stolen", "mode": "paper"});
                let mut request = bob.request(method.clone(), &path);
                if method != Method::GET && method != Method::DELETE {
                    request = request.json(&body);
                }
                let response = request.send().await.expect("an answer");
                assert_eq!(response.status(), 404, "{method} {path}");
                let reply: Value = response.json().await.expect("JSON");
                texts.push(reply["code"].clone());
                tried += 1;
            }
            assert!(texts.iter().all(|code| code == "NOT_FOUND"), "{method} {pattern}");
        }
    }
    assert!(tried >= 24, "the routes with an id have moved: {tried}");
    assert_eq!(bob.get(PATH).await.1, json!([]));
    assert_eq!(alice.get(&own).await.1, strategy, "nothing of Bob's got through");
    assert_eq!(alice.get(PATH).await.1, json!([strategy]));
}
