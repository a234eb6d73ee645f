//! New accounts.

use axum::{extract::State, http::StatusCode, response::Response};
use jobs::db::{
    audit,
    users::{self, CreateError, NewUser},
};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{SignedIn, UserView, checks, entry, open_session, with_cookie};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Body, Client},
    password::Password,
    state::AppState,
};

/// A new account. Other keys, `isAdmin` among them, are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"username": "alice", "password": "Test123456!"}))]
pub(super) struct SignUp {
    /// 3 to 64 characters after HTML tags are stripped; unique without regard to case.
    username: String,
    /// See the policy of the server's settings.
    #[schema(value_type = String, format = Password)]
    password: Password,
    /// Optional; unique without regard to case.
    email: Option<String>,
}

/// Makes an account and signs in.
#[utoipa::path(
    post, path = "/api/auth/signup", tag = "auth", request_body = SignUp,
    responses(
        (status = 200, description = "The account, and the session cookie.", body = SignedIn),
        (status = 201, description = "The same, when the settings ask for 201.", body = SignedIn),
    )
)]
pub(super) async fn signup(
    State(state): State<AppState>,
    client: Client,
    Body(body): Body<SignUp>,
) -> ApiResult<Response> {
    create(&state, &client, &body).await
}

/// Another name of `POST /api/auth/signup`.
#[utoipa::path(
    post, path = "/api/auth/register", tag = "auth", request_body = SignUp,
    responses(
        (status = 200, description = "The account, and the session cookie.", body = SignedIn),
        (status = 201, description = "The same, when the settings ask for 201.", body = SignedIn),
    )
)]
pub(super) async fn register(
    State(state): State<AppState>,
    client: Client,
    Body(body): Body<SignUp>,
) -> ApiResult<Response> {
    create(&state, &client, &body).await
}

async fn create(state: &AppState, client: &Client, body: &SignUp) -> ApiResult<Response> {
    let username = checks::username(&body.username)?;
    let email = checks::email(body.email.as_deref())?;
    // Before the costly work; the unique index decides in the end.
    if users::username_taken(&mut *state.pool.acquire().await?, &username).await? {
        return Err(refusal(CreateError::UsernameTaken));
    }
    let password_hash = {
        let turn = state.passwords.turn().await?;
        checks::password(state, &turn, &body.password, &username, email.as_deref()).await?;
        state.passwords.hash(&turn, &body.password).await?
    };

    let mut tx = state.pool.begin().await?;
    let new = NewUser {
        username: &username,
        email: email.as_deref(),
        password_hash: &password_hash,
        is_admin: false,
    };
    let user = users::create(&mut tx, new).await.map_err(refusal)?;
    let cookie = open_session(&mut tx, &state.config, client, user.user_id).await?;
    let after = Some(json!({ "username": user.username, "email": user.email }));
    audit::record(&mut tx, audit::Entry { after, ..entry(client, "create_user", user.user_id) }).await?;
    tx.commit().await?;

    let status = StatusCode::from_u16(state.config.api.signup_status).unwrap_or(StatusCode::OK);
    Ok(with_cookie(status, cookie, SignedIn::from(UserView::from(user))))
}

/// Turns a refused account into its reply.
pub(in crate::routes) fn refusal(error: CreateError) -> ApiError {
    match error {
        CreateError::UsernameTaken => ApiError::bad_request(codes::USERNAME_TAKEN, error.to_string()),
        CreateError::EmailTaken => ApiError::bad_request(codes::EMAIL_TAKEN, error.to_string()),
        CreateError::Database(error) => error.into(),
    }
}
