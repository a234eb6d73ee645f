//! Passwords: what is strong enough, and how they are hashed.

mod hasher;
mod policy;

pub use hasher::{Hasher, Turn, Verdict};
pub use policy::{Weakness, weaknesses};

use serde::Deserialize;

/// A password in memory: never shown, not even by `{:?}`.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Returns the text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}
