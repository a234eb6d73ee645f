//! Signing in and out.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use jobs::db::{
    audit, sessions,
    users::{self, User},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Done, SignedIn, UserView, checks, entry, open_session, with_cookie};
use crate::{
    error::{ApiError, ApiResult, codes},
    extract::{Body, Client},
    password::{Password, Verdict},
    session,
    state::AppState,
    throttle::Subjects,
};

/// A name and its password.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"username": "alice", "password": "Test123456!"}))]
pub(super) struct LogIn {
    username: String,
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// Signs in with a new session; the one the request came with ends.
#[utoipa::path(
    post, path = "/api/auth/login", tag = "auth", request_body = LogIn,
    responses(
        (status = 200, description = "The account, and the session cookie.", body = SignedIn),
        (status = 401, description = "The name or the password is wrong."),
        (status = 429, description = "Too many failures of this account or address."),
    )
)]
pub(super) async fn login(
    State(state): State<AppState>,
    client: Client,
    headers: HeaderMap,
    Body(body): Body<LogIn>,
) -> ApiResult<Response> {
    let username = checks::sent_name(&body.username)?;
    if username.is_empty() || body.password.expose().is_empty() {
        return Err(ApiError::invalid_field("username", "username and password are required"));
    }
    let (user, rehashed) = authenticate(&state, &client, &username, &body.password).await?;

    let mut tx = state.pool.begin().await?;
    if let Some((old, new)) = rehashed {
        users::replace_password(&mut tx, user.user_id, &old, &new).await?;
    }
    if let Some(old) = session::token(&headers).as_deref().and_then(session::digest) {
        sessions::end(&mut tx, &old).await?;
    }
    let cookie = open_session(&mut tx, &state.config, &client, user.user_id).await?;
    audit::record(&mut tx, entry(&client, "login", user.user_id)).await?;
    Subjects::new(&username, &client).clear(&mut tx).await?;
    tx.commit().await?;
    Ok(with_cookie(StatusCode::OK, cookie, SignedIn::from(UserView::from(user))))
}

/// Returns the account, and its old and new hash when the old one has old parameters.
///
/// The delays are checked during a turn of the hasher, of which there are few: a burst of
/// guesses can't all pass the check before the first of them is counted.
async fn authenticate(
    state: &AppState,
    client: &Client,
    username: &str,
    password: &Password,
) -> ApiResult<(User, Option<(String, String)>)> {
    let subjects = Subjects::new(username, client);
    subjects.check(&mut *state.pool.acquire().await?).await?;
    let turn = state.passwords.turn().await?;
    let credentials = {
        let mut conn = state.pool.acquire().await?;
        subjects.check(&mut conn).await?;
        users::credentials(&mut conn, username).await?
    };
    let phc = credentials.as_ref().map(|found| found.password_hash.clone());
    let verdict = state.passwords.verify(&turn, password, phc).await?;
    match (credentials, verdict) {
        (Some(found), Verdict::Right) => Ok((found.user, None)),
        (Some(found), Verdict::RightButOld) => {
            let new = state.passwords.hash(&turn, password).await?;
            Ok((found.user, Some((found.password_hash, new))))
        }
        _ => {
            let mut tx = state.pool.begin().await?;
            subjects.count_failure(&mut tx, &state.config.auth).await?;
            tx.commit().await?;
            Err(ApiError::unauthorized(codes::BAD_CREDENTIALS))
        }
    }
}

/// Signs out: the session ends and the cookie goes. Anyone may ask.
#[utoipa::path(
    post, path = "/api/auth/logout", tag = "auth",
    responses((status = 200, description = "Signed out, if there was a session.", body = Done))
)]
pub(super) async fn logout(
    State(state): State<AppState>,
    client: Client,
    headers: HeaderMap,
) -> ApiResult<Response> {
    if let Some(token_hash) = session::token(&headers).as_deref().and_then(session::digest) {
        let mut tx = state.pool.begin().await?;
        if let Some(user_id) = sessions::end(&mut tx, &token_hash).await? {
            audit::record(&mut tx, entry(&client, "logout", user_id)).await?;
        }
        tx.commit().await?;
    }
    Ok(with_cookie(StatusCode::OK, session::clear(&state.config.api)?, Done::YES))
}
