//! Optimistic locking, for those who ask for it.

use reqwest::Method;
use serde_json::{Value, json};
use suites::{SignedIn, TestApp};

use super::{made, minimal, path_of};

async fn put_if(user: &SignedIn, path: &str, if_match: &str, body: &Value) -> (u16, Value) {
    let request = user.request(Method::PUT, path).header("if-match", if_match).json(body);
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

#[tokio::test]
async fn a_change_based_on_an_old_version_is_refused_with_the_current_one() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let path = path_of(&made(&user, &minimal()).await);
    assert_eq!(user.put(&path, &json!({"name": "two", "version": 1})).await.0, 200);

    let (status, body, _) = user.put(&path, &json!({"name": "lost", "version": 1})).await;
    assert_eq!((status.as_u16(), &body["code"]), (409, &json!("VERSION_CONFLICT")));
    assert_eq!(body["details"]["currentVersion"], 2);

    let (status, body) = put_if(&user, &path, "\"1\"", &json!({"name": "lost"})).await;
    assert_eq!((status, &body["code"], &body["statusCode"]), (412, &json!("VERSION_CONFLICT"), &json!(412)));
    assert_eq!(body["details"]["currentVersion"], 2);

    assert_eq!(put_if(&user, &path, "\"2\"", &json!({"name": "three"})).await.0, 200);
    assert_eq!(put_if(&user, &path, "*", &json!({"name": "four"})).await.0, 200);
    assert_eq!(put_if(&user, &path, "nonsense", &json!({"name": "lost"})).await.0, 400);
    assert_eq!(user.put(&path, &json!({"name": "five"})).await.0, 200, "no version, no condition");
    let request = user.request(Method::DELETE, &path).header("if-match", "\"1\"");
    assert_eq!(request.send().await.expect("an answer").status(), 412);
    assert_eq!(user.get(&path).await.1["name"], "five");
}

#[tokio::test]
async fn of_many_changes_based_on_one_version_exactly_one_wins() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let path = path_of(&made(&user, &minimal()).await);
    let bodies: Vec<Value> = (0..8).map(|n| json!({ "name": format!("s{n}"), "version": 1 })).collect();
    let answers = futures::future::join_all(bodies.iter().map(|body| user.put(&path, body))).await;
    let won = answers.iter().filter(|answer| answer.0 == 200).count();
    let lost = answers.iter().filter(|answer| answer.0 == 409).count();
    assert_eq!((won, lost), (1, 7));
    assert_eq!(user.get(&path).await.1["version"], 2);
}

#[tokio::test]
async fn changes_of_different_fields_at_once_are_all_kept() {
    let app = TestApp::start().await;
    let user = app.signed_up().await;
    let path = path_of(&made(&user, &minimal()).await);
    let (name, assets, config) =
        (json!({"name": "new"}), json!({"assets": ["AAPL"]}), json!({"config": {"a": 1}}));
    tokio::join!(user.put(&path, &name), user.patch(&path, &assets), user.put(&path, &config));
    let now = user.get(&path).await.1;
    assert_eq!(
        (&now["name"], &now["assets"], &now["config"]),
        (&json!("new"), &json!(["AAPL"]), &json!({"a": 1}))
    );
    assert_eq!(now["version"], 4);
}
