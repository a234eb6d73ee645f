//! Argon2id, off the async threads and a few at a time.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version, password_hash::phc::PasswordHash,
};
use jobs::config::PasswordPolicy;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Password, Weakness, weaknesses};
use crate::error::{ApiError, ApiResult};

/// Memory in KiB, passes and lanes: OWASP's first choice for argon2id.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// Hashes at once in a process: each takes 19 MiB and a core for about 30 ms.
const AT_ONCE: usize = 2;

/// Makes and checks password hashes. Clones share the permits.
#[derive(Debug, Clone)]
pub struct Hasher {
    permits: Arc<Semaphore>,
}

/// The right to judge and hash once; also what serialises the check of the sign-in delays.
#[derive(Debug)]
pub struct Turn<'a>(#[expect(dead_code, reason = "held until dropped")] SemaphorePermit<'a>);

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Another password.
    Wrong,
    /// The password, hashed as we hash today.
    Right,
    /// The password, but hashed with other parameters: hash it anew.
    RightButOld,
}

impl Default for Hasher {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Hasher {
    /// Waits for a turn.
    pub async fn turn(&self) -> ApiResult<Turn<'_>> {
        self.permits.acquire().await.map(Turn).map_err(ApiError::internal)
    }

    /// Returns how `password` falls short of `policy`; `words` are the user's own. As costly
    /// as a hash.
    pub async fn judge(
        &self,
        _turn: &Turn<'_>,
        policy: PasswordPolicy,
        password: &Password,
        words: Vec<String>,
    ) -> ApiResult<Vec<Weakness>> {
        let password = password.clone();
        blocking(move || {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            weaknesses(policy, password.expose(), &words)
        })
        .await
    }

    /// Returns the PHC string of `password` with a new salt.
    pub async fn hash(&self, _turn: &Turn<'_>, password: &Password) -> ApiResult<String> {
        let password = password.clone();
        blocking(move || hash_now(password.expose())).await?.map_err(ApiError::internal)
    }

    /// Checks `password` against a PHC string. Without one it is wrong, and takes as long: a
    /// reply's time must not tell whether the account exists.
    pub async fn verify(
        &self,
        _turn: &Turn<'_>,
        password: &Password,
        phc: Option<String>,
    ) -> ApiResult<Verdict> {
        let password = password.clone();
        blocking(move || match phc {
            Some(phc) => verify_now(password.expose(), &phc),
            None => hash_now(password.expose()).map_or(Verdict::Wrong, |_| Verdict::Wrong),
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> ApiResult<T> {
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)
}

fn argon2() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).expect("the fixed parameters are in range");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash_now(password: &str) -> Result<String, argon2::password_hash::Error> {
    argon2().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

fn verify_now(password: &str, phc: &str) -> Verdict {
    let Ok(hash) = PasswordHash::new(phc) else { return Verdict::Wrong };
    // The parameters are the hash's own.
    if argon2().verify_password(password.as_bytes(), &hash).is_err() {
        return Verdict::Wrong;
    }
    let (memory, passes, lanes) = COST;
    let params = Params::try_from(&hash);
    let current = hash.algorithm == Algorithm::Argon2id.ident()
        && params.is_ok_and(|p| (p.m_cost(), p.t_cost(), p.p_cost()) == (memory, passes, lanes));
    if current { Verdict::Right } else { Verdict::RightButOld }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_verifies_its_password_only() {
        let hasher = Hasher::default();
        let turn = hasher.turn().await.expect("a turn");
        let phc = hasher.hash(&turn, &"Test123456!".into()).await.expect("a hash");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        for (password, phc, verdict) in [
            ("Test123456!", Some(phc.clone()), Verdict::Right),
            ("test123456!", Some(phc), Verdict::Wrong),
            ("Test123456!", Some("not a hash".into()), Verdict::Wrong),
            ("Test123456!", None, Verdict::Wrong),
        ] {
            assert_eq!(hasher.verify(&turn, &password.into(), phc).await.expect("a verdict"), verdict);
        }
    }

    #[test]
    fn other_parameters_ask_for_a_new_hash() {
        let params = Params::new(8_192, 1, 1, None).expect("in range");
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let phc = weak.hash_password(b"Test123456!").expect("a hash").to_string();
        assert_eq!(verify_now("Test123456!", &phc), Verdict::RightButOld);
    }

    #[test]
    fn a_password_is_never_shown() {
        assert_eq!(format!("{:?}", Password::from("Test123456!")), "Password(…)");
    }
}
