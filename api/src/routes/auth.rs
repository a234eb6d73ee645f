//! Accounts and sessions: sign up, in and out.

mod checks;
mod sessions;
mod sign_in;
mod sign_up;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use jobs::{
    config::Config,
    db::{audit, sessions as stored, users::User},
};
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub(super) use checks::email;
pub(super) use sign_up::refusal;

use crate::{error::ApiResult, extract::Client, session, state::AppState};

/// Returns the routes of this file.
pub fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(sign_up::signup))
        .routes(routes!(sign_up::register))
        .routes(routes!(sign_in::login))
        .routes(routes!(sign_in::logout))
        .routes(routes!(sessions::change_password))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::revoke))
}

/// An account as its owner sees it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// The account's id.
    pub id: Uuid,
    /// The name as shown.
    pub username: String,
    /// Whether admin routes are open to the user.
    pub is_admin: bool,
    /// The mail address, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self { id: user.user_id, username: user.username, is_admin: user.is_admin, email: user.email }
    }
}

/// The account twice, at the top and under `user`: clients read one or the other.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0190f5a0-0000-7000-8000-000000000001", "username": "alice", "isAdmin": false,
    "user": {"id": "0190f5a0-0000-7000-8000-000000000001", "username": "alice", "isAdmin": false}
}))]
pub struct SignedIn {
    #[serde(flatten)]
    account: UserView,
    /// The same again.
    user: UserView,
}

impl From<UserView> for SignedIn {
    fn from(account: UserView) -> Self {
        Self { user: account.clone(), account }
    }
}

/// The change is done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"success": true}))]
pub struct Done {
    success: bool,
}

impl Done {
    /// The only value.
    pub const YES: Self = Self { success: true };
}

/// Makes a session of `user_id` and returns the cookie that opens it.
async fn open_session(
    conn: &mut PgConnection,
    config: &Config,
    client: &Client,
    user_id: Uuid,
) -> ApiResult<HeaderValue> {
    let token = session::new_token();
    let token_hash = session::digest(&token).unwrap_or_default();
    let address = client.address_text();
    let new = stored::NewSession {
        token_hash: &token_hash,
        user_id,
        days: config.api.session_days,
        address: address.as_deref(),
        user_agent: client.user_agent.as_deref(),
    };
    stored::create(conn, new).await?;
    session::set(&token, &config.api)
}

/// Returns an audit entry of a change to the account `user_id` by its owner.
fn entry<'a>(client: &Client, action: &'a str, user_id: Uuid) -> audit::Entry<'a> {
    audit::Entry {
        actor_id: Some(user_id),
        action,
        resource: "user",
        resource_id: Some(user_id.to_string()),
        address: client.address_text(),
        trace_id: client.trace_id.clone(),
        ..audit::Entry::default()
    }
}

fn with_cookie(status: StatusCode, cookie: HeaderValue, body: impl Serialize) -> Response {
    (status, [(header::SET_COOKIE, cookie)], Json(body)).into_response()
}
