//! The error replies of each operation, from its method, path and body.

use serde_json::{Value, json};

use crate::error::{ErrorCode, codes};

/// Status and one code of each shared reply; the code makes the example.
const SHARED: [(&str, ErrorCode); 12] = [
    ("400", codes::INVALID_FIELD),
    ("401", codes::NO_SESSION),
    ("403", codes::CSRF_REFUSED),
    ("404", codes::NOT_FOUND),
    ("409", codes::CONFLICT),
    ("412", codes::VERSION_CONFLICT),
    ("413", codes::BODY_TOO_LARGE),
    ("415", codes::UNSUPPORTED_MEDIA_TYPE),
    ("422", codes::UNPROCESSABLE),
    ("429", codes::TOO_MANY_ATTEMPTS),
    ("500", codes::INTERNAL),
    ("503", codes::DATABASE_UNAVAILABLE),
];

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Adds the shared replies as components, and to every operation the ones it can give.
pub(super) fn add(document: &mut Value) {
    for (status, code) in SHARED {
        document["components"]["responses"][format!("Error{status}")] = reply(status, code);
    }
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        for method in METHODS {
            let Some(operation) = item.get_mut(method) else { continue };
            for status in statuses(path, method, operation) {
                let slot = &mut operation["responses"][status];
                if slot["content"].is_null() {
                    let mut reply = json!({ "$ref": format!("#/components/responses/Error{status}") });
                    // 3.1 lets a reference carry its own description.
                    if slot["description"].as_str().is_some_and(|text| !text.is_empty()) {
                        reply["description"] = slot["description"].take();
                    }
                    *slot = reply;
                }
            }
        }
    }
}

/// Returns the statuses an operation can answer with besides the ones of success.
fn statuses(path: &str, method: &str, operation: &Value) -> Vec<&'static str> {
    let has_body = !operation["requestBody"].is_null();
    let named = operation["parameters"].as_array();
    let has_query = named.is_some_and(|all| all.iter().any(|one| one["in"] == "query"));
    let declared = |status: &str| !operation["responses"][status].is_null();
    SHARED
        .iter()
        .map(|(status, _)| *status)
        .filter(|status| match *status {
            "400" => has_body || has_query || declared(status),
            "401" => operation["security"].is_array() || declared(status),
            "403" => method != "get" || declared(status),
            "404" => path.contains('{'),
            "413" | "415" => has_body,
            "500" | "503" => true,
            _ => declared(status),
        })
        .collect()
}

fn reply(status: &str, code: ErrorCode) -> Value {
    let number: u16 = status.parse().unwrap_or_default();
    let retry = matches!(number, 429 | 503).then(
        || json!({ "Retry-After": { "description": "Seconds to wait.", "schema": { "type": "integer" } } }),
    );
    let mut reply = json!({
        "description": code.meaning(),
        "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/ErrorBody" },
            "example": {
                "error": code.meaning(), "message": code.meaning(), "code": code.name(),
                "statusCode": number, "timestamp": "2026-01-02T03:04:05.678Z"
            }
        } }
    });
    if let Some(headers) = retry {
        reply["headers"] = headers;
    }
    reply
}
