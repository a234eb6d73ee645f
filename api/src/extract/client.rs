//! Where a request comes from, signed in or not.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};

use crate::{error::ApiError, state::AppState};

/// The id of a request: made here or taken from `x-request-id`.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// The far end of a request.
#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The client's address; `None` when the connection has none (a Unix socket).
    pub address: Option<IpAddr>,
    /// `User-Agent`, cut at 256 characters.
    pub user_agent: Option<String>,
    /// The request's id, which audit rows and jobs carry on.
    pub trace_id: Option<String>,
}

impl Client {
    /// Returns the address as text, for a row.
    pub fn address_text(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }
}

impl FromRequestParts<AppState> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let forwarded = state.config.api.trust_forwarded_for.then(|| forwarded_for(&parts.headers)).flatten();
        let user_agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Ok(Self {
            address: forwarded.or(peer).map(|address| address.to_canonical()),
            user_agent: user_agent.map(|text| text.chars().take(256).collect()),
            trace_id: parts.extensions.get::<RequestId>().map(|id| id.0.clone()),
        })
    }
}

/// Returns the last address of `X-Forwarded-For`: the one our own proxy added. What
/// stands before it is the client's word.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_forwarded_address_counts() {
        for (sent, expected) in [
            (&["198.51.100.7, 203.0.113.9"][..], Some("203.0.113.9")),
            (&["198.51.100.7", "2001:db8::1"][..], Some("2001:db8::1")),
            (&["garbage"][..], None),
            (&[][..], None),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append("x-forwarded-for", value.parse().expect("a header value"));
            }
            assert_eq!(forwarded_for(&headers), expected.map(|text| text.parse().expect("an address")));
        }
    }
}
