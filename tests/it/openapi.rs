//! The OpenAPI document tells the truth about the routes.

use std::collections::HashSet;

use api::error::ERROR_CODES;
use reqwest::Method;
use serde_json::Value;
use suites::TestApp;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let item = item.as_object().expect("operations");
            item.iter()
                .filter(|(method, _)| METHODS.contains(&method.as_str()))
                .map(move |(method, operation)| (path.clone(), method.clone(), operation.clone()))
        })
        .collect()
}

#[test]
fn the_document_is_as_agreed() {
    insta::with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_json_snapshot!("openapi", api::openapi::document());
    });
}

#[tokio::test]
async fn the_server_sends_the_document() {
    let app = TestApp::start().await;
    let response = app.client().get(format!("{}/api/openapi.json", app.url)).send().await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.json::<Value>().await.expect("JSON"), api::openapi::document());
}

#[tokio::test]
async fn every_documented_route_is_mounted() {
    let app = TestApp::start().await;
    let client = app.client();
    let key = format!("cap_{}", "a".repeat(64));
    sqlx::query(
        "insert into api_keys (api_key_id, name, key_hash, scopes, expires_at)
         values (gen_random_uuid(), 'reader', sha256($1::text::bytea), '{none}', now() + interval '1 day')",
    )
    .bind(&key)
    .execute(&app.pool)
    .await
    .expect("a key without capabilities");
    for (path, method, operation) in operations(&api::openapi::document()) {
        let url = format!("{}{}", app.url, path.replace("{id}", "0190f5a0-0000-7000-8000-000000000001"));
        let method: Method = method.to_uppercase().parse().expect("a method");
        // Strangers get 401 for any path below /api/; who is known learns that there is no route.
        let known = client.request(method.clone(), &url).bearer_auth(&key).send().await.expect("an answer");
        assert_ne!(known.status(), 405, "{method} {path}");
        if known.status() == 404 {
            let body: Value = known.json().await.expect("JSON");
            let message = body["message"].as_str().unwrap_or_default();
            assert!(!message.starts_with("route "), "{method} {path}: {message}");
        }
        let response = client.request(method.clone(), url).send().await.expect("an answer");
        let status = response.status().as_u16();
        assert_ne!(status, 405, "{method} {path}");
        if operation["security"].is_array() {
            assert_eq!(status, 401, "{method} {path} must ask for a session first");
        } else {
            assert_ne!(status, 404, "{method} {path}");
            assert_ne!(status, 401, "{method} {path} asks for a session but does not say so");
        }
    }
}

/// `OpenApiRouter::routes` mounts and documents at once; `route` would only mount.
#[test]
fn every_mounted_route_is_documented() {
    let sources = walk(concat!(env!("CARGO_MANIFEST_DIR"), "/../api/src").as_ref());
    assert!(sources.len() > 20, "the sources have moved");
    for (path, text) in &sources {
        for hidden in [".route(", ".route_service(", ".nest_service("] {
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            assert!(!product.contains(hidden), "{path} mounts a route that the document misses");
        }
    }
    let handlers: usize = sources.iter().map(|(_, text)| text.matches("#[utoipa::path(").count()).sum();
    assert_eq!(handlers, operations(&api::openapi::document()).len(), "a handler is documented, not mounted");
}

fn walk(folder: &std::path::Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of the tree") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).expect("source text")));
        }
    }
    found
}

#[test]
fn the_document_lists_every_code() {
    let document = api::openapi::document();
    let description = document["info"]["description"].as_str().expect("text");
    let listed: Vec<&str> = document["components"]["schemas"]["ErrorBody"]["properties"]["code"]["enum"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let ours: Vec<&str> = ERROR_CODES.iter().map(|code| code.name()).collect();
    assert_eq!(listed, ours);
    for code in ERROR_CODES {
        let row = format!("| `{}` | {} | {} |", code.name(), code.status().as_u16(), code.meaning());
        assert!(description.contains(&row), "{row}");
    }
}

#[test]
fn every_operation_names_its_errors_and_every_reference_leads_somewhere() {
    let document = api::openapi::document();
    assert_eq!(document["openapi"].as_str().map(|version| &version[..3]), Some("3.1"));
    let ids: HashSet<String> =
        operations(&document).iter().map(|(_, _, operation)| operation["operationId"].to_string()).collect();
    assert_eq!(ids.len(), operations(&document).len(), "{ids:?}");
    for (path, method, operation) in operations(&document) {
        let replies = &operation["responses"];
        for status in ["500", "503"] {
            assert!(replies[status].is_object(), "{method} {path}");
        }
        assert_eq!(
            operation["security"].is_array(),
            replies["401"].is_object() && path != "/api/auth/login",
            "{method} {path}"
        );
        assert!(operation["summary"].is_string(), "{method} {path} says nothing about itself");
        assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{method} {path}");
    }
    let mut broken = Vec::new();
    references(&document, &mut |target| {
        if document.pointer(target.trim_start_matches('#')).is_none_or(Value::is_null) {
            broken.push(target.to_owned());
        }
    });
    assert_eq!(broken, [] as [String; 0]);
}

fn references(value: &Value, seen: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| match (key.as_str(), value) {
            ("$ref", Value::String(target)) => seen(target),
            _ => references(value, seen),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, seen)),
        _ => {}
    }
}
