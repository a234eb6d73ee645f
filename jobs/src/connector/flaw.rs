//! What is wrong with an answer, or with not getting one.

use crate::external::ExternalError;

/// The longest beginning of an answer that is kept, in bytes.
const EXCERPT: usize = 2000;

/// The kind of a flaw, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// It has not the form that was agreed.
    Malformed,
    /// It is too old.
    Stale,
    /// It can't be so.
    Implausible,
}

impl Code {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Stale => "stale",
            Self::Implausible => "implausible",
        }
    }
}

/// Why an answer can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) code: Code,
    pub(super) reason: String,
}

impl Flaw {
    pub(super) fn malformed(reason: impl Into<String>) -> Self {
        Self { code: Code::Malformed, reason: reason.into() }
    }

    pub(super) fn stale(reason: impl Into<String>) -> Self {
        Self { code: Code::Stale, reason: reason.into() }
    }

    pub(super) fn implausible(reason: impl Into<String>) -> Self {
        Self { code: Code::Implausible, reason: reason.into() }
    }

    /// Returns it as the reason for asking somebody else.
    pub(super) fn told(&self) -> String {
        format!("{}: {}", self.code.as_str(), self.reason)
    }
}

/// Why a provider gave nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no answer.
    Call(ExternalError),
    /// There is one that can't be used; the beginning of it is kept.
    Flawed(Flaw, Option<String>),
    /// It has nothing about what was asked for.
    Nothing(String),
}

impl Failure {
    /// Returns it as the reason for asking somebody else.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Call(error) => error.to_string(),
            Self::Flawed(flaw, _) => flaw.told(),
            Self::Nothing(reason) => reason.clone(),
        }
    }
}

impl From<ExternalError> for Failure {
    fn from(error: ExternalError) -> Self {
        Self::Call(error)
    }
}

/// Returns the beginning of `text` that is kept, as the database can hold it.
pub(super) fn excerpt(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(EXCERPT)]);
    let mut kept = String::with_capacity(EXCERPT);
    for character in text.chars().filter(|character| *character != '\0') {
        if kept.len() + character.len_utf8() > EXCERPT {
            break;
        }
        kept.push(character);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_fits_into_the_database() {
        assert_eq!(excerpt(b"{\"a\": 1}\0"), "{\"a\": 1}");
        let long = excerpt(&[0xff; 9000]);
        assert!(long.len() <= EXCERPT && !long.is_empty(), "{}", long.len());
    }
}
