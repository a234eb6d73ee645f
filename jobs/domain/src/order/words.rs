//! Words that stand for a closed list of values.

use thiserror::Error;

/// A word that is not in the closed list it was looked up in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("unknown {what} {word:?}")]
pub struct UnknownWord {
    /// What the list names, such as `order status`.
    pub what: &'static str,
    /// What was given, cut to 60 characters.
    pub word: String,
}

impl UnknownWord {
    /// Returns the error for `word`, which is no `what`.
    pub fn new(what: &'static str, word: &str) -> Self {
        Self { what, word: word.chars().take(60).collect() }
    }
}

/// Gives an enum its words: `ALL`, `as_str`, `Display` and an exact `FromStr`.
macro_rules! words {
    ($name:ident, $what:literal, { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every value, in the order of the declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word, the same as in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::order::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::order::UnknownWord::new($what, word)),
                }
            }
        }
    };
}

pub(crate) use words;
