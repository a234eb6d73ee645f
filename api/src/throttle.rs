//! Slows down guessing: failed sign-ins count per account and network, per account, and per
//! network.
//!
//! The counts live in Postgres, so that all processes share them. There is no permanent
//! lock: delays double up to a limit, and time takes failures off the counts. Only failures
//! count. The two wider counts allow more failures and have short delays: they slow a
//! guesser down, and a stranger can't lock the owner or the rest of an office out with them.

use jobs::{
    config::Auth,
    db::sign_ins::{self, Delays},
};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use crate::{
    error::{ApiError, ApiResult},
    extract::Client,
};

/// Whom a sign-in concerns, as the keys of its counters.
#[derive(Debug, Clone)]
pub struct Subjects {
    /// The account as tried from this network.
    pair: String,
    /// The account, wherever it is tried from.
    account: String,
    /// The network, whatever account it tries.
    address: Option<String>,
}

impl Subjects {
    /// Returns the counters of a sign-in as `username` from `client`.
    pub fn new(username: &str, client: &Client) -> Self {
        // A digest: people type passwords into the wrong field, and names can be long.
        let account = hex::encode(Sha256::digest(username.trim().to_lowercase()));
        let network = client.address.map(network);
        Self {
            pair: format!("pair:{account}:{}", network.as_deref().unwrap_or_default()),
            account: format!("account:{account}"),
            address: network.map(|network| format!("address:{network}")),
        }
    }

    /// Returns 429 while a delay runs for any of them.
    pub async fn check(&self, conn: &mut PgConnection) -> ApiResult<()> {
        let keys: Vec<String> = self.address.iter().chain([&self.account, &self.pair]).cloned().collect();
        match sign_ins::wait_ms(conn, &keys).await? {
            Some(wait) if wait > 0 => {
                Err(ApiError::too_many(u64::try_from(wait).unwrap_or(0).div_ceil(1000)))
            }
            _ => Ok(()),
        }
    }

    /// Counts a failure of all. In one order, everywhere: each locks a row.
    pub async fn count_failure(&self, conn: &mut PgConnection, auth: &Auth) -> ApiResult<()> {
        let delays = |free, max_ms| Delays {
            free,
            base_ms: auth.base_delay_ms,
            max_ms,
            decay_s: auth.decay_s,
            forget_after_s: auth.forget_after_s,
        };
        if let Some(address) = &self.address {
            let delays = delays(auth.free_failures_address, auth.max_delay_address_ms);
            sign_ins::count_failure(conn, address, delays).await?;
        }
        let wide = delays(auth.free_failures_account, auth.max_delay_address_ms);
        sign_ins::count_failure(conn, &self.account, wide).await?;
        sign_ins::count_failure(conn, &self.pair, delays(auth.free_failures, auth.max_delay_ms)).await?;
        Ok(())
    }

    /// Forgets the account's failures from this network. The network keeps its own: one good
    /// account must not buy guesses at others. So does the account: its owner's sign-ins must
    /// not buy guesses for strangers.
    pub async fn clear(&self, conn: &mut PgConnection) -> ApiResult<()> {
        Ok(sign_ins::clear(conn, &self.pair).await?)
    }
}

/// Returns the address, or its /64 for IPv6, where one customer has a whole network.
pub(crate) fn network(address: std::net::IpAddr) -> String {
    match address {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_once_however_it_is_written_and_is_not_stored() {
        let subjects = Subjects::new("Alice ", &Client::default());
        assert_eq!(subjects.account, Subjects::new("alice", &Client::default()).account);
        assert!(!subjects.account.contains("alice") && !subjects.pair.contains("alice"));
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let key = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("192.0.2.7"), "192.0.2.7");
    }
}
