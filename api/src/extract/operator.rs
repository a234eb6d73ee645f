//! Who operates the queue, and whether they may: a session with capabilities, or an API key.
//!
//! As the first argument of a handler [`May`] answers 401 or 403 before anything is looked
//! up or parsed.

use std::{marker::PhantomData, ops::Deref, str::FromStr};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use jobs::{
    db::{access, audit},
    queue::operate::Asker,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Actor, Client};
use crate::{
    error::{ApiError, ApiResult, codes},
    state::AppState,
};

/// What a caller may do beyond owning rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Capability {
    AdminRead,
    AdminWrite,
    AdminDanger,
    TradingRead,
    TradingWrite,
    TradingManage,
    SystemRead,
    SystemWrite,
    AiRead,
    AiWrite,
}

impl Capability {
    /// Every capability: those of an administrator.
    pub const ALL: [Self; 10] = [
        Self::AdminRead,
        Self::AdminWrite,
        Self::AdminDanger,
        Self::TradingRead,
        Self::TradingWrite,
        Self::TradingManage,
        Self::SystemRead,
        Self::SystemWrite,
        Self::AiRead,
        Self::AiWrite,
    ];

    /// Returns the name, such as `admin:read`.
    pub fn name(self) -> &'static str {
        match self {
            Self::AdminRead => "admin:read",
            Self::AdminWrite => "admin:write",
            Self::AdminDanger => "admin:danger",
            Self::TradingRead => "trading:read",
            Self::TradingWrite => "trading:write",
            Self::TradingManage => "trading:manage",
            Self::SystemRead => "system:read",
            Self::SystemWrite => "system:write",
            Self::AiRead => "ai:read",
            Self::AiWrite => "ai:write",
        }
    }
}

impl FromStr for Capability {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|capability| capability.name() == name).ok_or(())
    }
}

/// A person or a program that has been recognised.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The user; `None` for a program.
    pub user_id: Option<Uuid>,
    /// The user's name, or the key's.
    pub name: String,
    /// Whether the user is an administrator.
    pub is_admin: bool,
    /// The key; `None` for a person.
    pub api_key_id: Option<Uuid>,
    /// What they may do.
    pub capabilities: Vec<Capability>,
    /// Where the request came from.
    pub client: Client,
}

impl Operator {
    /// Returns the names of the capabilities.
    pub fn capability_names(&self) -> Vec<&'static str> {
        self.capabilities.iter().map(|capability| capability.name()).collect()
    }

    /// Refuses with 403 unless the operator has `needed`.
    pub fn require(&self, needed: Capability) -> ApiResult<()> {
        if self.capabilities.contains(&needed) {
            return Ok(());
        }
        Err(ApiError::forbidden(needed.name(), self.capability_names()))
    }

    /// Returns who asks, in the queue's terms.
    pub fn asker(&self) -> Asker {
        Asker { user_id: self.user_id, api_key_id: self.api_key_id }
    }

    /// Returns an audit entry of this operator for a mutation of `resource_id`. A program's
    /// key is named under `by` in `after`.
    pub fn entry<'a>(
        &'a self,
        action: &'a str,
        resource: &'a str,
        resource_id: impl Into<String>,
        mut after: Value,
    ) -> audit::Entry<'a> {
        if let (Some(id), Some(fields)) = (self.api_key_id, after.as_object_mut()) {
            fields.insert("by".into(), json!({ "apiKeyId": id, "apiKey": self.name }));
        }
        audit::Entry {
            actor_id: self.user_id,
            action,
            resource,
            resource_id: Some(resource_id.into()),
            after: Some(after),
            address: self.client.address_text(),
            trace_id: self.client.trace_id.clone(),
            ..audit::Entry::default()
        }
    }
}

/// Returns the API key's text that the request carries.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().unwrap_or_default();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Returns the SHA-256 of a key's text, or `None` when it can't be one of ours.
fn digest(key: &str) -> Option<Vec<u8>> {
    let hex = key.strip_prefix("cap_")?;
    let ours = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    ours.then(|| Sha256::digest(key).to_vec())
}

impl FromRequestParts<AppState> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Some(key) = bearer(&parts.headers) {
            let refused = || ApiError::unauthorized(codes::BAD_API_KEY);
            let hash = digest(key).ok_or_else(refused)?;
            let mut conn = state.pool.acquire().await?;
            let found = access::authenticate_api_key(&mut conn, &hash).await?.ok_or_else(refused)?;
            drop(conn);
            return Ok(Self {
                user_id: None,
                name: found.name,
                is_admin: false,
                api_key_id: Some(found.api_key_id),
                capabilities: found.scopes.iter().filter_map(|scope| scope.parse().ok()).collect(),
                client: Client::from_request_parts(parts, state).await?,
            });
        }
        let actor = Actor::from_request_parts(parts, state).await?;
        Ok(Self {
            user_id: Some(actor.user_id),
            name: actor.username,
            is_admin: actor.is_admin,
            api_key_id: None,
            capabilities: if actor.is_admin { Capability::ALL.to_vec() } else { Vec::new() },
            client: actor.client,
        })
    }
}

/// A capability as a type, for [`May`].
pub trait Needed: Send + Sync {
    /// The capability.
    const CAPABILITY: Capability;
}

/// The capabilities that routes ask for, as types.
pub mod may {
    use super::{Capability, Needed};

    macro_rules! needed {
        ($($name:ident)*) => {
            $(
                #[doc = concat!("Asks for `", stringify!($name), "`.")]
                #[derive(Debug, Clone, Copy)]
                pub struct $name;

                impl Needed for $name {
                    const CAPABILITY: Capability = Capability::$name;
                }
            )*
        };
    }

    needed! { AdminRead AdminWrite AdminDanger SystemRead SystemWrite }
}

/// An operator who has the capability `C`.
#[derive(Debug, Clone)]
pub struct May<C>(Operator, PhantomData<C>);

impl<C> Deref for May<C> {
    type Target = Operator;

    fn deref(&self) -> &Operator {
        &self.0
    }
}

impl<C: Needed> FromRequestParts<AppState> for May<C> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let operator = Operator::from_request_parts(parts, state).await?;
        operator.require(C::CAPABILITY)?;
        Ok(Self(operator, PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn names_and_capabilities_correspond() {
        for capability in Capability::ALL {
            assert_eq!(capability.name().parse(), Ok(capability));
        }
        assert_eq!("admin:everything".parse::<Capability>(), Err(()));
    }

    #[test]
    fn only_our_keys_have_a_digest() {
        let ours = format!("cap_{}", "0a".repeat(32));
        assert!(digest(&ours).is_some());
        for foreign in ["", "cap_", &ours[..67], &ours[4..], &format!("{ours}0"), &ours.replace('a', "z")] {
            assert!(digest(foreign).is_none(), "{foreign}");
        }
    }

    #[test]
    fn a_bearer_token_is_found_whatever_its_case_and_basic_is_none() {
        for (sent, expected) in [
            ("Bearer cap_1", Some("cap_1")),
            ("bearer  cap_1 ", Some("cap_1")),
            ("Bearer", Some("")),
            ("Basic abc", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", HeaderValue::from_static(sent));
            assert_eq!(bearer(&headers), expected, "{sent}");
        }
    }
}
