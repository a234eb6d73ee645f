//! Who may do what: nobody without a session but read a quote, nobody to another's watchlists, and
//! only operators to connectors.

use reqwest::Method;
use serde_json::{Value, json};

use super::{administrator, start};

/// Every operation with one of `tags`, or a path of `paths`.
fn operations(tags: &[&str], paths: &[&str]) -> Vec<(Method, String)> {
    let document = api::openapi::document();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let tagged = tags.iter().any(|tag| operation["tags"] == json!([tag]));
            if tagged || paths.iter().any(|start| path.starts_with(start)) {
                let path = path.replace("{id}", &uuid::Uuid::now_v7().to_string());
                let path = path.replace("{symbol}", "AAPL").replace("{provider}", "polygon");
                found.push((method.to_uppercase().parse().expect("a method"), path));
            }
        }
    }
    found
}

const OPERATORS: &[&str] = &[
    "/api/admin/connectors-health",
    "/api/admin/provider-status",
    "/api/admin/provider/",
    "/api/admin/api-usage",
    "/api/admin/api-keys-status",
    "/api/admin/api-cache",
    "/api/admin/data-fusion-status",
];

#[tokio::test]
async fn nobody_reads_more_than_a_quote_without_a_session() {
    let app = start().await;
    let mut tried = 0;
    for (method, path) in operations(&["data", "watchlists"], OPERATORS) {
        let request = app.client().request(method.clone(), format!("{}{path}", app.url));
        let response = request.body("not json").send().await.expect("an answer");
        if path.starts_with("/api/stock/quote/") {
            assert_eq!(response.status(), 200, "{path}");
            continue;
        }
        assert_eq!(response.status(), 401, "{method} {path}");
        let body: Value = response.json().await.expect("an error is JSON");
        assert_eq!(body["code"], "NO_SESSION", "{method} {path}");
        tried += 1;
    }
    assert!(tried >= 25, "the routes have moved: {tried}");
}

#[tokio::test]
async fn connectors_are_operated_with_capabilities_only() {
    let app = start().await;
    let (user, admin) = (app.signed_up().await, administrator(&app).await);
    let operations = operations(&[], OPERATORS);
    assert_eq!(operations.len(), 9, "{operations:?}");
    for (method, path) in operations {
        let response = user.request(method.clone(), &path).send().await.expect("an answer");
        assert_eq!(response.status(), 403, "{method} {path}");
        let body: Value = response.json().await.expect("JSON");
        assert_eq!(body["userCapabilities"], json!([]), "{method} {path}");
        let response = admin.request(method.clone(), &path).send().await.expect("an answer");
        let expected = if path.ends_with("/toggle") { 400 } else { 200 };
        assert_eq!(response.status(), expected, "{method} {path}");
    }
}
