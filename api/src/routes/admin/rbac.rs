//! What the caller may do.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::extract::Operator;

/// The caller and their capabilities.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "userId": "0190f5a0-0000-7000-8000-000000000001", "username": "ada", "role": "admin", "isAdmin": true,
    "capabilities": ["admin:read", "admin:write", "admin:danger"]
}))]
pub(super) struct Me {
    /// Null for an API key.
    user_id: Option<Uuid>,
    /// The user's name, or the key's.
    username: String,
    /// `admin`, `guest` or `key`.
    role: &'static str,
    is_admin: bool,
    capabilities: Vec<&'static str>,
}

/// Says what the caller may do. Every signed-in user may ask; ordinary ones have no capability.
#[utoipa::path(
    get, path = "/api/admin/rbac/me", tag = "admin", operation_id = "rbac_me",
    responses((status = 200, body = Me)), security(("session" = []), ("apiKey" = []))
)]
pub(super) async fn me(operator: Operator) -> Json<Me> {
    let role = match (operator.api_key_id, operator.is_admin) {
        (Some(_), _) => "key",
        (None, true) => "admin",
        (None, false) => "guest",
    };
    Json(Me {
        capabilities: operator.capability_names(),
        user_id: operator.user_id,
        username: operator.name,
        role,
        is_admin: operator.is_admin,
    })
}
